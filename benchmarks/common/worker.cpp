// Both ends of the socket: a command is a char and a number, an answer is a count and as many
// doubles.
#include "worker.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>

namespace bench {
namespace {

struct command {
  enum : char { start, time, loss, values, rate } what = start;
  double number = 0;
};

bool send(int socket, const void* data, std::size_t bytes) {
  const char* at = static_cast<const char*>(data);
  while (bytes > 0) {
    const ssize_t n = ::send(socket, at, bytes, MSG_NOSIGNAL);
    if (n <= 0) return false;
    at += n;
    bytes -= static_cast<std::size_t>(n);
  }
  return true;
}

bool receive(int socket, void* data, std::size_t bytes) {
  char* at = static_cast<char*>(data);
  while (bytes > 0) {
    const ssize_t n = read(socket, at, bytes);
    if (n <= 0) return false;
    at += n;
    bytes -= static_cast<std::size_t>(n);
  }
  return true;
}

// With more than one thread, peers run on Debian's OpenBLAS for OpenMP where it is installed: on
// the default one, libtorch's threads and BLAS's spin against each other.
void choose_blas(std::size_t threads) {
  const char* folder = "/usr/lib/x86_64-linux-gnu/openblas-openmp";
  if (threads > 1 && std::filesystem::exists(folder)) setenv("LD_LIBRARY_PATH", folder, 1);
}

// Becomes this program again, with other arguments.
void start(const remote_engine& e, const std::string& socket) {
  std::vector<std::string> all{"--serve", socket, "--threads", std::to_string(e.threads)};
  all.insert(all.begin(), e.name);
  all.insert(all.end(), e.arguments.begin(), e.arguments.end());
  std::vector<char*> pointers;
  for (std::string& argument : all) pointers.push_back(argument.data());
  pointers.push_back(nullptr);
  execv("/proc/self/exe", pointers.data());
}

class remote : public stepper {
 public:
  explicit remote(const remote_engine& e) : name_(e.name) {
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
      throw std::runtime_error("socketpair");
    process_ = fork();
    if (process_ < 0) throw std::runtime_error("fork");
    if (process_ == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);  // also while it is stopped
      fcntl(ends[1], F_SETFD, 0);
      choose_blas(e.threads);
      start(e, std::to_string(ends[1]));
      _exit(127);
    }
    close(ends[1]);
    socket_ = ends[0];
  }
  ~remote() override {
    kill(process_, SIGCONT);
    close(socket_);
    waitpid(process_, nullptr, 0);
  }

  bool started() { return ask({command::start, 0})[0] != 0; }
  void run(std::size_t steps) override { time_us(steps); }
  double time_us(std::size_t steps) override {
    return ask({command::time, static_cast<double>(steps)})[0];
  }
  double loss() override { return ask({command::loss, 0})[0]; }
  std::vector<double> values() override { return ask({command::values, 0}); }
  void set_rate(double rate) override { ask({command::rate, rate}); }

 private:
  // The process runs only while it works on a command.
  std::vector<double> ask(const command& c) {
    kill(process_, SIGCONT);
    std::size_t count = 0;
    std::vector<double> answer;
    bool well = send(socket_, &c, sizeof c) && receive(socket_, &count, sizeof count);
    if (well) {
      answer.resize(count);
      well = receive(socket_, answer.data(), count * sizeof(double));
    }
    if (!well) throw std::runtime_error(fmt::format("the process of {} died", name_));
    kill(process_, SIGSTOP);
    return answer;
  }

  std::string name_;
  pid_t process_ = 0;
  int socket_ = -1;
};

std::vector<double> obey(const command& c, stepper* s) {
  switch (c.what) {
    case command::start: return {s != nullptr ? 1.0 : 0.0};
    case command::time: return {s->time_us(static_cast<std::size_t>(c.number))};
    case command::loss: return {s->loss()};
    case command::values: return s->values();
    default: s->set_rate(c.number); return {0};
  }
}

}  // namespace

std::unique_ptr<stepper> make_remote(const remote_engine& e) {
  auto made = std::make_unique<remote>(e);
  if (!made->started()) return nullptr;
  return made;
}

void serve(int socket, stepper* s) {
  command c;
  while (receive(socket, &c, sizeof c)) {
    const std::vector<double> answer = obey(c, s);
    const std::size_t count = answer.size();
    if (!send(socket, &count, sizeof count)) return;
    if (!send(socket, answer.data(), count * sizeof(double))) return;
  }
}

}  // namespace bench

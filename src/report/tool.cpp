// A program between temporary files: no shell to quote for, no pipe that could fill up or break.
#include "report/tool.hpp"

#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <new>
#include <string_view>

#include "cotape/error.hpp"

namespace cotape::report {

namespace {

// A file without a name, gone when it is closed.
class scratch_file {
 public:
  scratch_file() : file_(std::tmpfile()) {
    if (file_ == nullptr) {
      throw io_error(fmt::format("report: cannot make a temporary file: {}", std::strerror(errno)));
    }
  }
  int descriptor() const { return fileno(file_.get()); }

  void write(const std::string& text) {
    const bool written = std::fwrite(text.data(), 1, text.size(), file_.get()) == text.size();
    if (!written || std::fflush(file_.get()) != 0) {
      throw io_error(
          fmt::format("report: cannot write a temporary file: {}", std::strerror(errno)));
    }
    std::rewind(file_.get());
  }
  std::string read() {
    std::rewind(file_.get());
    std::string text;
    char part[4096];
    while (const std::size_t n = std::fread(part, 1, sizeof part, file_.get()))
      text.append(part, n);
    return text;
  }

 private:
  struct close {
    void operator()(FILE* f) const { std::fclose(f); }
  };
  std::unique_ptr<FILE, close> file_;
};

// Standard input, output and error of a child.
class redirections {
 public:
  redirections(int in, int out, int err) {
    if (posix_spawn_file_actions_init(&actions_) != 0) throw std::bad_alloc();
    const auto add = [&](int from, int to) {
      return posix_spawn_file_actions_adddup2(&actions_, from, to) == 0;
    };
    if (add(in, STDIN_FILENO) && add(out, STDOUT_FILENO) && add(err, STDERR_FILENO)) return;
    posix_spawn_file_actions_destroy(&actions_);
    throw std::bad_alloc();
  }
  redirections(const redirections&) = delete;
  redirections& operator=(const redirections&) = delete;
  ~redirections() { posix_spawn_file_actions_destroy(&actions_); }
  const posix_spawn_file_actions_t* get() const { return &actions_; }

 private:
  posix_spawn_file_actions_t actions_;
};

int wait_for(pid_t child) {
  int status = 0;
  while (waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) return -1;
  }
  return status;
}

// The first lines of what a program said.
std::string beginning(const std::string& text) {
  const auto first = text.find_first_not_of(" \n");
  if (first == std::string::npos) return "it gives no reason";
  return text.substr(first, std::min<std::size_t>(400, text.find_last_not_of(" \n") + 1 - first));
}

}  // namespace

std::string run_tool(const std::string& program, const std::vector<std::string>& arguments,
                     const std::string& input, const std::string& package) {
  scratch_file in, out, err;
  in.write(input);
  const redirections files(in.descriptor(), out.descriptor(), err.descriptor());
  std::vector<char*> words{const_cast<char*>(program.c_str())};
  for (const std::string& a : arguments) words.push_back(const_cast<char*>(a.c_str()));
  words.push_back(nullptr);
  pid_t child = 0;
  const int failed =
      posix_spawnp(&child, program.c_str(), files.get(), nullptr, words.data(), environ);
  if (failed == ENOENT) {
    throw io_error(fmt::format("report: the program {} is missing: install Debian's package {}",
                               program, package));
  }
  if (failed != 0) {
    throw io_error(fmt::format("report: cannot start {}: {}", program, std::strerror(failed)));
  }
  if (wait_for(child) != 0) {
    throw io_error(fmt::format("report: {} failed: {}", program, beginning(err.read())));
  }
  return out.read();
}

std::string drawn_by(const std::string& program, const std::vector<std::string>& arguments,
                     const std::string& input, const std::string& package) {
  std::string picture = run_tool(program, arguments, input, package);
  const std::string_view end = "</svg>";
  const std::size_t last = picture.find_last_not_of(" \n");
  if (last != std::string::npos && std::string_view(picture).substr(0, last + 1).ends_with(end)) {
    return picture;
  }
  throw io_error(fmt::format(
      "report: the picture that {} has drawn is not whole: is the disk full?", program));
}

}  // namespace cotape::report

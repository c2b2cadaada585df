// A program between temporary files: no shell to quote for, no pipe that could fill up or break.
#include "report/tool.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <memory>
#include <new>
#include <string_view>

#include "cotape/error.hpp"
#include "io/file.hpp"

namespace cotape::report {

namespace {

// A file without a name, gone when it is closed. Where a standard file is closed it does not get
// that one's number: what the process prints would get into it.
class scratch_file {
 public:
  scratch_file() {
    const std::unique_ptr<FILE, close> made(std::tmpfile());
    if (made) {
      detail::descriptor number(::fcntl(fileno(made.get()), F_DUPFD_CLOEXEC, STDERR_FILENO + 1));
      file_.reset(number.open() ? ::fdopen(number.number(), "w+") : nullptr);
      if (file_) number.release();
    }
    if (!file_) {
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

// Whether it failed; a process that ignores the end of its children is not told that.
bool fails(pid_t child) {
  int status = 0;
  while (waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) return errno != ECHILD;
  }
  return status != 0;
}

// The bytes of the first character of a text in UTF-8, 0 if there is none that XML allows: no
// surrogate, not U+FFFE or U+FFFF, no form longer than needed, nothing over U+10FFFF.
std::size_t bytes_of_character(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  if (byte(0) < 0x80) return 1;
  const std::size_t bytes = byte(0) >= 0xf0 ? 4 : byte(0) >= 0xe0 ? 3 : 2;
  if (byte(0) < 0xc0 || byte(0) >= 0xf8 || text.size() < bytes) return 0;
  std::uint32_t number = byte(0) & (0x7fu >> bytes);
  for (std::size_t i = 1; i < bytes; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
    number = number << 6 | (byte(i) & 0x3f);
  }
  constexpr std::uint32_t least[] = {0x80, 0x800, 0x10000};
  const bool forbidden = number < least[bytes - 2] || (number >= 0xd800 && number <= 0xdfff) ||
                         number == 0xfffe || number == 0xffff || number > 0x10ffff;
  return forbidden ? 0 : bytes;
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
  if (fails(child)) {
    throw io_error(fmt::format("report: {} failed: {}", program, beginning(err.read())));
  }
  return out.read();
}

std::string drawn_by(const std::string& program, const std::vector<std::string>& arguments,
                     const std::string& input, const std::string& package) {
  std::string picture = run_tool(program, arguments, input, package);
  const std::string_view all = picture;
  if (!all.substr(0, all.find_last_not_of(" \n") + 1).ends_with("</svg>")) {
    throw io_error(fmt::format(
        "report: the picture that {} has drawn is not whole: is the disk full?", program));
  }
  if (!all.starts_with("<?xml") && !all.starts_with("<svg")) {
    throw io_error(
        fmt::format("report: {} has printed more than a picture: {}", program, beginning(picture)));
  }
  return picture;
}

std::string printable(std::string_view text) {
  constexpr std::string_view replacement = "\xef\xbf\xbd";  // U+FFFD
  std::string out;
  while (!text.empty()) {
    const auto first = static_cast<unsigned char>(text[0]);
    const std::size_t bytes = bytes_of_character(text);
    if (bytes == 0) out += replacement;
    else if (first < ' ' && first != '\n') out += ' ';
    else out += text.substr(0, bytes);
    text.remove_prefix(std::max<std::size_t>(bytes, 1));
  }
  return out;
}

}  // namespace cotape::report

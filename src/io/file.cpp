// Opening and reading.
#include "io/file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "io/named.hpp"

namespace cotape::detail {

std::string shown(std::string_view text, std::size_t most) {
  const bool readable_text = is_utf8(std::string(text));
  std::string result;
  for (const char c : text.substr(0, most)) {
    const bool control = (c > 0 && c < ' ' && c != '\n' && c != '\t') || c == '\x7f';
    if (c == '\0') result += "\\0";
    else if (control || (c < 0 && !readable_text)) result += fmt::format("\\x{:02x}", c & 0xff);
    else result += c;
  }
  return result + (text.size() > most ? "..." : "");
}

void file_task::fail(const std::string& what) const {
  throw io_error(shown(fmt::format("{}: {}: {}", operation, file.native(), what)));
}

void file_task::fail_by_system(const char* what) const {
  fail(fmt::format("cannot {}: {}", what, std::strerror(errno)));
}

descriptor::descriptor(int number) : number_(number) {
  if (number < 0 || number > STDERR_FILENO) return;
  number_ = ::fcntl(number, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
  const int why = errno;
  ::close(number);
  errno = why;
}

descriptor::~descriptor() {
  if (open()) ::close(number_);
}

void check_name(const file_task& task) {
  if (task.file.native().find('\0') != std::string::npos) task.fail("its name holds a NUL");
}

void demand_regular(const file_task& task, unsigned mode) {
  if (S_ISREG(mode)) return;
  const char* kind = S_ISDIR(mode)    ? "a folder"
                     : S_ISFIFO(mode) ? "a FIFO"
                     : S_ISSOCK(mode) ? "a socket"
                     : S_ISLNK(mode)  ? "a symbolic link"
                                      : "a device";
  task.fail(fmt::format("it is {}, no regular file", kind));
}

// Looked at before it is opened, which a device may notice and a FIFO waits in.
readable open_to_read(const file_task& task) {
  check_name(task);
  struct stat found {};
  if (::stat(task.file.c_str(), &found) != 0) {
    if (errno == ENOENT) task.fail("there is no such file");
    task.fail_by_system("open it");
  }
  demand_regular(task, found.st_mode);
  descriptor file(::open(task.file.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  if (!file.open() || ::fstat(file.number(), &found) != 0) task.fail_by_system("open it");
  demand_regular(task, found.st_mode);
  return {std::move(file), static_cast<std::uint64_t>(found.st_size)};
}

byte_source::byte_source(file_task task, std::string part)
    : task_(std::move(task)), part_(std::move(part)) {}

void byte_source::fail(const std::string& what) const {
  task_.fail(part_.empty() ? what : fmt::format("'{}': {}", part_, what));
}

void byte_source::read(void* to, std::size_t n, const char* what) {
  if (n > left()) {
    fail(fmt::format("it is truncated: {} takes {} bytes, but {} are left", what, n, left()));
  }
  if (read_some(to, n) != n) fail(fmt::format("cannot read {}: it ends before its size", what));
  at_ += n;
}

input_file::input_file(file_task task) : byte_source(std::move(task)) {
  readable from = open_to_read(task_);
  in_ = std::move(from.file);
  size_ = from.size;
}

std::size_t input_file::read_some(void* to, std::size_t n) {
  std::size_t done = 0;
  while (done < n) {
    const auto got = ::read(in_.number(), static_cast<char*>(to) + done, n - done);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) task_.fail_by_system("read it");
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  return done;
}

}  // namespace cotape::detail

// Opening, and writing atomically.
#include "io/file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace cotape::detail {

namespace {

[[noreturn]] void fail_by_system(const file_task& task, const char* what) {
  task.fail(fmt::format("cannot {}: {}", what, std::strerror(errno)));
}

// The file that is written before it takes its name; one that was not renamed is removed.
class unfinished_file {
 public:
  unfinished_file(const file_task& task, std::filesystem::path name)
      : task_(task), name_(std::move(name)) {}
  unfinished_file(const unfinished_file&) = delete;
  unfinished_file& operator=(const unfinished_file&) = delete;
  ~unfinished_file() {
    if (ours_) ::unlink(name_.c_str());
    close();
  }

  // The name is fixed, so that a killed process leaves at most one such file. Its lock keeps two
  // writers apart; a file that another has renamed between open and lock is not ours any more.
  void open() {
    do {
      close();
      descriptor_ = ::open(name_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
      if (descriptor_ < 0) fail_by_system(task_, "write beside it");
      if (::flock(descriptor_, LOCK_EX | LOCK_NB) != 0) task_.fail("another is writing it");
    } while (!has_its_name());
    ours_ = true;
    if (::ftruncate(descriptor_, 0) != 0) fail_by_system(task_, "write it");
  }

  void write(std::string_view bytes) {
    while (!bytes.empty()) {
      const auto done = ::write(descriptor_, bytes.data(), bytes.size());
      if (done < 0 && errno == EINTR) continue;
      if (done < 0) fail_by_system(task_, "write it");
      bytes.remove_prefix(static_cast<std::size_t>(done));
    }
  }

  void become(const std::filesystem::path& file) {
    if (::fsync(descriptor_) != 0) fail_by_system(task_, "write it");
    if (::rename(name_.c_str(), file.c_str()) != 0) fail_by_system(task_, "replace it");
    ours_ = false;
  }

 private:
  bool has_its_name() const {
    struct stat opened {
    }, named{};
    return ::fstat(descriptor_, &opened) == 0 && ::stat(name_.c_str(), &named) == 0 &&
           opened.st_ino == named.st_ino && opened.st_dev == named.st_dev;
  }
  void close() {
    if (descriptor_ >= 0) ::close(descriptor_);
    descriptor_ = -1;
  }

  const file_task& task_;
  std::filesystem::path name_;
  int descriptor_ = -1;
  bool ours_ = false;
};

// Brings a rename in the folder to the disk, where the file system can do that.
void sync_folder(const std::filesystem::path& folder) {
  const int descriptor = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return;
  ::fsync(descriptor);
  ::close(descriptor);
}

}  // namespace

void file_task::fail(const std::string& what) const {
  throw io_error(fmt::format("{}: {}: {}", operation, file.string(), what));
}

std::uint64_t size_of_file(const file_task& task) {
  std::error_code failed;
  const auto status = std::filesystem::status(task.file, failed);
  if (!std::filesystem::exists(status)) task.fail("there is no such file");
  if (!std::filesystem::is_regular_file(status)) task.fail("it is no regular file");
  const auto size = std::filesystem::file_size(task.file, failed);
  if (failed) task.fail(fmt::format("cannot open it: {}", failed.message()));
  return size;
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
  size_ = size_of_file(task_);
  errno = 0;
  in_.open(task_.file, std::ios::binary);
  if (!in_) fail_by_system(task_, "open it");
}

std::size_t input_file::read_some(void* to, std::size_t n) {
  in_.read(static_cast<char*>(to), static_cast<std::streamsize>(n));
  return static_cast<std::size_t>(in_.gcount());
}

void write_atomically(const file_task& task, std::span<const std::string_view> pieces) {
  if (!task.file.has_filename()) task.fail("it names no file");
  const auto folder = task.file.has_parent_path() ? task.file.parent_path() : ".";
  unfinished_file out(task, folder / (task.file.filename().string() + ".unfinished"));
  out.open();
  for (const std::string_view piece : pieces) out.write(piece);
  out.become(task.file);
  sync_folder(folder);
}

}  // namespace cotape::detail

// What readers and writers of files share: errors that name the operation and the file, what may
// be opened, and bytes read one after the other. Writing stands in write_file.hpp.
#pragma once

#include <cstdint>
#include <filesystem>
#include <iosfwd>
#include <string>
#include <string_view>
#include <utility>

#include "cotape/error.hpp"

namespace cotape::detail {

// A text for a message: a NUL, which would end it, as \0, bytes of what is no UTF-8 as \xff, and no
// more than the first `most` bytes.
std::string shown(std::string_view text, std::size_t most = std::string_view::npos);

// What is being done to which file, or to a stream in place of one.
struct file_task {
  const char* operation;
  std::filesystem::path file;
  std::ostream* stream = nullptr;

  // Throws io_error: "operation: file: what".
  [[noreturn]] void fail(const std::string& what) const;
  // The same of a system call that has just failed: "cannot ...: " and why.
  [[noreturn]] void fail_by_system(const char* what) const;
};

// An open file's number, closed at the end.
class descriptor {
 public:
  descriptor() = default;
  // Takes a number that the system gave, or -1. One of a closed standard file is changed for
  // another: what the process prints would get into the file.
  explicit descriptor(int number);
  descriptor(descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  descriptor& operator=(descriptor&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  ~descriptor();
  int number() const { return number_; }
  bool open() const { return number_ >= 0; }
  int release() { return std::exchange(number_, -1); }

 private:
  int number_ = -1;
};

// Fails for a file that the system cannot be asked about by its name.
void check_name(const file_task& task);
// Fails unless it is the mode of a regular file, saying what else it is.
void demand_regular(const file_task& task, unsigned mode);

// A regular file that is open for reading.
struct readable {
  descriptor file;
  std::uint64_t size = 0;
};
readable open_to_read(const file_task& task);

// Deflate cannot pack more than this many bytes into one (zlib's technical notes).
constexpr std::uint64_t most_packed = 1032;

// Bytes to be read one after the other: a file, or what is packed in one.
class byte_source {
 public:
  virtual ~byte_source() = default;
  std::uint64_t size() const { return size_; }
  std::uint64_t left() const { return size_ - at_; }
  // Reads exactly n bytes; fails, saying what they are, if fewer are left.
  void read(void* to, std::size_t n, const char* what);
  [[noreturn]] void fail(const std::string& what) const;

 protected:
  // `part` names what is packed in the file, if anything.
  explicit byte_source(file_task task, std::string part = {});
  byte_source(const byte_source&) = delete;
  byte_source& operator=(const byte_source&) = delete;
  // Up to n bytes; fewer where the data ends before its size.
  virtual std::size_t read_some(void* to, std::size_t n) = 0;

  file_task task_;
  std::string part_;
  std::uint64_t size_ = 0, at_ = 0;
};

class input_file final : public byte_source {
 public:
  explicit input_file(file_task task);

 protected:
  std::size_t read_some(void* to, std::size_t n) override;

 private:
  descriptor in_;
};

}  // namespace cotape::detail

// What readers and writers of files share: errors that name the operation and the file, checks
// before opening, and writing that leaves either the old file or the whole new one.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <span>
#include <string>
#include <string_view>

#include "cotape/error.hpp"

namespace cotape::detail {

// What is being done to which file.
struct file_task {
  const char* operation;
  std::filesystem::path file;

  // Throws io_error: "operation: file: what".
  [[noreturn]] void fail(const std::string& what) const;
};

// The bytes of an existing regular file; fails for anything else.
std::uint64_t size_of_file(const file_task& task);

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
  std::ifstream in_;
};

// Replaces the file by these bytes, one piece after the other, or leaves it as it was: they are
// written beside it, brought to the disk, and renamed.
void write_atomically(const file_task& task, std::span<const std::string_view> pieces);

}  // namespace cotape::detail

// The one way in which this library writes files.
#pragma once

#include <memory>
#include <span>
#include <string_view>

#include "io/file.hpp"

namespace cotape::detail {

// Which file stands at a name, and what it is known by; zeros for none.
struct file_state {
  std::uint64_t device = 0, number = 0, size = 0, time = 0;  // of the last change, nanoseconds
  bool exists() const { return number != 0; }
  // By size and time: on some file systems the number of a file is not steady.
  bool holds_the_same_as(const file_state& other) const {
    return size == other.size && time == other.time;
  }
  bool operator==(const file_state&) const = default;
};

// Replaces the file by these bytes, one piece after the other, or leaves it as it was: they are
// written to a file beside it, brought to the disk, and renamed. A symbolic link stays, its target
// is replaced, or made. The file keeps its mode, owner and access list; a new one has those of a
// file that the process makes. Fails for what is no regular file and for a file that may not be
// written. A stream is written to and flushed.
void write_file(const file_task& task, std::span<const std::string_view> pieces);
void write_file(const file_task& task, std::string_view text);

// The same step by step: what a file is going to hold is written beside it, and removed unless it
// becomes the file. Of a stream it is kept.
class prepared_file {
 public:
  prepared_file(const file_task& task, std::span<const std::string_view> pieces);
  prepared_file(prepared_file&&) noexcept;
  prepared_file& operator=(prepared_file&&) noexcept;
  ~prepared_file();
  // Does all that may fail but for its last step, which takes no memory: that one fails where the
  // folder was changed meanwhile. Gives the state of what was written.
  file_state make_ready();
  // Once, when it is ready.
  void become_the_file();

 private:
  struct body;
  std::unique_ptr<body> body_;
};

// Fails where write_file would, as far as can be told without writing.
void demand_writable(const file_task& task);

// Of what stands at its name now; of a stream none.
file_state state_of(const file_task& task);

// The same for two names of one file, which may not be there yet: that of its folder, and its name
// there, all links followed. Two hard links of a file are two: the one that is written parts from
// the other. Fails where the folder cannot be looked at.
std::string identity_of(const file_task& task);

// Adds to the end of a file in this state, all of the text or nothing, and brings the state up to
// date; false if the file is in another, if there is none, and if it has another name too, whose
// file is not to change. A stream is written to and flushed.
bool append_to_file(const file_task& task, std::string_view text, file_state& state);

}  // namespace cotape::detail

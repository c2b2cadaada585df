// The one way in which this library writes files.
#pragma once

#include <span>
#include <string_view>

#include "io/file.hpp"

namespace cotape::detail {

// Replaces the file by these bytes, one piece after the other, or leaves it as it was: they are
// written to a file beside it, brought to the disk, and renamed. A symbolic link stays, its target
// is replaced, or made. The file keeps its mode, owner and access list; a new one has those of a
// file that the process makes. Fails for what is no regular file and for a file that may not be
// written. A stream is written to and flushed. Gives the state of what it has written.
file_state write_file(const file_task& task, std::span<const std::string_view> pieces);
file_state write_file(const file_task& task, std::string_view text);

// Fails where write_file would, as far as can be told without writing.
void demand_writable(const file_task& task);

// Of what stands at its name now.
file_state state_of(const file_task& task);

// Adds to the end of a file in this state, all of the text or nothing, and brings the state up to
// date; false if the file is in another, or there is none. A stream is written to and flushed.
bool append_to_file(const file_task& task, std::string_view text, file_state& state);

}  // namespace cotape::detail

// The one way in which this library writes files.
#pragma once

#include <span>
#include <string_view>

#include "io/file.hpp"

namespace cotape::detail {

// Replaces the file by these bytes, one piece after the other, or leaves it as it was: they are
// written to a file beside it, brought to the disk, and renamed. A symbolic link stays, its target
// is replaced, or made. The file keeps its mode and owner; a new one has those of a file that the
// process makes. Fails for what is no regular file and for a file that may not be written.
// A stream is written to.
void write_file(const file_task& task, std::span<const std::string_view> pieces);
void write_file(const file_task& task, std::string_view text);

// Adds to the end of such a file, all of the text or nothing; false if there is no file.
bool append_to_file(const file_task& task, std::string_view text);

}  // namespace cotape::detail

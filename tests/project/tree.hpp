// Reading the project's own tree: its files, their lines and includes, and what a command prints.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace tree {

using path = std::filesystem::path;
using lines = std::vector<std::string>;

inline const path root = COTAPE_SOURCE_DIR;

/// The C++ files below a folder of the root, sorted, relative to the root; none if it is missing.
std::vector<path> files(const path& folder);

/// The lines of a file, given relative to the root or absolute. Throws if it cannot be read.
lines read(const path& file);

/// True for a line that is neither blank nor only a // comment.
bool is_code(const std::string& line);

/// The number of lines that are code.
std::size_t code_lines(const lines& text);

/// True if one of the leading // comment lines is `comment`.
bool has_marker(const lines& text, const std::string& comment);

/// The layer that the leading comment `// layer: NAME` names, or nothing.
std::string layer_comment(const lines& text);

/// The included names with their delimiters, such as `<vector>` and `"tape/node.hpp"`.
lines includes(const lines& text);

/// What a shell command prints on its standard output. Throws if the command fails.
lines output(const std::string& command);

}  // namespace tree

// What pictures of graphs share: text for graphviz, the nodes that a value needs, sources' names.
#pragma once

#include <string>
#include <vector>

#include "cotape/tape.hpp"

namespace cotape::report {

/// The picture that graphviz makes of a text in its language. Errors as run_tool.
std::string draw_dot(const std::string& text);
/// Text within a quoted label.
std::string escaped(const std::string& text);
/// The nodes that `output` is computed from and itself, ascending. Throws value_error, naming
/// `who`, for more than `most`.
std::vector<std::uint32_t> needed_for(const char* who, const tape& t, std::uint32_t output,
                                      std::size_t most);
/// What a literal holds.
std::string literal_text(const tape& t, std::uint32_t literal);
/// The name that the user gave a value or its parameter, else the operation's.
std::string name_of(const tape& t, std::uint32_t node);

}  // namespace cotape::report

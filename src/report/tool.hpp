// Runs the programs that draw.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace cotape::report {

/// What a program prints when it is given `input`. Throws io_error if it is missing (then naming
/// the Debian package) or fails (then with what it says).
std::string run_tool(const std::string& program, const std::vector<std::string>& arguments,
                     const std::string& input, const std::string& package);
/// The same for an SVG picture; throws io_error if it is not whole, as where the disk is full, or
/// not all that was printed.
std::string drawn_by(const std::string& program, const std::vector<std::string>& arguments,
                     const std::string& input, const std::string& package);

/// A text as a picture, which is XML, may hold it: blanks for control characters but ends of lines,
/// U+FFFD for each byte of what is no UTF-8 or no character that XML allows.
std::string printable(std::string_view text);

}  // namespace cotape::report

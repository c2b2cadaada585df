// Runs the programs that draw.
#pragma once

#include <string>
#include <vector>

namespace cotape::report {

/// What a program prints when it is given `input`. Throws io_error if it is missing (then naming
/// the Debian package) or fails (then with what it says).
std::string run_tool(const std::string& program, const std::vector<std::string>& arguments,
                     const std::string& input, const std::string& package);
/// The same for an SVG picture; throws io_error if it is not whole, as where the disk is full.
std::string drawn_by(const std::string& program, const std::vector<std::string>& arguments,
                     const std::string& input, const std::string& package);

}  // namespace cotape::report

// Runs the programs that draw.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace cotape::report {

/// What a program prints when it is given `input`. Throws io_error if it is missing (then naming
/// the Debian package) or fails (then with what it says).
std::string run_tool(const std::string& program, const std::vector<std::string>& arguments,
                     const std::string& input, const std::string& package);

/// Writes a file; throws io_error naming it.
void write_file(const std::filesystem::path& file, const std::string& text);

}  // namespace cotape::report

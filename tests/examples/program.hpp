// Runs example programs and checks the figures that they print.
//
// An example prints each figure as a line `name: value` and writes pictures into --output. A row
// says which program to run, with which arguments, which figures it must print, within which
// bounds, and which pictures it must draw. A row for a new example goes into figures_test.cpp, its
// name into the list of programs in CMakeLists.txt.
#pragma once

#include <filesystem>
#include <iosfwd>
#include <limits>
#include <string>
#include <vector>

namespace cotape::tests {

struct figure {
  std::string name;
  double low, high;
};
inline figure near(std::string name, double wanted, double tolerance) {
  return {std::move(name), wanted - tolerance, wanted + tolerance};
}
inline figure at_least(std::string name, double low) {
  return {std::move(name), low, std::numeric_limits<double>::max()};
}
inline figure at_most(std::string name, double high) {
  return {std::move(name), std::numeric_limits<double>::lowest(), high};
}

struct example_program {
  std::string name;
  std::vector<std::string> arguments;
  std::vector<figure> figures;
  std::vector<std::string> pictures = {};
  std::filesystem::path needs = {};  // a file or folder without which the row is skipped
};
std::ostream& operator<<(std::ostream& out, const example_program& p);

/// Runs the program and EXPECTs its figures and pictures; skips if what it needs is not there, or
/// gnuplot or graphviz is missing.
void check(const example_program& p);
/// Runs the program without arguments: EXPECTs that it leaves its pictures in this folder of the
/// current one, nothing beside it, and names it.
void check_default_output(const std::string& program, const std::string& folder);
/// What an example says when it fails.
std::string complaint(const std::string& program, const std::vector<std::string>& arguments);

}  // namespace cotape::tests

#include "program.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cotape/error.hpp>
#include <cstdlib>
#include <fstream>
#include <map>
#include <ostream>
#include <sstream>

#include "report/tool.hpp"

#include "expect_error.hpp"

namespace cotape::tests {

namespace {

std::string path_of(const std::string& program) {
  return std::string(COTAPE_EXAMPLES) + "/" + program;
}

// The lines `name: value`, value a number.
std::map<std::string, double> figures_in(const std::string& text) {
  std::map<std::string, double> found;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    const auto colon = line.rfind(": ");
    if (colon == std::string::npos) continue;
    const char* begin = line.c_str() + colon + 2;
    char* end = nullptr;
    const double value = std::strtod(begin, &end);
    if (end != begin && *end == '\0') found[line.substr(0, colon)] = value;
  }
  return found;
}

bool can_draw() {
  for (const char* program : {"gnuplot", "dot"}) {
    const std::string text = message_of([&] { report::run_tool(program, {"-V"}, "", ""); });
    if (text.find("is missing") != std::string::npos) return false;
  }
  return true;
}

}  // namespace

std::ostream& operator<<(std::ostream& out, const example_program& p) { return out << p.name; }

void check(const example_program& p) {
  if (!std::filesystem::exists(path_of(p.name))) GTEST_SKIP() << p.name << " was not built";
  if (!p.needs.empty() && !exists(p.needs)) GTEST_SKIP() << p.needs << " is not there";
  if (!can_draw()) GTEST_SKIP() << "gnuplot or graphviz is not installed";
  const std::filesystem::path folder =
      std::filesystem::path(testing::TempDir()) /
      ("cotape_" + p.name + "_" + std::to_string(getpid()));  // tests may run side by side
  std::vector<std::string> arguments = p.arguments;
  arguments.insert(arguments.end(), {"--output", folder.string()});
  std::string text;
  ASSERT_NO_THROW(text = report::run_tool(path_of(p.name), arguments, "", ""));
  const auto found = figures_in(text);
  for (const figure& f : p.figures) {
    const auto it = found.find(f.name);
    if (it == found.end()) {
      ADD_FAILURE() << "no figure '" << f.name << "' in\n" << text;
      continue;
    }
    EXPECT_GE(it->second, f.low) << f.name;
    EXPECT_LE(it->second, f.high) << f.name;
  }
  for (const std::string& picture : p.pictures) {
    std::ifstream in(folder / picture);
    const std::string svg(std::istreambuf_iterator<char>(in), {});
    EXPECT_NE(svg.find("</svg>"), std::string::npos) << picture;
  }
  std::filesystem::remove_all(folder);
}

void check_default_output(const std::string& program, const std::string& folder) {
  if (!can_draw()) GTEST_SKIP() << "gnuplot or graphviz is not installed";
  const std::filesystem::path before = std::filesystem::current_path(),
                              here = std::filesystem::path(testing::TempDir()) /
                                     ("cotape_here_" + std::to_string(getpid()));
  create_directories(here);
  current_path(here);
  const std::string text = message_of([&] {
    EXPECT_NE(report::run_tool(path_of(program), {}, "", "").find(folder + "/"), std::string::npos);
  });
  EXPECT_EQ(text, "no error");
  for (const auto& entry : std::filesystem::directory_iterator(here)) {
    EXPECT_EQ(entry.path().filename(), folder);
  }
  EXPECT_FALSE(std::filesystem::is_empty(here / folder));
  current_path(before);
  std::filesystem::remove_all(here);
}

std::string complaint(const std::string& program, const std::vector<std::string>& arguments) {
  return message_of([&] { report::run_tool(path_of(program), arguments, "", ""); });
}

}  // namespace cotape::tests

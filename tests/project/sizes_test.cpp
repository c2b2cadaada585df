// Small files, short lines, a small heart. A header that only lists declarations (or the rows of a
// table) is exempt by the line `// declarations only` in its leading comment.
#include <gtest/gtest.h>

#include <algorithm>
#include <iostream>
#include <set>

#include "tree.hpp"

namespace {

using tree::path;

constexpr std::size_t header_limit = 150, source_limit = 400, heart_limit = 5000, columns = 100;

std::vector<path> files_of(std::initializer_list<const char*> folders) {
  std::vector<path> result;
  for (const auto* folder : folders)
    for (const auto& file : tree::files(folder)) result.push_back(file);
  return result;
}

// Characters, not bytes: UTF-8's continuation bytes do not count.
std::size_t width(const std::string& line) {
  return static_cast<std::size_t>(
      std::count_if(line.begin(), line.end(), [](char c) { return (c & 0xc0) != 0x80; }));
}

}  // namespace

TEST(Sizes, HeadersAreShort) {
  for (const auto& file : files_of({"include", "src", "tests", "examples", "benchmarks"})) {
    const auto text = tree::read(file);
    if (file.extension() != ".hpp" || tree::has_marker(text, "// declarations only")) continue;
    EXPECT_LE(tree::code_lines(text), header_limit) << file;
  }
}

TEST(Sizes, SourcesAreShort) {
  for (const auto& file : files_of({"src"})) {
    if (file.extension() != ".cpp") continue;
    EXPECT_LE(tree::code_lines(tree::read(file)), source_limit) << file;
  }
}

TEST(Sizes, LinesAreShort) {
  for (const auto& file : files_of({"include", "src", "tests", "examples", "benchmarks"})) {
    const auto text = tree::read(file);
    for (std::size_t i = 0; i < text.size(); ++i)
      EXPECT_LE(width(text[i]), columns) << file.string() << ":" << i + 1;
  }
}

TEST(Sizes, TheHeartIsSmall) {
  const std::set<std::string> heart{"tape", "primitives", "derivatives", "program"};
  std::size_t total = 0;
  for (const auto& layer : heart)
    for (const auto& file : tree::files("src/" + layer))
      total += tree::code_lines(tree::read(file));
  for (const auto& file : tree::files("include")) {
    const auto text = tree::read(file);
    if (heart.contains(tree::layer_comment(text))) total += tree::code_lines(text);
  }
  std::cout << "lines of code in tape, primitives, derivatives, program: " << total << "\n";
  EXPECT_GT(total, 0u);
  EXPECT_LE(total, heart_limit);
}

// Other libraries stay behind one door each.
#include <gtest/gtest.h>

#include <algorithm>
#include <regex>

#include "tree.hpp"

namespace {

// The files of include/ and src/ with a line that the pattern is found in.
std::vector<std::string> files_with(const std::string& pattern) {
  const std::regex expression(pattern);
  std::vector<std::string> result;
  for (const auto* folder : {"include", "src"})
    for (const auto& file : tree::files(folder)) {
      const auto text = tree::read(file);
      if (std::any_of(text.begin(), text.end(),
                      [&](const auto& line) { return std::regex_search(line, expression); }))
        result.push_back(file.string());
    }
  return result;
}

}  // namespace

TEST(Libraries, OneFileCallsBlas) {
  const auto files = files_with("cblas_");
  EXPECT_EQ(files.size(), 1u) << testing::PrintToString(files);
}

TEST(Libraries, OneHeaderIncludesXtensor) {
  const auto files = files_with(R"(^\s*#\s*include\s*<(xtensor|xtl))");
  ASSERT_EQ(files.size(), 1u) << testing::PrintToString(files);
  EXPECT_EQ(tree::path(files[0]).extension(), ".hpp") << files[0];
}

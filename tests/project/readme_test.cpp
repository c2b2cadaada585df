// The example in README.md prints what its comments `// prints: ...` say, line by line, and
// README.md quotes what examples/verdicts.cpp prints.
#include <gtest/gtest.h>

#include <algorithm>
#include <regex>

#include "tree.hpp"

TEST(Readme, ExamplePrintsWhatItSays) {
  const std::string key = "// prints: ";
  tree::lines expected;
  for (const auto& line : tree::read(COTAPE_README_SOURCE))
    if (const auto at = line.find(key); at != std::string::npos)
      expected.push_back(line.substr(at + key.size()));
  ASSERT_FALSE(expected.empty()) << "README.md has no C++ example with '" << key << "' comments";
  EXPECT_EQ(tree::output(COTAPE_README_PROGRAM), expected);
}

#ifdef COTAPE_VERDICTS
// Rounding errors differ between machines.
tree::lines without_figures(tree::lines text) {
  const std::regex figure(R"(-?\d+(\.\d+)?e[-+]\d+|-?\d+\.\d{3,})");
  for (std::string& line : text) line = std::regex_replace(line, figure, "#");
  return text;
}

TEST(Readme, QuotesTheVerdictsOfTheGradientChecker) {
  const tree::lines readme = without_figures(tree::read("README.md")),
                    printed = without_figures(tree::output(COTAPE_VERDICTS));
  ASSERT_GT(printed.size(), 10u);
  EXPECT_NE(std::search(readme.begin(), readme.end(), printed.begin(), printed.end()),
            readme.end());
}
#endif

// The example in README.md prints what its comments `// prints: ...` say, line by line, and
// README.md quotes what examples/verdicts.cpp prints; its links lead to files, and its tables to
// every example program.
#include <gtest/gtest.h>

#include <algorithm>
#include <regex>
#include <set>

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

TEST(Readme, LinksToEveryExampleAndToNothingElse) {
  std::set<std::string> linked;
  const std::regex link(R"(\]\(([^):\s]+)\))");
  for (const auto& line : tree::read("README.md"))
    for (std::sregex_iterator at(line.begin(), line.end(), link), end; at != end; ++at)
      linked.insert((*at)[1]);
  for (const auto& target : linked)
    EXPECT_TRUE(exists(tree::root / target)) << "README.md links to " << target;
  for (const auto& file : tree::files("examples")) {
    bool program = false;
    for (const auto& line : tree::read(file)) program |= line.starts_with("int main(");
    EXPECT_TRUE(!program || linked.count(file.string())) << "README.md does not mention " << file;
  }
}

TEST(Readme, QuotesTheKernelThatAnInstalledLibraryIsTriedWith) {
  const tree::lines readme = tree::read("README.md"),
                    consumer = tree::read("tests/install/consumer/smooth.cpp");
  const auto section = std::find(readme.begin(), readme.end(), "## A kernel of your own");
  const auto begin = std::find(section, readme.end(), "```cpp"),
             end = std::find(begin, readme.end(), "```");
  ASSERT_GT(end - begin, 30);
  EXPECT_NE(std::search(consumer.begin(), consumer.end(), begin + 1, end), consumer.end());
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

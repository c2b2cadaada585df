// The example in README.md prints what its comments `// prints: ...` say, line by line, and
// README.md quotes what examples/verdicts.cpp prints; its links lead to files, and its tables to
// every example program.
#include <gtest/gtest.h>

#include <algorithm>
#include <regex>
#include <set>

#include "tree.hpp"

tree::lines unindented(tree::lines text) {
  for (std::string& line : text) line.erase(0, line.find_first_not_of(' '));
  return text;
}

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

// The lines of the first block of C++ in a section of README.md, each without what it is indented
// by.
tree::lines block_of(const char* section) {
  const tree::lines readme = tree::read("README.md");
  const auto heading = std::find(readme.begin(), readme.end(), section);
  const auto begin = std::find(heading, readme.end(), "```cpp"),
             end = std::find(begin, readme.end(), "```");
  return begin == end ? tree::lines{} : unindented({begin + 1, end});
}

bool has_lines(const std::string& file, const tree::lines& wanted) {
  const tree::lines text = unindented(tree::read(file));
  return std::search(text.begin(), text.end(), wanted.begin(), wanted.end()) != text.end();
}

TEST(Readme, QuotesTheKernelThatAnInstalledLibraryIsTriedWith) {
  const tree::lines kernel = block_of("## A kernel of your own");
  ASSERT_GT(kernel.size(), 30u);
  EXPECT_TRUE(has_lines("tests/install/consumer/smooth.cpp", kernel));
}

TEST(Readme, QuotesTheNetworkForImagesThatATestTrains) {
  const tree::lines network = block_of("## Layers, images and sequences");
  ASSERT_GT(network.size(), 5u);
  EXPECT_TRUE(has_lines("tests/vision/layers_test.cpp", network));
}

TEST(Readme, NamesEveryLayer) {
  std::string readme;
  for (const auto& line : tree::read("README.md")) readme += line + "\n";
  const std::regex declaration("^class (\\w+) : public layer \\{$");
  int layers = 0;
  for (const auto& file : tree::files("include")) {
    for (const auto& line : tree::read(file)) {
      std::smatch name;
      if (!std::regex_search(line, name, declaration)) continue;
      ++layers;
      EXPECT_TRUE(std::regex_search(readme, std::regex("\\b" + name[1].str() + "\\b")))
          << "README.md does not name the layer " << name[1];
    }
  }
  EXPECT_GE(layers, 25);
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

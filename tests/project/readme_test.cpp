// The example in README.md prints what its comments `// prints: ...` say, line by line; its links
// lead to files, and its tables to every example program.
#include <gtest/gtest.h>

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

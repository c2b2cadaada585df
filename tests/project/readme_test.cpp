// The example in README.md prints what its comments `// prints: ...` say, line by line.
#include <gtest/gtest.h>

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

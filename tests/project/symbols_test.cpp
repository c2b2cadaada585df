// Objects for an instruction set define no inline function that the linker could take for the same
// one compiled for another set: it would run instructions that the processor may not have.
#include <gtest/gtest.h>

#include <regex>

#include "tree.hpp"

namespace {

// The weak and unique symbols defined in the objects whose names lack the instruction set's. The
// personality routine's reference is data, the same in every object.
tree::lines shared_symbols(const std::string& isa) {
  static const std::regex weak("^[0-9a-f]+ [WVu] (.+)$");
  tree::lines result;
  const auto objects = tree::read(COTAPE_OBJECT_LISTS "/objects_" + isa + ".txt");
  EXPECT_FALSE(objects.empty());
  for (const auto& object : objects)
    for (const auto& line : tree::output(COTAPE_NM " -C '" + object + "'")) {
      std::smatch match;
      if (!std::regex_match(line, match, weak)) continue;
      const std::string name = match[1];
      if (name.find(isa) == std::string::npos && !name.starts_with("DW.ref."))
        result.push_back(object + ": " + name);
    }
  return result;
}

}  // namespace

TEST(Symbols, Avx2ObjectsShareNoInlineFunction) {
  EXPECT_EQ(shared_symbols("avx2"), tree::lines{});
}

TEST(Symbols, Avx512ObjectsShareNoInlineFunction) {
  EXPECT_EQ(shared_symbols("avx512"), tree::lines{});
}

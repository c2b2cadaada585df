// The layers of src/: a file includes only headers of its own layer and of those to the left.
#include <gtest/gtest.h>

#include <map>
#include <regex>
#include <set>

#include "tree.hpp"

namespace {

using tree::path;
using layers = std::set<std::string>;

const path umbrella = "include/cotape/cotape.hpp";

// What each layer may include.
std::map<std::string, layers> allowed_includes() {
  std::map<std::string, layers> allowed;
  layers left;
  for (const auto* layer : {"base", "tensor", "kernels", "code", "tape", "primitives", "ops",
                            "derivatives", "program"}) {
    left.insert(layer);
    allowed[layer] = left;
  }
  for (const auto* layer : {"nn", "check", "io", "report"}) {
    allowed[layer] = left;
    allowed[layer].insert(layer);
  }
  allowed["report"].insert("io");
  allowed["train"] = left;
  allowed["train"].insert({"nn", "check", "io", "report", "train"});
  return allowed;
}

bool is_public(const path& file) { return file.parent_path() == umbrella.parent_path(); }

// The layer of a file of src/ or include/, or nothing if it has none.
std::string layer_of(const path& file) {
  if (is_public(file))
    return std::filesystem::exists(tree::root / file) ? tree::layer_comment(tree::read(file)) : "";
  const auto folder = std::next(file.begin());
  return *file.begin() == "src" && std::next(folder) != file.end() ? folder->string() : "";
}

// The file of the tree that `file` includes by `name`, or an empty path for other libraries'.
path included_file(const path& file, const std::string& name) {
  const path target = name.substr(1, name.size() - 2);
  if (*target.begin() == "cotape") return "include" / target;
  if (name.front() == '<') return {};
  const path sibling = (file.parent_path() / target).lexically_normal();
  return std::filesystem::exists(tree::root / sibling) ? sibling : "src" / target;
}

}  // namespace

TEST(Layers, EveryFileHasALayer) {
  const auto allowed = allowed_includes();
  for (const auto* folder : {"src", "include"})
    for (const auto& file : tree::files(folder))
      if (file != umbrella) {
        EXPECT_TRUE(allowed.contains(layer_of(file)))
            << file << ": no such layer '" << layer_of(file)
            << "'; a public header starts with a comment `// layer: NAME`";
      }
}

TEST(Layers, PublicHeadersAreFlat) {
  for (const auto& file : tree::files("include")) EXPECT_TRUE(is_public(file)) << file;
}

TEST(Layers, IncludesGoToTheLeft) {
  const auto allowed = allowed_includes();
  std::size_t checked = 0;
  for (const auto* folder : {"src", "include"})
    for (const auto& file : tree::files(folder)) {
      if (file == umbrella || !allowed.contains(layer_of(file))) continue;
      for (const auto& name : tree::includes(tree::read(file))) {
        const path target = included_file(file, name);
        if (target.empty()) continue;
        ++checked;
        EXPECT_NE(target, umbrella) << file << " includes the umbrella header";
        EXPECT_TRUE(allowed.at(layer_of(file)).contains(layer_of(target)))
            << file << " (" << layer_of(file) << ") includes " << name << " (" << layer_of(target)
            << ")";
      }
    }
  EXPECT_GT(checked, 0u);
}

// Passes ask descriptors. Products alone know the operations that they take in.
TEST(Layers, NoPassKnowsAPrimitiveByItsAddressOrName) {
  const std::regex known(
      R"((primitives|sources)::[a-z_]+\b(?!\()|builtin<|->name *[=!]=|string_view\(.*name)");
  for (const auto& file : tree::files("src/program")) {
    if (file.filename() == "gemm.cpp") continue;
    for (const std::string& line : tree::read(file)) {
      const bool asks = tree::is_code(line) && std::regex_search(line, known) &&
                        line.find("primitives::assembly") == std::string::npos;
      EXPECT_FALSE(asks) << file << ": " << line;
    }
  }
}

// The table of op cases has a row for every primitive and for every operation of ops.hpp,
// activations.hpp, losses.hpp, normalization.hpp, vision.hpp and attention.hpp.
#include <set>

#include "declared.hpp"
#include "primitives/primitives.hpp"
#include "support.hpp"

// Each of these lines in unary.hpp and binary.hpp adds a descriptor to the list.
namespace cotape::tests {
std::vector<const primitive*>& listed() {
  static std::vector<const primitive*> list;
  return list;
}
struct entry {
  explicit entry(const primitive& op) { listed().push_back(&op); }
};
}  // namespace cotape::tests
#define COTAPE_UNARY(f) const tests::entry entry_of_##f{builtin<f##_op>};
#define COTAPE_BINARY(f) COTAPE_UNARY(f)
#define COTAPE_TERNARY(f) COTAPE_UNARY(f)
#include "primitives/binary.hpp"
#include "primitives/ternary.hpp"
#include "primitives/unary.hpp"

namespace cotape::tests {

namespace {

// The names in `extern const primitive a, b, c;` lines.
std::set<std::string> declared_primitives() {
  std::set<std::string> names;
  for (const auto& line :
       matches(text_of("src/primitives/primitives.hpp"), "extern const primitive ([^;]*);")) {
    names.merge(matches(line, "(\\w+)"));
  }
  return names;
}

bool has_row(const std::string& name) {
  return std::any_of(op_cases().begin(), op_cases().end(),
                     [&](const op_case& c) { return c.name == name; });
}

// Whether the rows of that name record a node of that primitive.
bool rows_record(const std::string& name) {
  engine random(1);
  for (const op_case& c : op_cases()) {
    if (c.name != name) continue;
    graph_under_test g(c, draw(c, random), float64);
    c.apply(g.inputs);
    for (const node& n : g.t.nodes()) {
      if (n.op->name == name) return true;
    }
  }
  return false;
}

}  // namespace

TEST(OpCases, HaveARowForEveryElementwisePrimitive) {
  listed().push_back(&builtin<broadcast_op>);
  ASSERT_GE(listed().size(), 26u);
  for (const primitive* op : listed()) {
    EXPECT_TRUE(has_row(op->name)) << op->name << ": add a row to tests/op_cases/";
    EXPECT_TRUE(rows_record(op->name)) << op->name << ": none of its rows records it";
  }
}

TEST(OpCases, HaveARowForEveryOtherPrimitive) {
  const auto names = declared_primitives();
  ASSERT_GE(names.size(), 14u);
  for (const std::string& name : names) {
    EXPECT_TRUE(has_row(name)) << name << ": add a row to tests/op_cases/";
    EXPECT_TRUE(rows_record(name)) << name << ": none of its rows records it";
  }
}

// Reductions and the like are tried where rules go wrong: the rows' variants start like this.
TEST(OpCases, HaveRowsAtTheSpecialPointsOfEveryReduction) {
  auto names = declared_operations("\\nvariable (\\w+)\\(operand x, const axes& over");
  ASSERT_GE(names.size(), 9u);
  for (const char* name : {"cumsum", "softmax", "log_softmax"}) names.insert(name);
  for (const std::string& name : names) {
    for (const char* point : {"at zeros", "at equal elements", "at one zero", "at one element"}) {
      const bool found = std::any_of(op_cases().begin(), op_cases().end(), [&](const op_case& c) {
        return c.name == name && c.variant == point && c.derivative != slope::zero;
      });
      EXPECT_TRUE(found) << name << ": add a row " << point << " to tests/op_cases/";
    }
  }
}

TEST(OpCases, HaveARowForEveryOperation) {
  const auto names = declared_operations();
  ASSERT_GE(names.size(), 80u);
  for (const std::string& name : names) {
    EXPECT_TRUE(has_row(name)) << name << ": add a row to tests/op_cases/";
  }
}

}  // namespace cotape::tests

// An operation throws exactly when NumPy's shape rules reject its operands, and else has the shape
// they give: for random shapes of ranks 0 to 4, sizes of 0 included.
#include <iostream>

#include "declared.hpp"
#include "oracles.hpp"
#include "support.hpp"

namespace cotape::tests {

namespace {

// The shape that the rule gives, as text.
std::string wanted(const call& c) {
  try {
    return shape_from(c.rule()).text();
  } catch (const numpy::rejected&) {
    return "rejected";
  }
}

// The shape that the operation gives, as text; what() of its error if it throws.
std::string given(const call& c, std::string& what) {
  tape t;
  variables operands;
  for (std::size_t i = 0; i < c.operands.size(); ++i) {
    const bool whole = std::count(c.indices.begin(), c.indices.end(), i) != 0;
    operands.push_back(t.input(whole ? int64 : float32, shape_from(c.operands[i])));
  }
  try {
    const variables y = c.apply(operands);
    if (y.size() != c.results) return fmt::format("{} results", y.size());
    for (const variable& v : y) {
      if (v.shape() != y[0].shape()) return "results of several shapes";
    }
    return y[0].shape().text();
  } catch (const error& e) {
    what = e.what();
    return "rejected";
  }
}

}  // namespace

TEST(ShapeOracle, AgreesWithEveryOperation) {
  constexpr int trials = 500;
  dice d(17);
  int total = 0, accepted_in_total = 0;
  for (const oracle& row : oracles()) {
    int accepted = 0;
    for (int i = 0; i < trials; ++i, ++total) {
      const call c = row.roll(d);
      std::string what = "no error";
      const std::string by_rule = wanted(c);
      EXPECT_EQ(given(c, what), by_rule) << c.text(row.name) << ": " << what;
      accepted += by_rule != "rejected";
    }
    // Neither side of the rule is tried in vain.
    EXPECT_GE(accepted, trials / 10) << row.name;
    if (row.picky) EXPECT_GE(trials - accepted, trials / 40) << row.name;
    else EXPECT_EQ(accepted, trials) << row.name;
    accepted_in_total += accepted;
  }
  EXPECT_GE(total, 10000);
  std::cout << total << " calls, " << accepted_in_total << " of them with operands that fit\n";
}

TEST(ShapeOracle, HasARowForEveryOperation) {
  std::set<std::string> rows;
  for (const oracle& row : oracles()) rows.insert(row.name);
  const auto names = declared_operations(
      "\n(?:inline )?(?:variable|std::vector<variable>|normalized_batch) (operator[^(]+|\\w+)\\(");
  ASSERT_GE(names.size(), 90u);
  for (const std::string& name : names) {
    EXPECT_TRUE(rows.contains(name)) << name << ": add a row to tests/ops/oracles.cpp";
  }
}

}  // namespace cotape::tests

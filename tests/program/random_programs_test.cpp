// Random programs against an independent interpreter; that a difference would be found, shrunk and
// printed; that the interpreter's own derivatives are right.
#include "random_programs.hpp"

#include <cmath>
#include <cstdlib>

#include "node_rules.hpp"
#include "op_cases.hpp"
#include "ops/declared.hpp"

namespace cotape::tests {
namespace {

// As many as COTAPE_RANDOM_PROGRAMS says; without optimisation or with sanitizers fewer.
std::uint64_t programs_to_try() {
  if (const char* count = std::getenv("COTAPE_RANDOM_PROGRAMS")) return std::stoull(count);
#ifdef NDEBUG
  return 10000;
#else
  return 1000;
#endif
}

TEST(RandomPrograms, AgreeWithTheInterpreter) {
  tally seen;
  for (std::uint64_t seed = 0; seed < programs_to_try(); ++seed) {
    const std::string report = report_of(seed, seen);
    ASSERT_TRUE(report.empty()) << report;  // it names the seed
  }
  for (const std::string& name : declared_operations()) {
    EXPECT_GT(seen.steps[name], 0u) << name << ": add a row to tests/program/operations.cpp";
  }
  for (const op_case& c : op_cases()) {
    EXPECT_GT(seen.steps[c.name] + seen.nodes[c.name], 0u) << c.name << ": no program has it";
  }
  EXPECT_GT(seen.nodes["weave"], 0u);
  for (const char* name : {"conv", "max_pool", "average_pool"}) {
    EXPECT_GT(100 * seen.nodes[name], seen.programs) << name;
  }
  ASSERT_EQ(seen.traits.size(), 6u);
  for (const auto& [trait, count] : seen.traits) {
    EXPECT_GT(100 * count, seen.programs) << "programs without " << trait;
  }
  EXPECT_LT(25 * seen.uncertain, seen.compared);
  EXPECT_LT(25 * seen.uncertain_slopes, seen.slopes);
}

TEST(RandomPrograms, OneOfEveryOperationCanBePrinted) {
  std::set<const operation*> printed;
  for (const step& s : every_operation().steps) {
    if (s.what == kind::apply) printed.insert(s.op);
  }
  for (const operation& o : operations()) EXPECT_TRUE(printed.contains(&o)) << o.text;
}

// tanh, but wrong for some operands, and tanh with a wrong derivative.
struct wrong_value {
  static constexpr auto name = "tanh";
  template <class T> static T kernel(T x) { return std::tanh(x) * (x > T(0.5) ? T(1.001) : T(1)); }
  static variable derivative(variable, variable y, variable dy) { return chain(dy, 1 - y * y); }
};
struct wrong_derivative {
  static constexpr auto name = "tanh";
  template <class T> static T kernel(T x) { return std::tanh(x); }
  static variable derivative(variable, variable y, variable dy) { return chain(dy, 1 - y); }
};

// The shrunk program of the first seed in which a wrong operation in place of tanh shows.
std::pair<shrunk_recipe, std::string> caught(const operation& wrong) {
  tally ignored;
  const auto look = [&](const recipe& r) { return examine(r, ignored); };
  for (std::uint64_t seed = 0; seed < 2000; ++seed) {
    recipe r = drawn(seed);
    for (step& s : r.steps) {
      if (s.what == kind::apply && s.op->text == "tanh(a)") s.op = &wrong;
    }
    const auto found = look(r);
    if (!found || r.steps.size() < 15) continue;
    const shrunk_recipe s = shrunk(r, *found, look);
    return {s, cpp_of(s.small, "Shrunk", s.found)};
  }
  return {};
}

TEST(RandomPrograms, AWrongKernelIsFoundAndShrunk) {
  const operation wrong{"", pattern::one,
                        [](const place_holders& p) { return apply<wrong_value>(p.x[0]); },
                        "apply<wrong_value>(a)"};
  const auto [shrunk, text] = caught(wrong);
  EXPECT_LE(shrunk.small.steps.size(), 2u) << text;
  EXPECT_NE(text.find("v1 = apply<wrong_value>(v0);"), std::string::npos) << text;
  EXPECT_NE(text.find("code(t, {v0}, {v1});"), std::string::npos) << text;
  EXPECT_NE(text.find("EXPECT_NEAR(code.output(0)"), std::string::npos) << text;
}

TEST(RandomPrograms, AWrongDerivativeIsFoundAndShrunk) {
  const operation wrong{"", pattern::one,
                        [](const place_holders& p) { return apply<wrong_derivative>(p.x[0]); },
                        "apply<wrong_derivative>(a)"};
  const auto [shrunk, text] = caught(wrong);
  EXPECT_LE(shrunk.small.steps.size(), 4u) << text;
  EXPECT_NE(text.find("apply<wrong_derivative>(v0);"), std::string::npos) << text;
  EXPECT_NE(text.find("= gradient("), std::string::npos) << text;
  EXPECT_NE(text.find("EXPECT_NEAR(slope, "), std::string::npos) << text;
}

// Central differences of the interpreter's own element-wise rules.
TEST(Interpreter, HasTheSlopesOfItsValues) {
  int compared = 0;
  for (const op_case& c : op_cases()) {
    element_rule rule = nullptr;
    try {
      rule = rule_of(c.name);
    } catch (const std::out_of_range&) {
      continue;
    }
    for (int at = 0; at < 20; ++at) {
      const number a{0.3L + 0.01L * at, 0.7L, 0}, b{0.45L + 0.02L * at, -0.4L, 0}, x{0.6L, 0.9L, 0};
      const long double h = 1e-6L;
      const auto moved = [&](number n, long double by) { return number{n.x + by * n.slope, 0, 0}; };
      const auto value = [&](long double by) {
        return rule(moved(a, by), moved(b, by), moved(x, by), 0).x;
      };
      const long double slope = rule(a, b, x, 0).slope;
      EXPECT_NEAR(static_cast<double>(slope), static_cast<double>((value(h) - value(-h)) / (2 * h)),
                  1e-9)
          << c.name << " at " << at;
      ++compared;
    }
  }
  EXPECT_GE(compared, 26 * 20);
}

}  // namespace
}  // namespace cotape::tests

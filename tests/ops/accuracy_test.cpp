// How far every operation is off, through compiled programs: within the
// bounds of docs/accuracy.md for all arguments, and right for NaN, infinities, zeros and denormals.
#include "accuracy.hpp"

#include <iomanip>
#include <iostream>
#include <limits>
#include <set>

namespace cotape::tests {

namespace {

double error_in_trial(const op_case& c, const arrays& x, dtype d) {
  graph_under_test g(c, x, d);
  const variable y = c.apply(g.inputs);
  return largest_error(c, x, g.run(y), y.dtype());
}

double measured_error(const op_case& c, dtype d, engine& random) {
  if (c.elementwise) {
    return error_in_trial(c, draw_widely(c, d, random), d);
  }
  double worst = 0;
  const std::size_t trials = 10 + number_of_arguments() / 10000;
  for (std::size_t i = 0; i < trials; ++i) {
    const bool grown = c.grows && i % 4 == 0;
    const auto shapes = grown ? grown_shapes(c, 4096) : own_shapes(c);
    worst = std::max(worst, error_in_trial(c, draw_scaled(c, shapes, d, random), d));
  }
  return worst;
}

}  // namespace

TEST(Accuracy, IsDocumentedForEveryOperation) {
  std::set<std::string> used;
  for (const op_case& c : op_cases()) {
    EXPECT_NE(documented_name(c), "") << c.text() << ": add its accuracy to docs/accuracy.md";
    used.insert(documented_name(c));
  }
  for (const auto& [name, bounds] : documented_bounds()) {
    EXPECT_TRUE(used.contains(name)) << name << " of docs/accuracy.md is no operation";
  }
}

TEST(Accuracy, IsAsDocumented) {
  engine random(21);
  std::map<std::string, error_bounds> worst;
  for (const op_case& c : op_cases()) {
    error_bounds& w = worst[documented_name(c)];
    w.float32 = std::max(w.float32, measured_error(c, float32, random));
    w.float64 = std::max(w.float64, measured_error(c, float64, random));
  }
  // The references are off by up to a thousandth of a double's unit themselves.
  for (const auto& [name, w] : worst) {
    std::cout << std::left << std::setw(45) << name << std::setprecision(4) << std::setw(10)
              << w.float32 << w.float64 << "\n";
    if (!documented_bounds().contains(name)) continue;
    const error_bounds bounds = documented_bounds().at(name);
    EXPECT_LE(w.float32, bounds.float32) << name << " in float32";
    EXPECT_LE(w.float64, bounds.float64) << name << " in float64";
  }
}

namespace {

// NaN, infinity and zero with its sign, where the function is one of these.
bool alike(double got, real exact, dtype d) {
  const double wanted =
      d == float32 ? static_cast<double>(static_cast<float>(exact)) : static_cast<double>(exact);
  if (std::isnan(wanted)) return std::isnan(got);
  if (std::isinf(wanted)) return got == wanted;
  if (wanted == 0) return got == 0 && std::signbit(got) == std::signbit(wanted);
  return std::isfinite(got) && std::signbit(got) == std::signbit(wanted);
}

}  // namespace

TEST(Accuracy, HoldsForSpecialNumbers) {
  for (const op_case& c : op_cases()) {
    if (!c.elementwise || !c.unbounded) continue;
    for (dtype d : {float32, float64}) {
      const arrays x = special_arguments(c.inputs.size(), d);
      graph_under_test g(c, x, d);
      const array y = g.run(c.apply(g.inputs));
      for (std::size_t i = 0; i < y.data.size(); ++i) {
        std::vector<real> arguments;
        std::string text;
        for (const array& a : x) {
          arguments.push_back(a.data[i]);
          text += " " + std::to_string(a.data[i]);
        }
        const real exact = c.exact(arguments);
        if (y.data[i] == 0 && std::abs(exact) < c.flushes * 1e-38L && d == float32) continue;
        if (y.data[i] == 0 && std::abs(exact) < c.flushes * 2e-308L) continue;
        EXPECT_TRUE(alike(y.data[i], exact, d)) << c.text() << " in " << name_of(d) << " at" << text
                                                << ": " << y.data[i] << ", not " << exact;
      }
    }
  }
}

// Products for whole exponents, whether its neighbours have the same exponent or not.
TEST(Accuracy, OfAPowerDoesNotDependOnItsNeighbours) {
  engine random(22);
  for (dtype d : {float32, float64}) {
    const array x = rounded(draw({{17 * 40}, interval(-4, 4)}, random), d);
    array n(x.shape);
    for (std::size_t i = 0; i < n.data.size(); ++i) n.data[i] = static_cast<double>(i % 17) - 8;
    graph_under_test g;
    const variable base = g.input(d, x);
    variables powers{power(base, g.input(d, n))};
    for (int k = -8; k <= 8; ++k) powers.push_back(power(base, k));
    const arrays y = g.run(powers);
    for (std::size_t i = 0; i < n.data.size(); ++i) {
      EXPECT_EQ(y[0].data[i], y[1 + i % 17].data[i]) << x.data[i] << " to " << n.data[i];
    }
  }
}

}  // namespace cotape::tests

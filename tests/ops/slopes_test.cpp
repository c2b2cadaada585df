// How far every operation's first derivatives are off, as compiled reverse sweeps give them: within
// the bounds of docs/accuracy.md. What is right comes from the interpreter of random programs,
// which carries slopes forward in long double.
#include <cfloat>
#include <iomanip>
#include <iostream>
#include <limits>
#include <set>

#include "accuracy.hpp"
#include "program/interpreter.hpp"

namespace cotape::tests {

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr auto slopes = quantity::first_derivative;

// The result, with its slopes where the inputs move along a direction.
number_array moving(const op_case& c, const arrays& x, const arrays& direction) {
  graph_under_test g(c, x, float64);
  const variable y = c.apply(g.inputs);
  interpreter exact(g.t);
  for (std::size_t i = 0; i < x.size(); ++i) {
    exact.bind(g.inputs[i], g.values[i], direction[i].data);
  }
  exact.run();
  return exact.at(y);
}

arrays nowhere(const arrays& x) {
  arrays direction;
  for (const array& a : x) direction.emplace_back(a.shape);
  return direction;
}

bool is_differentiated(const argument& a) {
  return a.from.kind != domain::kind::whole && a.from.kind != domain::kind::indices;
}

// In units in the last place of the slope, or of the sizes of its terms. Rules are made of values
// and reciprocals: with denormal numbers they lose digits.
double error_of_slope(const op_case& c, const std::vector<real>& at, real got, const number& exact,
                      dtype d) {
  const real least = d == float32 ? FLT_MIN : DBL_MIN, most = d == float32 ? FLT_MAX : DBL_MAX;
  const auto is_denormal = [&](real x) { return x != 0 && std::abs(x) < least; };
  if (is_denormal(exact.x) || std::any_of(at.begin(), at.end(), is_denormal)) return 0;
  const bool moderate = std::abs(exact.slope) < most / 1024 && !std::isnan(exact.x);
  if (at.size() > 1 && !moderate) return 0;
  if (std::isnan(exact.x)) return std::isnan(got) ? 0 : infinity;  // as the value
  if (got == 0 && std::abs(exact.slope) < (c.flushes > 0 ? 1024 : 1) * least) return 0;
  const real terms = c.slope_terms ? c.slope_terms(at) : 0;
  return error_in_units(got, exact.slope, std::max(std::abs(exact.slope), terms), d);
}

double worst_element(const op_case& c, dtype d, engine& random) {
  const arrays x = draw_widely(c, d, random);
  double worst = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (!is_differentiated(c.inputs[i])) continue;
    graph_under_test g(c, x, d);
    const array got = g.run(gradient(sum(c.apply(g.inputs)), g.inputs[i]));
    arrays direction = nowhere(x);
    direction[i] = array(x[i].shape, 1);
    const number_array exact = moving(c, x, direction);
    for (std::size_t k = 0; k < exact.size(); ++k) {
      std::vector<real> at;
      for (const array& a : x) at.push_back(a.data[k]);
      worst = std::max(worst, error_of_slope(c, at, got.data[k], exact[k], d));
    }
  }
  return worst;
}

// In epsilons of the largest sum of sizes that an input's element takes part in, of one cotangent.
double error_in_trial(const op_case& c, dtype d, engine& random) {
  arrays x = draw(c, random);
  for (array& a : x) a = rounded(a, d);
  graph_under_test g(c, x, d);
  const variable y = c.apply(g.inputs);
  const array w = rounded(draw_normal(y.shape(), random), y.dtype());
  double worst = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (!is_differentiated(c.inputs[i])) continue;
    const array got = g.run(vjp(y, {g.inputs[i]}, g.t.constant(to_tensor(w, y.dtype())))[0]);
    real size = 0, error = 0;
    for (std::size_t k = 0; k < x[i].data.size(); ++k) {
      arrays direction = nowhere(x);
      direction[i].data[k] = 1;
      const number_array exact = moving(c, x, direction);
      real wanted = 0, sizes = 0;
      for (std::size_t j = 0; j < exact.size(); ++j) {
        wanted += w.data[j] * exact[j].slope;
        sizes += std::abs(w.data[j] * exact[j].slope);
      }
      size = std::max(size, sizes);
      error = std::max(error, std::abs(got.data[k] - wanted));
    }
    const real epsilon = std::ldexp(1.0L, d == float32 ? -23 : -52);
    if (error != 0) worst = std::max(worst, static_cast<double>(error / (epsilon * size)));
  }
  return worst;
}

// Rows at special points, where slopes are 0 or infinite, say themselves what is right.
bool is_measured(const op_case& c) { return c.derivative == slope::smooth && !c.is_fixed(); }

double measured_error(const op_case& c, dtype d, engine& random) {
  if (c.elementwise) return worst_element(c, d, random);
  double worst = 0;
  const std::size_t trials = 3 + number_of_arguments() / 30000;
  for (std::size_t i = 0; i < trials; ++i) worst = std::max(worst, error_in_trial(c, d, random));
  return worst;
}

}  // namespace

TEST(Slopes, HaveADocumentedAccuracyForEveryOperation) {
  std::set<std::string> used;
  for (const op_case& c : op_cases()) {
    if (!is_measured(c)) continue;
    EXPECT_NE(documented_name(c, slopes), "")
        << c.text() << ": add the accuracy of its first derivatives to docs/accuracy.md";
    used.insert(documented_name(c, slopes));
  }
  for (const auto& [name, bounds] : documented_bounds(slopes)) {
    EXPECT_TRUE(used.contains(name)) << name << " of docs/accuracy.md has no derivative";
  }
}

TEST(Slopes, AreAsAccurateAsDocumented) {
  engine random(23);
  std::map<std::string, error_bounds> worst;
  for (const op_case& c : op_cases()) {
    if (!is_measured(c)) continue;
    const std::string name = documented_name(c, slopes);
    error_bounds& w = worst[name.empty() ? c.text() : name];
    w.float32 = std::max(w.float32, measured_error(c, float32, random));
    w.float64 = std::max(w.float64, measured_error(c, float64, random));
  }
  for (const auto& [name, w] : worst) {
    std::cout << std::left << std::setw(50) << name << std::setprecision(4) << std::setw(10)
              << w.float32 << w.float64 << "\n";
    if (!documented_bounds(slopes).contains(name)) continue;
    const error_bounds bounds = documented_bounds(slopes).at(name);
    EXPECT_LE(w.float32, bounds.float32) << name << " in float32";
    EXPECT_LE(w.float64, bounds.float64) << name << " in float64";
  }
}

namespace {

// The gradient in one operand, the whole of it or for a bound cotangent of ones.
array gradient_in(const op_case& c, const arrays& x, std::size_t i, dtype d, bool bound,
                  bool fuse) {
  graph_under_test g(c, x, d);
  const variable y = c.apply(g.inputs), operand = g.inputs[i];
  const variable dy = bound ? g.input(y.dtype(), array(y.shape(), 1)) : variable();
  const variable dx = bound ? vjp(y, {operand}, dy)[0] : gradient(sum(y), operand);
  return g.run({dx}, {.fuse = fuse})[0];
}

// Every n-th element is one of x, the others are 0.7.
arrays among_others(const arrays& x, std::size_t n) {
  arrays result;
  for (const array& a : x) {
    result.emplace_back(shape{a.shape[0] * static_cast<std::int64_t>(n)}, 0.7);
    for (std::size_t k = 0; k < a.data.size(); ++k) result.back().data[n * k] = a.data[k];
  }
  return result;
}

bool same_bits(double a, double b) {
  return (std::isnan(a) && std::isnan(b)) || (a == b && std::signbit(a) == std::signbit(b));
}

}  // namespace

// Neither on neighbours, nor on fusion, nor on whether the cotangent is known to be 1.
TEST(Slopes, OfSpecialNumbersDependOnNothingAround) {
  for (const op_case& c : op_cases()) {
    if (!c.elementwise || c.derivative != slope::smooth) continue;
    for (dtype d : {float32, float64}) {
      const arrays x = special_arguments(c.inputs.size(), d);
      for (std::size_t i = 0; i < x.size(); ++i) {
        if (!is_differentiated(c.inputs[i])) continue;
        const array wanted = gradient_in(c, x, i, d, true, false);
        for (int way = 0; way < 4; ++way) {
          const bool apart = way / 2 == 1, bound = way % 2 == 1;
          const std::size_t stride = apart ? 16 : 1;
          const array got = gradient_in(c, apart ? among_others(x, 16) : x, i, d, bound, true);
          for (std::size_t k = 0; k < wanted.data.size(); ++k) {
            if (same_bits(got.data[k * stride], wanted.data[k])) continue;
            ADD_FAILURE() << c.text() << " in " << name_of(d) << ", operand " << i << " at "
                          << x[0].data[k] << " " << x.back().data[k] << ": " << wanted.data[k]
                          << ", but " << got.data[k * stride]
                          << (bound ? " with a bound cotangent" : "") << (apart ? ", apart" : "");
            break;
          }
        }
      }
    }
  }
}

}  // namespace cotape::tests

// The interpreter's element-wise rules: each from the mathematics, with its derivative and with the
// errors of docs/accuracy.md.
#include <algorithm>
#include <cmath>
#include <numbers>
#include <stdexcept>
#include <string>

#include "node_rules.hpp"

namespace cotape::tests {

namespace {

constexpr double unknown = std::numeric_limits<double>::infinity();

double magnitude(long double x) { return static_cast<double>(std::abs(x)); }

// y = f(a) with f' = d and |f''| <= curve near a, to `ulps` units in the last place. A derivative
// says nothing of an operand whose error is not small against its distance from a singularity.
number smooth(number a, long double y, long double d, double curve, double u, double ulps = 8,
              double distance = 1) {
  number r{y, d * a.slope, 0};
  if (a.slope == 0) r.slope = 0;
  r.error = !(a.error <= 0.05 * distance)
                ? unknown
                : magnitude(d) * a.error + curve * a.error * a.error + 2 * ulps * u * magnitude(y);
  return r;
}

// 1 or 0 for a comparison that holds by the operands' difference; unknown if that may be either.
number decided(bool holds, number a, number b) {
  const double error = a.error + b.error;
  const bool sure = error == 0 || magnitude(a.x - b.x) > 8 * error;
  return {holds ? 1.0L : 0.0L, 0, sure ? 0 : unknown};
}

number chosen(bool first, number a, number b) { return first ? a : b; }

// a b where products with an exact 0 are 0 whatever the other is.
number absorbed(bool zero, number a, number b, double u) {
  if (!zero) return product_of(a, b, u);
  const long double by_a = a.x == 0 && a.slope != 0 ? a.slope * b.x : 0;
  return {0, by_a + (b.x == 0 && b.slope != 0 ? b.slope * a.x : 0), 0};
}
bool is_zero(number a) { return a.x == 0 && a.error == 0; }

number larger(number a, number b) {
  if (a.x == b.x) return {a.x, (a.slope + b.slope) / 2, std::max(a.error, b.error)};
  const number& best = a.x > b.x ? a : b;
  return {best.x, best.slope, std::max(a.error, b.error)};
}
number minus(number a) { return {-a.x, -a.slope, a.error}; }

number reciprocal_rule(number a, number, number, double u) {
  const long double y = 1 / a.x;
  return smooth(a, y, -y * y, 4 * magnitude(y * y * y), u, 1, magnitude(a.x));
}
number divide_rule(number a, number b, number, double u) {
  number r = product_of(a, reciprocal_rule(b, {}, {}, u), u);
  r.x = a.x / b.x;
  return r;
}
number log_rule(number a, number, number, double u) {
  return smooth(a, std::log(a.x), 1 / a.x, 2 / magnitude(a.x * a.x), u, 2, magnitude(a.x));
}
number log1p_rule(number a, number, number, double u) {
  const long double d = 1 / (1 + a.x);
  return smooth(a, std::log1p(a.x), d, 2 * magnitude(d * d), u, 2, magnitude(1 + a.x));
}
number sqrt_rule(number a, number, number, double u) {
  const long double y = std::sqrt(a.x);
  return smooth(a, y, 0.5L / y, 1 / magnitude(y * y * y), u, 1, magnitude(a.x));
}
// e^(-x^2/2) in two factors: the square of a number of few digits is exact.
long double gaussian_at(long double x) {
  const long double few = static_cast<float>(x);
  if (!(std::abs(x) < 200)) return std::isnan(x) ? x : 0;
  return std::exp(-few * few / 2) * std::exp((few - x) * (few + x) / 2);
}
number exp_rule(number a, number, number, double u) {
  const long double y = std::exp(a.x);
  return smooth(a, y, y, 2 * magnitude(y), u, 2);
}
number sigmoid_rule(number a, number, number, double u) {
  const long double y = 1 / (1 + std::exp(-a.x));
  return smooth(a, y, y * (1 - y), 1, u, 3);
}
number power_rule(number a, number b, number, double u) {
  const long double y = std::pow(a.x, b.x), n = b.x;
  const bool whole = std::trunc(n) == n && b.error == 0;
  number r{y, 0, 0};
  const long double by_base = n == 0 ? 0 : n * std::pow(a.x, n - 1);
  const long double by_exponent = y == 0 || b.slope == 0 ? 0 : y * std::log(a.x);
  r.slope = (a.slope == 0 ? 0 : by_base * a.slope) + by_exponent * b.slope;
  const double distance = whole && n >= 0 ? 1 + magnitude(a.x) : magnitude(a.x);
  if (!(a.error <= 0.05 * distance && b.error <= 0.05)) return {y, r.slope, unknown};
  const double curve = whole && n >= 0
                           ? std::pow(1 + magnitude(a.x), magnitude(n)) * magnitude(n * n)
                           : magnitude(y) * (magnitude(n * n) + 1) / magnitude(a.x * a.x);
  const double by_b = b.error == 0 ? 0 : magnitude(y * std::log(a.x));
  r.error = magnitude(by_base) * a.error + curve * a.error * a.error + by_b * b.error * 2 +
            2 * (8 + magnitude(n)) * u * magnitude(y);
  return r;
}
number xlogy_rule(number a, number b, number, double u) {
  if (a.x == 0 && a.error == 0) {
    return {0, a.slope == 0 ? 0 : a.slope * std::log(b.x), 0};
  }
  return product_of(a, log_rule(b, {}, {}, u), 2 * u);
}

using entry = std::pair<const std::string_view, element_rule>;

const std::map<std::string_view, element_rule>& rules() {
  static const std::map<std::string_view, element_rule> table{
      entry{"add", [](number a, number b, number, double u) { return sum_of(a, b, u); }},
      entry{"multiply", [](number a, number b, number, double u) { return product_of(a, b, u); }},
      entry{"divide", divide_rule},
      entry{"power", power_rule},
      entry{"xlogy", xlogy_rule},
      entry{"reciprocal", reciprocal_rule},
      entry{"exp", exp_rule},
      entry{"log", log_rule},
      entry{"log1p", log1p_rule},
      entry{"sqrt", sqrt_rule},
      entry{"sigmoid", sigmoid_rule},
      entry{"maximum", [](number a, number b, number, double) { return larger(a, b); }},
      entry{"minimum",
            [](number a, number b, number, double) { return minus(larger(minus(a), minus(b))); }},
      entry{"less", [](number a, number b, number, double) { return decided(a.x < b.x, a, b); }},
      entry{"less_equal",
            [](number a, number b, number, double) { return decided(a.x <= b.x, a, b); }},
      entry{"equal", [](number a, number b, number, double) { return decided(a.x == b.x, a, b); }},
      entry{"chain",
            [](number a, number b, number, double u) { return absorbed(is_zero(a), a, b, u); }},
      entry{"absorbing_multiply",
            [](number a, number b, number, double u) {
              return absorbed(is_zero(a) || is_zero(b), a, b, u);
            }},
      entry{"select",
            [](number a, number b, number c, double) {
              number r = chosen(a.x != 0, b, c);
              if (!(a.error == 0 || magnitude(a.x) > 2 * a.error)) r.error = unknown;
              return r;
            }},
      entry{"exp_quotient",
            [](number, number b, number c, double u) { return divide_rule(b, c, {}, u); }},
      entry{"undo_exp_quotient",
            [](number a, number b, number c, double u) {
              return sum_of(log_rule(product_of(a, b, u), {}, {}, u), minus(c), u);
            }},
      entry{"broadcast_to", [](number a, number, number, double) { return a; }},
      entry{"expm1",
            [](number a, number, number, double u) {
              const long double d = std::exp(a.x);
              return smooth(a, std::expm1(a.x), d, 2 * magnitude(d), u, 3);
            }},
      entry{"sin",
            [](number a, number, number, double u) {
              return smooth(a, std::sin(a.x), std::cos(a.x), 1, u, 3);
            }},
      entry{"cos",
            [](number a, number, number, double u) {
              return smooth(a, std::cos(a.x), -std::sin(a.x), 1, u, 3);
            }},
      entry{"tanh",
            [](number a, number, number, double u) {
              const long double y = std::tanh(a.x);
              return smooth(a, y, 1 - y * y, 1, u, 4);
            }},
      entry{"logit",
            [](number a, number, number, double u) {
              const long double d = 1 / (a.x * (1 - a.x));
              return smooth(a, std::log(a.x / (1 - a.x)), d, 2 * magnitude(d * d), u, 4,
                            magnitude(std::min(a.x, 1 - a.x)));
            }},
      entry{"softplus",
            [](number a, number, number, double u) {
              const long double y = std::max(a.x, 0.0L) + std::log1p(std::exp(-std::abs(a.x)));
              return smooth(a, y, 1 / (1 + std::exp(-a.x)), 1, u, 2);
            }},
      entry{"relu",
            [](number a, number, number, double) {
              if (a.x > 0 || std::isnan(a.x)) return a;
              return number{0, 0, std::max(0.0, a.error - magnitude(a.x))};
            }},
      entry{"gaussian",
            [](number a, number, number, double u) {
              const long double y = gaussian_at(a.x);
              return smooth(a, y, y == 0 ? 0 : -a.x * y, 1, u, 3);
            }},
      entry{"erf",
            [](number a, number, number, double u) {
              const long double g = gaussian_at(a.x);
              const long double d = 2 * std::numbers::inv_sqrtpi_v<long double> * g * g;
              return smooth(a, std::erf(a.x), d, 1, u, 3);
            }},
      entry{"normal_cdf",
            [](number a, number, number, double u) {
              const long double root = std::numbers::sqrt2_v<long double>;
              const long double d =
                  gaussian_at(a.x) / root * std::numbers::inv_sqrtpi_v<long double>;
              return smooth(a, std::erfc(-a.x / root) / 2, d, 1, u, 7);
            }},
      entry{"abs",
            [](number a, number, number, double) {
              return a.x < 0 ? minus(a) : a.x == 0 ? number{0, 0, a.error} : a;
            }},
      entry{"sign",
            [](number a, number, number, double) {
              const bool sure = a.error == 0 || magnitude(a.x) > 2 * a.error;
              const long double y = a.x > 0 ? 1 : a.x < 0 ? -1 : a.x;
              return number{y, 0, sure ? 0 : unknown};
            }}};
  return table;
}

}  // namespace

// The rounding error of y; none where the dtype holds what exact operands give.
static double rounding(long double y, bool exact, double u) {
  const bool held =
      u == unit_of(float32) ? static_cast<float>(y) == y : static_cast<double>(y) == y;
  return exact && held ? 0 : u * magnitude(y);
}

number sum_of(number a, number b, double u) {
  const long double y = a.x + b.x;
  const double error = a.error + b.error;
  return {y, a.slope + b.slope, error + rounding(y, error == 0, u)};
}

number product_of(number a, number b, double u) {
  const long double y = a.x * b.x;
  const double error = magnitude(a.x) * b.error + magnitude(b.x) * a.error + a.error * b.error;
  const bool exact = a.error == 0 && b.error == 0;
  return {y, (a.slope == 0 ? 0 : a.slope * b.x) + (b.slope == 0 ? 0 : a.x * b.slope),
          error + rounding(y, exact, u)};
}

double unit_of(dtype d) { return d == float32 ? 0x1p-24 : d == float64 ? 0x1p-53 : 0; }

element_rule rule_of(std::string_view name) {
  const auto it = rules().find(name);
  if (it == rules().end())
    throw std::out_of_range(std::string(name) + ": no rule in element_rules");
  return it->second;
}

}  // namespace cotape::tests

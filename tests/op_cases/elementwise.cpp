// Op cases: element-wise operations, each with its scalar function from the mathematics.
#include "op_cases.hpp"
#include "sinc.hpp"

namespace cotape::tests {

namespace {

using unary_operation = variable (*)(operand);
using binary_operation = variable (*)(operand, operand);
using ternary_operation = variable (*)(operand, operand, operand);

using reals = std::vector<real>;

// The row of an element-wise operation that `exact` defines.
op_case elementwise(std::string name, std::vector<domain> from,
                    std::function<real(const reals&)> exact,
                    std::function<variable(const variables&)> apply,
                    slope derivative = slope::smooth) {
  op_case c{std::move(name), "", {}, std::move(apply), {}, derivative};
  for (const domain& d : from) c.inputs.push_back({{3, 4}, d});
  c.reference = [exact](const arrays& x) {
    return each_element(
        [&](const numbers& e) {
          return static_cast<double>(exact({e.begin(), e.end()}));
        },
        x);
  };
  c.exact = std::move(exact);
  c.elementwise = true;
  return c;
}

op_case one(std::string name, unary_operation f, real (*reference)(real), domain from = {},
            std::vector<domain> also = {}) {
  op_case c = elementwise(
      std::move(name), {from}, [reference](const reals& e) { return reference(e[0]); },
      [f](const variables& v) { return f(v[0]); });
  c.also = std::move(also);
  return c;
}

op_case two(std::string name, binary_operation f, real (*reference)(real, real), domain from_a = {},
            domain from_b = {}, slope derivative = slope::smooth) {
  return elementwise(
      std::move(name), {from_a, from_b},
      [reference](const reals& e) { return reference(e[0], e[1]); },
      [f](const variables& v) { return f(v[0], v[1]); }, derivative);
}

op_case three(std::string name, ternary_operation f, real (*reference)(real, real, real),
              domain from_a, domain from_b, domain from_c) {
  return elementwise(
      std::move(name), {from_a, from_b, from_c},
      [reference](const reals& e) { return reference(e[0], e[1], e[2]); },
      [f](const variables& v) { return f(v[0], v[1], v[2]); });
}

op_case with_integers(op_case c) {
  c.integers = true;
  return c;
}

op_case comparison(std::string name, binary_operation f, real (*reference)(real, real)) {
  return with_integers(two(std::move(name), f, reference, whole(-2, 2), whole(-2, 2), slope::zero));
}

op_case flat(op_case c) {
  c.derivative = slope::zero;
  return c;
}

// power with the same whole exponent everywhere: negative bases are allowed.
op_case whole_power(double n) {
  op_case c = elementwise(
      "power", {away_from_zero()}, [n](const reals& e) { return std::pow(e[0], real(n)); },
      [n](const variables& v) { return power(v[0], n); });
  c.variant = "whole n, " + std::to_string(static_cast<int>(n));
  c.also = {interval(-4, 4), interval(0.9, 1.1)};
  return c;
}

real sign_of(real x) { return x > 0 ? 1 : x < 0 ? -1 : x; }
real logistic(real x) { return 1 / (1 + std::exp(-x)); }
real softplus_of(real x) { return x > 0 ? x + std::log1p(std::exp(-x)) : std::log1p(std::exp(x)); }
real relu_of(real x) { return x <= 0 ? 0 : x; }
real logit_of(real x) {
  if (std::abs(2 * x - 1) < 0.5L) return std::log1p((2 * x - 1) / (1 - x));
  return std::log(x / (1 - x));
}
// In two factors: the square of a number of few digits is exact.
real gaussian_of(real x) {
  const real few = static_cast<float>(x);
  return std::abs(x) < 200 ? std::exp(-few * few / 2) * std::exp((few - x) * (few + x) / 2)
         : std::isnan(x)   ? x
                           : 0;
}
real normal_cdf_of(real x) { return std::erfc(-x * std::sqrt(0.5L)) / 2; }
real normal_density(real x) { return std::exp(-x * x / 2) / std::sqrt(2 * std::acos(-1.0L)); }
real elu_of(real x) { return x > 0 ? x : std::expm1(x); }
real times(real x, real factor) { return factor == 0 ? 0 : x * factor; }
constexpr real selu_scale = 1.0507009873554804934L, selu_alpha = 1.6732632423543772848L;
real selu_of(real x) { return selu_scale * (x > 0 ? x : selu_alpha * std::expm1(x)); }
real softsign_of(real x) { return std::isinf(x) ? sign_of(x) : x / (1 + std::abs(x)); }
real between(real x, real low, real high) { return x < low ? low : x > high ? high : x; }
real relu6_of(real x) { return between(x == 0 ? 0 : x, 0, 6); }
real hard_sigmoid_of(real x) { return relu6_of(x + 3) / 6; }
real tanh_of_softplus(real x) { return std::tanh(softplus_of(x)); }

void append_unary(std::vector<op_case>& rows) {
  const auto add = [&](op_case c) { rows.push_back(std::move(c)); };
  add(one("exp", exp, [](real x) { return std::exp(x); }, {},
          {interval(-110, 90), interval(-750, 710)}));
  add(one("expm1", expm1, [](real x) { return std::expm1(x); }, {},
          {interval(-20, 90), interval(-40, 710)}));
  add(one("log", log, [](real x) { return std::log(x); }, interval(0.1, 4),
          {interval(0.99, 1.01), interval(0, 100)}));
  add(one("log1p", log1p, [](real x) { return std::log1p(x); }, interval(-0.8, 3),
          {interval(-0.01, 0.01), interval(-1, 100)}));
  add(one(
      "sqrt", sqrt, [](real x) { return std::sqrt(x); }, interval(0.1, 4)));
  op_case wave = one("sinc", sinc, sinc_of, {}, {interval(-20, 20), interval(-1e6, 1e6)});
  wave.slope_terms = [](const reals&) { return std::acos(-1.0L) / 2; };  // its bound
  add(wave);
  const std::vector<domain> angles{interval(-100, 100), interval(-1e6, 1e6)};
  add(one(
      "sin", sin, [](real x) { return std::sin(x); }, interval(-4, 4), angles));
  add(one(
      "cos", cos, [](real x) { return std::cos(x); }, interval(-4, 4), angles));
  op_case t = one("tanh", tanh, [](real x) { return std::tanh(x); }, {},
                  {interval(-10, 10), interval(-20, 20)});
  t.slope_terms = [](const reals&) { return 1; };  // 1 - y^2
  add(t);
  const std::vector<domain> slopes{interval(-1, 1), interval(-20, 20), interval(-110, 110),
                                   interval(-750, 750)};
  op_case s = one("sigmoid", sigmoid, logistic, interval(-4, 4), slopes);
  s.flushes = 1;
  s.slope_terms = [](const reals& e) { return logistic(e[0]); };  // y - y^2
  add(s);
  add(one("relu", relu, relu_of, away_from_zero()));
  add(one("gaussian", gaussian, gaussian_of, {},
          {interval(-1, 1), interval(-15, 15), interval(-39, 39)}));
  add(one("erf", erf, [](real x) { return std::erf(x); }, {}, {interval(-1, 1), interval(-7, 7)}));
  add(one("normal_cdf", normal_cdf, normal_cdf_of, {}, {interval(-15, 15), interval(-40, 10)}));
  add(with_integers(one(
      "abs", abs, [](real x) { return x <= 0 ? 0 - x : x; }, away_from_zero())));
  add(with_integers(flat(one("sign", sign, sign_of, away_from_zero()))));
  add(one(
      "reciprocal", reciprocal, [](real x) { return 1 / x; }, away_from_zero()));
  add(with_integers(one("negate", negate, [](real x) { return -x; })));
  add(with_integers(one("square", square, [](real x) { return x * x; })));
  add(one("logit", logit, logit_of, interval(0.05, 0.45),
          {interval(0, 1), interval(0.49, 0.51), interval(0.25, 0.75), interval(0.9, 1)}));
  add(one("softplus", softplus, softplus_of, interval(-4, 4), slopes));
  add(with_integers(flat(one("stop_gradient", stop_gradient, [](real x) { return x; }))));
  for (double n : {-2.0, 0.0, 1.0, 3.0, 13.0}) add(whole_power(n));
}

// Away from their corners at -3, -1, 0, 1, 3 and 6.
void append_hard(std::vector<op_case>& rows) {
  const domain off{-8, 8, domain::kind::comb, 0.4};
  const std::vector<domain> wide{interval(-20, 20)};
  rows.push_back(one("relu6", relu6, relu6_of, off, wide));
  rows.push_back(one("hard_sigmoid", hard_sigmoid, hard_sigmoid_of, off, wide));
  op_case swish = one(
      "hard_silu", hard_silu, [](real x) { return times(x, hard_sigmoid_of(x)); }, off, wide);
  swish.slope_terms = [](const reals& e) {
    return hard_sigmoid_of(e[0]) + (std::abs(e[0]) < 3 ? std::abs(e[0]) / 6 : 0);
  };
  rows.push_back(swish);
  rows.push_back(one(
      "hard_tanh", hard_tanh, [](real x) { return between(x, -1, 1); }, off, wide));
}

void append_activations(std::vector<op_case>& rows) {
  const auto add = [&](op_case c) { rows.push_back(std::move(c)); };
  const domain kinked = away_from_zero();
  const std::vector<domain> tails{interval(-20, 20), interval(-110, 110), interval(-750, 750)};
  add(with_integers(one("identity", identity, [](real x) { return x; })));
  for (real at_zero : {0.0L, 1.0L, 0.5L}) {
    add(elementwise(
        "heaviside", {whole(-2, 2)},
        [=](const reals& e) { return e[0] == 0 ? at_zero : relu_of(sign_of(e[0])); },
        [=](const variables& v) { return heaviside(v[0], static_cast<double>(at_zero)); },
        slope::zero));
    rows.back().variant = "at zero " + std::to_string(at_zero);
  }
  add(one(
      "leaky_relu", [](operand x) { return leaky_relu(x); },
      [](real x) { return x > 0 ? x : 0.01L * x; }, kinked));
  add(one(
      "leaky_relu", [](operand x) { return leaky_relu(x, 0.25); },
      [](real x) { return x > 0 ? x : 0.25L * x; }, kinked));
  add(one(
      "elu", [](operand x) { return elu(x); }, elu_of, kinked, tails));
  add(one(
      "elu", [](operand x) { return elu(x, 0.5); },
      [](real x) { return x > 0 ? x : elu_of(x) / 2; }, kinked, tails));
  add(one("selu", selu, selu_of, kinked, tails));
  add(one(
      "celu", [](operand x) { return celu(x); }, elu_of, kinked, tails));
  add(one(
      "celu", [](operand x) { return celu(x, 2); },
      [](real x) { return x > 0 ? x : 2 * elu_of(x / 2); }, kinked, tails));
  append_hard(rows);
  op_case soft = one("softsign", softsign, softsign_of, kinked, tails);
  soft.slope_terms = [](const reals& e) {
    const real r = 1 / (1 + std::abs(e[0]));
    return std::abs(e[0]) < 1 ? r + std::abs(e[0]) * r * r : r * r;
  };
  add(soft);
  add(one("exponential", exponential, [](real x) { return std::exp(x); }, {},
          {interval(-110, 90), interval(-750, 710)}));
  op_case swish = one(
      "silu", silu, [](real x) { return times(x, logistic(x)); }, interval(-4, 4), tails);
  swish.flushes = 1024;
  swish.slope_terms = [](const reals& e) { return logistic(e[0]) * (1 + std::abs(e[0])); };
  add(swish);
  op_case tamed = one(
      "mish", mish, [](real x) { return times(x, tanh_of_softplus(x)); }, interval(-4, 4), tails);
  tamed.flushes = 1024;
  tamed.slope_terms = [](const reals& e) { return logistic(e[0]) * (1 + std::abs(e[0])); };
  add(tamed);
  op_case gaussian = one("gelu", gelu, [](real x) { return times(x, normal_cdf_of(x)); },
                         interval(-4, 4), {interval(-15, 15), interval(-40, 10)});
  gaussian.slope_terms = [](const reals& e) {
    return normal_cdf_of(e[0]) + std::abs(e[0]) * normal_density(e[0]);
  };
  add(gaussian);
  op_case approximate = one("gelu_tanh", gelu_tanh,
                            [](real x) {
                              const real u =
                                  std::sqrt(2 / std::acos(-1.0L)) * (x + 0.044715L * x * x * x);
                              return times(x, logistic(2 * u));
                            },
                            interval(-4, 4), {interval(-12, 12), interval(-25, 10)});
  approximate.flushes = 32;
  approximate.slope_terms = [](const reals& e) {
    const real root = std::sqrt(8 / std::acos(-1.0L)), square = e[0] * e[0];
    const real u = root * e[0] * (1 + 0.044715L * square);
    return logistic(u) * (1 + std::abs(e[0]) * root * (1 + 3 * 0.044715L * square));
  };
  add(approximate);
  add(one(
      "log_sigmoid", log_sigmoid, [](real x) { return -softplus_of(-x); }, interval(-4, 4), tails));
}

void append_binary(std::vector<op_case>& rows) {
  const auto row = [&](op_case c) { rows.push_back(std::move(c)); };
  row(with_integers(two("add", add, [](real a, real b) { return a + b; })));
  row(with_integers(two("subtract", subtract, [](real a, real b) { return a - b; })));
  row(with_integers(two("multiply", multiply, [](real a, real b) { return a * b; })));
  row(two(
      "divide", divide, [](real a, real b) { return a / b; }, {}, away_from_zero()));
  row(two(
      "power", power, [](real a, real b) { return std::pow(a, b); }, interval(0.2, 3)));
  rows.back().also = {interval(0, 4), interval(-20, 20)};
  row(with_integers(two(
      "maximum", maximum, [](real a, real b) { return a > b || a != a ? a : b; }, comb(0),
      comb(0.5))));
  row(with_integers(two(
      "minimum", minimum, [](real a, real b) { return a < b || a != a ? a : b; }, comb(0),
      comb(0.5))));
  row(two(
      "xlogy", xlogy, [](real a, real b) { return a == 0 && b == b ? 0 : a * std::log(b); }, {},
      interval(0.1, 4)));
  row(two(
      "chain", chain, [](real a, real b) { return times(b, a); }, away_from_zero()));
  row(two(
      "absorbing_multiply", absorbing_multiply,
      [](real a, real b) { return a != 0 && b == 0 ? b : times(b, a); }, away_from_zero(),
      away_from_zero()));
  row(two("difference", difference, [](real a, real b) { return a == b ? 0 : a - b; }));
  row(two(
      "sinc_derivative", sinc_derivative,
      [](real a, real n) { return sinc_derivative_of(a, static_cast<int>(n)); }, interval(-8, 8),
      whole(0, 12)));
  rows.back().unbounded = false;
  rows.back().magnitude = [](const arrays& x) {  // its bound
    return each_element(
        [](const numbers& e) { return std::pow(std::acos(-1.0), e[1]) / (e[1] + 1); }, x);
  };
  rows.back().slope_terms = [](const reals& e) {
    return std::pow(std::acos(-1.0L), e[1] + 1) / (e[1] + 2);
  };
  row(comparison("less", less, [](real a, real b) { return a < b ? 1.0L : 0.0L; }));
  row(comparison("less_equal", less_equal, [](real a, real b) { return a <= b ? 1.0L : 0.0L; }));
  row(comparison("greater", greater, [](real a, real b) { return a > b ? 1.0L : 0.0L; }));
  row(comparison("greater_equal", greater_equal,
                 [](real a, real b) { return a >= b ? 1.0L : 0.0L; }));
  row(comparison("equal", equal, [](real a, real b) { return a == b ? 1.0L : 0.0L; }));
  row(comparison("not_equal", not_equal, [](real a, real b) { return a != b ? 1.0L : 0.0L; }));
}

// Its second operand is the exponential of its first.
op_case exp_quotient_case() {
  op_case c = two(
      "exp_quotient", nullptr, [](real a, real b) { return std::exp(a) / b; }, {},
      away_from_zero());
  c.apply = [](const variables& v) { return exp_quotient(v[0], exp(v[0]), v[1]); };
  c.unbounded = false;  // e^a must be a number
  return c;
}

void append_ternary(std::vector<op_case>& rows) {
  const auto choose = [](real a, real b, real c) { return a != 0 ? b : c; };
  const auto clamped = [](real x, real low, real high) {
    const real raised = x > low || x != x ? x : low;
    return raised < high || raised != raised ? raised : high;
  };
  const auto share = [](real a, real b, real tie) {
    const real x = a != a ? 1 : 0, y = b != b ? 1 : 0;  // NaN is the largest
    return x > y || a > b ? 1 : x < y || a < b ? 0 : tie;
  };
  rows.push_back(exp_quotient_case());
  rows.push_back(
      flat(three("share_of_maximum", share_of_maximum, share, whole(-2, 2), whole(-2, 2), {})));
  op_case undone = three("undo_exp_quotient", undo_exp_quotient,
                         [](real a, real b, real c) { return std::log(a * b) + c; },
                         interval(0.1, 0.9), interval(0.1, 0.9), {});
  undone.unbounded = false;
  undone.magnitude = [](const arrays& x) {
    return each_element(
        [](const numbers& e) { return std::abs(std::log(e[0] * e[1])) + std::abs(e[2]); }, x);
  };
  rows.push_back(undone);
  rows.push_back(with_integers(three("select", select, choose, whole(0, 1), {}, {})));
  rows.push_back(with_integers(three("where", where, choose, whole(-1, 1), {}, {})));
  rows.push_back(
      with_integers(three("clamp", clamp, clamped, {-3, 3, domain::kind::comb, 0},
                          {-2, -1, domain::kind::comb, 0.3}, {1, 2, domain::kind::comb, 0.6})));
}

}  // namespace

std::vector<op_case> elementwise_cases() {
  std::vector<op_case> rows;
  append_unary(rows);
  append_activations(rows);
  append_binary(rows);
  append_ternary(rows);
  return rows;
}

}  // namespace cotape::tests

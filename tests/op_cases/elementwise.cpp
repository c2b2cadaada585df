// Op cases: element-wise operations, each with its scalar function from the mathematics.
#include "op_cases.hpp"

namespace cotape::tests {

namespace {

using unary_operation = variable (*)(operand);
using binary_operation = variable (*)(operand, operand);
using ternary_operation = variable (*)(operand, operand, operand);

op_case one(std::string name, unary_operation f, double (*reference)(double), domain from = {},
            double scale = 0) {
  op_case c{std::move(name), "", {{{3, 4}, from}}, {}, {}};
  c.apply = [f](const variables& v) { return f(v[0]); };
  c.reference = [reference](const arrays& x) {
    return each_element([&](const numbers& e) { return reference(e[0]); }, x);
  };
  c.elementwise = true;
  c.scale = scale;
  return c;
}

op_case two(std::string name, binary_operation f, double (*reference)(double, double),
            domain from_a = {}, domain from_b = {}, slope derivative = slope::smooth) {
  op_case c{std::move(name), "", {{{3, 4}, from_a}, {{3, 4}, from_b}}, {}, {}, derivative};
  c.apply = [f](const variables& v) { return f(v[0], v[1]); };
  c.reference = [reference](const arrays& x) {
    return each_element([&](const numbers& e) { return reference(e[0], e[1]); }, x);
  };
  c.elementwise = true;
  return c;
}

op_case three(std::string name, ternary_operation f, double (*reference)(double, double, double),
              domain from_a, domain from_b, domain from_c) {
  op_case c{std::move(name), "", {{{3, 4}, from_a}, {{3, 4}, from_b}, {{3, 4}, from_c}}, {}, {}};
  c.apply = [f](const variables& v) { return f(v[0], v[1], v[2]); };
  c.reference = [reference](const arrays& x) {
    return each_element([&](const numbers& e) { return reference(e[0], e[1], e[2]); }, x);
  };
  c.elementwise = true;
  return c;
}

op_case with_integers(op_case c) {
  c.integers = true;
  return c;
}

op_case comparison(std::string name, binary_operation f, double (*reference)(double, double)) {
  return with_integers(two(std::move(name), f, reference, whole(-2, 2), whole(-2, 2), slope::zero));
}

op_case flat(op_case c) {
  c.derivative = slope::zero;
  return c;
}

// power with the same whole exponent everywhere: negative bases are allowed.
op_case whole_power(double n) {
  op_case c = one("power", nullptr, nullptr, away_from_zero());
  c.variant = "exponent " + std::to_string(static_cast<int>(n));
  c.ulps = 4 + std::abs(n);  // its multiplications
  c.apply = [n](const variables& v) { return power(v[0], n); };
  c.reference = [n](const arrays& x) {
    return each_element(
        [&](const numbers& e) {
          double product = 1;
          for (int i = 0; i < std::abs(static_cast<int>(n)); ++i) product *= e[0];
          return n < 0 ? 1 / product : product;
        },
        x);
  };
  return c;
}

double sign_of(double x) { return x > 0 ? 1 : x < 0 ? -1 : 0; }
double logistic(double x) { return 1 / (1 + std::exp(-x)); }
double softplus_of(double x) { return std::log1p(std::exp(x)); }
double relu_of(double x) { return x > 0 ? x : 0; }

void append_unary(std::vector<op_case>& rows) {
  const auto add = [&](op_case c) { rows.push_back(std::move(c)); };
  add(one("exp", exp, [](double x) { return std::exp(x); }));
  add(one("expm1", expm1, [](double x) { return std::expm1(x); }));
  add(one(
      "log", log, [](double x) { return std::log(x); }, interval(0.1, 4)));
  add(one(
      "log1p", log1p, [](double x) { return std::log1p(x); }, interval(-0.8, 3)));
  add(one(
      "sqrt", sqrt, [](double x) { return std::sqrt(x); }, interval(0.1, 4)));
  add(one(
      "sin", sin, [](double x) { return std::sin(x); }, interval(-4, 4), 1));
  add(one(
      "cos", cos, [](double x) { return std::cos(x); }, interval(-4, 4), 1));
  add(one("tanh", tanh, [](double x) { return std::tanh(x); }));
  add(one("sigmoid", sigmoid, logistic, interval(-4, 4)));
  add(one("relu", relu, relu_of, away_from_zero()));
  op_case error_function = one("erf", erf, [](double x) { return std::erf(x); });
  error_function.ulps = 16;  // xsimd 8.1: 12.6 in float64
  add(error_function);
  add(with_integers(one(
      "abs", abs, [](double x) { return x < 0 ? -x : x; }, away_from_zero())));
  add(with_integers(flat(one("sign", sign, sign_of, away_from_zero()))));
  add(one(
      "reciprocal", reciprocal, [](double x) { return 1 / x; }, away_from_zero()));
  add(with_integers(one("negate", negate, [](double x) { return -x; })));
  add(with_integers(one("square", square, [](double x) { return x * x; })));
  add(one(
      "logit", logit, [](double x) { return std::log(x / (1 - x)); }, interval(0.05, 0.45), 1));
  add(one("softplus", softplus, softplus_of, interval(-4, 4)));
  add(with_integers(flat(one("stop_gradient", stop_gradient, [](double x) { return x; }))));
  for (double n : {-2.0, 0.0, 1.0, 3.0, 13.0}) add(whole_power(n));
}

double normal_cdf(double x) { return 0.5 * std::erfc(-x / std::sqrt(2.0)); }

void append_activations(std::vector<op_case>& rows) {
  const auto add = [&](op_case c) { rows.push_back(std::move(c)); };
  const domain kinked = away_from_zero();
  add(with_integers(one("identity", identity, [](double x) { return x; })));
  for (double at_zero : {0.0, 1.0, 0.5}) {
    op_case c = flat(one("heaviside", nullptr, nullptr, whole(-2, 2)));
    c.variant = "at zero " + std::to_string(at_zero);
    c.apply = [=](const variables& v) { return heaviside(v[0], at_zero); };
    c.reference = [=](const arrays& x) {
      return each_element([=](const numbers& e) { return e[0] == 0 ? at_zero : e[0] > 0; }, x);
    };
    add(c);
  }
  add(one(
      "leaky_relu", [](operand x) { return leaky_relu(x); },
      [](double x) { return x > 0 ? x : 0.01 * x; }, kinked));
  add(one(
      "leaky_relu", [](operand x) { return leaky_relu(x, 0.25); },
      [](double x) { return x > 0 ? x : 0.25 * x; }, kinked));
  add(one(
      "elu", [](operand x) { return elu(x); }, [](double x) { return x > 0 ? x : std::expm1(x); },
      kinked));
  add(one(
      "elu", [](operand x) { return elu(x, 0.5); },
      [](double x) { return x > 0 ? x : 0.5 * std::expm1(x); }, kinked));
  add(one(
      "silu", silu, [](double x) { return x * logistic(x); }, interval(-4, 4)));
  op_case exact = one(
      "gelu", gelu, [](double x) { return x * normal_cdf(x); }, interval(-4, 4), 1);
  exact.ulps = 64;  // xsimd 8.1: erf of doubles in [2, 2.5) is 34 epsilon off
  add(exact);
  add(one(
      "gelu_tanh", gelu_tanh,
      [](double x) {
        const double u = std::sqrt(2 / std::acos(-1.0)) * (x + 0.044715 * x * x * x);
        return 0.5 * x * (1 + std::tanh(u));
      },
      interval(-4, 4), 1));
  add(one(
      "log_sigmoid", log_sigmoid, [](double x) { return -std::log1p(std::exp(-x)); },
      interval(-4, 4)));
}

void append_binary(std::vector<op_case>& rows) {
  const auto row = [&](op_case c) { rows.push_back(std::move(c)); };
  row(with_integers(two("add", add, [](double a, double b) { return a + b; })));
  row(with_integers(two("subtract", subtract, [](double a, double b) { return a - b; })));
  row(with_integers(two("multiply", multiply, [](double a, double b) { return a * b; })));
  row(two(
      "divide", divide, [](double a, double b) { return a / b; }, {}, away_from_zero()));
  row(two(
      "power", power, [](double a, double b) { return std::pow(a, b); }, interval(0.2, 3)));
  row(with_integers(two(
      "maximum", maximum, [](double a, double b) { return a < b ? b : a; }, comb(0), comb(0.5))));
  row(with_integers(two(
      "minimum", minimum, [](double a, double b) { return a < b ? a : b; }, comb(0), comb(0.5))));
  row(two(
      "xlogy", xlogy, [](double a, double b) { return a * std::log(b); }, {}, interval(0.1, 4)));
  row(two(
      "chain", chain, [](double a, double b) { return a * b; }, away_from_zero()));
  row(two(
      "absorbing_multiply", absorbing_multiply, [](double a, double b) { return a * b; },
      away_from_zero(), away_from_zero()));
  row(comparison("less", less, [](double a, double b) { return a < b ? 1.0 : 0.0; }));
  row(comparison("less_equal", less_equal, [](double a, double b) { return a <= b ? 1.0 : 0.0; }));
  row(comparison("greater", greater, [](double a, double b) { return a > b ? 1.0 : 0.0; }));
  row(comparison("greater_equal", greater_equal,
                 [](double a, double b) { return a >= b ? 1.0 : 0.0; }));
  row(comparison("equal", equal, [](double a, double b) { return a == b ? 1.0 : 0.0; }));
  row(comparison("not_equal", not_equal, [](double a, double b) { return a != b ? 1.0 : 0.0; }));
}

// Its second operand is the exponential of its first.
op_case exp_quotient_case() {
  op_case c = two(
      "exp_quotient", nullptr, [](double a, double b) { return std::exp(a) / b; }, {},
      away_from_zero());
  c.apply = [](const variables& v) { return exp_quotient(v[0], exp(v[0]), v[1]); };
  return c;
}

void append_ternary(std::vector<op_case>& rows) {
  const auto choose = [](double a, double b, double c) { return a != 0 ? b : c; };
  const auto clamped = [](double x, double low, double high) {
    const double raised = x < low ? low : x;
    return raised > high ? high : raised;
  };
  rows.push_back(exp_quotient_case());
  op_case undone = three("undo_exp_quotient", undo_exp_quotient,
                         [](double a, double b, double c) { return std::log(a * b) - c; },
                         interval(0.1, 0.9), interval(0.1, 0.9), {});
  undone.scale = 4;
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

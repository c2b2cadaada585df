// Products and matrices of derivatives, and gradients of gradients to order 4 against closed forms.
#include <gtest/gtest.h>
#include <cotape/cotape.hpp>

#include <cmath>

#include "expect_error.hpp"

namespace cotape {
namespace {

using array = xt::xarray<double>;
using derivatives = std::array<double, 5>;  // f, f', f'' ...

void expect_close(double got, double wanted) {
  EXPECT_NEAR(got, wanted, 1e-8 * std::max(1.0, std::abs(wanted)));
}

// sin(1.7 i + phase).
array draw_values(const std::vector<std::int64_t>& sizes, double phase = 1) {
  array x(array::shape_type(sizes.begin(), sizes.end()));
  for (std::size_t i = 0; i < x.size(); ++i) {
    x.flat(i) = std::sin(1.7 * static_cast<double>(i) + phase);
  }
  return x;
}

struct function_case {
  const char* name;
  std::function<variable(variable)> f;
  std::function<derivatives(double)> closed_form;
  std::vector<double> at;
};

derivatives of_tanh(double x) {
  const double y = std::tanh(x), s = 1 - y * y;
  return {y, s, -2 * y * s, s * (6 * y * y - 2), s * y * (16 - 24 * y * y)};
}

derivatives of_sigmoid(double x) {  // (1 + tanh(x / 2)) / 2
  derivatives d = of_tanh(x / 2);
  d[0] = (1 + d[0]) / 2;
  for (std::size_t n = 1; n < d.size(); ++n) d[n] = std::ldexp(d[n], -static_cast<int>(n) - 1);
  return d;
}

derivatives of_power(double x, double n) {
  derivatives d{};
  double factor = 1;
  for (int k = 0; k < 5 && factor != 0; ++k) {
    d[static_cast<std::size_t>(k)] = factor * std::pow(x, n - k);
    factor *= n - k;
  }
  return d;
}

const std::vector<double> anywhere = {-2.5, -0.3, 0.0, 0.7, 3.0};
const function_case cases[] = {
    {"sigmoid", [](variable x) { return sigmoid(x); }, of_sigmoid, anywhere},
    {"tanh", [](variable x) { return tanh(x); }, of_tanh, anywhere},
    {"exp", [](variable x) { return exp(x); },
     [](double x) {
       derivatives d;
       d.fill(std::exp(x));
       return d;
     },
     anywhere},
    {"log",
     [](variable x) { return log(x); },
     [](double x) {
       return derivatives{std::log(x), 1 / x, -1 / (x * x), 2 / (x * x * x), -6 / (x * x * x * x)};
     },
     {0.1, 0.7, 3.0}},
    {"sin", [](variable x) { return sin(x); },
     [](double x) {
       return derivatives{std::sin(x), std::cos(x), -std::sin(x), -std::cos(x), std::sin(x)};
     },
     anywhere},
    {"x^2", [](variable x) { return power(x, 2); }, [](double x) { return of_power(x, 2); },
     anywhere},
    {"x^3", [](variable x) { return power(x, 3); }, [](double x) { return of_power(x, 3); },
     anywhere},
    {"x^7", [](variable x) { return power(x, 7); }, [](double x) { return of_power(x, 7); },
     anywhere},
    {"x^-2",
     [](variable x) { return power(x, -2); },
     [](double x) { return of_power(x, -2); },
     {-2.5, 0.7, 3.0}},
    {"x^2.5",
     [](variable x) { return power(x, 2.5); },
     [](double x) { return of_power(x, 2.5); },
     {0.1, 0.7, 3.0}}};

TEST(Gradient, OfGradientsAgreesWithClosedFormsToOrderFour) {
  for (const function_case& c : cases) {
    SCOPED_TRACE(c.name);
    for (double at : c.at) {
      tape t;
      const variable x = t.constant(at);
      variable y = c.f(x);
      const derivatives wanted = c.closed_form(at);
      for (double d : wanted) {
        expect_close(y.value<double>()(), d);
        y = gradient(y, x);
      }
      const variable one = t.constant(1.0);
      for (int n = 1; n < 5; ++n) {
        expect_close(directional(c.f(x), {x}, {one}, n).value<double>()(),
                     wanted[static_cast<std::size_t>(n)]);
      }
    }
  }
}

// softmax of two logits is a sigmoid of their difference: along (1, 0) and (0, 1).
TEST(Gradient, OfSoftmaxAgreesWithSigmoidToOrderFour) {
  tape t;
  const variable x = t.constant(array{0.4, -0.9}), direction = t.constant(array{2, -1});
  const derivatives s = of_sigmoid(1.3);
  for (int n = 1; n < 5; ++n) {
    const array got = directional(softmax(x), {x}, {direction}, n).value<double>();
    const double wanted = s[static_cast<std::size_t>(n)] * std::pow(3, n);
    expect_close(got(0), wanted);
    expect_close(got(1), -wanted);
  }
}

// References to 60 digits, by mpmath.diff.
TEST(Gradient, OfSoftmaxAgreesWithReferencesToOrderFour) {
  const double wanted[3][5] = {
      {0.26794315470136418407, 0.32357346171082895811, 0.20810015981810688321,
       -0.19920415888492337027, -0.68242443882927813171},
      {0.07302302838195260481, -0.13088502944758317522, 0.18481683093381885895,
       -0.15536691623308482813, -0.080970350152751532887},
      {0.65903381691668321112, -0.19268843226324578289, -0.39291699075192574216,
       0.3545710751180081984, 0.76339478898202966459}};
  tape t;
  const variable x = t.constant(array{0.4, -0.9, 1.3}), along = t.constant(array{2, -1, 0.5});
  for (std::int64_t k = 0; k < 3; ++k) {
    variable y = slice(softmax(x), {k});
    for (double reference : wanted[k]) {
      expect_close(y.value<double>()(), reference);
      y = sum(gradient(y, x) * along);
    }
  }
}

// A network of 31 weights and three samples: with weights W + s1 D1 + ... + s4 D4, the derivative
// by s1 alone, by s1 and s2, ... at 0. References to 60 digits, by mpmath.diff.
struct small_network {
  explicit small_network(tape& t) {
    const std::vector<std::vector<std::int64_t>> shapes = {{2, 4}, {4}, {4, 3}, {3}, {3, 2}, {2}};
    for (std::size_t k = 0; k < shapes.size(); ++k) {
      const auto phase = static_cast<double>(k);
      w.push_back(t.constant(draw_values(shapes[k], 1 + phase)));
      for (std::size_t j = 0; j < 4; ++j) {
        along[j].push_back(
            t.constant(draw_values(shapes[k], 10 * (static_cast<double>(j) + 1) + phase)));
      }
    }
    const variable h = tanh(matmul(t.constant(draw_values({3, 2}, 7)), w[0]) + w[1]);
    const variable g = sigmoid(matmul(h, w[2]) + w[3]);
    y = sum(softmax(matmul(g, w[4]) + w[5]) * t.constant(draw_values({3, 2}, 8)));
  }
  std::vector<variable> w;
  std::array<std::vector<variable>, 4> along;
  variable y;
};

constexpr double of_small_network[] = {-0.50318447241148414646, 0.28344403320284566424,
                                       -0.97027108026823529976, -0.27482961427490514561,
                                       3.7817143050831345136};

TEST(Gradient, OfANetworkAgreesWithReferencesToOrderFour) {
  tape t;
  const small_network n(t);
  variable y = n.y, directional_y = n.y;
  expect_close(y.value<double>()(), of_small_network[0]);
  for (std::size_t order = 1; order < 5; ++order) {
    const std::vector<variable>& along = n.along[order - 1];
    const std::vector<variable> g = gradient(y, n.w);
    y = sum(g[0] * along[0]);
    for (std::size_t k = 1; k < g.size(); ++k) y = y + sum(g[k] * along[k]);
    directional_y = directional(directional_y, n.w, along);
    expect_close(y.value<double>()(), of_small_network[order]);
    expect_close(directional_y.value<double>()(), of_small_network[order]);
  }
}

// Of v . tanh(a x + b), by a number x: the sum of v a^n tanh^(n)(a x + b).
TEST(Gradient, OfANetworkAgreesWithTheClosedFormToOrderFour) {
  const array a = {{1.0, -0.5, 2.0}}, b = {0.1, 0.2, -0.3}, v = {0.7, -1.5, 0.4};
  tape t;
  const variable x = reshape(t.constant(0.6), {1, 1});
  variable y = matmul(tanh(matmul(x, t.constant(a)) + t.constant(b)), t.constant(v));
  for (int n = 0; n < 5; ++n) {
    double wanted = 0;
    for (std::size_t k = 0; k < 3; ++k) {
      wanted +=
          v(k) * std::pow(a(0, k), n) * of_tanh(a(0, k) * 0.6 + b(k))[static_cast<std::size_t>(n)];
    }
    expect_close(y.value<double>()(0), wanted);
    y = gradient(y, x);
  }
}

TEST(Jacobian, HasTheShapesOfBothWhicheverIsSmaller) {
  const array m = {{1, 2}, {3, 4}, {5, 6}};
  tape t;
  const variable x = t.constant(array{0.5, -2}), w = t.constant(m);
  const array tall = jacobian(square(matmul(w, x)), x).value<double>();  // 2 (m x) m: columns
  const array wide = jacobian(matmul(transpose(w), matmul(w, x)), w).value<double>();  // rows
  ASSERT_EQ(tall.shape(), (array::shape_type{3, 2}));
  ASSERT_EQ(wide.shape(), (array::shape_type{2, 3, 2}));
  for (std::size_t i = 0; i < 3; ++i) {
    const double mx = m(i, 0) * 0.5 - m(i, 1) * 2;
    for (std::size_t j = 0; j < 2; ++j) {
      EXPECT_NEAR(tall(i, j), 2 * mx * m(i, j), 1e-12);
      for (std::size_t k = 0; k < 2; ++k) {  // d (sum_i m_ik mx_i) / d m_ij
        EXPECT_NEAR(wide(k, i, j), (k == j ? mx : 0) + m(i, k) * (j == 0 ? 0.5 : -2), 1e-12);
      }
    }
  }
}

TEST(Jacobian, RecordsTheCheaperMode) {
  const auto nodes = [](std::int64_t from, std::int64_t to) {
    tape t;
    const variable x = t.input(float64, {from}), w = t.input(float64, {from, to});
    const variable y = tanh(matmul(x, w));
    const std::size_t before = t.size();
    jacobian(y, x);
    return t.size() - before;
  };
  EXPECT_LT(nodes(2, 500), 200u);
  EXPECT_LT(nodes(500, 2), 200u);
  EXPECT_GT(nodes(100, 100), 500u);
}

TEST(Jacobian, OfNothingIsEmptyAndOfAStrangerZero) {
  tape t;
  const variable x = t.constant(array{1, 2}), none = t.constant(array::from_shape({0}));
  EXPECT_EQ(jacobian(exp(none), x).shape(), (shape{0, 2}));
  EXPECT_EQ(jacobian(exp(x), none).shape(), (shape{2, 0}));
  EXPECT_EQ(jacobian(x, t.constant(1.0)).value<double>(), (array{0, 0}));
}

// y = x^2; counts how often its rule is recorded.
struct counted_square {
  static inline int recorded = 0;
  static constexpr auto name = "counted_square";
  template <class T> static T kernel(T x) { return x * x; }
  static variable derivative(variable x, variable, variable dy) {
    ++recorded;
    return chain(dy, 2 * x);
  }
};

TEST(JacobianValue, IsTheRecordedOneForWideTallAndSquareFunctions) {
  for (const auto& [from, to] : {std::pair{3, 7}, std::pair{7, 3}, std::pair{4, 4}}) {
    tape t;
    const parameter w("w", draw_values({from, to}));
    const variable x = t.input(float64, {2, from}, "x");
    const variable y = transpose(tanh(matmul(x, t.read(w))));
    const array at = draw_values({2, from});
    const auto before = t.size();
    const array got = jacobian<double>(y, x, {{x, at}});
    EXPECT_EQ(t.size(), before);
    const array wanted = jacobian(y, x).value<double>({{x, at}});
    ASSERT_EQ(got.shape(), wanted.shape());
    for (std::size_t i = 0; i < got.size(); ++i) EXPECT_NEAR(got.flat(i), wanted.flat(i), 1e-14);
  }
}

TEST(JacobianValue, OfANumberIsItsGradientAndByANumberItsDirectional) {
  tape t;
  const xt::xarray<float> at = {1, 2, 3};
  const variable x = t.input(float32, {3}), s = t.input(float32, {});
  EXPECT_EQ(jacobian<float>(sum(x * x), x, {{x, at}}), (xt::xarray<float>{2, 4, 6}));
  EXPECT_EQ(jacobian<float>(s * x, s, {{s, 5}, {x, at}}), at);
  EXPECT_EQ(jacobian<float>(s * s, s, {{s, 5}})(), 10);
}

TEST(JacobianValue, HasTheInputsDtypeByRowsAndByColumns) {
  for (const std::int64_t n : {2, 6}) {
    tape t;
    const variable x = t.input(float32, {3}), w = t.constant(draw_values({3, n}));
    const variable y = matmul(cast(x, float64), w);
    const xt::xarray<float> at = {1, 2, 3};
    EXPECT_EQ(jacobian(y, x).dtype(), float32);
    EXPECT_EQ(jacobian<float>(y, x, {{x, at}}), jacobian(y, x).value<float>({{x, at}}));
  }
}

TEST(JacobianValue, RecordsOneSweepAndCompilesOneProgramWhateverTheSize) {
  for (std::int64_t from : {1, 5, 200}) {
    for (std::int64_t to : {1, 5, 200}) {
      tape t;
      const variable x = t.input(float64, {from}), w = t.input(float64, {from, to});
      const variable y = apply<counted_square>(matmul(x, w));
      const array at = draw_values({from}), weights = draw_values({from, to});
      counted_square::recorded = 0;
      jacobian<double>(y, x, {{x, at}, {w, weights}});
      EXPECT_EQ(counted_square::recorded, 1);
      jacobian<double>(y, x, {{x, at}, {w, weights}});
      EXPECT_EQ(cached_programs(t), 1u);
    }
  }
}

TEST(JacobianValue, OfNothingOfAStrangerAndOfIntegers) {
  tape t;
  const variable x = t.constant(array{1, 2}), none = t.constant(array::from_shape({0}));
  EXPECT_EQ(jacobian<double>(exp(none), x).shape(), (array::shape_type{0, 2}));
  EXPECT_EQ(jacobian<double>(exp(x), none).shape(), (array::shape_type{2, 0}));
  EXPECT_EQ(jacobian<double>(x, t.constant(1.0)), (array{0, 0}));
  const variable whole = cast(x, int64);
  EXPECT_EQ(jacobian<double>(whole, x), (array{{0, 0}, {0, 0}}));
  EXPECT_EQ(vjp(whole, {x}, whole)[0].value<double>(), (array{0, 0}));
}

TEST(JacobianValue, ThrowsAsValuesDoAndLeavesTheTapeAsItWas) {
  tape t;
  const variable x = t.input(float64, {2}, "x"), n = cast(x, int64), y = exp(x);
  const auto before = t.size();
  EXPECT_TRUE(tests::message_of([&] {
                jacobian<double>(y, x);
              }).starts_with("value: input x is needed but not bound"));
  tests::expect_error<dtype_error>(
      [&] {
        jacobian<double>(y, n, {{x, array{1, 2}}});
      },
      "gradient: int64 values have no derivative");
  tests::expect_error<dtype_error>([&] { jacobian<float>(y, x, {{x, array{1, 2}}}); }, "float");
  tests::expect_error<shape_error>(
      [&] {
        hessian<double>(y, x, {{x, array{1, 2}}});
      },
      "gradient: the output has shape (2,)");
  EXPECT_EQ(t.size(), before);
}

TEST(HessianValue, IsTheRecordedOne) {
  tape t;
  const variable x = t.input(float64, {2, 2}), y = sum(exp(matmul(x, x)));
  const array at = {{0.1, -0.4}, {0.7, 0.2}};
  const auto before = t.size();
  const array got = hessian<double>(y, x, {{x, at}});
  EXPECT_EQ(t.size(), before);
  const array wanted = hessian(y, x).value<double>({{x, at}});
  ASSERT_EQ(got.shape(), (array::shape_type{2, 2, 2, 2}));
  for (std::size_t i = 0; i < got.size(); ++i) EXPECT_NEAR(got.flat(i), wanted.flat(i), 1e-13);
}

TEST(Hessian, IsSymmetricAndAgreesWithProducts) {
  const array a = {{0.3, -0.8, 0.1}, {1.2, 0.4, -0.5}, {-0.7, 0.9, 0.6}, {0.2, -0.1, 1.1}};
  tape t;
  const variable x = t.constant(array{0.5, -1, 0.25}), v = t.constant(array{1, -2, 0.5});
  const variable y = sum(logsumexp(matmul(t.constant(a), x)) * sigmoid(x)) + sum(exp(x * x));
  const array h = hessian(y, x).value<double>();
  const array hv = hessian_vector_product(y, {x}, {v})[0].value<double>();
  double largest = 0;
  for (double e : h) largest = std::max(largest, std::abs(e));
  for (std::size_t i = 0; i < 3; ++i) {
    for (std::size_t j = 0; j < 3; ++j) EXPECT_NEAR(h(i, j), h(j, i), 1e-10 * largest);
    EXPECT_NEAR(hv(i), h(i, 0) - 2 * h(i, 1) + 0.5 * h(i, 2), 1e-10 * largest);
  }
  EXPECT_GT(largest, 1);
}

TEST(Hessian, OfANetworkIsSymmetric) {
  tape t;
  const small_network n(t);
  for (std::size_t k : {0U, 2U, 4U}) {
    const auto m = static_cast<std::size_t>(n.w[k].shape().elements());
    const array h = xt::reshape_view(hessian<double>(n.y, n.w[k]), {m, m});
    double largest = 0;
    for (double e : h) largest = std::max(largest, std::abs(e));
    EXPECT_GT(largest, 1e-3);
    for (std::size_t i = 0; i < m; ++i) {
      for (std::size_t j = 0; j < i; ++j) EXPECT_NEAR(h(i, j), h(j, i), 1e-10 * largest);
    }
  }
}

// An operation of one's own, y = exp(-x^2), in each of them; its derivatives in closed form.
struct bell_op {
  static constexpr auto name = "bell";
  template <class T> static T kernel(T x) { return std::exp(-x * x); }
  static variable derivative(variable x, variable y, variable dy) { return chain(dy, -2 * x * y); }
};

derivatives of_bell(double x) {
  const double y = std::exp(-x * x), s = x * x;
  return {y, -2 * x * y, (4 * s - 2) * y, (12 - 8 * s) * x * y, (16 * s * s - 48 * s + 12) * y};
}

TEST(CustomOperation, TakesPartInEveryDerivative) {
  const array at = {0.3, -1.1, 0.8}, weights = {2, -1, 0.5};
  tape t;
  const variable x = t.constant(at), v = t.constant(weights), y = apply<bell_op>(x);
  const array by_gradient = gradient(sum(y), x).value<double>(),
              by_vjp = vjp(y, {x}, v)[0].value<double>(), by_jvp = jvp(y, {x}, {v}).value<double>(),
              j = jacobian(y, x).value<double>(), j_value = jacobian<double>(y, x),
              h = hessian(sum(y), x).value<double>(), h_value = hessian<double>(sum(y), x),
              hv = hessian_vector_product(sum(y), {x}, {v})[0].value<double>();
  for (std::size_t i = 0; i < 3; ++i) {
    const derivatives d = of_bell(at(i));
    EXPECT_NEAR(by_gradient(i), d[1], 1e-14);
    EXPECT_NEAR(by_vjp(i), d[1] * weights(i), 1e-14);
    EXPECT_NEAR(by_jvp(i), d[1] * weights(i), 1e-14);
    EXPECT_NEAR(hv(i), d[2] * weights(i), 1e-14);
    for (std::size_t k = 0; k < 3; ++k) {
      EXPECT_NEAR(j(i, k), i == k ? d[1] : 0, 1e-14);
      EXPECT_NEAR(j_value(i, k), i == k ? d[1] : 0, 1e-14);
      EXPECT_NEAR(h(i, k), i == k ? d[2] : 0, 1e-14);
      EXPECT_NEAR(h_value(i, k), i == k ? d[2] : 0, 1e-14);
    }
  }
  for (int n = 1; n < 5; ++n) {
    const array got = directional(y, {x}, {v}, n).value<double>();
    for (std::size_t i = 0; i < 3; ++i) {
      expect_close(got(i), of_bell(at(i))[static_cast<std::size_t>(n)] * std::pow(weights(i), n));
    }
  }
}

TEST(Hessian, OfAQuadraticFormIsItsMatrix) {
  const array a = {{2, 0.5}, {-1, 3}};
  tape t;
  const variable x = t.constant(array{0.3, 7});
  const array h = hessian(sum(x * matmul(t.constant(a), x)), x).value<double>();
  EXPECT_NEAR(h(0, 0), 4, 1e-14);
  EXPECT_NEAR(h(0, 1), -0.5, 1e-14);
  EXPECT_NEAR(h(1, 0), -0.5, 1e-14);
  EXPECT_NEAR(h(1, 1), 6, 1e-14);
}

TEST(HessianVectorProduct, TakesDirectionsForConstants) {
  tape t;
  const variable x = t.constant(array{1, 2}), y = t.constant(3.0);
  const auto hv = hessian_vector_product(sum(x * x * x) * y, {x, y}, {x * 1, y * 0});
  EXPECT_EQ(hv[0].value<double>(), (array{18, 72}));  // 6 x y v
  EXPECT_EQ(hv[1].value<double>()(), 3.0 + 24);       // 3 x^2 . v
  EXPECT_EQ(directional(sum(x * x), {x}, {x * 1}, 2).value<double>()(), 10);
}

TEST(Compositions, NameWhatDoesNotFit) {
  tape t;
  const variable x = t.constant(array{1, 2}), y = sum(x);
  EXPECT_TRUE(tests::message_of([&] {
                directional(y, {x}, {x}, 0);
              }).starts_with("directional: the order is 0, it must be 1 or more"));
  tests::expect_error<value_error>([&] { hessian_vector_product(y, {x}, {}); },
                                   "hessian_vector_product: 0 directions for 1 variables");
  tests::expect_error<shape_error>([&] { directional(y, {x}, {y}); },
                                   "directional: direction 0 is float64 (), its variable float64 "
                                   "(2,): they must be equal");
  tests::expect_error<shape_error>([&] { hessian(x, x); }, "gradient: the output has shape (2,)");
}

}  // namespace
}  // namespace cotape

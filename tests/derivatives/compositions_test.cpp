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

derivatives of_power(double x, int n) {
  derivatives d{};
  double factor = 1;
  for (int k = 0; k < 5 && k <= n; ++k) {
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
     anywhere}};

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

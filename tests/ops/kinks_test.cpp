// Kinks, ties and edges by the documented table, and no 0 * inf in a branch that is not taken.
#include <limits>

#include "support.hpp"

namespace cotape::tests {

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
const double nan = std::numeric_limits<double>::quiet_NaN();

using function = std::function<variable(const variable&)>;

// f and its derivative at points, element by element; in both dtypes.
void expect_slopes(const function& f, const numbers& at, const numbers& values,
                   const numbers& slopes) {
  const shape s{static_cast<std::int64_t>(at.size())};
  for (dtype d : {float64, float32}) {
    SCOPED_TRACE(name_of(d));
    graph_under_test g;
    const variable x = g.input(d, array(s, at));
    const variable y = f(x);
    const arrays got = g.run({y, gradient(sum(y), x)});
    expect_near(got[0], array(s, values), d, 4, 0);
    expect_near(got[1], array(s, slopes), d, 4, 0);
  }
}

numbers second_derivatives(const function& f, const numbers& at) {
  graph_under_test g;
  const variable x = g.input(float64, array({static_cast<std::int64_t>(at.size())}, at));
  return g.run(gradient(sum(gradient(sum(f(x)), x)), x)).data;
}

void expect_zeros(graph_under_test& g, const variable& y) {
  const array got = g.run(y);
  expect_near(got, array(got.shape), y.dtype(), 0, 0);
}

}  // namespace

TEST(Kinks, ReluAndAbsHaveSlopeZeroAtZero) {
  expect_slopes([](variable x) { return relu(x); }, {0, -0.0, 1, -1}, {0, 0, 1, 0}, {0, 0, 1, 0});
  expect_slopes([](variable x) { return abs(x); }, {0, -0.0, 2, -2}, {0, 0, 2, 2}, {0, 0, 1, -1});
  expect_slopes([](variable x) { return sign(x); }, {0, -0.0, 2, -2}, {0, 0, 1, -1}, {0, 0, 0, 0});
}

TEST(Kinks, MaximumAndMinimumSplitTies) {
  for (auto* f : {static_cast<variable (*)(operand, operand)>(maximum),
                  static_cast<variable (*)(operand, operand)>(minimum)}) {
    graph_under_test g;
    const variable a = g.input(float64, array({3}, {1, 2, 3}));
    const variable b = g.input(float64, array({3}, {1, 3, 2}));
    const variable y = sum(f(a, b));
    const arrays got = g.run(gradient(y, {a, b}));
    const bool larger = f == static_cast<variable (*)(operand, operand)>(maximum);
    expect_close(got[0], array({3}, {0.5, larger ? 0.0 : 1, larger ? 1.0 : 0}), 0);
    expect_close(got[1], array({3}, {0.5, larger ? 1.0 : 0, larger ? 0.0 : 1}), 0);
    expect_close(g.run(gradient(sum(f(a, a)), a)), array({3}, 1), 0);
  }
}

TEST(Kinks, ReducedMaximumSplitsTiesEvenly) {
  graph_under_test g;
  const variable x = g.input(float64, array({2, 4}, {5, 1, 5, 5, -1, -1, -3, -2}));
  expect_close(g.run(gradient(sum(max(x, 1)), x)),
               array({2, 4}, {1 / 3., 0, 1 / 3., 1 / 3., 0.5, 0.5, 0, 0}), 1e-15);
  expect_close(g.run(gradient(min(x), x)), array({2, 4}, {0, 0, 0, 0, 0, 0, 1, 0}), 0);
  expect_close(g.run(argmax(x)), array({2}, {0, 0}), 0);
}

TEST(Kinks, SqrtHasAnInfiniteSlopeAtZeroUnlessNobodyAsks) {
  expect_slopes([](variable x) { return sqrt(x); }, {0, 4}, {0, 2}, {infinity, 0.25});
  graph_under_test g;
  const variable x = g.input(float64, array({2}, {0, 4}));
  const variable masked = sqrt(x) * g.input(float64, array({2}, {0, 1}));
  expect_close(g.run(gradient(sum(masked), x)), array({2}, {0, 0.25}), 0);
}

TEST(Kinks, NormHasAGradientOfZerosAtZero) {
  graph_under_test g;
  const variable x = g.input(float64, array({2, 2}, {0, 0, 3, 4}));
  expect_close(g.run(gradient(sum(norm(x, 1)), x)), array({2, 2}, {0, 0, 0.6, 0.8}), 1e-15);
  const variable origin = g.input(float64, array({3}));
  expect_zeros(g, gradient(norm(origin), origin));
}

TEST(Kinks, PowersWithWholeExponentsAreExactEverywhere) {
  const auto powered = [](double n) { return [n](variable x) { return power(x, n); }; };
  expect_slopes(powered(0), {0, -2, 3}, {1, 1, 1}, {0, 0, 0});
  expect_slopes(powered(1), {0, -2, 3}, {0, -2, 3}, {1, 1, 1});
  expect_slopes(powered(2), {0, -2, 3}, {0, 4, 9}, {0, -4, 6});
  expect_slopes(powered(3), {0, -2, 3}, {0, -8, 27}, {0, 12, 27});
  expect_slopes(powered(-1), {-2, 4}, {-0.5, 0.25}, {-0.25, -1 / 16.});
  EXPECT_EQ(second_derivatives(powered(0), {0, -2}), (numbers{0, 0}));
  EXPECT_EQ(second_derivatives(powered(1), {0, -2}), (numbers{0, 0}));
  EXPECT_EQ(second_derivatives(powered(2), {0, -2}), (numbers{2, 2}));
  EXPECT_EQ(second_derivatives(powered(3), {0, -2}), (numbers{0, -12}));
}

TEST(Kinks, PowersWithWholeExponentsInATensorAreExactToo) {
  graph_under_test g;
  const variable x = g.input(float64, array({5}, {0, 0, 0, -2, -2}));
  const variable n = g.input(float64, array({5}, {0, 1, 2, 3, -1}));
  expect_close(g.run(power(x, n)), array({5}, {1, 0, 0, -8, -0.5}), 1e-15);
  expect_close(g.run(gradient(sum(power(x, n)), x)), array({5}, {0, 1, 0, 12, -0.25}), 1e-15);
}

TEST(Kinks, SoftplusAndItsLossesAreSmoothAtZero) {
  expect_slopes([](variable x) { return softplus(x); }, {0, 800, -800}, {std::log(2.0), 800, 0},
                {0.5, 1, 0});
  const numbers second = second_derivatives([](variable x) { return softplus(x); }, {0, 1, -1});
  const double s = 1 / (1 + std::exp(-1.0));
  expect_close(array({3}, second), array({3}, {0.25, s * (1 - s), s * (1 - s)}));
  graph_under_test g;
  const variable z = g.input(float64, array({2}, {0, 0}));
  const variable t = g.input(float64, array({2}, {1, 0}));
  expect_close(g.run(gradient(binary_crossentropy_from_logits(z, t), z)),
               array({2}, {-0.25, 0.25}));
  expect_close(g.run(gradient(binary_crossentropy(sigmoid(z), t), z)), array({2}, {-0.25, 0.25}));
}

TEST(Kinks, ALossOfASigmoidHasBothGradients) {
  graph_under_test g;
  const variable z = g.input(float64, array({4}, {0.5, -1, 1000, -1000}));
  const variable t = g.input(float64, array({4}, {1, 0, 0, 1}));
  const variable p = sigmoid(z), loss = binary_crossentropy(p, t);
  const auto s = [](double x) { return 1 / (1 + std::exp(-x)); };
  expect_close(g.run(loss), array({}, (-std::log(s(0.5)) - std::log(1 - s(-1)) + 1000 + 1000) / 4));
  expect_close(g.run(gradient(loss, z)), array({4}, {(s(0.5) - 1) / 4, s(-1) / 4, 0.25, -0.25}));
  const array dp = g.run(gradient(loss, p));
  EXPECT_NEAR(dp.data[0], -1 / s(0.5) / 4, 1e-12);
  EXPECT_NEAR(dp.data[1], 1 / (1 - s(-1)) / 4, 1e-12);
  // Asked for together, each is what it is alone.
  const arrays both = g.run(gradient(loss, {p, z}));
  EXPECT_EQ(both[0].data, dp.data);
  EXPECT_EQ(both[1].data, g.run(gradient(loss, z)).data);
  const variable y = logit(sigmoid(z));
  expect_close(g.run(y), array({4}, {0.5, -1, 1000, -1000}), 0);
  expect_close(g.run(gradient(sum(y), z)), array({4}, 1), 0);
}

TEST(Kinks, SecondDerivativesOfMaskedBranchesAreZeroNotNan) {
  const auto masked = [](auto f) { return [f](variable x) { return where(x > 0, f(x), 0); }; };
  const double e = std::exp(1.0);
  expect_close(
      array({3}, second_derivatives(masked([](variable x) { return x * log(x); }), {0, -1, e})),
      array({3}, {0, 0, 1 / e}));
  expect_close(
      array({3}, second_derivatives(masked([](variable x) { return sqrt(x) / x; }), {0, -1, 1})),
      array({3}, {0, 0, 0.75}));
  expect_close(array({3}, second_derivatives(masked([](variable x) { return sqrt(x) * log(x); }),
                                             {0, -1, 1})),
               array({3}, {0, 0, 0}));
  expect_close(array({2}, second_derivatives([](variable x) { return chain(x, x); }, {0, 3})),
               array({2}, {2, 2}));
}

TEST(Kinks, ProductsWithZerosHaveExactGradients) {
  graph_under_test g;
  const variable x = g.input(float64, array({3, 3}, {0, 2, 3, 0, 0, 3, 1, 2, 3}));
  expect_close(g.run(gradient(sum(prod(x, 1)), x)), array({3, 3}, {6, 0, 0, 0, 0, 0, 6, 3, 2}), 0);
}

TEST(Kinks, XlogyIsZeroWhereItsFactorIs) {
  graph_under_test g;
  const variable a = g.input(float64, array({4}, {0, 0, 2, 0}));
  const variable b = g.input(float64, array({4}, {0, -1, 1, infinity}));
  expect_close(g.run(xlogy(a, b)), array({4}, {0, 0, 0, 0}), 0);
  expect_close(g.run(gradient(sum(xlogy(a, b)), b)), array({4}, {0, 0, 2, 0}), 0);
}

TEST(NotANumber, WinsMaximaAndStaysInFunctions) {
  for (dtype d : {float64, float32}) {
    SCOPED_TRACE(name_of(d));
    for (std::int64_t n : {1, 3, 8, 16, 40}) {  // parts of vectors, and several
      graph_under_test g;
      const variable x = g.input(d, array({n}, nan)), one = g.input(d, array({n}, 1));
      for (const variable& y : {maximum(x, one), maximum(one, x), minimum(x, one), minimum(one, x),
                                relu(x), sign(x), abs(x), clamp(x, 0, 1), softplus(x), xlogy(0, x),
                                max(x), min(x), sum(x), norm(x), x * 0}) {
        for (double e : g.run(y).data) EXPECT_TRUE(std::isnan(e)) << y;
      }
      for (const variable& y : {x < one, x <= one, equal(x, x)}) {
        for (double e : g.run(y).data) EXPECT_EQ(e, 0) << y;
      }
    }
  }
}

TEST(NotANumber, WinsAReducedMaximumWhereverItStands) {
  for (dtype d : {float64, float32}) {
    for (std::size_t at : {0u, 1u, 7u, 8u, 63u, 64u, 99u}) {
      for (const shape& s : {shape{100, 1}, shape{100, 3}}) {
        graph_under_test g;
        array x(s, 1);
        x.data[at * static_cast<std::size_t>(s[1])] = nan;
        EXPECT_TRUE(std::isnan(g.run(max(g.input(d, x), 0)).data[0])) << at;
      }
    }
  }
}

// Invariant 4: no element-wise rule turns a masked branch into 0 * inf.
TEST(MaskedBranches, HaveZeroGradientsWhereTheirSlopeIsInfinite) {
  const std::vector<std::pair<const char*, function>> infinite_at_zero{
      {"sqrt", [](variable x) { return sqrt(x); }},
      {"log", [](variable x) { return log(x); }},
      {"reciprocal", [](variable x) { return reciprocal(x); }},
      {"1 / x", [](variable x) { return 1 / x; }},
      {"x / x", [](variable x) { return x / x; }},
      {"power", [](variable x) { return power(x, 0.5); }},
      {"negative power", [](variable x) { return power(x, -2); }},
      {"log1p", [](variable x) { return log1p(x - 1); }},
      {"xlogy", [](variable x) { return xlogy(1, x); }},
      {"sqrt of a square", [](variable x) { return sqrt(x * x); }},
      {"product", [](variable x) { return x * reciprocal(x); }},
      {"exp", [](variable x) { return exp(reciprocal(x)); }}};
  for (const auto& [name, f] : infinite_at_zero) {
    SCOPED_TRACE(name);
    for (dtype d : {float64, float32}) {
      for (double at : {0.0, -0.0}) {
        graph_under_test g;
        const variable x = g.input(d, array({3}, at));
        const variable y = where(x > 0, f(x), 0);
        const variable first = gradient(sum(y), x);
        expect_zeros(g, y);
        expect_zeros(g, first);
        // Not of the last two: there a finite adjoint of 0 meets a second one that is infinite.
        const bool composed = name == std::string("product") || name == std::string("exp");
        if (!composed) expect_zeros(g, gradient(sum(first), x));
      }
    }
  }
}

TEST(MaskedBranches, CostNothingToCrossEntropies) {
  graph_under_test g;
  const variable z = g.input(float64, array({1, 3}, {1, -infinity, 2}));
  const variable t = g.input(float64, array({1, 3}, {1, 0, 0}));
  const double p = 1 / (1 + std::exp(1.0));
  const variable loss = categorical_crossentropy_from_logits(z, t);
  expect_close(g.run(loss), array({}, -std::log(p)));
  expect_close(g.run(gradient(loss, z)), array({1, 3}, {p - 1, 0, 1 - p}));
}

TEST(Chain, IsZeroWhereTheAdjointIsAndDifferentiatesOn) {
  graph_under_test g;
  const variable dy = g.input(float64, array({3}, {0, 0, 2}));
  const variable l = g.input(float64, array({3}, {infinity, 3, 5}));
  const variable y = chain(dy, l);
  expect_close(g.run(y), array({3}, {0, 0, 10}), 0);
  // Never guarded by its own dy: at dy = 0 the slope in dy is l.
  const arrays slopes = g.run(gradient(sum(slice(y, {{1, 3}})), {dy, l}));
  expect_close(slopes[0], array({3}, {0, 3, 5}), 0);
  expect_close(slopes[1], array({3}, {0, 0, 2}), 0);
}

// Contractions follow IEEE: an infinite weight is not hidden by a zero.
TEST(Contractions, FollowIeee) {
  graph_under_test g;
  const variable a = g.input(float64, array({1, 1}, 0));
  const variable b = g.input(float64, array({1, 1}, infinity));
  EXPECT_TRUE(std::isnan(g.run(matmul(a, b)).data[0]));
  EXPECT_TRUE(std::isnan(g.run(a * b).data[0]));
}

TEST(Casts, RoundTowardZero) {
  graph_under_test g;
  const variable x = g.input(float64, array({4}, {2.7, -2.7, -0.5, 1e10}));
  expect_close(g.run(cast(x, int64)), array({4}, {2, -2, 0, 1e10}), 0);
}

TEST(Clipping, KeepsTheCrossEntropyOfCertainProbabilitiesFinite) {
  graph_under_test g;
  const variable p = g.input(float64, array({4}, {0, 1, 0, 1}));
  const variable t = g.input(float64, array({4}, {0, 1, 1, 0}));
  const variable loss = binary_crossentropy(p, t);
  const double wrong = -std::log(1e-7), right = -std::log1p(-1e-7);
  expect_close(g.run(loss), array({}, (wrong + right) / 2), 1e-8);
  for (double e : g.run(gradient(loss, p)).data) EXPECT_TRUE(std::isfinite(e));
}

}  // namespace cotape::tests

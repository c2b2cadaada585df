// Units and activations: gates from threshold units, textbook values, and what happens at zero and
// at the ends of the range.
#include <limits>
#include <xtensor/xtensor.hpp>

#include "support.hpp"

namespace cotape::tests {

namespace {

const array corners({4, 2}, {0, 0, 0, 1, 1, 0, 1, 1});

// y = f(x W + b) at the four corners; W is (2, units).
struct layer_of_units {
  numbers weights, bias;

  variable operator()(graph_under_test& g, const variable& x, double at_zero) const {
    return perceptron(x, w(g), b(g), at_zero);
  }
  variable with_sigmoids(graph_under_test& g, const variable& x) const {
    return sigmoid(matmul(x, w(g)) + b(g));
  }

 private:
  variable w(graph_under_test& g) const {
    const auto units = static_cast<std::int64_t>(bias.size());
    return g.input(float64,
                   array({static_cast<std::int64_t>(weights.size()) / units, units}, weights));
  }
  variable b(graph_under_test& g) const {
    return g.input(float64, array({static_cast<std::int64_t>(bias.size())}, bias));
  }
};

numbers outputs(const std::vector<layer_of_units>& layers, double at_zero) {
  graph_under_test g;
  variable x = g.input(float64, corners);
  for (const layer_of_units& l : layers) x = l(g, x, at_zero);
  return g.run(x).data;
}

numbers sigmoid_outputs(const std::vector<layer_of_units>& layers) {
  graph_under_test g;
  variable x = g.input(float64, corners);
  for (const layer_of_units& l : layers) x = l.with_sigmoids(g, x);
  return g.run(x).data;
}

const layer_of_units and_1{{1, 1}, {-1}}, and_2{{2, 2}, {-3}}, or_gate{{2, 2}, {-1}},
    nand_gate{{-2, -2}, {3}}, xor_hidden{{-2, 2, -2, 2}, {3, -1}}, xor_output{{1, 1}, {-1}};
const numbers and_table{0, 0, 0, 1}, or_table{0, 1, 1, 1}, nand_table{1, 1, 1, 0},
    xor_table{0, 1, 1, 0};

numbers at(const numbers& x, variable (*f)(operand), dtype d = float64) {
  graph_under_test g;
  return g.run(f(g.input(d, array({static_cast<std::int64_t>(x.size())}, x)))).data;
}

void expect_numbers(const numbers& got, const numbers& wanted, double tolerance) {
  ASSERT_EQ(got.size(), wanted.size());
  for (std::size_t i = 0; i < got.size(); ++i) EXPECT_NEAR(got[i], wanted[i], tolerance) << i;
}

constexpr double infinity = std::numeric_limits<double>::infinity();

}  // namespace

TEST(Gates, OfThresholdUnitsWithMarginHoldWhateverTheyAreAtZero) {
  for (double at_zero : {0.0, 1.0}) {
    EXPECT_EQ(outputs({and_2}, at_zero), and_table);
    EXPECT_EQ(outputs({or_gate}, at_zero), or_table);
    EXPECT_EQ(outputs({nand_gate}, at_zero), nand_table);
    EXPECT_EQ(outputs({xor_hidden, and_2}, at_zero), xor_table);  // AND(NAND, OR)
  }
}

TEST(Gates, WithoutMarginHoldOnlyIfAUnitIsZeroAtZero) {
  EXPECT_EQ(outputs({and_1}, 0), and_table);
  EXPECT_EQ(outputs({and_1}, 1), or_table);
  EXPECT_EQ(outputs({xor_hidden, xor_output}, 0), xor_table);
  EXPECT_EQ(outputs({xor_hidden, xor_output}, 1), (numbers{1, 1, 1, 1}));
}

TEST(Gates, XorIsAndOfNandAndOr) {
  graph_under_test g;
  const variable x = g.input(float64, corners);
  const variable both = concatenate({nand_gate(g, x, 0), or_gate(g, x, 0)}, 1);
  EXPECT_EQ(g.run(and_2(g, both, 0)).data, xor_table);
  EXPECT_EQ(g.run(xor_hidden(g, x, 0)).data, g.run(both).data);
}

TEST(Gates, OfSigmoidUnitsNeedLargeWeights) {
  expect_numbers(sigmoid_outputs({xor_hidden, xor_output}), {0.5552, 0.6135, 0.6135, 0.5552}, 5e-5);
  expect_numbers(sigmoid_outputs({{{-20, 20, -20, 20}, {30, -10}}, {{10, 10}, {-15}}}),
                 {0.006696, 0.993301, 0.993301, 0.006696}, 5e-7);
}

TEST(Perceptron, TakesItsBiasAsOneMoreWeight) {
  graph_under_test g;
  const variable x = g.input(float64, corners);
  const variable w = g.input(float64, array({3, 1}, {2, 2, -3}));
  EXPECT_EQ(g.run(perceptron(append_ones(x), w, 0)).data, and_table);
}

TEST(Perceptron, TakesParameters) {
  const parameter w("w", xt::xtensor<double, 2>{{2}, {2}}), b("b", xt::xtensor<double, 1>{-1});
  graph_under_test g;
  EXPECT_EQ(g.run(perceptron(g.input(float64, corners), w, b)).data, or_table);
}

TEST(Heaviside, IsWhatOneAsksForAtZero) {
  for (dtype d : {float64, float32}) {
    graph_under_test g;
    const variable x = g.input(d, array({5}, {-infinity, -1e-30, 0, -0.0, 2}));
    EXPECT_EQ(g.run(heaviside(x)).data, (numbers{0, 0, 0, 0, 1}));
    EXPECT_EQ(g.run(heaviside(x, 1)).data, (numbers{0, 0, 1, 1, 1}));
    EXPECT_EQ(g.run(heaviside(x, 0.5)).data, (numbers{0, 0, 0.5, 0.5, 1}));
    EXPECT_EQ(g.run(gradient(sum(heaviside(x, 1)), x)).data, (numbers{0, 0, 0, 0, 0}));
  }
}

TEST(Activations, HaveTheValuesOfTheirDefinitions) {
  expect_numbers(at({-2, 0, 3}, [](operand x) { return leaky_relu(x); }), {-0.02, 0, 3}, 1e-15);
  expect_numbers(at({-1, 0, 3}, [](operand x) { return elu(x); }), {std::exp(-1) - 1, 0, 3}, 1e-15);
  expect_numbers(at({-1, 0, 1}, silu), {-0.2689414213699951, 0, 0.7310585786300049}, 1e-15);
  expect_numbers(at({-1, 0, 1}, gelu), {-0.15865525393145707, 0, 0.8413447460685429}, 1e-14);
  expect_numbers(at({-1, 0, 1}, gelu_tanh), {-0.15880800939172324, 0, 0.8411919906082768}, 1e-14);
  expect_numbers(at({-1, 0, 1}, selu), {-1.1113307378125625, 0, 1.0507009873554805}, 1e-14);
  expect_numbers(at({-2, 0, 1}, [](operand x) { return celu(x, 2); }), {2 * std::expm1(-1), 0, 1},
                 1e-15);
  expect_numbers(at({-1, 0, 1}, mish), {-0.30340146137410895, 0, 0.8650983882673103}, 1e-14);
  expect_numbers(at({-3, -0.5, 0, 1}, softsign), {-0.75, -1 / 3., 0, 0.5}, 1e-15);
  expect_numbers(at({-2, 0, 3, 7}, relu6), {0, 0, 3, 6}, 0);
  expect_numbers(at({-4, -1.5, 0, 3}, hard_sigmoid), {0, 0.25, 0.5, 1}, 1e-15);
  expect_numbers(at({-4, -1.5, 0, 4}, hard_silu), {0, -0.375, 0, 4}, 1e-15);
  expect_numbers(at({-4, -0.5, 0, 4}, hard_tanh), {-1, -0.5, 0, 1}, 0);
  expect_numbers(at({0, 1}, exponential), {1, std::exp(1)}, 1e-15);
  expect_numbers(at({2, -6, 0, std::log(3)}, [](operand x) { return glu(x); }), {1, -4.5}, 1e-14);
}

TEST(Activations, HaveTheirLimitsAtInfinity) {
  for (dtype d : {float64, float32}) {
    SCOPED_TRACE(name_of(d));
    const numbers ends{-infinity, infinity};
    EXPECT_EQ(at(ends, softsign, d), (numbers{-1, 1}));
    EXPECT_EQ(at(ends, mish, d), (numbers{0, infinity}));
    EXPECT_EQ(at(ends, silu, d), (numbers{0, infinity}));
    EXPECT_EQ(at(ends, relu6, d), (numbers{0, 6}));
    EXPECT_EQ(at(ends, hard_sigmoid, d), (numbers{0, 1}));
    EXPECT_EQ(at(ends, hard_silu, d), (numbers{0, infinity}));
    EXPECT_EQ(at(ends, hard_tanh, d), (numbers{-1, 1}));
    EXPECT_EQ(at(ends, exponential, d), (numbers{0, infinity}));
    EXPECT_EQ(at(
                  ends, [](operand x) { return celu(x, 2); }, d),
              (numbers{-2, infinity}));
    EXPECT_EQ(at(ends, selu, d)[1], infinity);
    EXPECT_NEAR(at(ends, selu, d)[0], -1.7580993408473766, 1e-6);
    for (auto* f : {softsign, relu6, hard_sigmoid, hard_tanh, selu, exponential}) {
      graph_under_test g;
      const variable x = g.input(d, array({1}, {-infinity}));
      EXPECT_EQ(g.run(gradient(sum(f(x)), x)).data[0], 0);
    }
  }
}

TEST(Activations, DoNotOverflow) {
  for (dtype d : {float64, float32}) {
    SCOPED_TRACE(name_of(d));
    EXPECT_EQ(at({-1000, 1000}, log_sigmoid, d), (numbers{-1000, 0}));
    EXPECT_EQ(at(
                  {-1000, 1000}, [](operand x) { return elu(x); }, d),
              (numbers{-1, 1000}));
    EXPECT_EQ(at({-1000, 1000}, silu, d), (numbers{0, 1000}));
    EXPECT_EQ(at({-1000, 1000}, gelu, d), (numbers{0, 1000}));
    EXPECT_EQ(at({-1000, 1000}, gelu_tanh, d), (numbers{0, 1000}));
  }
}

// Derivatives at 0, and where the other branch overflows; of first and second order.
TEST(Activations, HaveTheDocumentedSlopesAtZeroAndFarOut) {
  const auto slopes = [](const std::function<variable(variable)>& f) {
    graph_under_test g;
    const variable x = g.input(float64, array({4}, {-1000, 0, 1, 1000}));
    const variable first = gradient(sum(f(x)), x);
    for (double e : g.run(gradient(sum(first), x)).data) EXPECT_TRUE(std::isfinite(e));
    return g.run(first).data;
  };
  EXPECT_EQ(slopes([](variable x) { return leaky_relu(x); }), (numbers{0.01, 0.01, 1, 1}));
  EXPECT_EQ(slopes([](variable x) { return elu(x, 0.5); }), (numbers{0, 0.5, 1, 1}));
  const double at_1 = 0.9276705118714869;  // s + s (1 - s), s = sigmoid(1)
  expect_numbers(slopes([](variable x) { return silu(x); }), {0, 0.5, at_1, 1}, 1e-15);
  expect_numbers(slopes([](variable x) { return log_sigmoid(x); }), {1, 0.5, 0.2689414213699951, 0},
                 1e-15);
}

TEST(Activations, KeepNotANumber) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  for (dtype d : {float64, float32}) {
    graph_under_test g;
    const variable x = g.input(d, array({17}, nan));
    for (const variable& y :
         {heaviside(x), heaviside(x, 1), leaky_relu(x), elu(x), silu(x), gelu(x), gelu_tanh(x),
          log_sigmoid(x), maxout(x, 17), selu(x), celu(x), mish(x), softsign(x), relu6(x),
          hard_sigmoid(x), hard_silu(x), hard_tanh(x), exponential(x)}) {
      for (double e : g.run(y).data) EXPECT_TRUE(std::isnan(e)) << y;
    }
  }
}

TEST(Activations, AreIdenticalToTheVariableIfTheyAreTheIdentity) {
  graph_under_test g;
  const variable x = g.input(float64, array({}, 7));
  EXPECT_EQ(identity(x).index(), x.index());
  EXPECT_EQ(g.run(gradient(identity(x) + x, x)).data[0], 2);
}

TEST(Sigmoid, HasItsLargestSlopeAtZero) {
  graph_under_test g;
  const variable x = g.input(float64, array({5}, {-1, -0.1, 0, 0.1, 1}));
  const variable slope = gradient(sum(sigmoid(x)), x);
  EXPECT_EQ(g.run(max(slope)).data[0], 0.25);
  EXPECT_EQ(g.run(argmax(slope)).data[0], 2);
}

TEST(Sigmoid, GivesTanhOfTwiceItsArgument) {  // tanh z = 2 sigmoid(2 z) - 1
  graph_under_test g;
  const variable z = g.input(float64, array({4}, {-2, -0.5, 0, 1.25}));
  expect_close(g.run(tanh(z)), g.run(2 * sigmoid(2 * z) - 1), 1e-15);
  expect_close(g.run(gradient(sum(tanh(z)), z)), g.run(1 - square(tanh(z))), 1e-15);
}

TEST(Sigmoid, IsUndoneByTheLogarithmOfTheOdds) {
  graph_under_test g;
  const variable p = g.input(float64, array({}, 0.8));
  EXPECT_NEAR(g.run(p / (1 - p)).data[0], 4, 1e-15);
  EXPECT_NEAR(g.run(logit(p)).data[0], 1.386294, 5e-7);
  EXPECT_NEAR(g.run(sigmoid(logit(p))).data[0], 0.8, 1e-15);
}

TEST(Softmax, HasTextbookValues) {
  expect_numbers(at({1, 2, 1.5, 0.6}, [](operand x) { return softmax(x); }),
                 {0.166, 0.450, 0.273, 0.111}, 6e-4);
  expect_numbers(at({1, 2, 3}, [](operand x) { return softmax(x); }), {0.0900, 0.2447, 0.6652},
                 5e-5);
}

TEST(Softmax, OfMaskedEntriesAndOfRowsOfThemIsZero) {
  for (dtype d : {float64, float32}) {
    graph_under_test g;
    const variable z = g.input(d, array({2, 2}, {1, -infinity, -infinity, -infinity}));
    const variable y = softmax(z);
    const arrays got = g.run({y, gradient(sum(slice(y, {0}) * slice(z, {0, 0})), z)});
    EXPECT_EQ(got[0].data, (numbers{1, 0, 0, 0}));
    EXPECT_EQ(got[1].data, (numbers{1, 0, 0, 0}));
  }
}

}  // namespace cotape::tests

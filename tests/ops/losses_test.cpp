// Losses: textbook values, short names, and probabilities that are recorded as a softmax.
#include <limits>

#include "support.hpp"

namespace cotape::tests {

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

using loss_function = std::function<variable(variable, variable)>;

double value_of(const loss_function& f, const array& prediction, const array& target,
                dtype d = float64) {
  graph_under_test g;
  return g.run(f(g.input(d, prediction), g.input(d, target))).data.at(0);
}

array row(numbers values) {
  const auto n = static_cast<std::int64_t>(values.size());
  return array({n}, std::move(values));
}

const array predicted = row({0.1, 0.7, 0.2}), wanted_classes = row({0, 1, 0});

}  // namespace

TEST(Losses, OfThreeClassProbabilities) {
  EXPECT_NEAR(value_of(sum_squared_error, predicted, wanted_classes), 0.14, 1e-15);
  EXPECT_NEAR(value_of(half_squared_error, predicted, wanted_classes), 0.07, 1e-15);
  EXPECT_NEAR(value_of(mean_squared_error, predicted, wanted_classes), 0.046667, 5e-7);
  EXPECT_NEAR(value_of(categorical_crossentropy, predicted, wanted_classes), 0.356675, 5e-7);
}

TEST(Losses, OfLikelihoodsAddWhereProbabilitiesMultiply) {
  const auto expect = [](const numbers& likelihoods, double product, double total) {
    const array x = row(likelihoods), ones(x.shape, 1);
    graph_under_test g;
    const variable v = g.input(float64, x);
    EXPECT_NEAR(g.run(prod(v)).data[0], product, 5e-5);
    EXPECT_NEAR(g.run(-sum(log(v))).data[0], total, 5e-5);
    EXPECT_NEAR(4 * value_of(binary_crossentropy, x, ones), total, 5e-5);
  };
  expect({0.6, 0.2, 0.1, 0.7}, 0.0084, 4.7795);
  expect({0.7, 0.9, 0.8, 0.6}, 0.3024, 1.1960);
}

TEST(Losses, OfBinaryTargets) {
  const double mean = value_of(binary_crossentropy, row({0.9, 0.6, 0.2, 0.3}), row({1, 1, 0, 0}));
  EXPECT_NEAR(4 * mean, 1.1960, 5e-5);
  EXPECT_NEAR(mean, 0.2990, 5e-5);
}

TEST(Losses, RelativeAndLogarithmic) {
  const array truth = row({1, 2, 4}), guess = row({1.5, 1.5, 5});
  EXPECT_NEAR(value_of(mean_absolute_percentage_error, guess, truth), 33.3333, 5e-5);
  EXPECT_NEAR(value_of(mean_squared_logarithmic_error, guess, truth), 0.0387584, 5e-8);
}

TEST(Losses, OfResidualsThatAreNotSquared) {
  const array truth = row({0, 0, 0, 0}), guess = row({0.5, -1, 3, 0});
  EXPECT_EQ(value_of(sum_absolute_error, guess, truth), 4.5);
  EXPECT_EQ(value_of(mean_absolute_error, guess, truth), 1.125);
  EXPECT_EQ(4 * value_of([](variable a, variable b) { return huber(a, b); }, guess, truth),
            0.125 + 0.5 + 2.5);
  EXPECT_EQ(4 * value_of([](variable a, variable b) { return huber(a, b, 2); }, guess, truth),
            0.125 + 0.5 + 4);
}

TEST(Losses, HaveKerassShortNames) {
  const array truth = row({1, 2, 4}), guess = row({1.5, 1.5, 5});
  using named_loss = variable (*)(operand, operand);
  for (const auto& [name, long_name] :
       std::vector<std::pair<named_loss, named_loss>>{{sse, sum_squared_error},
                                                      {rss, sum_squared_error},
                                                      {mse, mean_squared_error},
                                                      {mae, mean_absolute_error},
                                                      {mape, mean_absolute_percentage_error},
                                                      {msle, mean_squared_logarithmic_error}}) {
    EXPECT_EQ(value_of(name, guess, truth), value_of(long_name, guess, truth));
  }
}

TEST(Losses, HaveFiniteSlopesWhereTheyBend) {
  graph_under_test g;
  const variable x = g.input(float64, row({-3, -1, 0, 1, 3})), zeros = g.input(float64, array({5}));
  EXPECT_EQ(g.run(5 * gradient(huber(x, zeros), x)).data, (numbers{-1, -1, 0, 1, 1}));
  EXPECT_EQ(g.run(gradient(sum_absolute_error(x, zeros), x)).data, (numbers{-1, -1, 0, 1, 1}));
  EXPECT_EQ(g.run(gradient(half_squared_error(x, zeros), x)).data, (numbers{-3, -1, 0, 1, 3}));
}

TEST(Losses, OfWhatTheyCannotTakeAreInfiniteOrNotANumber) {
  EXPECT_EQ(value_of(mape, row({1}), row({0})), infinity);
  EXPECT_TRUE(std::isnan(value_of(mape, row({0}), row({0}))));
  EXPECT_EQ(value_of(msle, row({-1}), row({0})), infinity);
  EXPECT_TRUE(std::isnan(value_of(msle, row({-2}), row({0}))));
}

TEST(Losses, OfMarginsTakeZeroAsTheNegativeClass) {
  const array guess = row({0.6, -0.4, 2, -3});
  for (const array& target : {row({0, 1, 1, 0}), row({-1, 1, 1, -1})}) {
    EXPECT_NEAR(value_of(hinge, guess, target), (1.6 + 1.4) / 4, 1e-15);
    EXPECT_NEAR(value_of(squared_hinge, guess, target), (2.56 + 1.96) / 4, 1e-15);
  }
}

TEST(Losses, LogCoshIsNoRoundingErrorNearZeroNorOverflowsFarFromIt) {
  const auto far = [](double r) { return r - std::log(2.0); };
  for (dtype d : {float32, float64}) {
    for (double r : {1e-6, 1e-3, 0.5, 30.0, 1000.0}) {
      graph_under_test g;
      const variable x = g.input(d, row({r, -r})), loss = log_cosh(x, g.input(d, row({0, 0})));
      const variable slope = gradient(loss, x);
      const arrays got = g.run({loss, slope, gradient(sum(slope), x)});
      const double rounded_r = d == float32 ? static_cast<double>(static_cast<float>(r)) : r;
      const double s = std::sinh(rounded_r / 2);
      const double t = std::tanh(rounded_r), bend = 1 - t * t;
      expect_near(got[0], array({}, r < 1 ? std::log1p(2 * s * s) : far(r)), d, 16, 0);
      expect_near(got[1], row({t / 2, -t / 2}), d, 16, 0);
      expect_near(got[2], row({bend / 2, bend / 2}), d, 16, 1e-7);
    }
  }
  EXPECT_EQ(value_of(log_cosh, row({infinity, -infinity}), row({0, 0})), infinity);
  graph_under_test g;
  const variable x = g.input(float64, row({0})), y = log_cosh(x, g.input(float64, row({0})));
  EXPECT_EQ(g.run(gradient(sum(gradient(y, x)), x)).data, (numbers{1}));
}

TEST(Losses, OfDirectionsAreMinusTheirCosine) {
  const array p({3, 2}, {3, 4, 0, 2, -1, 1}), t({3, 2}, {6, 8, 5, 0, 2, -2});
  EXPECT_NEAR(3 * value_of(cosine_similarity, p, t), -1 - 0 + 1, 1e-15);
  graph_under_test g;  // a row of zeros
  const variable x = g.input(float64, array({1, 2}, {0, 0}));
  const variable loss = cosine_similarity(x, g.input(float64, array({1, 2}, {3, 4})));
  EXPECT_EQ(g.run(loss).data, (numbers{0}));
  expect_near(g.run(gradient(loss, x)), array({1, 2}, {-0.6, -0.8}), float64, 2, 0);
}

TEST(Losses, KullbackAndLeiblersDivergence) {
  const array p({2, 2}, {0.5, 0.5, 0.25, 0.75}), t({2, 2}, {0.5, 0.5, 1, 0});
  const double clipped = 1e-7 * std::log(1e-7 / 0.75);
  EXPECT_NEAR(value_of(kl_divergence, p, t), (std::log(4.0) + clipped) / 2, 1e-15);
  // Of a softmax no probability is clipped: the slope does not vanish.
  graph_under_test g;
  const variable z = g.input(float64, array({1, 2}, {0, 1000}));
  const variable loss = kl_divergence(softmax(z), g.input(float64, array({1, 2}, {1, 0})));
  EXPECT_EQ(g.run(loss).data, (numbers{1000}));
  EXPECT_EQ(g.run(gradient(loss, z)).data, (numbers{-1, 1}));
}

TEST(CrossEntropy, OfFocusWeighsWhatIsPredictedWellLess) {
  variable (*const binary)(operand, operand) = binary_focal_crossentropy;
  variable (*const classes)(operand, operand) = categorical_focal_crossentropy;
  const array p = row({0.9, 0.2}), t = row({1, 0});
  const double first = -0.01 * std::log(0.9), second = -0.04 * std::log(0.8);
  EXPECT_NEAR(value_of(binary, p, t), (first + second) / 2, 1e-15);
  const auto balanced = [](variable a, variable b) {
    return binary_focal_crossentropy(a, b, {}, true);
  };
  EXPECT_NEAR(value_of(balanced, p, t), (0.25 * first + 0.75 * second) / 2, 1e-15);
  const auto without = [](variable a, variable b) {
    return binary_focal_crossentropy(a, b, {.gamma = 0});
  };
  EXPECT_NEAR(value_of(without, p, t), value_of(binary_crossentropy, p, t), 1e-15);
  EXPECT_NEAR(value_of(classes, predicted, wanted_classes), -0.25 * 0.09 * std::log(0.7), 1e-15);
}

TEST(CrossEntropy, OfFocusAndASigmoidOrASoftmaxNeitherOverflowsNorVanishes) {
  graph_under_test g;
  const variable z = g.input(float64, array({1, 2}, {1000, -1000}));
  const variable t = g.input(float64, array({1, 2}, {0, 1}));
  const variable binary = binary_focal_crossentropy(sigmoid(z), t);
  const variable classes = categorical_focal_crossentropy(softmax(z), t);
  const arrays got = g.run({binary, gradient(binary, z), classes, gradient(classes, z)});
  EXPECT_EQ(got[0].data, (numbers{1000}));
  EXPECT_EQ(got[1].data, (numbers{0.5, -0.5}));
  EXPECT_EQ(got[2].data, (numbers{500}));
  EXPECT_EQ(got[3].data, (numbers{0.25, -0.25}));
  const variable right = g.input(float64, row({40})), one = g.input(float64, row({1}));
  const double missed = 1 / (1 + std::exp(40.0));  // 1 - sigmoid(40) would be 0
  expect_near(g.run(binary_focal_crossentropy(sigmoid(right), one)),
              array({}, missed * missed * std::log1p(std::exp(-40.0))), float64, 16, 0);
}

TEST(CrossEntropy, OfSmoothedLabels) {
  EXPECT_NEAR(value_of([](variable, variable t) { return sum(smoothed_labels(t, 0.3, 3)); },
                       predicted, wanted_classes),
              1, 1e-15);
  graph_under_test g;
  const array smooth = g.run(smoothed_labels(g.input(float64, wanted_classes), 0.3, 3));
  expect_near(smooth, row({0.1, 0.8, 0.1}), float64, 2, 0);
}

TEST(CrossEntropy, OfASoftmaxIsTheOneOfItsLogits) {
  for (dtype d : {float64, float32}) {
    SCOPED_TRACE(name_of(d));
    graph_under_test g;
    const variable z = g.input(d, array({3, 3}, {0.5, -1, 2, 2000, 0, -2000, 0, -infinity, 1}));
    const variable t = g.input(d, array({3, 3}, {0, 0.25, 0.75, 0, 1, 0, 1, 0, 0}));
    const variable labels = g.input(int64, row({2, 2, 0}));
    const variable p = softmax(z);
    const variable dense = categorical_crossentropy(p, t);
    const variable sparse = sparse_categorical_crossentropy(p, labels);
    const variable dense_z = categorical_crossentropy_from_logits(z, t);
    const variable sparse_z = sparse_categorical_crossentropy_from_logits(z, labels);
    const arrays got = g.run({dense, sparse, gradient(dense, z), gradient(sparse, z)});
    const arrays wanted = g.run({dense_z, sparse_z, gradient(dense_z, z), gradient(sparse_z, z)});
    for (std::size_t i = 0; i < got.size(); ++i) {
      EXPECT_EQ(got[i].data, wanted[i].data) << i;
      for (double e : got[i].data) EXPECT_TRUE(std::isfinite(e)) << i;
    }
    EXPECT_GT(got[0].data[0], 2000 / 3.0);
  }
}

TEST(CrossEntropy, OfASoftmaxIsTheSameProgramAsOfItsLogits) {
  const auto explained = [](const std::function<variable(variable, variable)>& f) {
    graph_under_test g;
    const variable z = g.input(float32, array({64, 10})), t = g.input(float32, array({64, 10}));
    const variable loss = f(z, t);
    return program(g.t, {z, t}, {loss, gradient(loss, z)}).explain();
  };
  EXPECT_EQ(
      explained([](variable z, variable t) { return categorical_crossentropy(softmax(z), t); }),
      explained(categorical_crossentropy_from_logits));
}

TEST(CrossEntropy, OfASoftmaxHasAGradientInTheProbabilitiesToo) {
  graph_under_test g;
  const variable z = g.input(float64, array({1, 3}, {1, 2, 3}));
  const variable p = softmax(z),
                 loss = categorical_crossentropy(p, g.input(float64, array({1, 3}, {0, 1, 0})));
  const arrays both = g.run(gradient(loss, {p, z}));
  EXPECT_NEAR(both[0].data[1], -1 / 0.24472847105479764, 1e-13);
  EXPECT_EQ(both[0].data[0], 0);
  EXPECT_NEAR(both[1].data[1], 0.24472847105479764 - 1, 1e-15);
}

TEST(CrossEntropy, OfASigmoidDoesNotUnderflow) {
  graph_under_test g;
  const variable z = g.input(float64, array({1, 2}, {-1000, 3}));
  const variable t = g.input(float64, array({1, 2}, {1, 0}));
  const variable loss = categorical_crossentropy(sigmoid(z), t);
  EXPECT_EQ(g.run(loss).data[0], 1000);
  EXPECT_EQ(g.run(gradient(loss, z)).data, (numbers{-1, 0}));
}

// softplus(z) - z would be a rounding error, from 17 or 37 on.
TEST(CrossEntropy, OfARightAndCertainLogitIsSmallButNoRoundingError) {
  for (dtype d : {float32, float64}) {
    for (double z : {17.0, 40.0, 80.0}) {
      graph_under_test g;
      const variable logits = g.input(d, row({z, -z})), t = g.input(d, row({1, 0}));
      const variable loss = binary_crossentropy_from_logits(logits, t);
      const double wanted = std::log1p(std::exp(-z)), slope = 0.5 / (1 + std::exp(z));
      const arrays got = g.run({loss, gradient(loss, logits)});
      expect_near(got[0], array({}, wanted), d, 4, 0);
      expect_near(got[1], row({-slope, slope}), d, 4, 0);
    }
  }
}

TEST(CrossEntropy, OfInfiniteLogitsIsZeroOrInfinite) {
  const array z = row({infinity}), t = row({1});
  EXPECT_EQ(value_of(binary_crossentropy_from_logits, z, t), 0);
  EXPECT_EQ(value_of(binary_crossentropy_from_logits, z, row({0})), infinity);
}

TEST(CrossEntropy, OfCertainProbabilitiesIsClipped) {
  graph_under_test g;
  const variable p = g.input(float64, array({2, 2}, {0, 1, 1, 0}));
  const variable t = g.input(float64, array({2, 2}, {1, 0, 1, 0}));
  const variable loss = categorical_crossentropy(p, t);
  const double wanted = -(std::log(1e-7) + std::log1p(-1e-7)) / 2;
  EXPECT_NEAR(g.run(loss).data[0], wanted, 1e-14);
  const variable sparse = sparse_categorical_crossentropy(p, g.input(int64, row({0, 0})));
  EXPECT_NEAR(g.run(sparse).data[0], wanted, 1e-14);
  for (double e : g.run(gradient(loss, p)).data) EXPECT_TRUE(std::isfinite(e));
}

TEST(CrossEntropy, OfRowsThatAreMaskedWhollyCountsNothing) {
  graph_under_test g;
  const variable z = g.input(float64, array({2, 2}, {1, 1, -infinity, -infinity}));
  const variable t = g.input(float64, array({2, 2}, {1, 0, 0, 0}));
  const variable loss = categorical_crossentropy(softmax(z), t);
  EXPECT_NEAR(g.run(loss).data[0], std::log(2.0) / 2, 1e-15);
  EXPECT_EQ(g.run(gradient(loss, z)).data, (numbers{-0.25, 0.25, 0, 0}));
}

}  // namespace cotape::tests

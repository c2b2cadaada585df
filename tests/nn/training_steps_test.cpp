// Whole training steps, fused and step by step: each is as near to the run in double as the other,
// and a run gives the same bits again.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <memory>

#include "cotape/cotape.hpp"

namespace cotape {
namespace {

struct training_case {
  const char* name;
  std::vector<std::int64_t> units;
  std::int64_t rows;
  const char* activation;
  std::function<variable(variable, variable)> loss;
  std::function<std::unique_ptr<optimizer>()> how;
};

std::unique_ptr<optimizer> plain() { return std::make_unique<sgd>(sgd_options{.rate = 0.5}); }
std::unique_ptr<optimizer> with_momentum() {
  return std::make_unique<sgd>(sgd_options{.rate = 0.05, .momentum = 0.9});
}
std::unique_ptr<optimizer> adaptive() { return std::make_unique<adam>(adam_options{.rate = 0.01}); }

variable cross_entropy(variable scores, variable t) {
  return categorical_crossentropy(softmax(scores), t);
}
variable binary(variable p, variable t) { return binary_crossentropy(sigmoid(p), t); }
variable squares(variable p, variable t) { return mse(p, t); }

const training_case cases[] = {
    {"Xor", {2, 4, 5, 1}, 4, "sigmoid", binary, plain},
    {"Regression", {13, 64, 64, 1}, 32, "relu", squares, with_momentum},
    {"Classes", {20, 40, 30, 10}, 50, "relu", cross_entropy, plain},
    {"ClassesByAdam", {20, 40, 30, 10}, 50, "tanh", cross_entropy, adaptive},
};

// The parameters and losses after five steps, one behind the other, as doubles.
std::vector<double> train(const training_case& c, dtype d, bool fuse) {
  generator random(7);
  const auto normal_data = [&](std::int64_t columns) {
    return tensor(random.normal({c.rows, columns}), d);
  };
  const tensor x = normal_data(c.units.front());
  const tensor t = normal_data(c.units.back());
  std::vector<parameter> weights;
  for (std::size_t i = 0; i + 1 < c.units.size(); ++i) {
    const tensor w = glorot_uniform(random, {c.units[i], c.units[i + 1]});
    weights.emplace_back("w", tensor(w, d));
    weights.emplace_back("b", zeros({c.units[i + 1]}, d));
  }
  const std::unique_ptr<optimizer> how = c.how();
  auto step = compile(
      [&](variable in, variable target) {
        variable h = in;
        for (std::size_t i = 0; i < weights.size(); i += 2) {
          if (i > 0) h = activate(c.activation, h);
          h = matmul(h, weights[i]) + weights[i + 1];
        }
        const variable l = c.loss(h, sigmoid(target));
        how->minimize(l);
        return l;
      },
      {.fuse = fuse});
  std::vector<double> found;
  for (int i = 0; i < 5; ++i) found.push_back(step(x, t).number());
  for (const parameter& p : weights) {
    const tensor value(p.view(), float64);
    found.insert(found.end(), value.data_as<double>(),
                 value.data_as<double>() + value.shape().elements());
  }
  return found;
}

double distance(const std::vector<double>& a, const std::vector<double>& b) {
  double worst = 0;
  for (std::size_t i = 0; i < a.size(); ++i) worst = std::max(worst, std::abs(a[i] - b[i]));
  return worst;
}

class TrainingStep : public testing::TestWithParam<training_case> {};

TEST_P(TrainingStep, IsAsExactFusedAsStepByStep) {
  const auto exact = train(GetParam(), float64, true);
  const auto fused = train(GetParam(), float32, true), plain = train(GetParam(), float32, false);
  const double a = distance(fused, exact), b = distance(plain, exact);
  EXPECT_GT(a, 0);
  EXPECT_LE(a, 4 * b + 1e-6);
  EXPECT_LE(b, 4 * a + 1e-6);
  EXPECT_LE(distance(train(GetParam(), float64, false), exact), 1e-12);
  EXPECT_LE(a, 1e-4);
}

TEST_P(TrainingStep, GivesTheSameBitsAgain) {
  for (const dtype d : {float32, float64}) {
    EXPECT_EQ(train(GetParam(), d, true), train(GetParam(), d, true));
  }
}

INSTANTIATE_TEST_SUITE_P(All, TrainingStep, testing::ValuesIn(cases),
                         [](const auto& row) { return std::string(row.param.name); });

}  // namespace
}  // namespace cotape

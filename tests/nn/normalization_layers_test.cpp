// Layers that normalize, layers of noise, and prelu: shapes, weights, statistics that training
// moves and predicting reads, errors.
#include <gtest/gtest.h>

#include <cmath>
#include <cotape/cotape.hpp>
#include <cotape/testing.hpp>
#include <numeric>
#include <random>
#include <xtensor/xview.hpp>

#include "expect_error.hpp"
#include "model_bits.hpp"
#include "own_folder.hpp"

namespace {

using namespace cotape;
using namespace cotape::tests;

using array = xt::xarray<double>;
using floats = xt::xarray<float>;

std::vector<std::string> weights_of(const model& m) {
  std::vector<std::string> result;
  for (const parameter& p : m.parameters()) {
    result.push_back(p.name() + " " + p.shape().text() + (p.trainable() ? "" : " fixed"));
  }
  return result;
}

floats drawn(std::vector<std::size_t> shape, double mean = 0, double deviation = 1) {
  std::mt19937 engine(7);
  std::normal_distribution<double> normal(mean, deviation);
  floats x = xt::zeros<float>(shape);
  for (float& e : x) e = static_cast<float>(normal(engine));
  return x;
}

// What a layer makes of x in training.
array trained_on(const layer& l, const floats& x, generator& random) {
  tape t;
  return xt::cast<double>(l.record(t.constant(x), random, mode::training).value<float>());
}

double mean_of(const array& x) {
  return std::accumulate(x.begin(), x.end(), 0.0) / static_cast<double>(x.size());
}
double variance_of(const array& x) {
  const double m = mean_of(x);
  double total = 0;
  for (double e : x) total += (e - m) * (e - m);
  return total / static_cast<double>(x.size());
}

TEST(NormalizationLayers, HaveTheWeightsOfKeras) {
  const sequential m{input({4, 4, 6}),
                     batch_normalization(),
                     batch_normalization({.center = false}),
                     batch_normalization({.center = false, .scale = false}),
                     layer_normalization(),
                     layer_normalization({.over = {1, 3}, .scale = false}),
                     group_normalization(3),
                     rms_normalization(),
                     rms_normalization({-3, -2, -1}),
                     prelu(),
                     prelu({1, 2}),
                     gaussian_noise(0.1),
                     spatial_dropout(0.5),
                     alpha_dropout(0.1)};
  EXPECT_EQ(
      weights_of(m),
      (std::vector<std::string>{
          "batch_normalization/gamma (6,)", "batch_normalization/beta (6,)",
          "batch_normalization/moving_mean (6,) fixed",
          "batch_normalization/moving_variance (6,) fixed", "batch_normalization_1/gamma (6,)",
          "batch_normalization_1/moving_mean (6,) fixed",
          "batch_normalization_1/moving_variance (6,) fixed",
          "batch_normalization_2/moving_mean (6,) fixed",
          "batch_normalization_2/moving_variance (6,) fixed", "layer_normalization/gamma (6,)",
          "layer_normalization/beta (6,)", "layer_normalization_1/beta (4, 1, 6)",
          "group_normalization/gamma (6,)", "group_normalization/beta (6,)",
          "rms_normalization/scale (6,)", "rms_normalization_1/scale (4, 4, 6)",
          "prelu/alpha (4, 4, 6)", "prelu_1/alpha (1, 1, 6)"}));
  EXPECT_EQ(m.parameters()[0].value<float>(), xt::ones<float>({6}));
  EXPECT_EQ(m.parameters()[1].value<float>(), xt::zeros<float>({6}));
  EXPECT_EQ(m.parameters()[2].value<float>(), xt::zeros<float>({6}));
  EXPECT_EQ(m.parameters()[3].value<float>(), xt::ones<float>({6}));
  EXPECT_EQ(m.parameters().back().value<float>(), xt::zeros<float>({1, 1, 6}));
  const std::string table = m.summary();
  EXPECT_NE(table.find("Total: 306\nTrainable: 270\nNon-trainable: 36\n"), std::string::npos)
      << table;
}

// By hand: of the columns (1, 3) and (2, 6) the means are 2 and 4, the variances 1 and 4.
TEST(BatchNormalization, NormalizesWithTheBatchInTrainingAndWithWhatItKeptLater) {
  const batch_normalization l({.momentum = 0.75, .epsilon = 0});
  generator random;
  const array x = {{1, 2}, {3, 6}};
  const auto y = [&](mode m) {
    tape t;
    const variable v = l.record(t.constant(x), random, m);
    const array result = v.value<double>();
    t.commit();
    return result;
  };
  EXPECT_EQ(y(mode::predicting), x);  // of mean 0 and variance 1
  EXPECT_EQ(l.parameters()[2].value<double>(), (array{0, 0}));
  EXPECT_EQ(y(mode::training), (array{{-1, -1}, {1, 1}}));
  EXPECT_EQ(l.parameters()[2].value<double>(), (array{0.5, 1}));
  EXPECT_EQ(l.parameters()[3].value<double>(), (array{1, 1.75}));
  const array now = y(mode::predicting);
  EXPECT_DOUBLE_EQ(now(0, 0), 0.5);
  EXPECT_DOUBLE_EQ(now(1, 1), 5 / std::sqrt(1.75));
  EXPECT_EQ(l.parameters()[2].value<double>(), (array{0.5, 1}));
}

// 300 draws of mean 5 and deviation 2, in a network that trains on them.
struct little {
  floats x = drawn({300, 3}, 5, 2);
  floats y = drawn({300, 1});
  sequential m{input({3}), dense(4), batch_normalization(), activation("relu"), dense(1)};
  explicit little(const optimizer_argument& how = adam({.rate = 0.01})) { m.compile("mse", how); }
  history fit(std::int64_t epochs, std::vector<given<callback>> callbacks = {}) {
    return m.fit(x, y, {.epochs = epochs, .callbacks = std::move(callbacks), .progress = nullptr});
  }
  floats moving(std::size_t i) const { return m.parameters()[2 + i].value<float>(); }
};

TEST(BatchNormalization, KeepsTheStatisticsOfWhatItTrainsOn) {
  floats x = drawn({4096, 2}, 5, 2), y = drawn({4096, 2});
  sequential m{input({2}), batch_normalization({.momentum = 0.9})};
  m.compile("mse", "sgd");
  m.fit(x, y, {.epochs = 2, .batch_size = 64, .progress = nullptr});
  for (float mean : m.parameters()[2].value<float>()) EXPECT_NEAR(mean, 5, 0.3);
  for (float variance : m.parameters()[3].value<float>()) EXPECT_NEAR(variance, 4, 0.5);
}

TEST(BatchNormalization, IsLeftAsItIsByEvaluatingPredictingAndChecking) {
  little l;
  l.fit(2);
  const auto before = bits_of(l.m);
  EXPECT_NE(l.moving(0)(0), 0);
  const double loss = l.m.evaluate(l.x, l.y)["loss"];
  const tensor p = l.m.predict(l.x);
  const gradient_check check = l.m.check_gradient(l.x, l.y);
  EXPECT_TRUE(check.ok()) << check.table();
  EXPECT_EQ(check.inputs.size(), 6u) << check.table();  // no moving mean or variance
  EXPECT_TRUE(same(bits_of(l.m), before));
  EXPECT_EQ(l.m.evaluate(l.x, l.y)["loss"], loss);
  // One row is predicted as it is among others.
  const floats all = l.m.predict<float>(l.x), one = l.m.predict<float>(floats(xt::view(l.x, 0)));
  EXPECT_NEAR(all(0, 0), one(0), 1e-5);
}

// It stands first, so that what it keeps depends on the data alone.
TEST(BatchNormalization, IsNotMovedByOptimizersThatMakeWeightsDecay) {
  const auto trained = [](const optimizer_argument& how) {
    sequential m{input({3}), batch_normalization(), dense(1)};
    m.compile("mse", how);
    m.fit(drawn({300, 3}, 5, 2), drawn({300, 1}), {.epochs = 3, .progress = nullptr});
    return bits_of(m);
  };
  const auto still = trained(sgd({.rate = 0}));
  for (const optimizer_argument& how :
       {optimizer_argument(adamw({.rate = 0.1, .weight_decay = 0.5})),
        optimizer_argument(sgd({.rate = 0.1, .gradients = {.weight_decay = 0.5}}))}) {
    const auto bits = trained(how);
    EXPECT_FALSE(same_bits(bits[0], still[0]));
    EXPECT_TRUE(same_bits(bits[2], still[2]));
    EXPECT_TRUE(same_bits(bits[3], still[3]));
  }
}

TEST(BatchNormalization, PredictsInTrainingWhereItsWeightsAreFrozen) {
  little l;
  l.fit(1);
  for (std::size_t i : {2U, 3U}) l.m.parameters()[i].set_trainable(false);
  const floats mean = l.moving(2), variance = l.moving(3);
  l.fit(1);
  EXPECT_EQ(l.moving(2), mean);
  EXPECT_EQ(l.moving(3), variance);
  tape t;
  const variable x = t.constant(l.x);
  EXPECT_EQ(l.m(x, mode::training).value<float>(), l.m(x).value<float>());
  // One of the two that trains makes it train.
  l.m.parameters()[3].set_trainable(true);
  l.fit(1);
  EXPECT_NE(l.moving(2), mean);
}

TEST(BatchNormalization, WithoutWeightsPredictsInTrainingWhereItIsFrozen) {
  const batch_normalization plain({.center = false, .scale = false});
  plain.set_trainable(false);
  generator random(1);
  tape t;
  const variable x = t.constant(xt::xarray<float>{{1, 2}, {3, 5}});
  EXPECT_EQ(plain.record(x, random, mode::training).value<float>(),
            plain.record(x, random).value<float>());
  plain.set_trainable(true);
  EXPECT_NE(plain.record(x, random, mode::training).value<float>(),
            plain.record(x, random).value<float>());
}

TEST(BatchNormalization, WithoutWeightsTrainsAlways) {
  sequential m{input({3}), batch_normalization({.center = false, .scale = false}), dense(1)};
  m.compile("mse", "sgd");
  m.fit(drawn({64, 3}, 5), drawn({64, 1}), {.progress = nullptr});
  EXPECT_NE(m.parameters()[0].value<float>()(0), 0);
}

TEST(BatchNormalization, GoesOnFromACheckpointToTheSameBits) {
  const own_folder f;
  little whole, first, second;
  whole.fit(4);
  first.fit(2, {checkpoint(f.at / "c.safetensors")});
  second.fit(4, {checkpoint(f.at / "c.safetensors")});
  EXPECT_TRUE(same(bits_of(whole.m), bits_of(second.m)));
  save_parameters(f.at / "w.safetensors", second.m.parameters());
  little loaded;
  load_parameters(f.at / "w.safetensors", loaded.m.parameters());
  EXPECT_TRUE(same_bits(loaded.m.predict(whole.x), whole.m.predict(whole.x)));
}

TEST(BatchNormalization, GivesTheSameBitsOnTwoThreads) {
  const int before = num_threads();
  const auto trained = [&](int threads) {
    set_num_threads(threads);
    const floats x = drawn({512, 24, 24, 4}), y = drawn({512, 2});
    sequential m{
        input({24, 24, 4}),    batch_normalization(),    prelu({1, 2}), group_normalization(2),
        layer_normalization(), global_average_pooling(), dense(2)};
    m.compile("mse", "sgd");
    m.fit(x, y, {.batch_size = 256, .progress = nullptr});
    return bits_of(m);
  };
  const auto one = trained(1), two = trained(2);
  set_num_threads(before);
  EXPECT_TRUE(same(one, two));
}

// Each place keeps its batch's statistics, one after the other.
TEST(BatchNormalization, ThatStandsTwiceInAModelMovesTwice) {
  const auto x = input({2}, float64);
  const batch_normalization l({.momentum = 0.5});
  model m(x, l(l(x)));
  m.compile("mse", sgd({.rate = 0}));
  const array data = {{1, 2}, {3, 6}};
  m.fit(data, data, {.batch_size = 2, .progress = nullptr});
  const array mean = m.parameters()[2].value<double>();
  EXPECT_DOUBLE_EQ(mean(0), 0.5);  // half of half of 2, and half of 0
  EXPECT_DOUBLE_EQ(mean(1), 1);
}

// Every layer with weights, in float32 and in a model: first and second order.
TEST(NormalizationLayers, HaveRightGradients) {
  const floats x = drawn({6, 3, 2, 4}), y = drawn({6, 2});
  for (const layer& l : std::vector<layer>{
           batch_normalization(), layer_normalization(), layer_normalization({.over = {1, 2, 3}}),
           group_normalization(2), rms_normalization(), prelu({1, 2}), prelu()}) {
    sequential m{input({3, 2, 4}), conv2d(4, 1, {.bias = false}), l, flatten(), dense(2)};
    m.compile("mse");
    const gradient_check check = m.check_gradient(x, y, {.second_order = true});
    EXPECT_TRUE(check.ok()) << l.body().kind() << "\n" << check.table();
  }
}

TEST(GroupNormalization, NormalizesEachGroupOfEachSample) {
  const floats x = drawn({2, 5, 5, 4}, 3, 2);
  generator random;
  const array y = trained_on(group_normalization(2), x, random);
  for (std::size_t i : {0U, 1U}) {
    for (std::size_t g : {0U, 2U}) {
      const array part = xt::view(y, i, xt::all(), xt::all(), xt::range(g, g + 2));
      EXPECT_NEAR(mean_of(part), 0, 1e-6);
      EXPECT_NEAR(variance_of(part), 1, 1e-3);
    }
  }
}

TEST(Prelu, LearnsTheSlopeThatLeakyReluHas) {
  floats x = drawn({512, 1}), y = x;
  for (float& e : y) e = e > 0 ? e : 0.25F * e;
  sequential m{input({1}), prelu()};
  m.compile("mse", sgd({.rate = 0.1}));
  m.fit(x, y, {.epochs = 20, .progress = nullptr});
  EXPECT_NEAR(m.parameters()[0].value<float>()(0), 0.25, 1e-3);
}

TEST(Noise, ActsInTrainingAlone) {
  const floats x = drawn({50, 4, 6});
  for (const layer& l :
       std::vector<layer>{gaussian_noise(0.5), spatial_dropout(0.5), alpha_dropout(0.5)}) {
    generator random(1);
    tape t;
    const variable v = t.constant(x);
    EXPECT_EQ(l.record(v, random).index(), v.index()) << l.body().kind();
    EXPECT_NE(trained_on(l, x, random), xt::cast<double>(x)) << l.body().kind();
  }
  for (const layer& l :
       std::vector<layer>{gaussian_noise(0), spatial_dropout(0), alpha_dropout(0)}) {
    generator random(1);
    EXPECT_EQ(trained_on(l, x, random), xt::cast<double>(x)) << l.body().kind();
  }
}

TEST(GaussianNoise, HasItsMeanAndDeviation) {
  const floats x = 3 * xt::ones<float>({20000});
  generator random(2);
  const array y = trained_on(gaussian_noise(0.5), x, random);
  EXPECT_NEAR(mean_of(y), 3, 0.02);
  EXPECT_NEAR(std::sqrt(variance_of(y)), 0.5, 0.01);
}

TEST(SpatialDropout, DropsWholeChannels) {
  const floats x = xt::ones<float>({100, 3, 5, 8});
  generator random(3);
  const array y = trained_on(spatial_dropout(0.25), x, random);
  std::size_t dropped = 0;
  for (std::size_t i = 0; i < 100; ++i) {
    for (std::size_t k = 0; k < 8; ++k) {
      const array channel = xt::view(y, i, xt::all(), xt::all(), k);
      const double first = channel(0, 0);
      for (double e : channel) EXPECT_EQ(e, first);
      dropped += first == 0;
      EXPECT_NEAR(first, first == 0 ? 0 : 1 / 0.75, 1e-6);
    }
  }
  EXPECT_NEAR(static_cast<double>(dropped) / 800, 0.25, 0.05);
}

TEST(AlphaDropout, KeepsMeanAndVariance) {
  const floats x = drawn({40000});
  generator random(4);
  const array y = trained_on(alpha_dropout(0.3), x, random);
  EXPECT_NEAR(mean_of(y), 0, 0.03);
  EXPECT_NEAR(variance_of(y), 1, 0.03);
}

TEST(NormalizationLayers, SayWhatDoesNotFit) {
  EXPECT_EQ(message_of([] { batch_normalization({.momentum = 1.5}); }),
            "batch_normalization: momentum 1.5 not in [0, 1]");
  EXPECT_EQ(message_of([] { batch_normalization({.epsilon = -1}); }),
            "batch_normalization: epsilon -1 is below 0");
  EXPECT_EQ(message_of([] { layer_normalization({.epsilon = -1}); }),
            "layer_normalization: epsilon -1 is below 0");
  EXPECT_EQ(message_of([] { rms_normalization(-1, -1); }),
            "rms_normalization: epsilon -1 is below 0");
  EXPECT_EQ(message_of([] { group_normalization(0); }), "group_normalization: 0 groups");
  EXPECT_EQ(message_of([] { spatial_dropout(1); }), "spatial_dropout: 1 not in [0, 1)");
  EXPECT_EQ(message_of([] { alpha_dropout(-0.5); }), "alpha_dropout: -0.5 not in [0, 1)");
  EXPECT_EQ(message_of([] { gaussian_noise(-1); }), "gaussian_noise: the deviation -1 is below 0");
  const auto message = [](const layer& l, const shape& row) {
    const std::string all = message_of([&] { sequential({input(row), l}).parameters(); });
    return all.substr(0, all.find(" ["));
  };
  EXPECT_EQ(message(batch_normalization(), {}),
            "batch_normalization: the input (2,) is not (batch, ..., channels)");
  EXPECT_EQ(message(layer_normalization({.over = {0, 1}}), {3}),
            "layer_normalization: axis 0 is the batch's: name others");
  const axes none((std::vector<std::int64_t>()));
  EXPECT_EQ(message(layer_normalization({.over = none}), {3}),
            "layer_normalization: no axes to normalize over");
  EXPECT_EQ(message(rms_normalization(none), {3}), "rms_normalization: no axes to normalize over");
  EXPECT_EQ(message(layer_normalization({.over = 2}), {3}),
            "layer_normalization: axis 2 is outside a tensor of 2 axes");
  EXPECT_EQ(message(prelu({3}), {3}), "prelu: axis 3 is outside a tensor of 2 axes");
  EXPECT_EQ(message(group_normalization(), {12}),
            "group_norm: 12 channels do not divide into 32 groups");
}

}  // namespace

// Layers for images: their shapes, weights and errors, and that a network of them learns.
#include <gtest/gtest.h>

#include <cotape/cotape.hpp>
#include <random>
#include <xtensor/xmath.hpp>

#include "expect_error.hpp"
#include "model_bits.hpp"

namespace {

using namespace cotape;
using namespace cotape::tests;

std::vector<std::string> weights_of(const model& m) {
  std::vector<std::string> result;
  for (const parameter& p : m.parameters()) {
    result.push_back(p.name() + " " + p.type().shape.text());
  }
  return result;
}

TEST(VisionLayers, HaveTheShapesOfKeras) {
  const sequential m{input({28, 28, 1}),
                     conv2d(6, 5, {.padding = "same", .activation = "relu"}),
                     max_pooling2d(),
                     depthwise_conv2d(3, 2),
                     conv2d(16, {3, 5}, {.strides = 2, .groups = 4, .bias = false}),
                     conv2d_transpose(3, 3, {.strides = 2, .padding = "same"}),
                     average_pooling2d(2, {.padding = "same"}),
                     global_average_pooling(),
                     dense(10)};
  EXPECT_EQ(weights_of(m),
            (std::vector<std::string>{
                "conv2d/weight (5, 5, 1, 6)", "conv2d/bias (6,)",
                "depthwise_conv2d/weight (3, 3, 1, 12)", "depthwise_conv2d/bias (12,)",
                "conv2d_1/weight (3, 5, 3, 16)", "conv2d_transpose/weight (3, 3, 3, 16)",
                "conv2d_transpose/bias (3,)", "dense/weight (3, 10)", "dense/bias (10,)"}));
  const std::string table = m.summary();
  for (const char* shape :
       {"(None, 28, 28, 6)", "(None, 14, 14, 6)", "(None, 12, 12, 12)", "(None, 5, 4, 16)",
        "(None, 10, 8, 3)", "(None, 5, 4, 3)", "(None, 3)", "(None, 10)"}) {
    EXPECT_NE(table.find(shape), std::string::npos) << shape << "\n" << table;
  }
}

TEST(VisionLayers, OfOneAndThreeAxes) {
  const sequential line{input({20, 2}), conv1d(4, 3), max_pooling1d(), average_pooling1d(3),
                        global_max_pooling()};
  EXPECT_NE(line.summary().find("(None, 3, 4)"), std::string::npos) << line.summary();
  const sequential block{input({4, 5, 6, 1}), conv3d(2, {2, 3, 3}), global_max_pooling()};
  EXPECT_EQ(weights_of(block),
            (std::vector<std::string>{"conv3d/weight (2, 3, 3, 1, 2)", "conv3d/bias (2,)"}));
}

// Glorot and Bengio's fans of filters count their taps: sqrt(6 / (25 * 3 + 25 * 8)).
TEST(VisionLayers, BeginWithinTheLimitOfTheirFans) {
  const sequential m{input({9, 9, 3}), conv2d(8, 5)};
  double most = 0;
  const xt::xarray<float> w = m.parameters()[0].value<float>();
  for (float x : w) most = std::max(most, std::abs(static_cast<double>(x)));
  const double limit = std::sqrt(6.0 / (25 * 3 + 25 * 8));
  EXPECT_LE(most, limit);
  EXPECT_GT(most, 0.98 * limit);
}

// What holds weights holds those of filters: 3 x 3 x 1 of them lead to each.
TEST(VisionLayers, MayBeRegularizedAndBounded) {
  const xt::xarray<float> x = xt::ones<float>({4, 5, 5, 1}), y = xt::zeros<float>({4, 18});
  const auto made = [](const conv_layer_options& o) {
    sequential m{input({5, 5, 1}), conv2d(2, 3, o), flatten()};
    m.compile("mse", sgd({.rate = 1e-3}));
    return m;
  };
  sequential plain = made({}), held = made({.weights_regularizer = l2(0.5),
                                            .activity_regularizer = l1(0.25),
                                            .weights_constraint = max_norm(0.5),
                                            .bias_constraint = non_neg()});
  const xt::xarray<float> w = plain.parameters()[0].value<float>();
  const xt::xarray<float> out = plain.predict<float>(x);
  EXPECT_NEAR(
      held.evaluate(x, y)["loss"],
      plain.evaluate(x, y)["loss"] + 0.5 * xt::sum(w * w)() + 0.25 * xt::sum(xt::abs(out))() / 4,
      1e-4);
  held.fit(x, y, {.progress = nullptr});
  const xt::xarray<float> after = held.parameters()[0].value<float>();
  for (std::size_t k = 0; k < 2; ++k) {
    double before = 0, sum = 0;
    for (std::size_t i = 0; i < 3; ++i) {
      for (std::size_t j = 0; j < 3; ++j) {
        before += double{w(i, j, 0, k)} * w(i, j, 0, k);
        sum += double{after(i, j, 0, k)} * after(i, j, 0, k);
      }
    }
    EXPECT_GT(std::sqrt(before), 0.55);  // the bound is reached
    EXPECT_NEAR(std::sqrt(sum), 0.5, 1e-5);
  }
  for (const float b : held.parameters()[1].value<float>()) EXPECT_GE(b, 0);
}

TEST(VisionLayers, SayWhatDoesNotFit) {
  EXPECT_EQ(message_of([] { conv2d(0, 3); }), "conv2d: 0 filters");
  EXPECT_EQ(message_of([] { conv2d(2, {3, 3, 3}); }), "conv2d: 3 sizes for 2 spatial axes");
  EXPECT_EQ(message_of([] { conv2d(2, 3, {.groups = 0}); }), "conv2d: 0 groups");
  EXPECT_EQ(message_of([] { depthwise_conv2d(3, 1, {.groups = 2}); }),
            "depthwise_conv2d: it has as many groups as channels: leave `groups` out");
  EXPECT_NE(message_of([] { conv2d(2, 3, {.activation = "some"}); }).find("no activation 'some'"),
            std::string::npos);
  const auto message = [](const layer& l, const shape& row) {
    const std::string all = message_of([&] { sequential({input(row), l}).parameters(); });
    return all.substr(0, all.find(" ["));
  };
  EXPECT_NE(message(conv2d(2, 3), {9, 9})
                .find("conv2d: the input (2, 9, 9) is not (batch, 2 "
                      "sizes, channels)"),
            std::string::npos);
  EXPECT_NE(message(conv2d(4, 3, {.groups = 2}), {9, 9, 3}).find("conv2d: 3 channels in 2 groups"),
            std::string::npos);
  EXPECT_NE(message(global_max_pooling(), {9}).find("has no spatial axes"), std::string::npos);
}

// Bars across, of label 0, and bars down, with noise.
std::pair<xt::xarray<float>, xt::xtensor<std::int64_t, 1>> bars(std::size_t rows) {
  std::mt19937 engine(1);
  std::uniform_real_distribution<float> noise(-0.3F, 0.3F);
  xt::xarray<float> x = xt::zeros<float>({rows, std::size_t{8}, std::size_t{8}, std::size_t{1}});
  xt::xtensor<std::int64_t, 1> y = xt::zeros<std::int64_t>({rows});
  for (std::size_t i = 0; i < rows; ++i) {
    y(i) = static_cast<std::int64_t>(i % 2);
    const std::size_t at = engine() % 8;
    for (std::size_t k = 0; k < 8; ++k) (i % 2 == 0 ? x(i, at, k, 0) : x(i, k, at, 0)) = 1;
    for (std::size_t k = 0; k < 64; ++k) x(i, k / 8, k % 8, 0) += noise(engine);
  }
  return {x, y};
}

// What README.md shows, word for word.
TEST(VisionLayers, LearnInTheNetworkOfTheReadme) {
  const auto data = bars(128);
  const xt::xarray<float>& x = data.first;
  const xt::xtensor<std::int64_t, 1>& y = data.second;
  // clang-format off
  sequential m{conv2d(8, 3, {.padding = "same", .activation = "relu"}),
               max_pooling2d(),
               conv2d(16, 3, {.activation = "relu"}),
               global_average_pooling(),
               dense(2)};
  m.compile("sparse_categorical_crossentropy_from_logits", adam({.rate = 0.01}), {"accuracy"});
  history h = m.fit(x, y, {.epochs = 10, .batch_size = 16});  // images and their labels
  // clang-format on
  EXPECT_GT(h["accuracy"].back(), 0.95);
}

// A dense layer behind a convolution tells them apart.
TEST(VisionLayers, LearnToTellBarsApart) {
  const auto data = bars(128);
  const xt::xarray<float>& x = data.first;
  const xt::xtensor<std::int64_t, 1>& y = data.second;
  sequential m{conv2d(4, 3, {.activation = "relu"}), max_pooling2d(2), flatten(), dense(2)};
  m.compile("sparse_categorical_crossentropy_from_logits", adam({.rate = 0.01}), {"accuracy"});
  const history h = m.fit(x, y, {.epochs = 30, .batch_size = 16, .progress = nullptr});
  EXPECT_GT(h["accuracy"].back(), 0.98);
  const gradient_check check = m.check_gradient(x, y);
  EXPECT_TRUE(check.ok()) << check.table();
}

TEST(VisionLayers, TrainToTheSameBitsOnAnyNumberOfThreads) {
  const int before = num_threads();
  const auto trained = [](int threads) {
    set_num_threads(threads);
    sequential m({input({20, 20, 3}), conv2d(24, 3, {.padding = "same", .bias = false}),
                  batch_normalization(), activation("relu"), max_pooling2d(), depthwise_conv2d(3),
                  conv2d(40, 3, {.strides = 2}), dropout(0.2), global_average_pooling(), dense(4)},
                 1);
    m.compile("sparse_categorical_crossentropy_from_logits", adam());
    const tensor x = generator(2).uniform({96, 20, 20, 3});
    xt::xarray<std::int64_t> y = xt::arange<std::int64_t>(96);
    for (std::int64_t& label : y) label %= 4;
    m.fit(x, y, {.epochs = 2, .batch_size = 48, .progress = nullptr});
    return tests::bits_of(m);
  };
  const std::vector<tensor> one = trained(1);
  for (const int threads : {2, 3}) {
    const std::vector<tensor> more = trained(threads);
    for (std::size_t i = 0; i < one.size(); ++i) EXPECT_TRUE(same_bits(one[i], more[i])) << i;
  }
  set_num_threads(before);
}

}  // namespace

// Layers that change shapes: what they make of a row, and what they refuse; and that every layer
// there is goes into a model by its plain name.
#include <gtest/gtest.h>

#include <cotape/cotape.hpp>
#include <filesystem>
#include <regex>
#include <xtensor/xview.hpp>

#include "expect_error.hpp"
#include "ops/declared.hpp"

namespace {

using namespace cotape;
using namespace cotape::tests;

using array = xt::xarray<double>;

array output_of(const layer& l, const array& x) {
  tape t;
  generator random(1);
  return l.record(t.constant(x), random).value<double>();
}

// One row of one channel.
array line(const std::vector<double>& x) {
  return xt::adapt(x, {std::size_t{1}, x.size(), std::size_t{1}});
}
array image(const xt::xtensor<double, 2>& x) {
  return xt::reshape_view(x, {std::size_t{1}, x.shape(0), x.shape(1), std::size_t{1}});
}
array counted(const std::vector<std::size_t>& s) {
  array x(s);
  for (std::size_t i = 0; i < x.size(); ++i) x.data()[i] = std::sin(static_cast<double>(i));
  return x;
}

TEST(ShapeLayers, PadAndCrop) {
  const array x = line({1, 2, 3}), y = image({{1, 2}, {3, 4}});
  EXPECT_EQ(output_of(zero_padding1d(), x), line({0, 1, 2, 3, 0}));
  EXPECT_EQ(output_of(zero_padding1d({{0, 2}}), x), line({1, 2, 3, 0, 0}));
  EXPECT_EQ(output_of(cropping1d(), x), line({2}));
  EXPECT_EQ(output_of(cropping1d({{2, 0}}), x), line({3}));
  EXPECT_EQ(output_of(zero_padding2d({{1, 0}, {0, 1}}), y),
            image({{0, 0, 0}, {1, 2, 0}, {3, 4, 0}}));
  EXPECT_EQ(output_of(cropping2d({{1, 0}, {0, 1}}), y), image({{3}}));
  EXPECT_EQ(output_of(cropping2d(), y), y);
  const array z = counted({2, 2, 3, 4, 2});
  const array padded = output_of(zero_padding3d({{1, 0}, {0, 2}, {3, 1}}), z);
  EXPECT_EQ(padded.shape(), (array::shape_type{2, 3, 5, 8, 2}));
  EXPECT_EQ(xt::sum(padded)(), xt::sum(z)());
  EXPECT_EQ(output_of(cropping3d({{1, 0}, {0, 2}, {3, 1}}), padded), z);
  EXPECT_EQ(output_of(cropping3d(), output_of(zero_padding3d(), z)), z);
}

TEST(ShapeLayers, OfThreeAxesAndOfAnySizes) {
  const array x = counted({1, 2, 3, 2, 1});
  tape t;
  const variable v = t.constant(x);
  EXPECT_EQ(output_of(up_sampling3d({1, 2, 3}), x), resize(v, {2, 6, 6}).value<double>());
  EXPECT_EQ(output_of(resizing({3, 3, 4}), x), resize(v, {3, 3, 4}, "bilinear").value<double>());
  EXPECT_EQ(output_of(resizing(2, "nearest"), x), resize(v, 2).value<double>());
  EXPECT_EQ(output_of(max_pooling3d(), x), max_pool(v, 2).value<double>());
  EXPECT_EQ(output_of(average_pooling3d(2, {.strides = 1}), x),
            average_pool(v, 2, {.strides = 1}).value<double>());
  EXPECT_EQ(output_of(adaptive_max_pooling({1, 2, 1}), x),
            adaptive_max_pool(v, {1, 2, 1}).value<double>());
  EXPECT_EQ(output_of(adaptive_average_pooling({1, 2, 1}), x),
            adaptive_average_pool(v, {1, 2, 1}).value<double>());
  EXPECT_NEAR(output_of(global_average_pooling(), x)(0, 0), xt::mean(x)(), 1e-15);
  EXPECT_EQ(message_of([] { resizing(2, "cubic"); }),
            "resizing: no method 'cubic': \"nearest\" or \"bilinear\"");
}

// A transposed convolution has its inputs last: what knows weights by inputs and outputs sees them
// in the order of a convolution's.
TEST(ShapeLayers, TransposedConvolutionsTellInputsFromOutputs) {
  shape seen;
  const initializer first = [&](generator& random, const shape& s) {
    seen = s;
    return he_normal(random, s, float64);
  };
  const auto made = [&](const conv_layer_options& o) {
    const conv2d_transpose l(2, 3, o);
    output_of(l, counted({1, 4, 4, 50}));
    return l.parameters()[0];
  };
  const parameter w = made({.weights = first});
  EXPECT_EQ(seen, (shape{3, 3, 50, 2}));
  EXPECT_EQ(w.shape(), (shape{3, 3, 2, 50}));
  // He's variance, 2 / (9 * 50): with the axes changed about it would be 25 times as large.
  const array values = w.value<double>();
  EXPECT_NEAR(xt::mean(values * values)(), 2.0 / 450, 0.2 * 2.0 / 450);
  // Each output's weights, 3 x 3 x 50, have a norm of at most 1.
  sequential m{input({4, 4, 50}), conv2d_transpose(2, 3, {.weights_constraint = max_norm(0.5)}),
               flatten()};
  m.compile("mse", sgd({.rate = 1e-9}));
  m.fit(counted({1, 4, 4, 50}), array(xt::zeros<double>({1, 72})), {.progress = nullptr});
  const array bounded = xt::cast<double>(m.parameters()[0].value<float>());
  for (std::size_t k = 0; k < 2; ++k) {
    const auto of_output = xt::view(bounded, xt::all(), xt::all(), k, xt::all());
    EXPECT_NEAR(std::sqrt(xt::sum(of_output * of_output)()), 0.5, 1e-5);
  }
}

TEST(ShapeLayers, SampleUp) {
  const array x = image({{1, 2}});
  EXPECT_EQ(output_of(up_sampling1d(), line({1, 2})), line({1, 1, 2, 2}));
  EXPECT_EQ(output_of(up_sampling2d(2), x), image({{1, 1, 2, 2}, {1, 1, 2, 2}}));
  EXPECT_EQ(output_of(up_sampling2d({1, 2}, "bilinear"), x), image({{1, 1.25, 1.75, 2}}));
}

TEST(ShapeLayers, ShapeAndPermuteRows) {
  const array x{{{1, 2, 3}, {4, 5, 6}}};
  EXPECT_EQ(output_of(to_shape({3, -1}), x), (array{{{1, 2}, {3, 4}, {5, 6}}}));
  EXPECT_EQ(output_of(to_shape({6}), x), (array{{1, 2, 3, 4, 5, 6}}));
  EXPECT_EQ(output_of(permute({2, 1}), x), (array{{{1, 4}, {2, 5}, {3, 6}}}));
  tape t;
  generator random(1);
  EXPECT_EQ(to_shape({-1}).record(t.input(float32, {0, 2, 3}), random).shape(), (shape{0, 6}));
}

TEST(ShapeLayers, SayWhatDoesNotFit) {
  EXPECT_EQ(message_of([] { zero_padding1d("same"); }), "zero_padding1d: give numbers of elements");
  EXPECT_EQ(message_of([] {
              zero_padding2d({{1, 1}, {1, 1}, {1, 1}});
            }),
            "zero_padding2d: 3 pairs for 2 spatial axes");
  EXPECT_EQ(message_of([] { cropping1d(-1); }), "cropping1d: a number of elements is negative");
  EXPECT_EQ(message_of([] { up_sampling1d(0); }),
            "up_sampling1d: [0] are not 1 sizes of at least 1");
  EXPECT_EQ(message_of([] {
              up_sampling2d({2, 2, 2});
            }),
            "up_sampling2d: [2, 2, 2] are not 2 sizes of at least 1");
  EXPECT_EQ(message_of([] { up_sampling2d(2, "cubic"); }),
            "up_sampling2d: no method 'cubic': \"nearest\" or \"bilinear\"");
  EXPECT_EQ(message_of([] {
              to_shape({-1, 2, -1});
            }),
            "to_shape: (-1, 2, -1) are not sizes, of which one may be -1");
  EXPECT_EQ(message_of([] {
              to_shape({0, 2});
            }),
            "to_shape: (0, 2) are not sizes, of which one may be -1");
  EXPECT_EQ(message_of([] {
              permute({0, 1});
            }),
            "permute: (0, 1) does not name each axis of a row, from 1 on, once");
  const auto message = [](const layer& l, const shape& s) {
    tape t;
    generator random(1);
    const std::string all = message_of([&] { l.record(t.input(float32, s), random); });
    return all.substr(0, all.find(" ["));
  };
  EXPECT_EQ(message(zero_padding2d(), {1, 2, 3}),
            "zero_padding2d: the input (1, 2, 3) is not (batch, 2 sizes, channels)");
  EXPECT_EQ(message(cropping1d({{1, 2}}), {1, 3, 1}),
            "cropping1d: 1 and 2 of the 3 elements of spatial axis 0 leave none");
  EXPECT_EQ(message(to_shape({4}), {2, 3}), "to_shape: the rows of (2, 3) are not (4)");
  EXPECT_EQ(message(to_shape({4, -1}), {2, 6}), "to_shape: the rows of (2, 6) are not (4, -1)");
  EXPECT_EQ(message(permute({1}), {2, 3, 4}), "permute: (2, 3, 4) has no rows of 1 axes");
  // Their products would wrap around: to 0, and to 6.
  constexpr std::int64_t huge = std::int64_t{1} << 62;
  EXPECT_THROW(up_sampling1d{huge}, value_error);
  EXPECT_EQ(message(to_shape({huge, 4}), {2, 0}),
            "to_shape: the rows of (2, 0) are not (4611686018427387904, 4)");
}

// Its weights, by their names in Keras: a filter for each channel, then a mix of the channels.
TEST(ShapeLayers, SeparableConvolutionIsTwoConvolutions) {
  generator random(1);
  tape t;
  const array x = counted({2, 5, 5, 3});
  const variable v = t.constant(x);
  const separable_conv2d l(4, 3, {.strides = 2, .padding = "same", .activation = "tanh"}, 2);
  const variable y = l.record(v, random);
  ASSERT_EQ(l.parameters().size(), 3u);
  EXPECT_EQ(l.parameters()[0].type().shape, (shape{3, 3, 1, 6}));
  EXPECT_EQ(l.parameters()[1].type().shape, (shape{1, 1, 6, 4}));
  EXPECT_EQ(l.parameters()[2].type().shape, (shape{4}));
  const variable deep =
      conv(v, t.read(l.parameters()[0]), {.strides = 2, .padding = "same", .groups = 3});
  EXPECT_EQ(y.value<double>(), tanh(conv(deep, t.read(l.parameters()[1]))).value<double>());
  EXPECT_EQ(message_of([] { separable_conv2d(2, 3, {.groups = 2}); }),
            "separable_conv2d: it has as many groups as channels: leave `groups` out");
  EXPECT_EQ(message_of([] { separable_conv2d(2, 3, {}, 0); }),
            "separable_conv2d: a multiplier of 0");
}

TEST(ShapeLayers, MakeTheModelThatTheirHeaderShows) {
  sequential m{input({6, 6, 1}),
               zero_padding2d(1),
               conv2d(4, 3),
               up_sampling2d(2),
               cropping2d({{1, 0}, {2, 2}}),
               to_shape({-1, 4}),
               permute({2, 1})};
  EXPECT_NE(m.summary().find("(None, 4, 88)"), std::string::npos) << m.summary();
}

// By plain names, as users write them; the lists of layers are read from the headers.
TEST(Layers, StandInASequentialByTheirPlainNames) {
  sequential image{input({8, 8, 2}),
                   zero_padding2d(),
                   conv2d(4, 3, {.activation = "relu"}),
                   batch_normalization(),
                   separable_conv2d(4, 3, {.padding = "same"}),
                   group_normalization(2),
                   spatial_dropout(0.1),
                   prelu({1, 2}),
                   depthwise_conv2d(3, 1, {.padding = "same"}),
                   max_pooling2d(),
                   up_sampling2d(),
                   average_pooling2d(),
                   conv2d_transpose(2, 3, {.strides = 2}),
                   cropping2d(1),
                   permute({3, 1, 2}),
                   permute({2, 3, 1}),
                   activation("tanh"),
                   dropout(0.25),
                   gaussian_noise(0.1),
                   alpha_dropout(0.1),
                   lambda([](variable x) { return 2 * x; }),
                   global_average_pooling(),
                   layer_normalization(),
                   dense(6),
                   rms_normalization(),
                   to_shape({3, 2}),
                   flatten()};
  sequential line{input({16, 2}),
                  zero_padding1d(),
                  conv1d(3, 3),
                  depthwise_conv1d(2, 2, {.padding = "same"}),
                  separable_conv1d(3, 2, {.padding = "same"}),
                  max_pooling1d(),
                  up_sampling1d(),
                  average_pooling1d(),
                  conv1d_transpose(3, 2),
                  cropping1d(1),
                  global_max_pooling(),
                  dense(1)};
  sequential volume{input({4, 4, 4, 1}),
                    conv3d(2, 3),
                    zero_padding3d(),
                    conv3d_transpose(2, 2, {.strides = 2}),
                    max_pooling3d(),
                    up_sampling3d(),
                    average_pooling3d(),
                    cropping3d({1, 0, 1}),
                    resizing({4, 4, 4}),
                    adaptive_max_pooling({3, 4, 3}),
                    adaptive_average_pooling(2),
                    flatten()};
  sequential text{input({5}),
                  embedding(200, 3, {.mask_zero = true}),
                  masking(),
                  position_embedding(5),
                  multi_head_attention(2, 3),
                  simple_rnn(4, {.return_sequences = true}),
                  gru(3, {.return_sequences = true}),
                  lstm(2),
                  repeat_vector(3),
                  flatten()};
  const auto columns = [](sequential& m, const std::vector<std::size_t>& s) {
    const xt::xarray<float> x = xt::cast<float>(counted(s));
    return m.predict<float>(x).shape(1);
  };
  EXPECT_EQ(columns(image, {2, 8, 8, 2}), 6u);
  EXPECT_EQ(columns(line, {2, 16, 2}), 1u);
  EXPECT_EQ(columns(volume, {2, 4, 4, 4, 1}), 16u);
  EXPECT_EQ(columns(text, {2, 5}), 6u);
  const std::string models = image.summary() + line.summary() + volume.summary() + text.summary();
  std::size_t layers = 0;
  for (const auto& file :
       std::filesystem::directory_iterator(COTAPE_SOURCE_DIR "/include/cotape")) {
    const std::string header = text_of("include/cotape/" + file.path().filename().string());
    for (const std::string& name : matches(header, "class (\\w+) : public layer \\{")) {
      ++layers;
      const std::regex row("\\b" + name + "\\b");
      EXPECT_TRUE(std::regex_search(models, row)) << name << " is in none of the models";
    }
  }
  EXPECT_GE(layers, 33u);
}

}  // namespace

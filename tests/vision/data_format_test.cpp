// Data whose channels come first: as those that are turned by hand.
#include <gtest/gtest.h>

#include <cotape/cotape.hpp>

#include "expect_error.hpp"

namespace {

using namespace cotape;
using tests::message_of;

struct images : ::testing::Test {
  generator random{1};
  tape t;
  variable last = t.constant(random.normal({2, 6, 7, 4}, 0, 1, float64));
  variable first = transpose(last, {0, 3, 1, 2});

  // That y is z with its channels first, and has its slopes.
  void expect_turned(const variable& y, const variable& z) const {
    ASSERT_EQ(y.shape(), transpose(z, {0, 3, 1, 2}).shape());
    EXPECT_EQ(transpose(y, {0, 2, 3, 1}).value<double>(), z.value<double>());
    EXPECT_EQ(gradient(sum(square(y)), last).value<double>(),
              gradient(sum(square(z)), last).value<double>());
  }
};

TEST_F(images, WithChannelsFirstAreConvolvedAndPooled) {
  const variable f = t.constant(random.normal({3, 2, 2, 8}, 0, 1, float64)),
                 g = t.constant(random.normal({3, 2, 8, 4}, 0, 1, float64));
  expect_turned(
      conv(first, f,
           {.strides = {1, 2}, .padding = "same", .groups = 2, .data_format = channels_first}),
      conv(last, f, {.strides = {1, 2}, .padding = "same", .groups = 2}));
  expect_turned(conv_transpose(first, g, {.strides = 2, .data_format = channels_first}),
                conv_transpose(last, g, {.strides = 2}));
  expect_turned(max_pool(first, 2, {.data_format = channels_first}), max_pool(last, 2));
  expect_turned(average_pool(first, {3, 2}, {.padding = "same", .data_format = channels_first}),
                average_pool(last, {3, 2}, {.padding = "same"}));
}

TEST_F(images, WithChannelsFirstGoThroughLayers) {
  const auto both = [&](const layer& a, const layer& b) {
    generator one(3), two(3);
    expect_turned(a.record(first, one), b.record(last, two));
  };
  const conv_layer_options options{
      .activation = "softmax", .bias_initializer = random_normal(), .data_format = channels_first};
  conv_layer_options plain = options;
  plain.data_format = channels_last;
  both(conv2d(3, 2, options), conv2d(3, 2, plain));
  both(conv2d_transpose(3, 2, options), conv2d_transpose(3, 2, plain));
  both(depthwise_conv2d(2, 1, options), depthwise_conv2d(2, 1, plain));
  both(separable_conv2d(3, 2, options), separable_conv2d(3, 2, plain));
  both(max_pooling2d(2, {.data_format = channels_first}), max_pooling2d());
  both(average_pooling2d(2, {.data_format = channels_first}), average_pooling2d());
  for (const bool largest : {true, false}) {
    const layer a = largest ? layer(global_max_pooling(channels_first))
                            : layer(global_average_pooling(channels_first)),
                b = largest ? layer(global_max_pooling()) : layer(global_average_pooling());
    const xt::xarray<double> y = a.record(first, random).value<double>(),
                             z = b.record(last, random).value<double>();
    ASSERT_EQ(y.shape(), z.shape());
    for (std::size_t i = 0; i < y.size(); ++i) EXPECT_NEAR(y.flat(i), z.flat(i), 1e-14);
  }
}

TEST(DataFormat, OfWhatIsNoImageIsRefused) {
  tape t;
  const variable x = t.input(float32, {5});
  EXPECT_EQ(message_of([&] {
              max_pool(x, 2, {.data_format = channels_first});
            }).find("max_pool: 0 spatial axes"),
            0u);
}

}  // namespace

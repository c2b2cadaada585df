// What users write who know Keras: each of these forms compiles, and means what it says.
#include <gtest/gtest.h>

#include <cotape/cotape.hpp>

#include "expect_error.hpp"

namespace {

using namespace cotape;
using tests::message_of;

// The sizes of an output for zeros of this shape.
shape made_by(const layer& l, const shape& x) {
  tape t;
  generator random;
  return l.record(t.constant(tensor({float32, x})), random).shape();
}

TEST(Forms, StridesOfPoolsAreNumbersInBraces) {
  tape t;
  const variable x = t.input(float32, {1, 8, 8, 3});
  EXPECT_EQ(max_pool(x, {2, 2}).shape(), (shape{1, 4, 4, 3}));
  EXPECT_EQ(max_pool(x, {2, 2}, {.strides = {1, 2}}).shape(), (shape{1, 7, 4, 3}));
  EXPECT_EQ(max_pool(x, {2, 2}, {.strides = {{1, 2}}}).shape(), (shape{1, 7, 4, 3}));
  EXPECT_EQ(average_pool(x, 2, {.strides = 3}).shape(), (shape{1, 3, 3, 3}));
  const std::vector<std::int64_t> strides{1, 2};
  EXPECT_EQ(average_pool(x, 2, {.strides = strides}).shape(), (shape{1, 7, 4, 3}));
  EXPECT_EQ(made_by(max_pooling2d({2, 2}, {.strides = {1, 2}}), x.shape()), (shape{1, 7, 4, 3}));
  EXPECT_EQ(made_by(max_pooling2d(), x.shape()), (shape{1, 4, 4, 3}));
}

TEST(Forms, PaddingIsANameOrNumbers) {
  tape t;
  const variable x = t.input(float32, {1, 5, 5, 1}), f = t.input(float32, {1, 1, 1, 1}),
                 line = t.input(float32, {1, 5, 1}), tap = t.input(float32, {1, 1, 1});
  EXPECT_EQ(conv(x, f, {.padding = 1}).shape(), (shape{1, 7, 7, 1}));
  EXPECT_EQ(conv(x, f, {.padding = {1}}).shape(), (shape{1, 7, 7, 1}));
  EXPECT_EQ(conv(x, f, {.padding = {1, 2}}).shape(), (shape{1, 7, 9, 1}));
  EXPECT_EQ(conv(x, f, {.padding = {{1, 2}}}).shape(), (shape{1, 8, 8, 1}));
  EXPECT_EQ(conv(x, f, {.padding = {{1, 2}, {0, 0}}}).shape(), (shape{1, 8, 5, 1}));
  EXPECT_EQ(conv(x, f, {.padding = "same"}).shape(), x.shape());
  EXPECT_EQ(conv(x, f, {.padding = std::string("valid")}).shape(), x.shape());
  EXPECT_EQ(conv(x, f, {.padding = {}}).shape(), x.shape());
  const std::int64_t two = 2;
  EXPECT_EQ(conv(x, f, {.padding = {two, 0}}).shape(), (shape{1, 9, 5, 1}));
  EXPECT_EQ(conv(line, tap, {.padding = {1, 2}}).shape(), (shape{1, 8, 1}));  // before and after
  EXPECT_EQ(made_by(conv2d(2, 3, {.padding = {1, 2}}), x.shape()), (shape{1, 5, 7, 2}));
  EXPECT_EQ(made_by(zero_padding1d({1, 2}), line.shape()), (shape{1, 8, 1}));
  EXPECT_EQ(made_by(zero_padding2d({1, 2}), x.shape()), (shape{1, 7, 9, 1}));
  EXPECT_EQ(made_by(cropping1d({1, 2}), line.shape()), (shape{1, 2, 1}));
  EXPECT_EQ(made_by(cropping2d({1, 2}), x.shape()), (shape{1, 3, 1, 1}));
  EXPECT_EQ(message_of([&] {
              conv(x, f, {.padding = {1, 2, 3}});
            }).find("conv: 3 pairs of padding for 2 spatial axes"),
            0u);
}

TEST(Forms, ActivationsOfConvolutionsMayStandAlone) {
  const shape line{2, 9, 2}, image{2, 9, 9, 2}, volume{2, 4, 4, 4, 1};
  const std::string relu = "relu";
  EXPECT_EQ(made_by(conv2d(8, 3, "relu"), image), (shape{2, 7, 7, 8}));
  EXPECT_EQ(made_by(conv2d(8, {3, 5}, relu), image), (shape{2, 7, 5, 8}));
  EXPECT_EQ(made_by(conv2d(8, 3, {}), image), (shape{2, 7, 7, 8}));
  EXPECT_EQ(made_by(conv2d(8, 3, {.activation = "relu"}), image), (shape{2, 7, 7, 8}));
  EXPECT_EQ(made_by(conv1d(8, 3, "relu"), line), (shape{2, 7, 8}));
  EXPECT_EQ(made_by(conv3d(8, 3, "relu"), volume), (shape{2, 2, 2, 2, 8}));
  EXPECT_EQ(made_by(conv1d_transpose(8, 3, "relu"), line), (shape{2, 11, 8}));
  EXPECT_EQ(made_by(conv2d_transpose(8, 3, "relu"), image), (shape{2, 11, 11, 8}));
  EXPECT_EQ(made_by(conv3d_transpose(8, 3, "relu"), volume), (shape{2, 6, 6, 6, 8}));
  EXPECT_EQ(made_by(separable_conv1d(8, 3, "relu"), line), (shape{2, 7, 8}));
  EXPECT_EQ(made_by(separable_conv2d(8, 3, "relu"), image), (shape{2, 7, 7, 8}));
  generator random(1);
  tape t;
  const variable x = t.constant(random.normal(image)), y = conv2d(8, 3, "relu").record(x, random);
  EXPECT_EQ(min(y).value<float>()(), 0);
  EXPECT_NE(message_of([] { conv2d(8, 3, "some"); }).find("no activation 'some'"),
            std::string::npos);
}

TEST(Forms, TensorsAreMadeOfContainersAndExpressions) {
  const xt::xarray<double> a{{1, 2}, {3, 4}};
  const xt::xtensor<float, 1> b{1, 2, 3};
  const tensor of_a(a), of_b(b), of_sum(a + 1), of_number(2.5), of_flags(a > 2), copy(of_a);
  EXPECT_EQ(of_a.type(), (value_type{float64, {2, 2}}));
  EXPECT_EQ(of_a.data_as<double>()[3], 4);
  EXPECT_EQ(of_b.type(), (value_type{float32, {3}}));
  EXPECT_EQ(of_sum.data_as<double>()[0], 2);
  EXPECT_EQ(*of_number.data_as<double>(), 2.5);
  EXPECT_EQ(of_flags.type(), (value_type{int64, {2, 2}}));
  EXPECT_TRUE(same_bits(copy, of_a));
  EXPECT_EQ(tensor({float32, {1, 2}}).type(), (value_type{float32, {1, 2}}));
  EXPECT_EQ(tensor(array_view(of_a), float32).dtype(), float32);
  EXPECT_EQ(tensor(parameter("p", a)).shape(), (shape{2, 2}));
}

}  // namespace

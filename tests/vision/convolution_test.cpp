// Convolutions against loops written from their formula, in long double; their derivatives against
// differences; patches and their sums.
#include <gtest/gtest.h>

#include <cotape/cotape.hpp>
#include <random>

#include "expect_error.hpp"

namespace {

using namespace cotape;
using namespace cotape::tests;

using sizes = std::vector<std::int64_t>;
using array = xt::xarray<double>;

struct conv_case {
  std::string name;
  sizes images, filters;  // with batch and channels; with channels of a group and filters
  conv_options how = {};
  sizes before, windows;  // by hand: padding in front, and windows, of each axis
};

std::vector<std::size_t> extents(const sizes& s) { return {s.begin(), s.end()}; }

array drawn(const sizes& s, int seed) {
  std::mt19937 engine(static_cast<unsigned>(seed));
  std::uniform_real_distribution<double> number(-1, 1);
  array a(extents(s));
  for (double& x : a) x = number(engine);
  return a;
}

// Calls f(index) for all indices below the sizes, row-major.
template <class F> void for_indices(const sizes& below, F f) {
  std::int64_t all = 1;
  for (std::int64_t n : below) all *= n;
  for (std::int64_t flat = 0; flat < all; ++flat) {
    sizes index(below.size());
    for (std::size_t i = below.size(), rest = static_cast<std::size_t>(flat); i-- > 0;) {
      index[i] = static_cast<std::int64_t>(rest) % below[i];
      rest /= static_cast<std::size_t>(below[i]);
    }
    f(index);
  }
}

std::size_t flat(const sizes& index, const sizes& of) {
  std::int64_t at = 0;
  for (std::size_t i = 0; i < of.size(); ++i) at = at * of[i] + index[i];
  return static_cast<std::size_t>(at);
}

std::int64_t value_of(const per_axis& p, std::size_t axis) {
  return p.values()[p.values().size() == 1 ? 0 : axis];
}

// Calls f(image, filter, result, with their flat places) for each product of the formula.
template <class F> void for_products(const conv_case& c, F f) {
  const std::size_t axes = c.windows.size();
  const std::int64_t depth = c.filters[axes], own = c.filters[axes + 1] / c.how.groups;
  sizes y_sizes{c.images[0]};
  y_sizes.insert(y_sizes.end(), c.windows.begin(), c.windows.end());
  y_sizes.push_back(c.filters[axes + 1]);
  for_indices(y_sizes, [&](const sizes& y) {
    const std::int64_t filter = y.back();
    sizes taps(c.filters.begin(), c.filters.end() - 1);
    for_indices(taps, [&](const sizes& t) {
      sizes at{y[0]}, w = t;
      w.push_back(filter);
      for (std::size_t i = 0; i < axes; ++i) {
        at.push_back(y[i + 1] * value_of(c.how.strides, i) + t[i] * value_of(c.how.dilation, i) -
                     c.before[i]);
        if (at.back() < 0 || at.back() >= c.images[i + 1]) return;
      }
      at.push_back(filter / own * depth + t.back());
      f(flat(at, c.images), flat(w, c.filters), flat(y, y_sizes));
    });
  });
}

const std::vector<conv_case>& cases() {
  static const std::vector<conv_case> all{
      {"OneAxis", {2, 7, 3}, {3, 3, 4}, {}, {0}, {5}},
      {"OneAxisStridesAndSame", {2, 8, 2}, {3, 2, 3}, {.strides = 2, .padding = "same"}, {0}, {4}},
      {"TwoAxes", {2, 5, 6, 3}, {3, 2, 3, 4}, {}, {0, 0}, {3, 5}},
      {"Same", {2, 5, 6, 3}, {3, 2, 3, 4}, {.padding = "same"}, {1, 0}, {5, 6}},
      {"SameWithStrides",
       {1, 7, 6, 2},
       {3, 3, 2, 2},
       {.strides = {3, 2}, .padding = "same"},
       {1, 0},
       {3, 3}},
      {"Numbers", {2, 4, 4, 1}, {3, 3, 1, 2}, {.padding = 2}, {2, 2}, {6, 6}},
      {"Sides",
       {1, 4, 5, 2},
       {3, 3, 2, 2},
       {.strides = 2, .padding = {{{0, 2}, {3, 1}}}},
       {0, 3},
       {2, 4}},
      {"Dilation",
       {2, 9, 8, 2},
       {3, 3, 2, 3},
       {.padding = "same", .dilation = {2, 3}},
       {2, 3},
       {9, 8}},
      {"DilationInThePadding",
       {1, 3, 3, 1},
       {2, 3, 1, 1},
       {.padding = 4, .dilation = {5, 3}},
       {4, 4},
       {6, 5}},
      {"Groups", {2, 5, 5, 6}, {3, 3, 2, 9}, {.padding = "same", .groups = 3}, {1, 1}, {5, 5}},
      {"Depthwise", {2, 5, 5, 4}, {3, 3, 1, 8}, {.strides = 2, .groups = 4}, {0, 0}, {2, 2}},
      {"OneFilterAChannel",
       {2, 4, 13, 19},
       {3, 3, 1, 19},
       {.padding = "same", .groups = 19},
       {1, 1},
       {4, 13}},
      {"OneFilterAChannelWithStrides",
       {2, 7, 15, 3},
       {3, 2, 1, 3},
       {.strides = {2, 3}, .padding = {{{1, 2}, {2, 0}}}, .groups = 3},
       {1, 2},
       {4, 6}},
      {"OneFilterAChannelAndDilation",
       {1, 5, 17, 2},
       {2, 3, 1, 2},
       {.padding = {{{1, 0}, {4, 3}}}, .dilation = {3, 2}, .groups = 2},
       {1, 4},
       {3, 20}},
      {"OneFilterAChannelInMuchPadding",
       {1, 3, 2, 2},
       {2, 1, 1, 2},
       {.padding = 3, .groups = 2},
       {3, 3},
       {8, 8}},
      {"OneFilterAChannelOfThreeAxes",
       {2, 3, 2, 6, 5},
       {2, 2, 3, 1, 5},
       {.padding = "same", .groups = 5},
       {0, 0, 1},
       {3, 2, 6}},
      {"NoImagesOneFilterAChannel", {0, 5, 5, 2}, {3, 3, 1, 2}, {.groups = 2}, {0, 0}, {3, 3}},
      {"PointsWithoutPatches", {2, 3, 4, 5}, {1, 1, 5, 3}, {}, {0, 0}, {3, 4}},
      {"PointsWithStrides", {2, 5, 4, 5}, {1, 1, 5, 3}, {.strides = 2}, {0, 0}, {3, 2}},
      {"ThreeAxes",
       {2, 4, 3, 5, 2},
       {2, 3, 2, 2, 3},
       {.strides = {1, 2, 2}, .padding = "same"},
       {0, 1, 0},
       {4, 2, 3}},
      {"ManyBlocks", {3, 40, 40, 8}, {5, 5, 8, 4}, {.padding = "same"}, {2, 2}, {40, 40}},
      {"NoImages", {0, 5, 5, 2}, {3, 3, 2, 2}, {}, {0, 0}, {3, 3}},
  };
  return all;
}

class Convolution : public ::testing::TestWithParam<conv_case> {};

TEST_P(Convolution, IsTheFormula) {
  const conv_case& c = GetParam();
  const array x = drawn(c.images, 1), w = drawn(c.filters, 2);
  tape t;
  const variable y = conv(t.constant(x), t.constant(w), c.how);
  std::vector<long double> wanted(static_cast<std::size_t>(y.shape().elements()));
  for_products(c, [&](std::size_t i, std::size_t f, std::size_t at) {
    wanted[at] += static_cast<long double>(x.data()[i]) * w.data()[f];
  });
  const array found = y.value<double>();
  ASSERT_EQ(found.size(), wanted.size());
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    EXPECT_NEAR(found.data()[i], static_cast<double>(wanted[i]), 1e-13) << i;
  }
}

TEST_P(Convolution, HasItsGradients) {
  const conv_case& c = GetParam();
  const array x = drawn(c.images, 1), w = drawn(c.filters, 2);
  tape t;
  const variable a = t.constant(x), f = t.constant(w), y = conv(a, f, c.how);
  sizes of_y(y.shape().begin(), y.shape().end());
  const array dy = drawn(of_y, 3);
  const auto found = gradient(sum(y * t.constant(dy)), {a, f});
  std::vector<long double> dx(x.size()), dw(w.size());
  for_products(c, [&](std::size_t i, std::size_t k, std::size_t at) {
    dx[i] += static_cast<long double>(w.data()[k]) * dy.data()[at];
    dw[k] += static_cast<long double>(x.data()[i]) * dy.data()[at];
  });
  const array of_x = found[0].value<double>(), of_w = found[1].value<double>();
  for (std::size_t i = 0; i < dx.size(); ++i) {
    EXPECT_NEAR(of_x.data()[i], static_cast<double>(dx[i]), 1e-12) << i;
  }
  for (std::size_t i = 0; i < dw.size(); ++i) {
    EXPECT_NEAR(of_w.data()[i], static_cast<double>(dw[i]), 1e-11) << i;
  }
}

TEST_P(Convolution, HasDerivativesOfSecondOrder) {
  const conv_case& c = GetParam();
  if (c.images[0] == 0 || c.name == "ManyBlocks") return;
  const gradient_check check =
      check_gradient([&](variable x, variable w) { return square(conv(x, w, c.how)); },
                     {drawn(c.images, 1), drawn(c.filters, 2)}, {.second_order = true});
  EXPECT_TRUE(check.ok()) << check.table();
}

// What conv_transpose gives for numbers of padding is the gradient of conv by its images.
TEST_P(Convolution, TransposedIsItsAdjoint) {
  const conv_case& c = GetParam();
  const std::size_t axes = c.windows.size();
  tape t;
  const variable w = t.constant(drawn(c.filters, 2));
  conv_options how = c.how;
  std::vector<window_padding::sides> both;
  for (std::size_t i = 0; i < axes; ++i) {
    const std::int64_t all = (c.windows[i] - 1) * value_of(how.strides, i) +
                             (c.filters[i] - 1) * value_of(how.dilation, i) + 1;
    if (all - c.before[i] < c.images[i + 1]) return;  // elements that no window shows
    both.emplace_back(c.before[i], all - c.before[i] - c.images[i + 1]);
  }
  how.padding = both;
  const variable x = t.constant(drawn(c.images, 1)), y = conv(x, w, how);
  const array dy = drawn(sizes(y.shape().begin(), y.shape().end()), 3);
  const variable back = conv_transpose(t.constant(dy), w, how);
  ASSERT_EQ(back.shape(), x.shape());
  const array wanted = gradient(sum(y * t.constant(dy)), x).value<double>(),
              found = back.value<double>();
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    EXPECT_NEAR(found.data()[i], wanted.data()[i], 1e-12) << i;
  }
}

INSTANTIATE_TEST_SUITE_P(All, Convolution, ::testing::ValuesIn(cases()),
                         [](const auto& of) { return of.param.name; });

// As Keras has it: with "same" size * stride, with "valid" also what a stride leaves.
TEST(ConvTranspose, HasTheSizesOfKeras) {
  tape t;
  const auto size = [&](std::int64_t windows, std::int64_t filter, const conv_options& how) {
    const variable x = t.constant(drawn({1, windows, 2}, 1));
    return conv_transpose(x, t.constant(drawn({filter, 3, 2}, 2)), how).shape()[1];
  };
  EXPECT_EQ(size(4, 3, {.strides = 2, .padding = "same"}), 8);
  EXPECT_EQ(size(4, 3, {.strides = 2}), 9);
  EXPECT_EQ(size(4, 2, {.strides = 3}), 12);  // 3 * 3 + 2, and one more
  EXPECT_EQ(size(4, 3, {.strides = 2, .padding = 1}), 7);
  EXPECT_EQ(size(4, 3, {.dilation = 2}), 8);
  EXPECT_EQ(size(4, 3, {.strides = 1}), 6);
}

TEST(Patches, AreTheElementsOfWindows) {
  tape t;
  const variable x = t.constant(xt::xtensor<double, 3>{{{1}, {2}, {3}, {4}}});
  const variable y = unfold(x, 2, {.strides = 2, .padding = 1});
  EXPECT_EQ(y.shape(), (shape{1, 3, 2, 1}));
  EXPECT_EQ(y.value<double>(), (xt::xtensor<double, 4>{{{{0}, {1}}, {{2}, {3}}, {{4}, {0}}}}));
  const variable z = fold(unfold(x, 3, {.padding = "same"}), 4, {.padding = "same"});
  EXPECT_EQ(z.value<double>(),
            (xt::xtensor<double, 3>{{{2}, {6}, {9}, {8}}}));  // times as many windows
}

TEST(Patches, AreAdjointToTheirSum) {
  const window_options how{.strides = {2, 1}, .padding = "same", .dilation = {1, 2}};
  const gradient_check a = check_gradient(
      [&](variable x) {
        return square(unfold(x, {3, 2}, how));
      },
      {drawn({2, 5, 6, 3}, 1)}, {.second_order = true});
  EXPECT_TRUE(a.ok()) << a.table();
  const gradient_check b = check_gradient(
      [&](variable p) {
        return square(fold(p, {5, 6}, how));
      },
      {drawn({2, 3, 6, 3, 2, 3}, 1)}, {.second_order = true});
  EXPECT_TRUE(b.ok()) << b.table();
}

// The step of a layer whose patches of all images would take 118 MB.
TEST(Convolution, KeepsNoPatchesOfAllImages) {
  tape t;
  const variable x = t.input(float32, {32, 40, 40, 64}), w = t.input(float32, {3, 3, 64, 8});
  const variable y = conv(x, w, {.padding = "same"});
  const auto both = gradient(sum(square(y)), {x, w});
  const program code(t, {x, w}, {y, both[0], both[1]});
  EXPECT_LT(code.memory().arena, 32u * 40 * 40 * 64 * 4 + (8u << 20));
}

TEST(Convolution, GivesTheSameBitsOnAnyNumberOfThreads) {
  const int before = num_threads();
  const auto bits = [](int threads, std::int64_t groups) {
    set_num_threads(threads);
    tape t;
    const variable x = t.constant(xt::cast<float>(drawn({17, 30, 30, 48}, 1))),
                   w = t.constant(xt::cast<float>(drawn({3, 3, 48 / groups, 48}, 2)));
    const variable y = conv(x, w, {.padding = "same", .groups = groups});
    const auto both = gradient(sum(square(y)), {x, w});
    std::vector<xt::xarray<float>> result;
    for (const variable& v : {y, both[0], both[1]}) result.push_back(v.value<float>());
    return result;
  };
  for (const std::int64_t groups : {1, 48}) {
    const auto one = bits(1, groups);
    for (const int threads : {2, 4}) {
      const auto more = bits(threads, groups);
      for (std::size_t i = 0; i < one.size(); ++i) EXPECT_EQ(one[i], more[i]) << i << ' ' << groups;
    }
  }
  set_num_threads(before);
}

// Of no elements there are no windows, and of no windows no elements; filters that nothing has seen
// have the gradient 0.
TEST(Windows, OverNoElementsAreNoneWherePaddingIsSame) {
  tape t;
  const array none = xt::zeros<double>({2, 0, 6, 3});
  const variable x = t.constant(none), f = t.constant(tensor({float64, {3, 3, 3, 20}})),
                 g = t.constant(tensor({float64, {3, 3, 20, 3}})),
                 few = t.constant(array(xt::ones<double>({3, 3, 3, 1}))),
                 deep = t.constant(array(xt::ones<double>({3, 3, 1, 3})));
  const shape images{2, 0, 3, 20};
  const auto columns = [](variable v) { return v.value<double>().shape(1); };
  for (const variable& w : {f, few}) {
    const variable y = conv(x, w, {.strides = 2, .padding = "same"});
    EXPECT_EQ(y.shape(), (shape{2, 0, 3, w.shape()[3]}));
    EXPECT_EQ(columns(y), 0u);
    EXPECT_EQ(gradient(sum(y), w).value<double>(), 0 * w.value<double>());
    EXPECT_EQ(gradient(sum(y), x).value<double>(), none);
  }
  EXPECT_EQ(columns(conv(x, deep, {.padding = "same", .groups = 3})), 0u);
  const variable z = conv_transpose(x, g, {.strides = 2, .padding = "same"});
  EXPECT_EQ(z.shape(), (shape{2, 0, 12, 20}));
  EXPECT_EQ(columns(z), 0u);
  EXPECT_EQ(gradient(sum(z), g).value<double>(), 0 * g.value<double>());
  EXPECT_EQ(columns(max_pool(x, 2, {.padding = "same"})), 0u);
  const variable means = average_pool(x, 2, {.padding = "same"});
  EXPECT_EQ(gradient(sum(means), x).value<double>(), none);
  EXPECT_EQ(unfold(x, 3, {.padding = "same"}).value<double>().shape(1), 0u);
  EXPECT_EQ(
      message_of([&] { conv(x, f); }).find("conv: a window of 3 elements along spatial axis 0"),
      0u);
}

// Numbers beyond every shape: their products would wrap around, 4 2^62 to 0.
TEST(Windows, AreOfNumbersThatAShapeCanHave) {
  constexpr std::int64_t huge = std::int64_t{1} << 62;
  tape t;
  const auto x = t.input(float32, {1, 5, 1}), f = t.input(float32, {5, 1, 1});
  for (const std::int64_t n : {huge, std::numeric_limits<std::int64_t>::max()}) {
    EXPECT_THROW(conv(x, f, {.dilation = n}), value_error) << n;
    EXPECT_THROW(conv(x, f, {.strides = n}), value_error) << n;
    EXPECT_THROW(conv(x, f, {.padding = {{n, n}}}), value_error) << n;
    EXPECT_THROW(conv_transpose(x, f, {.strides = n}), value_error) << n;
    EXPECT_THROW(unfold(x, n), value_error) << n;
    EXPECT_THROW(max_pool(x, 2, {.dilation = n}), value_error) << n;
    EXPECT_THROW(resize(x, n), value_error) << n;
    EXPECT_THROW(adaptive_max_pool(x, n), value_error) << n;
  }
}

TEST(Convolution, OfImagesWithoutRowsAddsNothing) {
  tape t;
  for (const std::int64_t filters : {1, 20}) {
    const variable x = t.constant(drawn({2, 0, 2, 4 * filters}, 1)),
                   w = t.constant(drawn({3, 3, filters, 4 * filters}, 2));
    const variable y = conv_transpose(x, w, {.strides = 2, .groups = 4});
    EXPECT_EQ(y.value<double>(), xt::zeros<double>(y.value<double>().shape()));
    EXPECT_EQ(gradient(sum(y), w).value<double>(), 0 * w.value<double>());
    EXPECT_EQ(gradient(sum(y), x).shape(), x.shape());
    gradient(sum(y), x).value<double>();
  }
}

TEST(Convolution, SaysWhatDoesNotFit) {
  tape t;
  const auto x = t.input(float32, {2, 5, 5, 3});
  const auto w = [&](const shape& s) { return t.input(float32, s); };
  const auto message = [&](auto f) {
    const std::string all = message_of(f);
    return all.substr(0, all.find(" ["));
  };
  EXPECT_EQ(message([&] {
              conv(x, w({3, 3, 2, 4}));
            }),
            "conv: 3 channels of (2, 5, 5, 3), but the filters (3, 3, 2, 4) take 2 in 1 groups");
  EXPECT_EQ(message([&] {
              conv(x, w({3, 3, 4}));
            }),
            "conv: (2, 5, 5, 3) and filters (3, 3, 4): they are (batch, sizes..., channels) and "
            "(size..., channels / groups, filters), of as many axes");
  EXPECT_EQ(
      message([&] {
        conv(x, w({6, 3, 3, 4}));
      }),
      "conv: a window of 6 elements along spatial axis 0 does not fit in 5, padding included");
  EXPECT_EQ(message([&] {
              conv(x, w({3, 3, 1, 4}), {.groups = 3});
            }),
            "conv: 4 filters in 3 groups");
  EXPECT_EQ(message([&] { conv(x, w({3, 3, 3, 4}), {.groups = 0}); }), "conv: 0 groups");
  EXPECT_EQ(message([&] { conv(x, w({0, 3, 3, 4})); }), "conv: the filters (0, 3, 3, 4) are empty");
  EXPECT_EQ(message([&] {
              conv(x, w({3, 3, 3, 4}), {.strides = {1, 2, 3}});
            }),
            "conv: 3 numbers of strides for 2 spatial axes");
  EXPECT_EQ(message([&] {
              conv(x, w({3, 3, 3, 4}), {.strides = 0});
            }),
            "conv: strides is 0, at least 1 is needed");
  EXPECT_EQ(message([&] {
              conv(x, w({3, 3, 3, 4}), {.padding = -1});
            }),
            "conv: padding of -1 and -1 elements");
  EXPECT_EQ(message([&] {
              conv(x, w({3, 3, 3, 4}), {.padding = "some"});
            }),
            "padding: 'some' is none: \"valid\", \"same\", or numbers of elements");
  EXPECT_EQ(message([&] {
              conv_transpose(x, w({3, 3, 3, 4}));
            }),
            "conv_transpose: the last axes of (2, 5, 5, 3) and of the filters (3, 3, 3, 4) differ");
  EXPECT_EQ(message([&] {
              conv_transpose(x, w({3, 3, 4, 3}), {.padding = 4});
            }),
            "conv_transpose: of 7 elements along spatial axis 0 the padding leaves none");
  EXPECT_EQ(message([&] {
              unfold(t.input(float32, {2, 5}), 2);
            }),
            "unfold: 0 spatial axes, it takes 1 to 3: data are (batch, sizes..., channels)");
  EXPECT_EQ(message([&] {
              fold(t.input(float32, {2, 5, 3}), 2);
            }),
            "fold: (2, 5, 3) is not (batch, windows..., size..., channels)");
  EXPECT_EQ(message([&] {
              fold(t.input(float32, {2, 5, 3, 1}), 9);
            }),
            "fold: (2, 5, 3, 1) has 5 windows along spatial axis 0, 9 elements have 7");
  EXPECT_THROW(conv(t.input(int64, {2, 5, 5, 3}), t.input(int64, {3, 3, 3, 4})), dtype_error);
}

}  // namespace

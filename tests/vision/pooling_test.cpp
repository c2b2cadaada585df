// Pooling against loops written from its definition; ties, NaN, padding; the layers over it.
#include <gtest/gtest.h>

#include <cmath>
#include <cotape/cotape.hpp>
#include <limits>
#include <random>

#include "expect_error.hpp"

namespace {

using namespace cotape;
using namespace cotape::tests;

using array = xt::xarray<double>;
constexpr double nan = std::numeric_limits<double>::quiet_NaN();

struct pool_case {
  std::string name;
  std::vector<std::int64_t> images;  // (batch, height, width, channels)
  std::int64_t size, stride;
  pool_options how;
  std::int64_t before, windows;  // of both axes
};

array drawn(const std::vector<std::int64_t>& s, int seed, bool whole = false) {
  std::mt19937 engine(static_cast<unsigned>(seed));
  std::uniform_real_distribution<double> number(-2, 2);
  array a(std::vector<std::size_t>(s.begin(), s.end()));
  for (double& x : a) x = whole ? std::round(number(engine)) : number(engine);
  return a;
}

const std::vector<pool_case>& cases() {
  static const std::vector<pool_case> all{
      {"Halves", {2, 6, 6, 3}, 2, 2, {}, 0, 3},
      {"Overlapping", {2, 7, 7, 20}, 3, 2, {.strides = 2}, 0, 3},
      {"Same", {1, 5, 5, 2}, 3, 2, {.strides = 2, .padding = "same"}, 1, 3},
      {"Numbers", {2, 4, 4, 1}, 3, 1, {.strides = 1, .padding = 1}, 1, 4},
      {"SameLeavesALastOne", {1, 5, 5, 17}, 2, 2, {.padding = "same"}, 0, 3},
      {"Dilation", {2, 7, 7, 3}, 3, 1, {.strides = 1, .padding = 1, .dilation = 2}, 1, 5},
      {"NoImages", {0, 4, 4, 2}, 2, 2, {}, 0, 2},
  };
  return all;
}

// Calls f(values of a window with their places, its place) for each window and channel.
template <class F> void for_windows(const pool_case& c, const array& x, F f) {
  const std::int64_t n = c.images[1], channels = c.images[3];
  std::size_t at = 0;
  for (std::int64_t b = 0; b < c.images[0]; ++b) {
    for (std::int64_t i = 0; i < c.windows; ++i) {
      for (std::int64_t j = 0; j < c.windows; ++j) {
        for (std::int64_t k = 0; k < channels; ++k, ++at) {
          std::vector<std::pair<double, std::size_t>> seen;
          for (std::int64_t p = 0; p < c.size * c.size; ++p) {
            const std::int64_t apart = c.how.dilation.values()[0];
            const std::int64_t row = i * c.stride - c.before + p / c.size * apart;
            const std::int64_t column = j * c.stride - c.before + p % c.size * apart;
            if (row < 0 || row >= n || column < 0 || column >= n) continue;
            const auto place =
                static_cast<std::size_t>(((b * n + row) * n + column) * channels + k);
            seen.emplace_back(x.data()[place], place);
          }
          f(seen, at);
        }
      }
    }
  }
}

class Pooling : public ::testing::TestWithParam<pool_case> {};

TEST_P(Pooling, IsItsDefinition) {
  const pool_case& c = GetParam();
  const array x = drawn(c.images, 1, true);
  tape t;
  const variable v = t.constant(x);
  const array largest = max_pool(v, c.size, c.how).value<double>();
  const array means = average_pool(v, c.size, c.how).value<double>();
  std::size_t windows = 0;
  for_windows(c, x, [&](const auto& seen, std::size_t at) {
    double top = -INFINITY, sum = 0;
    for (const auto& [value, place] : seen) {
      top = std::max(top, value);
      sum += value;
    }
    EXPECT_EQ(largest.data()[at], top) << at;
    EXPECT_NEAR(means.data()[at], sum / static_cast<double>(seen.size()), 1e-15) << at;
    ++windows;
  });
  EXPECT_EQ(windows, largest.size());
  EXPECT_EQ(windows, means.size());
}

// Of whole numbers many are the largest one together.
TEST_P(Pooling, SharesItsAdjoint) {
  const pool_case& c = GetParam();
  const array x = drawn(c.images, 1, true);
  tape t;
  const variable v = t.constant(x), y = max_pool(v, c.size, c.how),
                 z = average_pool(v, c.size, c.how);
  const array dy = drawn({y.shape().begin(), y.shape().end()}, 2);
  const array of_max = gradient(sum(y * t.constant(dy)), v).value<double>();
  const array of_mean = gradient(sum(z * t.constant(dy)), v).value<double>();
  array max_wanted = 0 * x, mean_wanted = 0 * x;
  for_windows(c, x, [&](const auto& seen, std::size_t at) {
    double top = -INFINITY, ties = 0;
    for (const auto& [value, place] : seen) top = std::max(top, value);
    for (const auto& [value, place] : seen) ties += value == top ? 1 : 0;
    for (const auto& [value, place] : seen) {
      if (value == top) max_wanted.data()[place] += dy.data()[at] / ties;
      mean_wanted.data()[place] += dy.data()[at] / static_cast<double>(seen.size());
    }
  });
  for (std::size_t i = 0; i < x.size(); ++i) {
    EXPECT_NEAR(of_max.data()[i], max_wanted.data()[i], 1e-14) << i;
    EXPECT_NEAR(of_mean.data()[i], mean_wanted.data()[i], 1e-14) << i;
  }
}

TEST_P(Pooling, HasDerivativesOfSecondOrder) {
  const pool_case& c = GetParam();
  if (c.images[0] == 0) return;
  for (const auto pool : {max_pool, average_pool}) {
    const gradient_check check =
        check_gradient([&](variable x) { return exp(pool(x * x * 0.1 + x, c.size, c.how)); },
                       {drawn(c.images, 3)}, {.second_order = true});
    EXPECT_TRUE(check.ok()) << check.table();
  }
}

INSTANTIATE_TEST_SUITE_P(All, Pooling, ::testing::ValuesIn(cases()),
                         [](const auto& of) { return of.param.name; });

TEST(MaxPool, IsNaNWhereAnElementIs) {
  tape t;
  const variable x = t.constant(xt::xtensor<double, 3>{{{1}, {nan}, {3}, {4}, {nan}, {nan}}});
  const variable y = max_pool(x, 2);
  const array found = y.value<double>();
  EXPECT_TRUE(std::isnan(found(0, 0, 0)));
  EXPECT_EQ(found(0, 1, 0), 4);
  EXPECT_TRUE(std::isnan(found(0, 2, 0)));
  EXPECT_EQ(gradient(sum(y), x).value<double>(),
            (xt::xtensor<double, 3>{{{0}, {1}, {0}, {1}, {0.5}, {0.5}}}));
}

TEST(MaxPool, OfThreeAxesAndMinusInfinity) {
  tape t;
  array x = drawn({1, 2, 2, 2, 1}, 1);
  EXPECT_EQ(max_pool(t.constant(x), 2).value<double>()(0, 0, 0, 0, 0), xt::amax(x)());
  x.fill(-INFINITY);
  EXPECT_EQ(max_pool(t.constant(x), 2).value<double>()(0, 0, 0, 0, 0), -INFINITY);
}

TEST(Pools, GiveTheSameBitsOnAnyNumberOfThreads) {
  const int before = num_threads();
  const auto bits = [](int threads) {
    set_num_threads(threads);
    tape t;
    const variable x = t.constant(xt::cast<float>(drawn({7, 40, 40, 24}, 1)));
    const variable y = max_pool(x, 3, {.strides = 2}) + average_pool(x, 3, {.strides = 2});
    return std::pair(y.value<float>(), gradient(sum(square(y)), x).value<float>());
  };
  const auto one = bits(1);
  for (const int threads : {2, 4}) EXPECT_TRUE(bits(threads) == one) << threads;
  set_num_threads(before);
}

TEST(Pools, SayWhatDoesNotFit) {
  tape t;
  const auto x = t.input(float32, {2, 5, 5, 3});
  const auto message = [&](auto f) {
    const std::string all = message_of(f);
    return all.substr(0, all.find(" ["));
  };
  EXPECT_EQ(message([&] { max_pool(x, 6); }),
            "max_pool: a window of 6 elements along spatial axis 0 does not fit in 5, padding "
            "included");
  EXPECT_EQ(message([&] { average_pool(x, 2, {.padding = 2}); }),
            "average_pool: a window along spatial axis 0 would show padding alone: pad by less "
            "than its size, 2");
  EXPECT_THROW(max_pool(t.input(float32, {2, 2, 2, 3}), 2, {.padding = 1, .dilation = 3}),
               shape_error);  // elements 0 and 1 lie between the taps at -1 and 2
  EXPECT_EQ(message([&] {
              max_pool(x, {2, 2, 2});
            }),
            "max_pool: 3 numbers of the window's size for 2 spatial axes");
  EXPECT_THROW(max_pool(t.input(int64, {2, 5, 5, 3}), 2), dtype_error);
}

}  // namespace

// Operations that change the sizes of images: resize, adaptive pooling, the modes of pad; against
// loops from their definitions, their derivatives against differences.
#include <gtest/gtest.h>

#include <cmath>
#include <cotape/cotape.hpp>
#include <limits>
#include <random>
#include <xtensor/xview.hpp>

#include "expect_error.hpp"

namespace {

using namespace cotape;
using namespace cotape::tests;

using array = xt::xarray<double>;
using sizes = std::vector<std::int64_t>;

array drawn(const sizes& s, int seed) {
  std::mt19937 engine(static_cast<unsigned>(seed));
  std::uniform_real_distribution<double> number(-2, 2);
  array a(std::vector<std::size_t>(s.begin(), s.end()));
  for (double& x : a) x = number(engine);
  return a;
}

void expect_near(const array& found, const array& wanted) {
  ASSERT_EQ(found.shape(), wanted.shape());
  for (std::size_t i = 0; i < found.size(); ++i) {
    EXPECT_NEAR(found.data()[i], wanted.data()[i], 1e-14) << i;
  }
}

std::string message(const std::function<void()>& f) {
  const std::string all = message_of(f);
  return all.substr(0, all.find(" ["));
}

// The points of x that the elements of the result show.
double point(std::int64_t i, std::int64_t n, std::int64_t m) {
  return (static_cast<double>(i) + 0.5) * static_cast<double>(n) / static_cast<double>(m) - 0.5;
}

struct resize_case {
  sizes from, to;
  friend void PrintTo(const resize_case& c, std::ostream* out) {
    *out << shape(c.from).text() << " to " << shape(c.to).text();
  }
};
class Resize : public ::testing::TestWithParam<resize_case> {};

TEST_P(Resize, IsItsFormula) {
  const auto& [from, to] = GetParam();
  const std::int64_t h = from[1], w = from[2];
  const array x = drawn(from, 1);
  tape t;
  const array near = resize(t.constant(x), to).value<double>();
  const array mixed = resize(t.constant(x), to, "bilinear").value<double>();
  array near_wanted = 0 * near, mixed_wanted = 0 * near;
  const auto inside = [](double p, std::int64_t n) {
    return static_cast<std::size_t>(std::clamp<double>(p, 0, static_cast<double>(n - 1)));
  };
  for (std::size_t b = 0; b < x.shape(0); ++b) {
    for (std::int64_t i = 0; i < to[0]; ++i) {
      for (std::int64_t j = 0; j < to[1]; ++j) {
        for (std::size_t k = 0; k < x.shape(3); ++k) {
          const double p = point(i, h, to[0]), q = point(j, w, to[1]);
          const double f = p - std::floor(p), g = q - std::floor(q);
          const auto at = [&](double row, double column) {
            return x(b, inside(row, h), inside(column, w), k);
          };
          const auto r = static_cast<std::size_t>(i), c = static_cast<std::size_t>(j);
          near_wanted(b, r, c, k) = at(std::floor(p + 0.5), std::floor(q + 0.5));
          const double u = std::floor(p), v = std::floor(q);
          mixed_wanted(b, r, c, k) = (1 - f) * ((1 - g) * at(u, v) + g * at(u, v + 1)) +
                                     f * ((1 - g) * at(u + 1, v) + g * at(u + 1, v + 1));
        }
      }
    }
  }
  EXPECT_EQ(near, near_wanted);
  expect_near(mixed, mixed_wanted);
}

TEST_P(Resize, HasDerivativesOfFirstAndSecondOrder) {
  const auto& [from, to] = GetParam();
  for (const char* method : {"nearest", "bilinear"}) {
    const gradient_check check = check_gradient(
        [&, to = to](variable x) { return exp(resize(x * x * 0.1 + x, to, method)); },
        {drawn(from, 3)}, {.second_order = true});
    EXPECT_TRUE(check.ok()) << method << "\n" << check.table();
  }
}

INSTANTIATE_TEST_SUITE_P(All, Resize,
                         ::testing::Values(resize_case{{2, 3, 4, 3}, {6, 8}},
                                           resize_case{{1, 6, 8, 2}, {3, 4}},
                                           resize_case{{2, 5, 4, 1}, {7, 3}},
                                           resize_case{{1, 1, 5, 2}, {4, 1}},
                                           resize_case{{2, 3, 3, 2}, {3, 5}}));

TEST(Resize, OfOneAndThreeAxesAndOfWholeNumbers) {
  tape t;
  const auto flat = [](const variable& v) { return reshape(v, {-1}); };
  const variable line = reshape(t.constant(array{1, 2, 4}), {1, 3, 1});
  EXPECT_EQ(flat(resize(line, 6, "bilinear")).value<double>(), (array{1, 1.25, 1.75, 2.5, 3.5, 4}));
  EXPECT_EQ(resize(t.constant(drawn({2, 2, 3, 4, 1}, 1)), {4, 3, 2}, "bilinear").shape(),
            (shape{2, 4, 3, 2, 1}));
  const variable whole = reshape(t.constant(xt::xarray<std::int64_t>{7, 9}), {1, 2, 1});
  EXPECT_EQ(flat(resize(whole, 4)).value<std::int64_t>(), (xt::xarray<std::int64_t>{7, 7, 9, 9}));
}

TEST(Resize, SaysWhatDoesNotFit) {
  tape t;
  const variable x = t.input(float32, {2, 3, 4, 1});
  EXPECT_EQ(message([&] { resize(x, 2, "cubic"); }),
            "resize: no method 'cubic': \"nearest\" or \"bilinear\"");
  EXPECT_EQ(message([&] { resize(x, 0); }), "resize: the size is 0, at least 1 is needed");
  EXPECT_EQ(message([&] {
              resize(x, {1, 2, 3});
            }),
            "resize: 3 numbers of the size for 2 spatial axes");
  EXPECT_EQ(message([&] {
              resize(t.input(float32, {2, 3}), 2);
            }),
            "resize: 0 spatial axes, it takes 1 to 3: data are (batch, sizes..., channels)");
  EXPECT_EQ(message([&] {
              resize(t.input(float32, {2, 0, 1}), 2);
            }),
            "resize: spatial axis 0 is empty");
  EXPECT_THROW(resize(t.input(int64, {2, 3, 1}), 2, "bilinear"), dtype_error);
}

// --- Adaptive pooling ---------------------------------------------------------------------------

class Adaptive : public ::testing::TestWithParam<resize_case> {};

TEST_P(Adaptive, PoolsTheWindowsOfPyTorch) {
  const auto& [from, to] = GetParam();
  const array x = drawn(from, 1);
  tape t;
  const variable v = t.constant(x);
  const array largest = adaptive_max_pool(v, to).value<double>();
  const array means = adaptive_average_pool(v, to).value<double>();
  array max_wanted = 0 * largest, mean_wanted = 0 * largest;
  const auto edge = [](std::int64_t i, std::int64_t n, std::int64_t m, bool up) {
    const double e = static_cast<double>(i * n) / static_cast<double>(m);
    return static_cast<std::size_t>(up ? std::ceil(e) : std::floor(e));
  };
  for (std::int64_t i = 0; i < to[0]; ++i) {
    for (std::int64_t j = 0; j < to[1]; ++j) {
      const auto part = xt::view(
          x, xt::all(),
          xt::range(edge(i, from[1], to[0], false), edge(i + 1, from[1], to[0], true)),
          xt::range(edge(j, from[2], to[1], false), edge(j + 1, from[2], to[1], true)), xt::all());
      const auto r = static_cast<std::size_t>(i), c = static_cast<std::size_t>(j);
      xt::view(max_wanted, xt::all(), r, c, xt::all()) = xt::amax(part, {1, 2});
      xt::view(mean_wanted, xt::all(), r, c, xt::all()) = xt::mean(part, {1, 2});
    }
  }
  expect_near(largest, max_wanted);
  expect_near(means, mean_wanted);
}

TEST_P(Adaptive, HasDerivativesOfFirstAndSecondOrder) {
  const auto& [from, to] = GetParam();
  for (const auto pool : {adaptive_max_pool, adaptive_average_pool}) {
    const gradient_check check =
        check_gradient([&, to = to](variable x) { return exp(pool(x * x * 0.1 + x, to)); },
                       {drawn(from, 3)}, {.second_order = true});
    EXPECT_TRUE(check.ok()) << check.table();
  }
}

INSTANTIATE_TEST_SUITE_P(All, Adaptive,
                         ::testing::Values(resize_case{{2, 6, 8, 3}, {3, 4}},
                                           resize_case{{2, 5, 7, 2}, {3, 2}},
                                           resize_case{{1, 2, 3, 1}, {4, 5}},
                                           resize_case{{1, 4, 5, 2}, {1, 1}}));

TEST(AdaptivePools, SayWhatDoesNotFit) {
  tape t;
  EXPECT_EQ(message([&] {
              adaptive_max_pool(t.input(float32, {2, 5, 1}), 0);
            }),
            "adaptive_max_pool: the size is 0, at least 1 is needed");
  EXPECT_EQ(message([&] {
              adaptive_average_pool(t.input(float32, {2, 0, 1}), 1);
            }),
            "adaptive_average_pool: spatial axis 0 is empty");
  EXPECT_THROW(adaptive_average_pool(t.input(int64, {2, 5, 1}), 1), dtype_error);
}

// --- Modes of pad -------------------------------------------------------------------------------

// What NumPy 1.24 gives: numpy.pad(x, ((0, 0), (4, 3)), mode).
TEST(PadModes, AreNumpys) {
  tape t;
  const array x{{1, 2, 3}, {4, 5, 6}};
  const variable v = t.constant(x);
  EXPECT_EQ(pad(v, {0, 4}, {0, 3}, "reflect").value<double>(),
            (array{{1, 2, 3, 2, 1, 2, 3, 2, 1, 2}, {4, 5, 6, 5, 4, 5, 6, 5, 4, 5}}));
  EXPECT_EQ(
      pad(v, {1, 0}, {2, 2}, "edge").value<double>(),
      (array{{1, 2, 3, 3, 3}, {1, 2, 3, 3, 3}, {4, 5, 6, 6, 6}, {4, 5, 6, 6, 6}, {4, 5, 6, 6, 6}}));
  EXPECT_EQ(pad(v, {0, 1}, {0, 0}, "constant").value<double>(),
            (array{{0, 1, 2, 3}, {0, 4, 5, 6}}));
  EXPECT_EQ(pad(v, {0, 0}, {0, 0}, "edge").value<double>(), x);
  EXPECT_EQ(pad(v, {0, 1}, {0, 0}, 0).value<double>(), (array{{0, 1, 2, 3}, {0, 4, 5, 6}}));
  const variable one = t.constant(xt::xarray<std::int64_t>{5});
  EXPECT_EQ(pad(one, {2}, {1}, "reflect").value<std::int64_t>(),
            (xt::xarray<std::int64_t>{5, 5, 5, 5}));
}

TEST(PadModes, HaveDerivativesOfFirstAndSecondOrder) {
  for (const char* mode : {"reflect", "edge", "constant"}) {
    const gradient_check check = check_gradient(
        [&](variable x) {
          return exp(pad(x * x * 0.1 + x, {2, 1}, {0, 5}, mode));
        },
        {drawn({3, 4}, 3)}, {.second_order = true});
    EXPECT_TRUE(check.ok()) << mode << "\n" << check.table();
  }
}

TEST(PadModes, SayWhatDoesNotFit) {
  tape t;
  const variable x = t.input(float32, {2, 0});
  EXPECT_EQ(message([&] {
              pad(x, {1, 0}, {0, 0}, "wrap");
            }),
            "pad: no mode 'wrap': \"constant\", \"reflect\" or \"edge\"");
  EXPECT_EQ(message([&] {
              pad(x, {1, 1}, {0, 0}, "edge");
            }),
            "pad: axis 1 has no elements to take");
  EXPECT_EQ(message([&] {
              pad(x, {1}, {0, 0}, "edge");
            }),
            "pad: (2, 0) needs 2 sizes before and after, none negative");
}

// A file of a model may ask for any size: tables of indices took the memory when it was recorded.
TEST(Sizes, TakeNoMemoryWhereTheyAreRecorded) {
  const std::int64_t many = 1 << 28;
  tape t;
  const variable line = t.input(float32, {1, 6, 1}), image = t.input(float32, {1, 6, 6, 2}),
                 matrix = t.input(float32, {1 << 15, 1 << 15}), labels = t.input(int64, {1}),
                 rows = t.input(float32, {many, 1}), classes = t.input(int64, {many});
  for (const char* method : {"nearest", "bilinear"}) {
    EXPECT_EQ(resize(line, many, method).shape(), (shape{1, many, 1}));
  }
  for (const auto pooled : {adaptive_max_pool, adaptive_average_pool}) {
    EXPECT_EQ(pooled(line, many).shape(), (shape{1, many, 1}));
    EXPECT_EQ(pooled(image, {9000, 10000}).shape(), (shape{1, 9000, 10000, 2}));
  }
  for (const char* mode : {"reflect", "edge"}) {
    EXPECT_EQ(pad(line, {0, many, 0}, {0, many, 0}, mode).shape(), (shape{1, 2 * many + 6, 1}));
  }
  EXPECT_EQ(one_hot(labels, many).shape(), (shape{1, many}));
  EXPECT_EQ(tril(matrix).shape(), matrix.shape());
  sparse_categorical_crossentropy(rows, classes);
  EXPECT_LT(t.bytes(), 200'000u);
}

}  // namespace

// Attention against plain loops, values and gradients; rows that see nothing, memory, errors; what
// positions are.
#include <gtest/gtest.h>

#include <cotape/cotape.hpp>
#include <random>
#include <xtensor/xview.hpp>

#include "expect_error.hpp"

namespace {

using namespace cotape;
using tests::message_of;

using array = xt::xarray<double>;
using real = long double;

struct sizes {
  std::int64_t samples, rows, keys, width, values;
};

struct options {
  bool causal = false;
  double scale = 0;  // 0: that of the width
  array mask = {};   // of rank 2
};

array drawn(std::vector<std::size_t> shape, unsigned seed) {
  std::mt19937 engine(seed);
  std::normal_distribution<double> normal;
  array x = xt::zeros<double>(shape);
  for (double& e : x) e = normal(engine);
  return x;
}

// q, k, v and a cotangent.
struct data {
  array q, k, v, dy;
  explicit data(const sizes& s)
      : q(drawn(sized(s.samples, s.rows, s.width), 1)),
        k(drawn(sized(s.samples, s.keys, s.width), 2)),
        v(drawn(sized(s.samples, s.keys, s.values), 3)),
        dy(drawn(sized(s.samples, s.rows, s.values), 4)) {}
  static std::vector<std::size_t> sized(std::int64_t a, std::int64_t b, std::int64_t c) {
    return {static_cast<std::size_t>(a), static_cast<std::size_t>(b), static_cast<std::size_t>(c)};
  }
};

// The result and the gradients of q, k and v.
struct answers {
  std::vector<array> all;
};

array mask_of(const options& o, const sizes& s) {
  return o.mask.dimension() == 2 ? o.mask
                                 : xt::ones<double>({static_cast<std::size_t>(s.rows),
                                                     static_cast<std::size_t>(s.keys)});
}

// By the definition, a row at a time.
answers by_loops(const data& x, const sizes& s, const options& o) {
  array y = xt::zeros_like(x.dy), dq = xt::zeros_like(x.q), dk = xt::zeros_like(x.k),
        dv = xt::zeros_like(x.v);
  const array mask = mask_of(o, s);
  const real scale = o.scale == 0 ? 1 / std::sqrt(static_cast<real>(s.width)) : o.scale;
  for (std::int64_t n = 0; n < s.samples; ++n) {
    for (std::int64_t t = 0; t < s.rows; ++t) {
      std::vector<real> p(static_cast<std::size_t>(s.keys), 0), dp = p;
      const auto sees = [&](std::int64_t j) {
        return mask(t % static_cast<std::int64_t>(mask.shape(0)), j) != 0 && (!o.causal || j <= t);
      };
      real total = 0, share = 0;
      for (std::int64_t j = 0; j < s.keys; ++j) {
        real score = 0;
        for (std::int64_t i = 0; i < s.width; ++i) score += real{x.q(n, t, i)} * x.k(n, j, i);
        total += p[static_cast<std::size_t>(j)] = sees(j) ? std::exp(scale * score) : 0;
      }
      for (std::int64_t j = 0; j < s.keys; ++j) {
        const auto at = static_cast<std::size_t>(j);
        p[at] = total == 0 ? 0 : p[at] / total;
        for (std::int64_t i = 0; i < s.values; ++i) {
          y(n, t, i) += static_cast<double>(p[at] * x.v(n, j, i));
          dv(n, j, i) += static_cast<double>(p[at] * x.dy(n, t, i));
          dp[at] += real{x.dy(n, t, i)} * x.v(n, j, i);
        }
        share += p[at] * dp[at];
      }
      for (std::int64_t j = 0; j < s.keys; ++j) {
        const auto at = static_cast<std::size_t>(j);
        const real ds = scale * p[at] * (dp[at] - share);
        for (std::int64_t i = 0; i < s.width; ++i) {
          dq(n, t, i) += static_cast<double>(ds * x.k(n, j, i));
          dk(n, j, i) += static_cast<double>(ds * x.q(n, t, i));
        }
      }
    }
  }
  return {{y, dq, dk, dv}};
}

template <class T>
answers by_the_library(const data& x, const options& o, std::vector<int> batch = {}) {
  tape t;
  const auto constant = [&](const array& a) {
    const variable all = t.constant(xt::xarray<T>(xt::cast<T>(a)));
    if (batch.empty()) return all;
    std::vector<std::int64_t> shape(batch.begin(), batch.end());
    shape.insert(shape.end(), all.shape().begin() + 1, all.shape().end());
    return reshape(all, cotape::shape(shape));
  };
  const variable q = constant(x.q), k = constant(x.k), v = constant(x.v);
  attention_options how{.causal = o.causal};
  if (o.scale != 0) how.scale = o.scale;
  if (o.mask.dimension() == 2) how.mask = t.constant(o.mask);
  const variable y = attention(q, k, v, how);
  const auto g = vjp(y, {q, k, v}, constant(x.dy));
  answers result;
  for (const variable& a : {y, g[0], g[1], g[2]}) {
    array value = xt::cast<double>(a.template value<T>());
    if (!batch.empty()) {
      std::vector<std::size_t> shape(value.shape().end() - 2, value.shape().end());
      shape.insert(shape.begin(), value.size() / (shape[0] * shape[1]));
      value.reshape(shape);
    }
    result.all.push_back(value);
  }
  return result;
}

void expect_equal(const answers& got, const answers& wanted, double tolerance) {
  for (std::size_t i = 0; i < 4; ++i) {
    ASSERT_EQ(got.all[i].shape(), wanted.all[i].shape());
    double worst = 0;
    for (std::size_t k = 0; k < got.all[i].size(); ++k) {
      const double error = std::abs(got.all[i].flat(k) - wanted.all[i].flat(k));
      worst = std::isnan(error) ? INFINITY : std::max(worst, error);
    }
    EXPECT_LE(worst, tolerance) << std::vector{"y", "dq", "dk", "dv"}[i];
  }
}

void expect_right(const sizes& s, const options& o, std::vector<int> batch = {}) {
  const data x(s);
  const answers wanted = by_loops(x, s, o);
  expect_equal(by_the_library<double>(x, o, batch), wanted, 1e-12);
  expect_equal(by_the_library<float>(x, o, batch), wanted, 2e-5);
}

array random_mask(std::size_t rows, std::size_t keys) {
  array m = drawn({rows, keys}, 9);
  for (double& e : m) e = e > -0.5;
  return m;
}

// Short ones, and lengths around those of the blocks.
const std::vector<std::pair<std::int64_t, std::int64_t>> lengths{
    {1, 1}, {3, 5}, {128, 129}, {129, 128}, {129, 129}, {257, 257}, {300, 260}, {260, 700}};

TEST(Attention, IsWhatPlainLoopsGive) {
  for (const auto& [rows, keys] : lengths) {
    SCOPED_TRACE(::testing::Message() << rows << " rows, " << keys << " keys");
    expect_right({2, rows, keys, 5, 3}, {});
  }
}

TEST(Attention, ThatIsCausalSeesNothingLater) {
  for (const auto& [rows, keys] : lengths) {
    SCOPED_TRACE(::testing::Message() << rows << " rows, " << keys << " keys");
    expect_right({2, rows, keys, 3, 4}, {.causal = true});
  }
  expect_right({1, 1100, 1100, 2, 2}, {.causal = true});
}

TEST(Attention, TakesAMaskAndAScale) {
  for (const auto& [rows, keys] : lengths) {
    SCOPED_TRACE(::testing::Message() << rows << " rows, " << keys << " keys");
    const auto r = static_cast<std::size_t>(rows), k = static_cast<std::size_t>(keys);
    expect_right({2, rows, keys, 4, 2}, {.scale = 0.7, .mask = random_mask(r, k)});
    expect_right({1, rows, keys, 4, 2}, {.causal = true, .scale = 1, .mask = random_mask(1, k)});
    expect_right({1, rows, keys, 1, 2}, {.mask = random_mask(1, k)});
  }
}

// More samples than stand in a cache, along each axis.
TEST(Attention, TakesSamplesInParts) {
  const sizes s{18, 300, 300, 2, 2};
  for (const std::vector<int>& batch :
       std::vector<std::vector<int>>{{18}, {9, 2}, {2, 9}, {1, 18}, {18, 1}, {1, 3, 6}}) {
    expect_right(s, {.causal = batch.size() == 1, .mask = random_mask(300, 300)}, batch);
  }
}

TEST(Attention, BroadcastsItsBatches) {
  for (const std::int64_t rows : {4, 270}) {
    tape t;
    const auto r = static_cast<std::size_t>(rows);
    const variable q = t.constant(drawn({2, 1, r, 3}, 1)), k = t.constant(drawn({4, r, 3}, 2)),
                   v = t.constant(drawn({r, 2}, 3)), mask = t.constant(random_mask(1, r));
    const shape all{2, 4, rows};
    const variable y = attention(q, k, v, {.mask = mask});
    EXPECT_EQ(y.shape(), shape({2, 4, rows, 2}));
    const variable same =
        attention(broadcast_to(q, {2, 4, rows, 3}), broadcast_to(k, {2, 4, rows, 3}),
                  broadcast_to(v, {2, 4, rows, 2}), {.mask = mask});
    for (const auto& [x, s] : {std::pair{q, shape{2, 1, rows, 3}}, std::pair{v, shape{rows, 2}}}) {
      const variable a = gradient(sum(sin(y)), x), b = gradient(sum(sin(same)), x);
      EXPECT_EQ(a.shape(), s);
      EXPECT_LE((max(abs(a - b)).value<double>()()), 1e-11);
    }
  }
}

// Of a row without keys, short or in blocks, alone or among others.
TEST(Attention, OfARowThatSeesNothingIsZeroAndSoIsItsGradient) {
  for (const std::size_t rows : {3U, 300U}) {
    array mask = random_mask(rows, rows);
    xt::view(mask, 1) = 0;
    const sizes s{1, static_cast<std::int64_t>(rows), static_cast<std::int64_t>(rows), 3, 2};
    expect_right(s, {.mask = mask});
    const answers a = by_the_library<float>(data(s), {.causal = true, .mask = mask});
    for (std::size_t i : {0U, 1U}) {
      for (double e : xt::view(a.all[i], 0, 1)) EXPECT_EQ(e, 0);
    }
    for (const array& x :
         by_the_library<float>(data(s), {.mask = xt::zeros<double>({std::size_t{1}, rows})}).all) {
      for (double e : x) EXPECT_EQ(e, 0);
    }
  }
  tape t;
  const variable none =
      attention(t.constant(drawn({3, 2}, 1)), t.constant(array::from_shape({0, 2})),
                t.constant(array::from_shape({0, 4})));
  EXPECT_EQ(none.value<double>(), xt::zeros<double>({3, 4}));
  const variable empty = t.constant(array::from_shape({0, 2}));
  EXPECT_EQ(attention(empty, empty, empty, {.causal = true}).value<double>().size(), 0U);
}

TEST(Attention, OfLargeScoresDoesNotOverflow) {
  for (const std::size_t rows : {3U, 300U}) {
    tape t;
    const variable x = t.constant(xt::xarray<float>(xt::cast<float>(drawn({rows, 4}, 1)))) * 1e4;
    const variable y = attention(x, x, x);
    for (const variable& v : {y, gradient(sum(y), x)}) {
      for (float e : v.value<float>()) EXPECT_TRUE(std::isfinite(e));
    }
  }
}

TEST(Attention, DoesNotLookAtTheScoresOfMaskedKeys) {
  for (const std::size_t rows : {4U, 300U}) {
    const auto n = static_cast<std::int64_t>(rows);
    data x({1, n, n, 3, 2});
    array mask = xt::ones<double>({std::size_t{1}, rows});
    mask(0, 2) = 0;
    const answers before = by_the_library<double>(x, {.mask = mask});
    xt::view(x.k, 0, 2) = std::nan("");
    EXPECT_EQ(by_the_library<double>(x, {.mask = mask}).all[0], before.all[0]);
  }
}

variable plain(variable q, variable k, variable v, bool causal) {
  variable s = matmul(q, transpose(k)) / std::sqrt(static_cast<double>(q.shape()[1]));
  if (causal) {
    const variable ones = tril(broadcast_to(q.owner().constant(1.0), s.shape()));
    s = select(ones, s, -INFINITY);
  }
  return matmul(softmax(s), v);
}

// In blocks: those of what is short are derivatives of the operations that it consists of.
TEST(Attention, HasSecondDerivatives) {
  for (const bool causal : {false, true}) {
    tape t;
    const variable q = t.constant(drawn({260, 2}, 1)), k = t.constant(drawn({258, 2}, 2)),
                   v = t.constant(drawn({258, 3}, 3));
    const auto second = [&](const variable& y) {
      std::vector<variable> rows;
      const auto g = gradient(sum(sin(y)), {q, k, v});
      const variable all = sum(square(g[0])) + sum(sin(3 * g[1])) + sum(g[2] * tanh(g[2]));
      return gradient(all, {q, k, v});
    };
    const auto got = second(attention(q, k, v, {.causal = causal})),
               wanted = second(plain(q, k, v, causal));
    for (std::size_t i = 0; i < 3; ++i) {
      const double size = max(abs(wanted[i])).value<double>()();
      EXPECT_GT(size, 1e-3);
      EXPECT_LE(max(abs(got[i] - wanted[i])).value<double>()(), 1e-11 * size) << i;
    }
  }
}

// The arena and what a program keeps for its runs.
std::size_t memory(std::int64_t rows, bool causal, bool masked) {
  tape t;
  std::vector<variable> in;
  for (int i = 0; i < 4; ++i) in.push_back(t.input(float32, {2, 2, rows, 16}));
  in.push_back(t.input(float32, {2, 1, 1, rows}));
  attention_options o{.causal = causal};
  if (masked) o.mask = in[4];
  std::vector<variable> out{attention(in[0], in[1], in[2], o)};
  const auto g = gradient(sum(out[0] * in[3]), {in[0], in[1], in[2]});
  out.insert(out.end(), g.begin(), g.end());
  const program_memory m = program(t, in, out).memory();
  return m.arena + m.constants;
}

TEST(Attention, TakesMemoryInProportionToTheLength) {
  for (const bool causal : {false, true}) {
    for (const bool masked : {false, true}) {
      const std::size_t least = memory(512, causal, masked), twice = memory(1024, causal, masked),
                        most = memory(2048, causal, masked), further = memory(4096, causal, masked);
      for (const auto& [a, b] : {std::pair{least, twice}, {twice, most}, {most, further}}) {
        EXPECT_LE(static_cast<double>(b), 2.2 * static_cast<double>(a)) << a << " " << b;
      }
      EXPECT_LE(further, std::size_t{4} * 4096 * 4096);  // a quarter of the weights
    }
  }
}

TEST(Attention, GivesItsWeightsToAFunction) {
  tape t;
  for (const std::size_t rows : {3U, 300U}) {
    const auto n = static_cast<std::int64_t>(rows);
    const variable x = t.constant(drawn({2, rows, 3}, 1));
    variable weights;
    const variable y = attention(x, x, x, {.causal = true, .on_weights = [&](variable p) {
                                             weights = p;
                                             return 2 * p;
                                           }});
    EXPECT_EQ(weights.shape(), shape({2, n, n}));
    EXPECT_LE(max(abs(sum(weights, -1) - 1)).value<double>()(), 1e-14);
    EXPECT_LE(max(abs(y - 2 * attention(x, x, x, {.causal = true}))).value<double>()(), 1e-13);
  }
}

TEST(Attention, GivesTheSameBitsOnTwoThreads) {
  const int before = num_threads();
  const data x({8, 400, 400, 32, 16});
  const auto on = [&](int threads) {
    set_num_threads(threads);
    return by_the_library<float>(x, {.causal = true}).all;
  };
  const auto one = on(1), two = on(2);
  set_num_threads(before);
  EXPECT_EQ(one, two);
}

TEST(Attention, SaysWhatDoesNotFit) {
  tape t;
  const auto in = [&](shape s, dtype d = float32) { return t.input(d, s); };
  const auto message = [&](shape q, shape k, shape v, variable mask = {}) {
    const std::string all = message_of([&] { attention(in(q), in(k), in(v), {.mask = mask}); });
    return all.substr(0, all.find(" ["));
  };
  EXPECT_EQ(message({4}, {5, 4}, {5, 3}), "attention: (4,) is not (..., rows, columns)");
  EXPECT_EQ(message({3, 4}, {5, 6}, {5, 3}),
            "attention: q (3, 4) and k (5, 6) differ in their last axis");
  EXPECT_EQ(message({3, 4}, {5, 4}, {6, 3}),
            "attention: k (5, 4) and v (6, 3) differ in their rows");
  EXPECT_EQ(message({2, 3, 4}, {5, 4}, {3, 5, 2}),
            "attention: the batch axes of (2, 3, 4), (5, 4) and (3, 5, 2) do not broadcast");
  EXPECT_EQ(message({3, 4}, {5, 4}, {5, 3}, in({2, 3, 5})),
            "attention: the mask (2, 3, 5) does not broadcast to (3, 5)");
  EXPECT_THROW(attention(in({3, 4}, int64), in({3, 4}, int64), in({3, 4}, int64)), dtype_error);
  EXPECT_THROW(attention(in({3, 4}), in({3, 4}, float64), in({3, 4})), dtype_error);
  const auto first_of = [](const std::string& all) { return all.substr(0, all.find(" [")); };
  EXPECT_EQ(first_of(message_of([&] {
              rotary(in({2, 3}));
            })),
            "rotary: the last axis of (2, 3) is odd");
  EXPECT_EQ(first_of(message_of([&] { rotary(in({2})); })),
            "rotary: (2,) is not (..., rows, columns)");
  EXPECT_EQ(first_of(message_of([&] {
              sinusoidal_positions(in({2, 3}), -1);
            })),
            "sinusoidal_positions: longest -1 is not above 0");
}

TEST(Positions, AreSinesAndCosinesOfTheRowsNumber) {
  tape t;
  const xt::xarray<float> y = sinusoidal_positions(t.input(float32, {7, 5000, 4})).value<float>();
  EXPECT_EQ(y.shape(), (xt::xarray<float>::shape_type{5000, 4}));
  EXPECT_EQ(y(0, 0), 0);
  EXPECT_EQ(y(0, 1), 1);
  EXPECT_FLOAT_EQ(y(4999, 0), static_cast<float>(std::sin(4999.0)));
  EXPECT_FLOAT_EQ(y(4999, 3), static_cast<float>(std::cos(49.99)));
}

// The product of two turned rows depends on their distance alone.
TEST(Positions, ByRotationAreSeenAsDistances) {
  tape t;
  const std::size_t n = 9;
  const array one = drawn({1, 6}, 1), other = drawn({1, 6}, 2);
  const auto turned = [&](const array& row) {
    return rotary(broadcast_to(t.constant(row), {static_cast<std::int64_t>(n), 6}));
  };
  const array products = matmul(turned(one), transpose(turned(other))).value<double>();
  for (std::size_t i = 1; i < n; ++i) {
    for (std::size_t k = 1; k < n; ++k) {
      EXPECT_NEAR(products(i, k), products(i - 1, k - 1), 1e-13);
    }
  }
  EXPECT_GT(std::abs(products(5, 2) - products(2, 5)), 1e-3);
}

}  // namespace

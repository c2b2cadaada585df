// Reductions against the order of summation in plain loops, bit for bit, for every instruction set
// that the processor has, part by part and in one call; and against plain loops in long double.
#include <cmath>
#include <functional>

#include "cotape/error.hpp"
#include "kernels/buffers.hpp"
#include "kernels/orders.hpp"

namespace cotape::kernels::testing {
namespace {

std::size_t elements(const reduction& g) {
  return static_cast<std::size_t>(g.outer * g.reduced * g.inner);
}

template <class T>
buffer<T> run(const reducer& r, const reduction& g, const buffer<T>& a, std::size_t at_a_time) {
  buffer<T> d(static_cast<std::size_t>(g.outer * g.inner));
  const std::size_t bytes = r.scratch_bytes(g, dtype_of<T>::value);
  buffer<char> scratch(bytes);
  stream<T>(make_step(r.run, d.data(), a.data(), nullptr, scratch.data(), 0, &g), a.size(),
            at_a_time);
  return d;
}

// In pieces: parts of three pieces each, the last one first; then the sums of pieces are folded.
template <class T>
buffer<T> run_in_pieces(const reducer& r, const reduction& g, const buffer<T>& a,
                        std::size_t at_a_time) {
  const buffer<char> sums(static_cast<std::size_t>(g.pieces() * g.inner) * r.piece_bytes);
  const auto part = static_cast<std::size_t>(3 * g.piece() * g.inner);
  for (std::size_t first = (a.size() - 1) / part * part;; first -= part) {
    const buffer<char> scratch(r.scratch_bytes(g, dtype_of<T>::value));
    step s = make_step(r.run, sums.data(), a.data() + first, nullptr, scratch.data(), 0, &g);
    s.rows = in_pieces;
    stream<T>(s, std::min(part, a.size() - first), at_a_time, first);
    if (first == 0) break;
  }
  buffer<T> d(static_cast<std::size_t>(g.inner));
  step s = make_step(r.run, d.data(), nullptr, nullptr, sums.data(), 0, &g);
  s.rows = folding;
  s.run(s);
  return d;
}

using fold = std::function<long double(long double, long double)>;

template <class T>
std::vector<long double> plain(const reduction& g, const buffer<T>& a, long double start,
                               const fold& f) {
  std::vector<long double> d(static_cast<std::size_t>(g.outer * g.inner), start);
  for (std::size_t i = 0; i < a.size(); ++i) {
    const auto at = static_cast<std::int64_t>(i);
    const auto k = at / (g.inner * g.reduced) * g.inner + at % g.inner;
    d[static_cast<std::size_t>(k)] = f(d[static_cast<std::size_t>(k)], a[i]);
  }
  return d;
}

std::vector<reduction> geometries() {
  std::vector<reduction> all;
  for (std::int64_t n : {1,  2,  3,  4,  5,  7,   8,   9,   10,  12,  13,  15,  16,   17,  31,
                         32, 33, 63, 64, 65, 100, 127, 128, 129, 511, 512, 513, 1000, 1537}) {
    for (std::int64_t outer : {1, 2, 3, 51, 103}) all.push_back({outer, n, 1});
  }
  for (std::int64_t inner : {2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 64, 100, 513, 1100}) {
    for (std::int64_t n : {1, 2, 4, 63, 64, 65, 128, 130, 200}) {
      for (std::int64_t outer : {1, 3}) all.push_back({outer, n, inner});
    }
  }
  return all;
}

std::string text(const reduction& g, isa i) {
  return "(" + std::to_string(g.outer) + ", " + std::to_string(g.reduced) + ", " +
         std::to_string(g.inner) + ") " + name_of(i);
}

template <class T> class Reduce : public ::testing::Test {};
using element_types = ::testing::Types<float, double>;
TYPED_TEST_SUITE(Reduce, element_types);

constexpr long double infinity = std::numeric_limits<long double>::infinity();

template <class T>
void expect_near_all(const buffer<T>& d, const std::vector<long double>& expected,
                     long double tolerance, const std::string& what) {
  for (std::size_t i = 0; i < d.size(); ++i) {
    ASSERT_NEAR(static_cast<double>(d[i]), static_cast<double>(expected[i]),
                static_cast<double>(tolerance))
        << what << " at " << i;
  }
}

TYPED_TEST(Reduce, SumAgreesWithAPlainLoopForAllGeometries) {
  using T = TypeParam;
  for (const reduction& g : geometries()) {
    const auto a = random_buffer<T>(elements(g));
    const auto expected = plain(g, a, 0, std::plus<>());
    const long double tolerance =
        std::numeric_limits<T>::epsilon() *
        (16 + std::min<long double>(static_cast<long double>(g.reduced), 64));
    for (isa i : usable_sets()) {
      expect_near_all(run(sum(dtype_of<T>::value, i), g, a, 512), expected, tolerance, text(g, i));
    }
  }
}

// More than one block, and some tens of pieces.
std::vector<reduction> long_geometries() {
  return {{1, 65536, 1},     {1, 65537, 1},  {2, 131072 + 129, 1}, {3, 70000, 1},
          {7, 1537, 1},      {1, 600000, 1}, {1, 4096, 3},         {1, 4097, 3},
          {2, 8192 + 65, 5}, {1, 12300, 17}, {3, 1000, 33}};
}

// Elements at a time: tiles of several sizes, ends of vectors and of pieces, all.
constexpr std::size_t at_a_time[] = {0, 512, 1024, 640 + 16};

template <class Op, class T>
void expect_in_order(reducer (*reducer_of)(dtype, isa), const reduction& g, const buffer<T>& a) {
  const std::vector<T> wanted = reduced_in_order<Op>(g, a.data());
  for (isa i : usable_sets()) {
    const reducer r = reducer_of(dtype_of<T>::value, i);
    for (const std::size_t n : at_a_time) {
      const buffer<T> d = run(r, g, a, n);
      ASSERT_EQ(std::memcmp(d.data(), wanted.data(), wanted.size() * sizeof(T)), 0)
          << text(g, i) << ", " << n << " at a time: " << d[0] << ", not " << wanted[0];
      if (g.outer != 1) continue;
      const buffer<T> folded = run_in_pieces(r, g, a, n);
      ASSERT_EQ(std::memcmp(folded.data(), wanted.data(), wanted.size() * sizeof(T)), 0)
          << text(g, i) << ", in pieces, " << n << " at a time";
    }
  }
}

template <class T> void expect_all_in_order(const reduction& g, const buffer<T>& a) {
  expect_in_order<sums<T>>(sum, g, a);
  expect_in_order<maxima<T>>(max, g, a);
  expect_in_order<norms<T>>(norm, g, a);
}

TYPED_TEST(Reduce, FollowsTheOrderOfSummationBitForBit) {
  using T = TypeParam;
  for (const auto& list : {geometries(), long_geometries()}) {
    for (const reduction& g : list) expect_all_in_order(g, random_buffer<T>(elements(g)));
  }
}

TYPED_TEST(Reduce, FollowsTheOrderForZerosOfBothSignsAndFarMagnitudes) {
  using T = TypeParam;
  for (const reduction& g : {reduction{3, 129, 1}, reduction{5, 7, 1}, reduction{1, 70000, 1},
                             reduction{2, 70, 3}, reduction{1, 4200, 2}}) {
    const buffer<T> minus_zeros(elements(g), T(-0.0)), zeros(elements(g));
    auto far = random_buffer<T>(elements(g));
    for (std::size_t i = 0; i < zeros.size(); ++i) {
      zeros[i] = i % 3 == 0 ? T(0) : T(-0.0);
      far[i] = std::ldexp(far[i], static_cast<int>(i * 37 % 200) - 100);
    }
    expect_all_in_order(g, minus_zeros);
    expect_all_in_order(g, zeros);
    expect_all_in_order(g, far);
  }
}

// 8 MB and more, so that there is a share for each of four threads.
TYPED_TEST(Reduce, GivesTheSameBitsAtAnyNumberOfThreads) {
  using T = TypeParam;
  for (const reduction& g :
       {reduction{1, 2200000, 1}, reduction{2200, 1000, 1}, reduction{3, 700001, 1},
        reduction{1, 2200, 1000}, reduction{40, 60, 900}, reduction{1, 530000, 4}}) {
    const auto a = random_buffer<T>(elements(g));
    for (int n : {1, 2, 4}) {
      SCOPED_TRACE(n);
      const threads set(n);
      expect_all_in_order(g, a);
    }
  }
}

TYPED_TEST(Reduce, MaxIsExactForAllGeometries) {
  using T = TypeParam;
  for (const reduction& g : geometries()) {
    const auto a = random_buffer<T>(elements(g));
    const auto expected = plain(g, a, -infinity, [](auto m, auto x) { return x > m ? x : m; });
    for (isa i : usable_sets()) {
      expect_near_all(run(max(dtype_of<T>::value, i), g, a, 512), expected, 0, text(g, i));
    }
  }
}

TYPED_TEST(Reduce, NormAgreesWithAPlainLoop) {
  using T = TypeParam;
  for (const reduction& g : geometries()) {
    const auto a = random_buffer<T>(elements(g));
    auto expected = plain(g, a, 0, [](auto m, auto x) { return m + x * x; });
    for (auto& x : expected) x = std::sqrt(x);
    for (isa i : usable_sets()) {
      expect_near_all(run(norm(dtype_of<T>::value, i), g, a, 512), expected,
                      100 * std::numeric_limits<T>::epsilon(), text(g, i));
    }
  }
}

TYPED_TEST(Reduce, EmptyReductionsAreZeroOrMinusInfinity) {
  using T = TypeParam;
  for (const reduction& g : {reduction{3, 0, 1}, reduction{2, 0, 5}, reduction{0, 4, 2}}) {
    for (isa i : usable_sets()) {
      const buffer<T> a(0);
      const dtype type = dtype_of<T>::value;
      for (T x : run(sum(type, i), g, a, 512)) EXPECT_EQ(x, T(0));
      for (T x : run(norm(type, i), g, a, 512)) EXPECT_EQ(x, T(0));
      for (T x : run(max(type, i), g, a, 512)) EXPECT_EQ(x, T(-infinity));
    }
  }
}

TYPED_TEST(Reduce, NanAnywhereInARowIsTheResultOfThatRowAlone) {
  using T = TypeParam;
  const T nan = std::numeric_limits<T>::quiet_NaN();
  for (const reduction& g : {reduction{60, 10, 1}, reduction{3, 700, 1}, reduction{1, 70, 19}}) {
    for (std::size_t at = 0; at < elements(g); at += 7) {
      const auto a = random_buffer<T>(elements(g));
      a[at] = nan;
      const auto place = static_cast<std::int64_t>(at);
      const auto bad =
          static_cast<std::size_t>(place / (g.inner * g.reduced) * g.inner + place % g.inner);
      for (isa i : usable_sets()) {
        for (const reducer& r : {sum(dtype_of<T>::value, i), max(dtype_of<T>::value, i),
                                 norm(dtype_of<T>::value, i)}) {
          const auto d = run(r, g, a, 512);
          for (std::size_t k = 0; k < d.size(); ++k) {
            ASSERT_EQ(std::isnan(d[k]), k == bad) << text(g, i);
          }
        }
      }
    }
  }
}

TYPED_TEST(Reduce, InfinitiesFollowIeee) {
  using T = TypeParam;
  const T inf = std::numeric_limits<T>::infinity();
  for (isa i : usable_sets()) {
    const dtype type = dtype_of<T>::value;
    const reduction g{3, 600, 1};
    const auto a = random_buffer<T>(elements(g));
    a[5] = inf;
    a[700] = inf;
    a[1100] = -inf;
    a[1300] = -inf;
    const auto s = run(sum(type, i), g, a, 512);
    EXPECT_EQ(s[0], inf);
    EXPECT_TRUE(std::isnan(s[1]));
    EXPECT_EQ(s[2], -inf);
    const auto n = run(norm(type, i), g, a, 512);
    for (T x : n) EXPECT_EQ(x, inf);
    const auto m = run(max(type, i), g, a, 512);
    EXPECT_EQ(m[0], inf);
    EXPECT_EQ(m[1], inf);
    EXPECT_LT(m[2], T(1));
  }
}

TYPED_TEST(Reduce, SumOfAMillionUniformNumbersIsRightToAFewUlps) {
  using T = TypeParam;
  constexpr std::int64_t n = 1000000;
  const auto a = random_buffer<T>(n, T(0), T(1));
  for (const reduction& g :
       {reduction{1, n, 1}, reduction{1, n / 8, 8}, reduction{1, n / 25, 25}}) {
    const auto expected = plain(g, a, 0, std::plus<>());
    const auto d = run(sum(dtype_of<T>::value), g, a, 512);
    for (std::size_t k = 0; k < d.size(); ++k) {
      const long double ulp = expected[k] * std::numeric_limits<T>::epsilon();
      EXPECT_LE(std::abs(d[k] - expected[k]), 2 * ulp) << k;
    }
  }
}

TYPED_TEST(Reduce, SumOfHugeRowsThatCancelKeepsTheRest) {
  using T = TypeParam;
  buffer<T> a(4096, T(0));
  a[0] = T(1e7);
  a[1000] = T(1);
  a[4000] = T(-1e7);
  EXPECT_EQ(run(sum(dtype_of<T>::value), {1, 4096, 1}, a, 512)[0], T(1));
}

TYPED_TEST(Reduce, NormNeitherOverflowsNorUnderflows) {
  using T = TypeParam;
  const T huge = std::numeric_limits<T>::max() / 64, tiny = std::numeric_limits<T>::min() / 64;
  for (const T x : {huge, tiny, std::numeric_limits<T>::denorm_min(), T(0), T(1)}) {
    for (const reduction& g : {reduction{1, 1600, 1}, reduction{10, 16, 1}, reduction{1, 1600, 3},
                               reduction{2, 16, 7}}) {
      const buffer<T> a(elements(g), x);
      for (isa i : usable_sets()) {
        for (T d : run(norm(dtype_of<T>::value, i), g, a, 512)) {
          const T expected = x * std::sqrt(static_cast<T>(g.reduced));
          EXPECT_NEAR(static_cast<double>(d / (x == 0 ? 1 : x)),
                      static_cast<double>(expected / (x == 0 ? 1 : x)), 1e-5);
        }
      }
    }
  }
}

TYPED_TEST(Reduce, NormOfMixedMagnitudesIsThatOfTheLargest) {
  using T = TypeParam;
  const T huge = std::numeric_limits<T>::max() / 8, tiny = std::numeric_limits<T>::min();
  for (const reduction& g : {reduction{1, 2000, 1}, reduction{1, 1000, 2}}) {
    const buffer<T> a(2000, tiny);
    a[1500] = 3;
    a[1501] = 3;
    EXPECT_EQ(run(norm(dtype_of<T>::value), g, a, 512)[0], g.inner == 1 ? std::sqrt(T(18)) : T(3));
    a[200] = huge;
    EXPECT_EQ(run(norm(dtype_of<T>::value), g, a, 512)[0], huge);
  }
}

TYPED_TEST(Reduce, ArgmaxIsTheFirstOfTheLargestAndNanCountsAsLargest) {
  using T = TypeParam;
  const T nan = std::numeric_limits<T>::quiet_NaN(), inf = std::numeric_limits<T>::infinity();
  const auto argmax_of = [](const reduction& g, const buffer<T>& a) {
    const buffer<std::int64_t> d(static_cast<std::size_t>(g.outer * g.inner));
    const step s =
        make_step(argmax(dtype_of<T>::value), d.data(), a.data(), nullptr, nullptr, a.size(), &g);
    s.run(s);
    return std::vector<std::int64_t>(d.begin(), d.end());
  };
  const buffer<T> rows{1, 3, 3, -inf, -inf, -inf, 1, nan, inf, nan, 2, nan, -0.0, 0, -1};
  EXPECT_EQ(argmax_of({5, 3, 1}, rows), (std::vector<std::int64_t>{1, 0, 1, 0, 0}));
  const buffer<T> columns{1, 5, nan, 2, 5, 7, 2, 4, nan};
  EXPECT_EQ(argmax_of({1, 3, 3}, columns), (std::vector<std::int64_t>{1, 0, 0}));
}

TYPED_TEST(Reduce, CumulativeSumsRunBothWaysAlongAnyAxis) {
  using T = TypeParam;
  for (const reduction& g : {reduction{3, 7, 1}, reduction{2, 5, 3}, reduction{1, 4, 130},
                             reduction{2, 0, 3}, reduction{1, 1, 1}}) {
    for (bool reverse : {false, true}) {
      const auto a = random_buffer<T>(elements(g));
      const buffer<T> d(a.size());
      const step s = make_step(cumsum(dtype_of<T>::value, reverse), d.data(), a.data(), nullptr,
                               nullptr, a.size(), &g);
      s.run(s);
      for (std::int64_t i = 0; i < static_cast<std::int64_t>(a.size()); ++i) {
        const std::int64_t r = i / g.inner % g.reduced;
        double expected = 0;
        for (std::int64_t q = reverse ? r : 0; q < (reverse ? g.reduced : r + 1); ++q) {
          expected += static_cast<double>(a[static_cast<std::size_t>(i + (q - r) * g.inner)]);
        }
        EXPECT_NEAR(static_cast<double>(d[static_cast<std::size_t>(i)]), expected, 1e-6);
      }
    }
  }
}

TEST(ReduceInt64, HasNoKernels) {
  EXPECT_THROW(sum(int64), dtype_error);
  EXPECT_THROW(max(int64), dtype_error);
  EXPECT_THROW(norm(int64), dtype_error);
  EXPECT_THROW(argmax(int64), dtype_error);
  EXPECT_THROW(cumsum(int64, false), dtype_error);
}

}  // namespace
}  // namespace cotape::kernels::testing

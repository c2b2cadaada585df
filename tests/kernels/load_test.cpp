// Loads through index maps against a plain walk; fill and cast for all instruction sets.
#include <cmath>

#include "kernels/axes.hpp"

namespace cotape::kernels::testing {
namespace {

const std::vector<axes>& cases() {
  static const std::vector<axes> all = {
      {{}, 0},  // a scalar
      {{}, 3},
      {{{1, 5}, {1, 7}}, 2},
      {{{1300, 1}}, 0},  // a copy
      {{{1300, 1}}, 5},
      {{{1300, 0}}, 1},  // a broadcast number
      {{{20, 0}, {70, 0}}, 1},
      {{{130, 0}, {10, 1}}, 0},  // a row
      {{{300, 0}, {5, 1}}, 0},
      {{{700, 0}, {2, 1}}, 3},
      {{{3, 0}, {700, 1}}, 0},
      {{{2, 0}, {512, 1}}, 0},
      {{{130, 1}, {10, 0}}, 0},  // a column
      {{{5, 1}, {300, 0}}, 0},
      {{{700, 3}, {2, 0}}, 1},
      {{{100, -1}, {13, 0}}, 99},
      {{{37, 1}, {29, 37}}, 0},  // transposes
      {{{16, 1}, {16, 16}}, 0},
      {{{1, 1}, {300, 1}}, 0},
      {{{64, 1}, {33, 64}}, 0},
      {{{5, 170}, {17, 1}, {10, 17}}, 0},
      {{{17, 10}, {5, 170}, {10, 1}}, 0},  // (5, 17, 10) with axes 0 and 1 swapped
      {{{10, 1}, {17, 10}, {5, 170}}, 0},  // wholly turned round
      {{{10, 1}, {5, 170}, {17, 10}}, 0},
      {{{4, 0}, {10, 1}, {17, 10}}, 0},
      {{{10, 1}, {4, 0}, {17, 10}}, 0},
      {{{9, 20}, {7, 2}}, 1},  // slices
      {{{1000, -1}}, 999},
      {{{30, -40}, {20, -2}}, 29 * 40 + 39},
      {{{30, -40}, {20, 1}}, 29 * 40},
      {{{11, 1}, {12, -11}}, 121},
      {{{3, 40}, {4, 0}, {10, 1}, {5, 0}}, 0},
      {{{3, 0}, {4, 1}, {5, 0}, {6, 4}}, 0},
      {{{2, 1}, {2, 2}, {2, 4}, {2, 8}, {2, 16}, {2, 32}, {2, 64}, {2, 128}}, 0},
      {{{0, 1}}, 0},
      {{{5, 1}, {0, 0}}, 0},
      {{{0, 0}, {5, 1}}, 0},
      {{{0, 1}, {5, 3}}, 0},
      {{{3, 1}, {0, 1}, {4, 3}}, 0},
  };
  return all;
}

template <class T> class Load : public ::testing::Test {};
using element_types = ::testing::Types<float, double, std::int64_t>;
TYPED_TEST_SUITE(Load, element_types);

template <class T> void expect_loaded(const axes& c, const buffer<T>& a, const buffer<T>& d) {
  for (std::size_t i = 0; i < d.size(); ++i) {
    ASSERT_EQ(d[i], a[c.place(i)]) << "case " << &c - cases().data() << " at " << i;
  }
}

TYPED_TEST(Load, AWholeTensorComesThroughAnyMap) {
  using T = TypeParam;
  for (const axes& c : cases()) {
    const auto a = counting<T>(c.source_size());
    const index_map map = c.map();
    ASSERT_EQ(map.elements(), static_cast<std::int64_t>(c.elements()));
    const buffer<T> d(c.elements());
    const step s =
        make_step(load(map, sizeof(T), true), d.data(), a.data(), nullptr, nullptr, d.size(), &map);
    s.run(s);
    expect_loaded(c, a, d);
  }
}

TYPED_TEST(Load, TilesOfAnySizeComeThroughAnyMap) {
  using T = TypeParam;
  for (const axes& c : cases()) {
    for (std::size_t piece : {512UL, 1UL, 7UL, 64UL}) {
      const auto a = counting<T>(c.source_size());
      const index_map map = c.map();
      for (isa i : usable_sets()) {
        const buffer<T> d(c.elements());
        for (std::size_t base = 0; base < d.size(); base += piece) {
          const buffer<T> part(std::min(piece, d.size() - base));
          step s = make_step(load(map, sizeof(T), false, i), part.data(), a.data(), nullptr,
                             nullptr, part.size(), &map);
          s.base = static_cast<std::uint32_t>(base);
          s.run(s);
          std::copy(part.begin(), part.end(), d.data() + base);
        }
        expect_loaded(c, a, d);
      }
    }
  }
}

// Tiles begin anywhere in a row; elements before and behind a tile stay.
TYPED_TEST(Load, BroadcastsOfAnySizeComeFromAnyPlaceAndTouchNothingElse) {
  using T = TypeParam;
  constexpr std::int64_t most = 230;
  const auto a = counting<T>(most);
  for (isa i : usable_sets()) {
    for (std::int64_t size = 2; size < 80; ++size) {
      for (const axes& c : {axes{{{most / size + 2, 0}, {size, 1}}, 0},
                            axes{{{most / size + 2, 1}, {size, 0}}, 0}}) {
        const index_map map = c.map();
        for (std::size_t base : {0UL, 1UL, 5UL, 39UL}) {
          for (std::size_t n : {0UL, 1UL, 3UL, 15UL, 16UL, 17UL, 64UL, 128UL, 150UL}) {
            const buffer<T> d(200, T(-5));
            step s = make_step(load(map, sizeof(T), false, i), d.data() + 3, a.data(), nullptr,
                               nullptr, n, &map);
            s.base = static_cast<std::uint32_t>(base);
            s.run(s);
            for (std::size_t k = 0; k < d.size(); ++k) {
              const T expected = k >= 3 && k < 3 + n ? a[c.place(base + k - 3)] : T(-5);
              ASSERT_EQ(d[k], expected) << size << ", " << base << ", " << n << " at " << k;
            }
          }
        }
      }
    }
  }
}

TEST(IndexMap, CoverTellsOverlapsAndGaps) {
  const auto cover = [](std::vector<axes> parts) {
    std::vector<index_map> maps;
    for (const axes& a : parts) maps.push_back(a.map());
    const kernels::cover c = cover_of(maps, 12);  // a matrix of 3 by 4
    return std::pair(c.apart, c.whole);
  };
  using found = std::pair<std::size_t, bool>;
  const axes left{{{3, 4}, {2, 1}}, 0}, right{{{3, 4}, {2, 1}}, 2}, middle{{{3, 4}, {2, 1}}, 1};
  EXPECT_EQ(cover({left, right}), found(2, true));
  EXPECT_EQ(cover({left}), found(1, false));
  EXPECT_EQ(cover({left, middle}), found(1, false));
  EXPECT_EQ(cover({left, middle, right}), found(1, false));
  EXPECT_EQ(cover({left, right, {{}, 11}}), found(2, true));
  EXPECT_EQ(cover({{{{12, -1}}, 11}}), found(1, true));
  EXPECT_EQ(cover({{{{6, 2}}, 0}, {{{6, 2}}, 1}}), found(2, true));
  EXPECT_EQ(cover({{{{2, 0}, {3, 1}}, 0}}), found(0, false));
  EXPECT_EQ(cover({{{}, 11}}), found(1, false));
  EXPECT_EQ(cover({{{{0, 1}}, 12}}), found(1, false));
  EXPECT_EQ(cover({}), found(0, false));
}

// Large enough for a share for each of four threads.
TYPED_TEST(Load, MovesOfWholeTensorsAreTheSameAtAnyNumberOfThreads) {
  using T = TypeParam;
  const std::vector<axes> large = {{{{600007, 1}}, 3},
                                   {{{600, 0}, {1001, 1}}, 0},
                                   {{{1001, 1}, {600, 0}}, 0},
                                   {{{701, 1}, {901, 701}}, 0},
                                   {{{3, 1}, {200003, 3}}, 0},
                                   {{{7, 90005}, {90005, 1}}, 0},
                                   {{{90, 7007}, {1001, 1}, {7, 1001}}, 0},
                                   {{{1001, 1}, {90, 7007}, {7, 1001}}, 0},
                                   {{{1000, 2000}, {700, 2}}, 1},
                                   {{{600007, -1}}, 600006}};
  for (const axes& c : large) {
    const auto a = counting<T>(c.source_size());
    const index_map map = c.map();
    for (int n : {1, 2, 4}) {
      const threads set(n);
      const buffer<T> d(c.elements());
      const step s = make_step(load(map, sizeof(T), true), d.data(), a.data(), nullptr, nullptr,
                               d.size(), &map);
      s.run(s);
      for (std::size_t i = 0; i < d.size(); ++i) {
        ASSERT_EQ(d[i], a[c.place(i)]) << "case " << &c - large.data() << " at " << i;
      }
    }
  }
}

TYPED_TEST(Load, CopiesOfAnySizeAndPlaceTouchNothingElse) {
  using T = TypeParam;
  const auto a = counting<T>(2000);
  for (std::size_t n = 0; n < 300; ++n) {
    for (std::size_t from : {0UL, 1UL, 5UL}) {
      const buffer<T> d(400, T(-5));
      const step s = make_step(copy(dtype_of<T>::value), d.data() + from, a.data() + 3 * from,
                               nullptr, nullptr, n, nullptr);
      s.run(s);
      for (std::size_t i = 0; i < d.size(); ++i) {
        ASSERT_EQ(d[i], i >= from && i < from + n ? a[i + 2 * from] : T(-5)) << n << " at " << i;
      }
    }
  }
}

TEST(IndexMap, AppendDropsAxesOfSizeOneAndMergesThoseThatContinue) {
  const index_map dense = axes{{{4, 30}, {1, 99}, {5, 6}, {6, 1}}, 0}.map();
  EXPECT_EQ(dense.rank, 1U);
  EXPECT_EQ(dense.size[0], 120);
  EXPECT_EQ(dense.stride[0], 1);
  const index_map row = axes{{{4, 0}, {5, 0}, {6, 1}}, 0}.map();
  EXPECT_EQ(row.rank, 2U);
  EXPECT_EQ(row.size[0], 20);
}

TYPED_TEST(Load, FillWritesWholeVectors) {
  using T = TypeParam;
  for (isa i : usable_sets()) {
    for (std::size_t n : {0UL, 1UL, 7UL, 8UL, 9UL, 15UL, 16UL, 17UL, 31UL, 33UL, 512UL, 1000UL}) {
      const buffer<T> d(n), a{T(42)};
      const step s =
          make_step(fill(sizeof(T), i), d.data(), a.data(), nullptr, nullptr, n, nullptr);
      s.run(s);
      for (T x : d) ASSERT_EQ(x, T(42));
    }
  }
}

template <class From, class To> void expect_cast(isa i, std::size_t n) {
  const buffer<From> a(n);
  const buffer<To> d(n);
  for (std::size_t k = 0; k < n; ++k) a[k] = static_cast<From>(1.75 * (static_cast<double>(k) - 5));
  const step s = make_step(cast(dtype_of<From>::value, dtype_of<To>::value, i), d.data(), a.data(),
                           nullptr, nullptr, n, nullptr);
  s.run(s);
  for (std::size_t k = 0; k < n; ++k) ASSERT_EQ(d[k], static_cast<To>(a[k])) << n << " at " << k;
}

template <class From> void expect_casts(isa i) {
  for (std::size_t n : {0UL, 1UL, 7UL, 8UL, 9UL, 15UL, 16UL, 17UL, 512UL, 1001UL}) {
    expect_cast<From, float>(i, n);
    expect_cast<From, double>(i, n);
    expect_cast<From, std::int64_t>(i, n);
  }
}

TEST(Cast, AgreesWithStaticCastForAllPairsOfTypes) {
  for (isa i : usable_sets()) {
    expect_casts<float>(i);
    expect_casts<double>(i);
    expect_casts<std::int64_t>(i);
  }
}

TEST(Cast, NanInfinityAndWhatDoesNotFitBecomeTheLeastInt64) {
  const double inf = std::numeric_limits<double>::infinity();
  const buffer<double> a{std::nan(""), inf, -inf, 9.3e18, -9.3e18, 0x1p62, -0x1p63, -2.9};
  const buffer<float> f{std::nanf(""), 1e30F, -1e30F, -2.9F};
  constexpr std::int64_t least = std::numeric_limits<std::int64_t>::min();
  for (isa i : usable_sets()) {
    const buffer<std::int64_t> d(8), e(4);
    step s = make_step(cast(float64, int64, i), d.data(), a.data(), nullptr, nullptr, 8, nullptr);
    s.run(s);
    s = make_step(cast(float32, int64, i), e.data(), f.data(), nullptr, nullptr, 4, nullptr);
    s.run(s);
    for (std::size_t k : {0UL, 1UL, 2UL, 3UL, 4UL, 6UL}) EXPECT_EQ(d[k], least) << k;
    EXPECT_EQ(d[5], std::int64_t{1} << 62);
    EXPECT_EQ(d[7], -2);
    for (std::size_t k : {0UL, 1UL, 2UL}) EXPECT_EQ(e[k], least) << k;
    EXPECT_EQ(e[3], -2);
  }
}

TEST(Cast, DoublesRoundToNearestFloats) {
  const buffer<double> a{1 + 0x1p-24, 1 + 0x1.8p-23, 1e300, -1e-60};
  for (isa i : usable_sets()) {
    const buffer<float> d(4);
    const step s =
        make_step(cast(float64, float32, i), d.data(), a.data(), nullptr, nullptr, 4, nullptr);
    s.run(s);
    EXPECT_EQ(d[0], 1.0F);
    EXPECT_EQ(d[1], 1.0F + 0x1p-22F);
    EXPECT_EQ(d[2], std::numeric_limits<float>::infinity());
    EXPECT_TRUE(d[3] == 0 && std::signbit(d[3]));
  }
}

}  // namespace
}  // namespace cotape::kernels::testing

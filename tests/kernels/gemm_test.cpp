// Matrix products against plain loops, for all flags, small and degenerate sizes, batches and NaN.
#include <cmath>

#include "cotape/threads.hpp"
#include "expect_error.hpp"
#include "kernels/buffers.hpp"
#include "kernels/gemm.hpp"

namespace cotape::kernels::testing {
namespace {

template <class T> class Gemm : public ::testing::Test {};
using element_types = ::testing::Types<float, double>;
TYPED_TEST_SUITE(Gemm, element_types);

gemm_geometry geometry(std::int64_t m, std::int64_t n, std::int64_t k, bool transpose_a,
                       bool transpose_b, bool accumulate, std::int64_t pad = 0) {
  gemm_geometry g;
  g.m = m, g.n = n, g.k = k;
  g.a = {0, std::max<std::int64_t>(1, transpose_a ? m : k) + pad, transpose_a};
  g.b = {0, std::max<std::int64_t>(1, transpose_b ? k : n) + pad, transpose_b};
  g.d = {0, std::max<std::int64_t>(1, n) + pad, false};
  g.accumulate = accumulate;
  return g;
}

template <class T> T at(const buffer<T>& x, std::int64_t i) {
  return x[static_cast<std::size_t>(i)];
}

// Calls f(a, b, d) with where the matrices of each product start.
template <class F> void for_each_product(const gemm_geometry& g, F f) {
  for (std::int64_t q = 0; q < g.products(); ++q) {
    std::int64_t a = g.a.offset, b = g.b.offset, d = g.d.offset, rest = q;
    for (std::uint32_t i = g.axes; i-- > 0; rest /= g.batch[i].size) {
      a += rest % g.batch[i].size * g.batch[i].a;
      b += rest % g.batch[i].size * g.batch[i].b;
      d += rest % g.batch[i].size * g.batch[i].d;
    }
    f(a, b, d);
  }
}

template <class T>
void plain(const gemm_geometry& g, double alpha, const buffer<T>& a, const buffer<T>& b,
           const buffer<T>& d) {
  for_each_product(g, [&](std::int64_t first_a, std::int64_t first_b, std::int64_t first_d) {
    for (std::int64_t i = 0; i < g.m; ++i) {
      for (std::int64_t j = 0; j < g.n; ++j) {
        double sum = 0;
        for (std::int64_t p = 0; p < g.k; ++p) {
          const double x = static_cast<double>(
              at(a, first_a + (g.a.transposed ? p * g.a.stride + i : i * g.a.stride + p)));
          const double y = static_cast<double>(
              at(b, first_b + (g.b.transposed ? j * g.b.stride + p : p * g.b.stride + j)));
          sum += x * y;
        }
        T& to = d[static_cast<std::size_t>(first_d + i * g.d.stride + j)];
        to = static_cast<T>(alpha * sum + (g.accumulate ? static_cast<double>(to) : 0.0));
      }
    }
  });
}

template <class T> void expect_product(gemm_geometry g, const T* alpha, isa set) {
  const auto count = [&](const matrix& of, std::int64_t rows, auto along) {
    std::int64_t n = of.offset + rows * of.stride + 64;
    for (std::uint32_t i = 0; i < g.axes; ++i) n += g.batch[i].size * g.batch[i].*along;
    return static_cast<std::size_t>(n);
  };
  using axis = gemm_geometry::axis;
  const auto a = random_buffer<T>(count(g.a, g.a.transposed ? g.k : g.m, &axis::a), T(-1), T(1), 1);
  const auto b = random_buffer<T>(count(g.b, g.b.transposed ? g.n : g.k, &axis::b), T(-1), T(1), 2);
  const auto old = random_buffer<T>(count(g.d, g.m, &axis::d), T(-1), T(1), 3);
  const buffer<T> d(old.size()), expected(old.size());
  std::copy(old.begin(), old.end(), d.begin());
  std::copy(old.begin(), old.end(), expected.begin());
  if (!g.accumulate) {  // with beta 0 the old d must not matter
    for_each_product(g, [&](std::int64_t, std::int64_t, std::int64_t first) {
      for (std::int64_t i = 0; i < g.m; ++i) {
        for (std::int64_t j = 0; j < g.n; ++j) {
          d[static_cast<std::size_t>(first + i * g.d.stride + j)] =
              std::numeric_limits<T>::quiet_NaN();
        }
      }
    });
  }
  plain(g, alpha == nullptr ? 1.0 : static_cast<double>(*alpha), a, b, expected);
  const step s =
      make_step(gemm(dtype_of<T>::value, set), d.data(), a.data(), b.data(), alpha, 0, &g);
  s.run(s);
  for (std::size_t j = 0; j < d.size(); ++j) {
    ASSERT_NEAR(static_cast<double>(d[j]), static_cast<double>(expected[j]),
                10 * static_cast<double>(std::numeric_limits<T>::epsilon()) *
                    (1 + std::sqrt(static_cast<double>(g.k))))
        << "m " << g.m << " n " << g.n << " k " << g.k << " flags " << g.a.transposed
        << g.b.transposed << g.accumulate << " at " << j;
  }
}

TYPED_TEST(Gemm, AgreesWithAPlainLoopForAllFlagsAndSizes) {
  using T = TypeParam;
  const T scale = T(-0.5), zero = T(0);
  for (std::int64_t m : {0, 1, 2, 3, 5, 17, 64}) {
    for (std::int64_t n : {0, 1, 2, 4, 7, 33}) {
      for (std::int64_t k : {0, 1, 2, 3, 4, 9, 70}) {
        for (int flags = 0; flags < 16; ++flags) {
          const auto g = geometry(m, n, k, (flags & 1) != 0, (flags & 2) != 0, (flags & 4) != 0,
                                  (flags & 8) != 0 ? 3 : 0);
          for (isa set : usable_sets()) {
            expect_product<T>(g, nullptr, set);
            expect_product<T>(g, &scale, set);
            expect_product<T>(g, &zero, set);
          }
        }
      }
    }
  }
}

TYPED_TEST(Gemm, BatchesMayShareAnOperand) {
  using T = TypeParam;
  for (int shared = 0; shared < 3; ++shared) {
    for (std::int64_t n : {1, 6}) {
      auto g = geometry(5, n, 4, false, true, false);
      g.axes = 1;
      g.batch[0] = {3, shared == 1 ? 0 : 20, shared == 2 ? 0 : 4 * n, 5 * n};
      expect_product<T>(g, nullptr, best_isa());
    }
  }
}

// The columns of a row hold one matrix after the other, as the heads of an attention do; on one
// thread and on three, the first parts of which end in the midst of an axis.
TYPED_TEST(Gemm, BatchesMayHaveSeveralAxesAndOffsets) {
  using T = TypeParam;
  const int before = num_threads();
  for (const std::int64_t size : {3, 160}) {
    for (const int threads : {1, 3}) {
      set_num_threads(threads);
      auto g = geometry(size, size, size, false, true, false);
      g.axes = 3;
      const std::int64_t row = 5 * size;
      g.batch[0] = {2, 2 * size * row, 0, 2 * size * row};
      g.batch[1] = {5, size, size, size};
      g.batch[2] = {2, size * row, 0, size * row};
      g.a = {7, row, false};
      g.b = {3, row, true};
      g.d = {11, row, false};
      for (const bool accumulate : {false, true}) {
        g.accumulate = accumulate;
        expect_product<T>(g, nullptr, best_isa());
      }
    }
  }
  set_num_threads(before);
}

TYPED_TEST(Gemm, NanInAnOperandReachesItsRowAloneAndZeroTimesInfinityIsNan) {
  using T = TypeParam;
  for (std::int64_t m : {2, 40}) {
    for (std::int64_t n : {1, 3, 40}) {
      const auto g = geometry(m, n, 5, false, false, false);
      const buffer<T> a(static_cast<std::size_t>(m * 5), T(0)),
          b(static_cast<std::size_t>(5 * n), T(1)), d(static_cast<std::size_t>(m * n));
      a[7] = std::numeric_limits<T>::quiet_NaN();
      const step s =
          make_step(gemm(dtype_of<T>::value), d.data(), a.data(), b.data(), nullptr, 0, &g);
      s.run(s);
      for (std::size_t i = 0; i < d.size(); ++i) {
        EXPECT_EQ(std::isnan(d[i]), i / static_cast<std::size_t>(n) == 1);
      }
      b[0] = std::numeric_limits<T>::infinity();
      s.run(s);
      for (std::size_t i = 0; i < d.size(); i += static_cast<std::size_t>(n)) {
        EXPECT_TRUE(std::isnan(d[i]));
      }
    }
  }
}

TYPED_TEST(Gemm, OneRowOfZerosTimesInfinityIsNan) {
  using T = TypeParam;
  for (std::int64_t n : {2, 300}) {
    const auto g = geometry(1, n, 5, false, false, false);
    const buffer<T> a(5, T(0)), b(static_cast<std::size_t>(5 * n), T(1)),
        d(static_cast<std::size_t>(n));
    b[1] = std::numeric_limits<T>::infinity();
    const step s =
        make_step(gemm(dtype_of<T>::value), d.data(), a.data(), b.data(), nullptr, 0, &g);
    s.run(s);
    for (std::size_t i = 0; i < d.size(); ++i) EXPECT_EQ(std::isnan(d[i]), i == 1);
  }
}

TYPED_TEST(Gemm, WithAlphaZeroNeitherOperandsNorOldResultsMatter) {
  using T = TypeParam;
  const T nan = std::numeric_limits<T>::quiet_NaN(), alpha = 0;
  for (std::int64_t n : {1, 3, 40}) {
    const auto count = static_cast<std::size_t>(n * n);
    const buffer<T> a(count, nan), d(count, nan), sum(count, T(7));
    step s = make_step(gemm(dtype_of<T>::value), d.data(), a.data(), a.data(), &alpha, 0, nullptr);
    const auto overwrite = geometry(n, n, n, false, false, false);
    s.side = &overwrite;
    s.run(s);
    for (T x : d) EXPECT_EQ(x, T(0));
    const auto add = geometry(n, n, n, false, false, true);
    s.side = &add;
    s.d = sum.data();
    s.run(s);
    for (T x : sum) EXPECT_EQ(x, T(7));
  }
}

index_map map_of(std::initializer_list<std::int64_t> sizes,
                 std::initializer_list<std::int64_t> strides) {
  index_map map;
  map.rank = static_cast<std::uint32_t>(sizes.size());
  std::copy(sizes.begin(), sizes.end(), map.size.begin());
  std::copy(strides.begin(), strides.end(), map.stride.begin());
  return map;
}

TEST(GemmMatrices, HaveOneUnitStrideAndAnotherOfAtLeastTheirExtentBelow32Bits) {
  constexpr std::int64_t much = std::int64_t{1} << 31;
  EXPECT_TRUE(are_matrices(map_of({3, 4}, {4, 1})));
  EXPECT_TRUE(are_matrices(map_of({3, 4}, {1, 3})));
  EXPECT_TRUE(are_matrices(map_of({3, 4}, {9, 1})));
  EXPECT_TRUE(are_matrices(map_of({3, 4}, {much - 1, 1})));
  EXPECT_FALSE(are_matrices(map_of({3, 4}, {much, 1})));
  EXPECT_FALSE(are_matrices(map_of({3, 4}, {3, 1})));   // rows that overlap
  EXPECT_FALSE(are_matrices(map_of({3, 4}, {8, 2})));   // every second column
  EXPECT_FALSE(are_matrices(map_of({3, 4}, {-4, 1})));  // rows backwards
  EXPECT_FALSE(are_matrices(map_of({3, 4}, {4, -1})));
  EXPECT_FALSE(are_matrices(map_of({3, 4}, {0, 1})));  // one row repeated
  EXPECT_FALSE(are_matrices(map_of({3, 4}, {1, 0})));
  EXPECT_FALSE(are_matrices(map_of({3, 4}, {1, 1})));
  EXPECT_TRUE(are_matrices(map_of({1, 4}, {0, 7})));  // a row of every seventh element
  EXPECT_TRUE(are_matrices(map_of({4, 1}, {7, 0})));
  EXPECT_FALSE(are_matrices(map_of({4, 1}, {0, 1})));
  EXPECT_FALSE(are_matrices(map_of({1, 4}, {4, -1})));
  EXPECT_TRUE(are_matrices(map_of({1, 1}, {0, 0})));
  EXPECT_TRUE(are_matrices(map_of({3, 0}, {1, 1})));
  EXPECT_TRUE(are_matrices(map_of({0, 4}, {4, 1})));
}

TEST(GemmMaps, MergeBatchAxesWhereAllThreeAllowIt) {
  gemm_maps maps({2, 3, 4, 5}, {2, 3, 5, 6}, {2, 3, 4, 6});
  const auto merged = maps.geometry();
  EXPECT_EQ(merged.axes, 1u);
  EXPECT_EQ(merged.batch[0].size, 6);
  EXPECT_EQ(merged.batch[0].b, 30);
  maps.a = index_map::of({2, 4, 3, 5});
  maps.a.permute(std::array<std::int64_t, 4>{0, 2, 1, 3});
  const auto apart = maps.geometry();
  EXPECT_EQ(apart.axes, 2u);
  EXPECT_EQ(apart.a.stride, 15);
  EXPECT_EQ(apart.products(), 6);
  EXPECT_EQ(apart.flops(), 2.0 * 6 * 4 * 5 * 6);
  EXPECT_EQ(apart.elements(), 6.0 * (4 * 5 + 5 * 6 + 4 * 6));
}

// A matrix that a batch shares multiplies all its rows at once.
TEST(GemmMaps, OfABatchWithOneSecondOperandAreOneProduct) {
  gemm_maps maps({2, 3, 4, 5}, {2, 3, 5, 6}, {2, 3, 4, 6});
  maps.b = index_map::of({5, 6});
  maps.b.widen({2, 3, 5, 6});
  const auto g = maps.geometry();
  EXPECT_EQ(g.axes, 0u);
  EXPECT_EQ(g.m, 24);
  EXPECT_EQ(g.n, 6);
  EXPECT_EQ(g.elements(), 24.0 * 5 + 5 * 6 + 24 * 6);
  // Single rows of a batch, too; not every second matrix.
  gemm_maps rows({3, 1, 5}, {3, 5, 6}, {3, 1, 6});
  rows.b = index_map::of({5, 6});
  rows.b.widen({3, 5, 6});
  EXPECT_EQ(rows.geometry().m, 3);
  gemm_maps some({3, 4, 5}, {3, 5, 6}, {3, 4, 6});
  some.b = rows.b;
  some.a = index_map::of({6, 4, 5});
  some.a.cut(std::array<std::int64_t, 3>{3, 4, 5}, std::array<std::int64_t, 3>{1, 0, 0},
             std::array<std::int64_t, 3>{2, 1, 1});
  EXPECT_EQ(some.geometry().m, 4);
  EXPECT_EQ(some.geometry().products(), 3);
  EXPECT_EQ(some.geometry().a.offset, 20);
}

// Turned so that it had more rows than columns, a product of many terms would be slower.
TEST(GemmMaps, OfATransposedResultStayApartWhereThatIsFaster) {
  const std::array<std::int64_t, 2> order{1, 0};
  bool swapped = false;
  gemm_maps wide({16, 256}, {256, 100}, {16, 100});
  EXPECT_FALSE(wide.permute(order, swapped));
  EXPECT_EQ(wide.geometry().m, 16);  // as before
  gemm_maps few({16, 255}, {255, 100}, {16, 100});
  EXPECT_TRUE(few.permute(order, swapped));
  gemm_maps tall({100, 256}, {256, 16}, {100, 16});
  EXPECT_TRUE(tall.permute(order, swapped));
  EXPECT_EQ(tall.geometry().m, 16);
}

TEST(GemmMaps, OfATransposedResultAreThoseOfTheTransposedProduct) {
  bool swapped = false;
  gemm_maps maps({3, 4, 5}, {3, 5, 6}, {3, 4, 6});
  ASSERT_TRUE(maps.permute(std::array<std::int64_t, 3>{0, 2, 1}, swapped));
  EXPECT_TRUE(swapped);
  const auto g = maps.geometry();
  EXPECT_EQ(g.m, 6);
  EXPECT_EQ(g.n, 4);
  EXPECT_EQ(g.d.stride, 4);
  EXPECT_TRUE(g.a.transposed && g.b.transposed && !g.d.transposed);
  ASSERT_TRUE(maps.permute(std::array<std::int64_t, 3>{0, 2, 1}, swapped));  // and back
  EXPECT_EQ(maps.geometry().m, 4);
  gemm_maps heads({2, 3, 4, 5}, {2, 3, 5, 6}, {2, 3, 4, 6});
  ASSERT_TRUE(heads.permute(std::array<std::int64_t, 4>{0, 2, 1, 3}, swapped));
  EXPECT_FALSE(swapped);
  EXPECT_EQ(heads.geometry().d.stride, 18);
  EXPECT_EQ(heads.geometry().axes, 2u);
  EXPECT_FALSE(heads.permute(std::array<std::int64_t, 4>{0, 2, 1, 3}, swapped));  // only once
  gemm_maps apart({3, 4, 5}, {3, 5, 6}, {3, 4, 6});  // neither rows nor columns side by side
  EXPECT_FALSE(apart.permute(std::array<std::int64_t, 3>{1, 2, 0}, swapped));
}

TEST(GemmMaps, BeyondThirtyTwoBitsThrow) {
  constexpr std::int64_t much = std::int64_t{1} << 31;
  const auto product = [](std::int64_t m, std::int64_t k) {
    return gemm_maps({m, k}, {k, 1}, {m, 1}).geometry();
  };
  EXPECT_EQ(product(1, much - 1).k, much - 1);
  tests::expect_error<shape_error>(
      [&] { product(1, much); }, "matmul: a size or stride beyond 32 bits: m 1, n 1, k 2147483648");
  EXPECT_THROW(product(much, 1), shape_error);
  gemm_maps batch({much / 2, 2, 1}, {much / 2, 1, 1},
                  {much / 2, 2, 1});  // not as one of so many rows
  batch.b = index_map::of({1, 1});
  batch.b.widen({much / 2, 1, 1});
  EXPECT_EQ(batch.geometry().m, 2);
}

TEST(GemmInt64, HasNoKernel) { EXPECT_THROW(gemm(int64), dtype_error); }

TEST(GemmKernelName, IsKnown) { EXPECT_STRNE(gemm_kernel_name(), ""); }

}  // namespace
}  // namespace cotape::kernels::testing

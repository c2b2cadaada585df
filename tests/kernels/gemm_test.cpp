// Matrix products against plain loops, for all flags, small and degenerate sizes, batches and NaN.
#include <cmath>

#include "cotape/error.hpp"
#include "kernels/buffers.hpp"

namespace cotape::kernels::testing {
namespace {

template <class T> class Gemm : public ::testing::Test {};
using element_types = ::testing::Types<float, double>;
TYPED_TEST_SUITE(Gemm, element_types);

gemm_geometry geometry(std::int64_t m, std::int64_t n, std::int64_t k, bool transpose_a,
                       bool transpose_b, bool accumulate, std::int64_t pad = 0) {
  gemm_geometry g;
  g.m = m, g.n = n, g.k = k;
  g.lda = std::max<std::int64_t>(1, transpose_a ? m : k) + pad;
  g.ldb = std::max<std::int64_t>(1, transpose_b ? k : n) + pad;
  g.ldc = std::max<std::int64_t>(1, n) + pad;
  g.transpose_a = transpose_a, g.transpose_b = transpose_b, g.accumulate = accumulate;
  g.stride_a = (transpose_a ? k : m) * g.lda;
  g.stride_b = (transpose_b ? n : k) * g.ldb;
  g.stride_c = m * g.ldc;
  return g;
}

template <class T> T at(const buffer<T>& x, std::int64_t i) {
  return x[static_cast<std::size_t>(i)];
}

template <class T>
void plain(const gemm_geometry& g, double alpha, const buffer<T>& a, const buffer<T>& b,
           const buffer<T>& d) {
  for (std::int64_t q = 0; q < g.batch; ++q) {
    for (std::int64_t i = 0; i < g.m; ++i) {
      for (std::int64_t j = 0; j < g.n; ++j) {
        double sum = 0;
        for (std::int64_t p = 0; p < g.k; ++p) {
          const double x = static_cast<double>(
              at(a, q * g.stride_a + (g.transpose_a ? p * g.lda + i : i * g.lda + p)));
          const double y = static_cast<double>(
              at(b, q * g.stride_b + (g.transpose_b ? j * g.ldb + p : p * g.ldb + j)));
          sum += x * y;
        }
        T& to = d[static_cast<std::size_t>(q * g.stride_c + i * g.ldc + j)];
        to = static_cast<T>(alpha * sum + (g.accumulate ? static_cast<double>(to) : 0.0));
      }
    }
  }
}

template <class T> void expect_product(gemm_geometry g, const T* alpha, isa set) {
  const auto count = [&](std::int64_t stride) {
    return static_cast<std::size_t>(stride * (stride == 0 ? 1 : g.batch) + 64);
  };
  const auto a = random_buffer<T>(count(g.stride_a), T(-1), T(1), 1);
  const auto b = random_buffer<T>(count(g.stride_b), T(-1), T(1), 2);
  const auto old = random_buffer<T>(count(g.stride_c), T(-1), T(1), 3);
  const buffer<T> d(old.size()), expected(old.size());
  std::copy(old.begin(), old.end(), d.begin());
  std::copy(old.begin(), old.end(), expected.begin());
  if (!g.accumulate) {  // with beta 0 the old d must not matter
    for (std::int64_t q = 0; q < g.batch; ++q) {
      for (std::int64_t i = 0; i < g.m; ++i) {
        for (std::int64_t j = 0; j < g.n; ++j) {
          d[static_cast<std::size_t>(q * g.stride_c + i * g.ldc + j)] =
              std::numeric_limits<T>::quiet_NaN();
        }
      }
    }
  }
  plain(g, alpha == nullptr ? 1.0 : static_cast<double>(*alpha), a, b, expected);
  const step s =
      make_step(gemm(dtype_of<T>::value, set), d.data(), a.data(), b.data(), alpha, 0, &g);
  s.run(s);
  for (std::size_t j = 0; j < d.size(); ++j) {
    ASSERT_NEAR(static_cast<double>(d[j]), static_cast<double>(expected[j]),
                10 * static_cast<double>(std::numeric_limits<T>::epsilon()) *
                    (1 + std::sqrt(static_cast<double>(g.k))))
        << "m " << g.m << " n " << g.n << " k " << g.k << " flags " << g.transpose_a
        << g.transpose_b << g.accumulate << " at " << j;
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
      g.batch = 3;
      if (shared == 1) g.stride_a = 0;
      if (shared == 2) g.stride_b = 0;
      expect_product<T>(g, nullptr, best_isa());
    }
  }
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

TEST(GemmSizes, BeyondThirtyTwoBitsThrow) {
  auto g = geometry(2, 2, 2, false, false, false);
  g.lda = std::int64_t{1} << 31;
  EXPECT_THROW(check_sizes(g), shape_error);
}

TEST(GemmInt64, HasNoKernel) { EXPECT_THROW(gemm(int64), dtype_error); }

TEST(GemmKernelName, IsKnown) { EXPECT_STRNE(gemm_kernel_name(), ""); }

}  // namespace
}  // namespace cotape::kernels::testing

// Matrix products: which of BLAS's GEMM, its GEMV and small_gemm serves which size. The only file
// that knows BLAS's products; see blas_memory.cpp for its threads and memory.
#include <cblas.h>

#include <algorithm>
#include <cstring>
#include <type_traits>

#include "cotape/error.hpp"
#include "kernels/blas_memory.hpp"
#include "kernels/gemm.hpp"
#include "kernels/isa/entries.hpp"
#include "kernels/threads.hpp"
#include "kernels/transpose.hpp"

namespace cotape::kernels {

namespace {

CBLAS_TRANSPOSE flag(bool transpose) { return transpose ? CblasTrans : CblasNoTrans; }

blasint narrow(std::int64_t n) { return static_cast<blasint>(n); }

void blas_gemm(const product_geometry& g, float alpha, const float* a, const float* b, float* d) {
  cblas_sgemm(CblasRowMajor, flag(g.a.transposed), flag(g.b.transposed), narrow(g.m), narrow(g.n),
              narrow(g.k), alpha, a, narrow(g.a.stride), b, narrow(g.b.stride),
              g.accumulate ? 1.0F : 0.0F, d, narrow(g.d.stride));
}

void blas_gemm(const product_geometry& g, double alpha, const double* a, const double* b,
               double* d) {
  cblas_dgemm(CblasRowMajor, flag(g.a.transposed), flag(g.b.transposed), narrow(g.m), narrow(g.n),
              narrow(g.k), alpha, a, narrow(g.a.stride), b, narrow(g.b.stride),
              g.accumulate ? 1.0 : 0.0, d, narrow(g.d.stride));
}

// y += alpha * op(matrix) x, the matrix stored as rows by cols.
struct gemv_geometry {
  bool transpose;
  std::int64_t rows, cols, stride, x_stride, y_stride;
};

void blas_gemv(const gemv_geometry& g, float alpha, const float* matrix, const float* x, float* y) {
  cblas_sgemv(CblasRowMajor, flag(g.transpose), narrow(g.rows), narrow(g.cols), alpha, matrix,
              narrow(g.stride), x, narrow(g.x_stride), 1.0F, y, narrow(g.y_stride));
}

void blas_gemv(const gemv_geometry& g, double alpha, const double* matrix, const double* x,
               double* y) {
  cblas_dgemv(CblasRowMajor, flag(g.transpose), narrow(g.rows), narrow(g.cols), alpha, matrix,
              narrow(g.stride), x, narrow(g.x_stride), 1.0, y, narrow(g.y_stride));
}

template <class T> void clear(const product_geometry& g, T* d) {
  const auto bytes = [](std::int64_t n) { return static_cast<std::size_t>(n) * sizeof(T); };
  if (g.d.stride == g.n) {
    std::memset(d, 0, bytes(g.m * g.n));
    return;
  }
  for (std::int64_t i = 0; i < g.m; ++i) std::memset(d + i * g.d.stride, 0, bytes(g.n));
}

// A row or a column of results. Measured 4 to 7 times as fast as GEMM.
template <class T>
void multiply_vector(const product_geometry& g, T alpha, const T* a, const T* b, T* d) {
  if (!g.accumulate) clear(g, d);
  const bool ta = g.a.transposed, tb = g.b.transposed;
  if (g.n == 1) {
    blas_gemv({ta, ta ? g.k : g.m, ta ? g.m : g.k, g.a.stride, tb ? 1 : g.b.stride, g.d.stride},
              alpha, a, b, d);
  } else {
    blas_gemv({!tb, tb ? g.n : g.k, tb ? g.k : g.n, g.b.stride, ta ? g.a.stride : 1, 1}, alpha, b,
              a, d);
  }
}

// Where small_gemm was measured faster than BLAS: an AMD EPYC with AVX2, OpenBLAS 0.3.21's kernels
// for Zen. Those for AVX-512 have a path for small products of their own.
template <class T, class Arch> bool is_small(const product_geometry& g) {
  const std::int64_t volume = g.m * g.n * g.k;
  if (g.b.transposed) return false;
  if (g.n == 1) return volume <= 32;
  if (g.m == 1) return volume <= 512;
  if (volume <= 64) return true;
  if (std::is_same_v<Arch, arch::avx512>) return volume <= 512;
  return volume <= 1024 || (g.m >= 4 && g.n >= 4 && g.k <= (sizeof(T) == 4 ? 4 : 1));
}

template <class T, class Arch>
void multiply_as_given(const product_geometry& g, T alpha, const T* a, const T* b, T* d) {
  if (is_small<T, Arch>(g)) return small_gemm<Arch>(g, alpha, a, b, d);
  if (g.m == 1 || g.n == 1) return multiply_vector(g, alpha, a, b, d);
  blas_gemm(g, alpha, a, b, d);
}

// Where b is transposed BLAS takes up to three times as long, and small_gemm cannot: a small b is
// turned first, but along a k that is long beside n, where BLAS is as fast.
constexpr std::int64_t most_turned = 4096;

bool turns_b(const product_geometry& g) {
  if (!g.b.transposed) return false;
  if (g.m == 1 || g.n == 1) return g.n * g.k <= 32;
  return g.n * g.k <= most_turned && (g.k <= 2 * g.n || g.m * g.n * g.k <= 256);
}

template <class T, class Arch>
void multiply_turned(product_geometry g, T alpha, const T* a, const T* b, T* d) {
  using word = std::conditional_t<sizeof(T) == 4, word4, word8>;
  alignas(alignment) T turned[most_turned];
  if (g.n * g.k < 64) {
    for (std::int64_t p = 0; p < g.k; ++p) {
      for (std::int64_t j = 0; j < g.n; ++j) turned[p * g.n + j] = b[j * g.b.stride + p];
    }
  } else {
    transpose(reinterpret_cast<const word*>(b), g.b.stride, reinterpret_cast<word*>(turned), g.n,
              g.k, g.n);
  }
  g.b = {0, g.n, false};
  multiply_as_given<T, Arch>(g, alpha, a, turned, d);
}

template <class T, class Arch>
void multiply(const product_geometry& g, bool turns, T alpha, const T* a, const T* b, T* d) {
  // With alpha 0 and beta 0 OpenBLAS's AVX-512 kernels multiply the old d by 0: NaN stays NaN.
  if (g.k == 0 || alpha == T(0)) {
    if (!g.accumulate) clear(g, d);
  } else if (turns) {
    multiply_turned<T, Arch>(g, alpha, a, b, d);
  } else {
    multiply_as_given<T, Arch>(g, alpha, a, b, d);
  }
}

// Where the matrices of one product after another start, in the order of the batch.
struct batch_walk {
  batch_walk(const gemm_geometry& geometry, std::int64_t first)
      : g(geometry), a(g.a.offset), b(g.b.offset), d(g.d.offset) {
    for (std::uint32_t i = g.axes; first != 0 && i-- > 0; first /= g.batch[i].size) {
      move(i, index[i] = first % g.batch[i].size);
    }
  }
  void next() {
    for (std::uint32_t i = g.axes; i-- > 0;) {
      move(i, 1);
      if (++index[i] < g.batch[i].size) return;
      move(i, -g.batch[i].size);
      index[i] = 0;
    }
  }
  void move(std::uint32_t axis, std::int64_t by) {
    a += by * g.batch[axis].a;
    b += by * g.batch[axis].b;
    d += by * g.batch[axis].d;
  }

  const gemm_geometry& g;
  std::array<std::int64_t, shape::max_rank> index{};
  std::int64_t a, b, d;
};

// Of the batch the products from the first one on, up to the end.
template <class T, class Arch>
void multiply_all(const gemm_geometry& g, bool turns, T alpha, const T* a, const T* b, T* d,
                  std::int64_t first, std::int64_t end) {
  batch_walk at(g, first);
  for (; first < end; ++first, at.next()) {
    multiply<T, Arch>(g, turns, alpha, a + at.a, b + at.b, d + at.d);
  }
}

// Below this a thread's share takes less time than to wake it: 0.1 ms of an AVX2 core.
constexpr std::int64_t least_share = 4'000'000;  // multiply-adds

// From where the p-th of so many parts starts, in whole steps of 16 rows or columns, whose kernels
// are the fastest.
std::int64_t part_start(std::int64_t size, std::int64_t part, std::int64_t parts) {
  const std::int64_t blocks = (size + 15) / 16;
  return std::min(size, blocks * part / parts * 16);
}

// One part of the products: some of them, or some rows or columns of the only one.
template <class T, class Arch>
void multiply_part(gemm_geometry g, bool turns, T alpha, const T* a, const T* b, T* d, int part,
                   int parts) {
  const std::int64_t products = g.products();
  if (products > 1) {
    return multiply_all<T, Arch>(g, turns, alpha, a, b, d, products * part / parts,
                                 products * (part + 1) / parts);
  }
  if (g.m >= g.n) {
    const std::int64_t first = part_start(g.m, part, parts);
    g.m = part_start(g.m, part + 1, parts) - first;
    a += first * (g.a.transposed ? 1 : g.a.stride);
    d += first * g.d.stride;
  } else {
    const std::int64_t first = part_start(g.n, part, parts);
    g.n = part_start(g.n, part + 1, parts) - first;
    b += first * (g.b.transposed ? g.b.stride : 1);
    d += first;
  }
  if (g.m == 0 || g.n == 0) return;
  multiply<T, Arch>(g, turns, alpha, a + g.a.offset, b + g.b.offset, d + g.d.offset);
}

template <class T, class Arch> void gemm_run(const step& s) {
  const auto& g = *static_cast<const gemm_geometry*>(s.side);
  if (g.m == 0 || g.n == 0) return;
  const T factor = s.c == nullptr ? T(1) : *static_cast<const T*>(s.c);
  const T alpha = g.negate ? -factor : factor;
  const auto* a = static_cast<const T*>(s.a);
  const auto* b = static_cast<const T*>(s.b);
  auto* d = static_cast<T*>(s.d);
  const bool turns = turns_b(g);  // also of parts, so that bits do not depend on threads
  const std::int64_t products = g.products();
  if (products == 1 && g.m * g.n * g.k < least_share) {
    return multiply<T, Arch>(g, turns, alpha, a + g.a.offset, b + g.b.offset, d + g.d.offset);
  }
  int parts = parts_of(g.m * g.n * g.k * products, least_share);
  if (parts > 1) parts = products_at_once(parts);
  if (parts == 1) return multiply_all<T, Arch>(g, turns, alpha, a, b, d, 0, products);
  parallel(parts, [&](int part) { multiply_part<T, Arch>(g, turns, alpha, a, b, d, part, parts); });
}

}  // namespace

kernel gemm(dtype type, isa i) {
  if (type == int64) throw dtype_error("matmul: no kernel for int64");
  prepare_blas();
  return for_isa(i, [=]<class Arch>() -> kernel {
    return type == float32 ? &gemm_run<float, Arch> : &gemm_run<double, Arch>;
  });
}

template <class T> product_function<T> product(isa i) {
  return for_isa(i, []<class Arch>() -> product_function<T> {
    return [](const product_geometry& g, const T* a, const T* b, T* d) {
      if (g.m != 0 && g.n != 0) multiply<T, Arch>(g, turns_b(g), T(1), a, b, d);
    };
  });
}
template product_function<float> product(isa);
template product_function<double> product(isa);

const char* gemm_kernel_name() {
  prepare_blas();
  return openblas_get_corename();
}

}  // namespace cotape::kernels

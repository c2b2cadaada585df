// Matrix products: the only file that knows BLAS. OpenBLAS is set to one thread for the whole
// process when the first kernel is asked for, and never touched again.
#include <cblas.h>

#include <cstring>

#include "cotape/error.hpp"
#include "kernels/kernels.hpp"

namespace cotape::kernels {
namespace {

void set_one_thread() {
  static const bool done = (openblas_set_num_threads(1), true);
  static_cast<void>(done);
}

// Sizes that BLAS's 32-bit integers do not hold.
void check_sizes(const gemm_geometry& g) {
  if ((g.m | g.n | g.k | g.lda | g.ldb | g.ldc) >> 31 == 0) return;
  throw shape_error("matmul: a size or stride beyond 32 bits: m " + std::to_string(g.m) + ", n " +
                    std::to_string(g.n) + ", k " + std::to_string(g.k));
}

CBLAS_TRANSPOSE flag(bool transpose) { return transpose ? CblasTrans : CblasNoTrans; }

blasint size_of(std::int64_t n) { return static_cast<blasint>(n); }

void multiply(const gemm_geometry& g, float alpha, const float* a, const float* b, float* d) {
  cblas_sgemm(CblasRowMajor, flag(g.transpose_a), flag(g.transpose_b), size_of(g.m), size_of(g.n),
              size_of(g.k), alpha, a, size_of(g.lda), b, size_of(g.ldb), g.accumulate ? 1.0F : 0.0F,
              d, size_of(g.ldc));
}

void multiply(const gemm_geometry& g, double alpha, const double* a, const double* b, double* d) {
  cblas_dgemm(CblasRowMajor, flag(g.transpose_a), flag(g.transpose_b), size_of(g.m), size_of(g.n),
              size_of(g.k), alpha, a, size_of(g.lda), b, size_of(g.ldb), g.accumulate ? 1.0 : 0.0,
              d, size_of(g.ldc));
}

template <class T>
void clear(const gemm_geometry& g, T* d) {
  for (std::int64_t i = 0; i < g.m; ++i) {
    std::memset(d + i * g.ldc, 0, static_cast<std::size_t>(g.n) * sizeof(T));
  }
}

template <class T>
void gemm_run(const step& s) {
  const auto& g = *static_cast<const gemm_geometry*>(s.side);
  check_sizes(g);
  if (g.m == 0 || g.n == 0) return;
  const T alpha = s.c == nullptr ? T(1) : *static_cast<const T*>(s.c);
  const auto* a = static_cast<const T*>(s.a);
  const auto* b = static_cast<const T*>(s.b);
  auto* d = static_cast<T*>(s.d);
  // With alpha 0 and beta 0 OpenBLAS's AVX-512 kernels multiply the old d by 0: NaN stays NaN.
  const bool nothing = g.k == 0 || alpha == T(0);
  for (std::int64_t i = 0; i < g.batch; ++i) {
    if (!nothing) {
      multiply(g, alpha, a, b, d);
    } else if (!g.accumulate) {
      clear(g, d);
    }
    a += g.stride_a;
    b += g.stride_b;
    d += g.stride_c;
  }
}

}  // namespace

kernel gemm(dtype type) {
  if (type == int64) throw dtype_error("matmul: no kernel for int64");
  set_one_thread();
  return type == float32 ? &gemm_run<float> : &gemm_run<double>;
}

const char* gemm_kernel_name() {
  set_one_thread();
  return openblas_get_corename();
}

}  // namespace cotape::kernels

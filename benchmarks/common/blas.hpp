// GEMM for the hand-written engines, and what BLAS says of itself.
#pragma once

#include <cstddef>
#include <string>

namespace bench {

/// d = alpha op(a) op(b) + beta d, where op(a) is m by k, op(b) k by n; all row-major.
struct gemm_shape {
  std::size_t m, n, k;
  bool transpose_a = false, transpose_b = false;
  float alpha = 1, beta = 0;
  std::size_t lda = 0, ldb = 0, ldd = 0;  // row strides of parts of wider matrices
};
void multiply(const gemm_shape& g, const float* a, const float* b, float* d);

/// d = alpha a b^T, where a is m by k and b n by k, in double.
void multiply_transposed(std::size_t m, std::size_t n, std::size_t k, double alpha, const double* a,
                         const double* b, double* d);

/// How many threads BLAS uses inside one call.
void set_blas_threads(std::size_t threads);
/// The kernel set that BLAS chose, such as "SkylakeX".
std::string blas_kernel();

}  // namespace bench

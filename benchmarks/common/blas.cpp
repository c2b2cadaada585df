// The one file of the hand-written engines that knows BLAS.
#include "blas.hpp"

#include <cblas.h>

namespace bench {

void multiply(const gemm_shape& g, const float* a, const float* b, float* d) {
  const auto narrow = [](std::size_t n) { return static_cast<blasint>(n); };
  const auto flag = [](bool transpose) { return transpose ? CblasTrans : CblasNoTrans; };
  const std::size_t lda = g.lda != 0 ? g.lda : g.transpose_a ? g.m : g.k;
  const std::size_t ldb = g.ldb != 0 ? g.ldb : g.transpose_b ? g.k : g.n;
  cblas_sgemm(CblasRowMajor, flag(g.transpose_a), flag(g.transpose_b), narrow(g.m), narrow(g.n),
              narrow(g.k), g.alpha, a, narrow(lda), b, narrow(ldb), g.beta, d,
              narrow(g.ldd != 0 ? g.ldd : g.n));
}

void multiply_transposed(std::size_t m, std::size_t n, std::size_t k, double alpha, const double* a,
                         const double* b, double* d) {
  const auto narrow = [](std::size_t size) { return static_cast<blasint>(size); };
  cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, narrow(m), narrow(n), narrow(k), alpha, a,
              narrow(k), b, narrow(k), 0, d, narrow(n));
}

void set_blas_threads(std::size_t threads) { openblas_set_num_threads(static_cast<int>(threads)); }

std::string blas_kernel() { return openblas_get_corename(); }

}  // namespace bench

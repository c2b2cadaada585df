// Matrix products too small or too thin for BLAS, which needs 70 to 130 ns for any of them on
// processors without AVX-512: 4 rows by 2 batches of columns in registers, no packing.
#include "kernels/isa/entries.hpp"
#include "kernels/isa/head.hpp"

namespace cotape::kernels {
namespace {

// Where op(a)[i, p] and op(b)[p, j] stand; op(b) has consecutive columns.
template <class T> struct operands {
  const T *a, *b;
  std::int64_t a_row, a_col, b_row;
};

template <class T> batch<T> load_columns(const T* p, std::int64_t j, std::int64_t n) {
  constexpr std::int64_t width = batch<T>::size;
  if (j + width <= n) return batch<T>::load_unaligned(p + j);
  return head<T>(n - j).load(p + j, batch<T>(T(0)));
}

template <class T> void store_columns(T* p, std::int64_t j, std::int64_t n, batch<T> x) {
  constexpr std::int64_t width = batch<T>::size;
  if (j + width <= n) return x.store_unaligned(p + j);
  head<T>(n - j).store(p + j, x);
}

// Rows i to i + Rows, columns j to j + Cols batches, cut at n.
template <int Rows, int Cols, class T>
void block(const operands<T>& x, const product_geometry& g, T alpha, T* d, std::int64_t i,
           std::int64_t j) {
  constexpr std::int64_t width = batch<T>::size;
  batch<T> sum[Rows][Cols];
  for (auto& row : sum) {
    for (auto& s : row) s = batch<T>(T(0));
  }
  const T* a = x.a + i * x.a_row;
  const T* b = x.b;
  for (std::int64_t p = 0; p < g.k; ++p, a += x.a_col, b += x.b_row) {
    batch<T> columns[Cols];
    for (int c = 0; c < Cols; ++c) columns[c] = load_columns(b, j + c * width, g.n);
    for (int r = 0; r < Rows; ++r) {
      const batch<T> factor(a[r * x.a_row]);
      for (int c = 0; c < Cols; ++c) sum[r][c] = xsimd::fma(factor, columns[c], sum[r][c]);
    }
  }
  for (int r = 0; r < Rows; ++r) {
    T* row = d + (i + r) * g.d.stride;
    for (int c = 0; c < Cols; ++c) {
      batch<T> y = batch<T>(alpha) * sum[r][c];
      if (g.accumulate) y += load_columns(row, j + c * width, g.n);
      store_columns(row, j + c * width, g.n, y);
    }
  }
}

template <int Cols, class T>
void columns(const operands<T>& x, const product_geometry& g, T alpha, T* d, std::int64_t j) {
  std::int64_t i = 0;
  for (; i + 4 <= g.m; i += 4) block<4, Cols>(x, g, alpha, d, i, j);
  for (; i < g.m; ++i) block<1, Cols>(x, g, alpha, d, i, j);
}

template <class T> void multiply(const product_geometry& g, T alpha, const T* a, const T* b, T* d) {
  constexpr std::int64_t width = batch<T>::size;
  const operands<T> x{a, b, g.a.transposed ? 1 : g.a.stride, g.a.transposed ? g.a.stride : 1,
                      g.b.stride};
  std::int64_t j = 0;
  for (; j + width < g.n; j += 2 * width) columns<2>(x, g, alpha, d, j);
  if (j < g.n) columns<1>(x, g, alpha, d, j);
}

}  // namespace

template <>
void small_gemm<current>(const product_geometry& g, float alpha, const float* a, const float* b,
                         float* d) {
  multiply(g, alpha, a, b, d);
}

template <>
void small_gemm<current>(const product_geometry& g, double alpha, const double* a, const double* b,
                         double* d) {
  multiply(g, alpha, a, b, d);
}

}  // namespace cotape::kernels

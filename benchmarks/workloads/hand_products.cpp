// Small products, rows by index and cross-entropy by hand.
#include <algorithm>
#include <cmath>

#include "blas.hpp"
#include "fast_exp.hpp"
#include "hand.hpp"

namespace bench::HAND {
namespace {

// --- A batch of small products ------------------------------------------------------------------

// 16 floats in one register, or as few as hold them: the plain loops over 16 x 16, at which GCC 12
// shuffles elements instead, are ten times as slow.
typedef float row16 __attribute__((vector_size(64), aligned(4), may_alias));

void product16(const float* __restrict a, const float* __restrict b, float* __restrict c) {
  for (std::size_t i = 0; i < 16; ++i) {
    row16 sum{};
    for (std::size_t k = 0; k < 16; ++k) {
      sum += a[i * 16 + k] * *reinterpret_cast<const row16*>(b + k * 16);
    }
    *reinterpret_cast<row16*>(c + i * 16) = sum;
  }
}

// c = a b, all n by n.
void product(std::size_t n, const float* a, const float* b, float* c) {
  if (n == 16) product16(a, b, c);
  else multiply({n, n, n}, a, b, c);
}

void transpose(std::size_t n, const float* __restrict a, float* __restrict t) {
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < n; ++j) t[i * n + j] = a[j * n + i];
  }
}

struct batch_buffers {
  std::size_t batch, n;
  const float *a, *b;
  float *loss, *da, *db, *c, *turned;

  void operator()() const {
    double total = 0;
    for (std::size_t i = 0; i < batch; ++i) {
      const std::size_t at = i * n * n;
      product(n, a + at, b + at, c);
      float sum = 0;
      for (std::size_t k = 0; k < n * n; ++k) {
        sum += c[k] * c[k];
        c[k] *= 2;
      }
      total += static_cast<double>(sum);
      transpose(n, b + at, turned);
      product(n, c, turned, da + at);
      transpose(n, a + at, turned);
      product(n, turned, c, db + at);
    }
    *loss = static_cast<float>(total);
  }
};

std::function<void()> batched_products_grad(hand_buffers& b) {
  const std::size_t batch = b["batch"], n = b["size"];
  return batch_buffers{.batch = batch,
                       .n = n,
                       .a = b.in<float>(0),
                       .b = b.in<float>(1),
                       .loss = b.out<float>(1),
                       .da = b.out<float>(batch * n * n),
                       .db = b.out<float>(batch * n * n),
                       .c = b.scratch<float>(n * n),
                       .turned = b.scratch<float>(n * n)};
}

// --- Rows by index ------------------------------------------------------------------------------

void copy_rows(const float* __restrict table, std::size_t cols, const std::int64_t* rows,
               std::size_t count, float* __restrict y) {
  for (std::size_t i = 0; i < count; ++i) {
    const float* row = table + static_cast<std::size_t>(rows[i]) * cols;
    for (std::size_t j = 0; j < cols; ++j) y[i * cols + j] = row[j];
  }
}

std::function<void()> lookup(hand_buffers& b) {
  const std::size_t count = b["count"], cols = b["cols"];
  const float* table = b.in<float>(0);
  const std::int64_t* rows = b.in<std::int64_t>(1);
  float* y = b.out<float>(count * cols);
  return [=] { copy_rows(table, cols, rows, count, y); };
}

// --- Cross-entropy ------------------------------------------------------------------------------

// The loss of one row and `share` times its gradient.
double row_entropy(const float* __restrict z, std::size_t n, std::size_t label, float share,
                   float* __restrict dz) {
  float top = z[0], sum = 0;
  for (std::size_t j = 0; j < n; ++j) top = std::max(top, z[j]);
  for (std::size_t j = 0; j < n; ++j) sum += dz[j] = fast_exp(z[j] - top);
  const float factor = share / sum;
  for (std::size_t j = 0; j < n; ++j) dz[j] *= factor;
  dz[label] -= share;
  return static_cast<double>(std::log(sum) - (z[label] - top));
}

std::function<void()> softmax_cross_entropy(hand_buffers& b) {
  const std::size_t rows = b["rows"], n = b["classes"];
  const float* z = b.in<float>(0);
  const std::int64_t* labels = b.in<std::int64_t>(1);
  float *y = b.out<float>(1), *dz = b.out<float>(rows * n);
  return [=] {
    const float share = 1 / static_cast<float>(rows);
    double total = 0;
    for (std::size_t i = 0; i < rows; ++i) {
      total += row_entropy(z + i * n, n, static_cast<std::size_t>(labels[i]), share, dz + i * n);
    }
    *y = static_cast<float>(total) * share;
  };
}

}  // namespace

hand_table products() {
  return {{"batched_products_grad", &batched_products_grad},
          {"lookup", &lookup},
          {"softmax_cross_entropy", &softmax_cross_entropy}};
}

}  // namespace bench::HAND

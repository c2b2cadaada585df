// Rows of floats by hand: each is read while it stands in the first cache.
#include <cmath>

#include "hand.hpp"
#include "row_loops.hpp"

namespace bench::HAND {
namespace {

std::function<void()> layer_norm(hand_buffers& b) {
  const std::size_t rows = b["rows"], n = b["cols"];
  const float *x = b.in<float>(0), *scale = b.in<float>(1), *shift = b.in<float>(2);
  float* y = b.out<float>(rows * n);
  return [=] {
    for (std::size_t i = 0; i < rows; ++i) {
      const float* row = x + i * n;
      normalize(row, n, normal_of(row, n), scale, shift, y + i * n);
    }
  };
}

std::function<void()> layer_norm_grad(hand_buffers& b) {
  const std::size_t rows = b["rows"], n = b["cols"];
  const float *x = b.in<float>(0), *scale = b.in<float>(1), *shift = b.in<float>(2),
              *dy = b.in<float>(3);
  float *y = b.out<float>(rows * n), *dx = b.out<float>(rows * n), *dscale = b.out<float>(n),
        *dshift = b.out<float>(n);
  return [=] {
    std::fill_n(dscale, n, 0.0F);
    std::fill_n(dshift, n, 0.0F);
    for (std::size_t i = 0; i < rows; ++i) {
      const float* row = x + i * n;
      const normal of = normal_of(row, n);
      normalize(row, n, of, scale, shift, y + i * n);
      normalize_backward(row, n, of, scale, dy + i * n, dx + i * n, dscale, dshift);
    }
  };
}

std::function<void()> softmax(hand_buffers& b) {
  const std::size_t rows = b["rows"], n = b["cols"];
  const float* x = b.in<float>(0);
  float* y = b.out<float>(rows * n);
  return [=] {
    for (std::size_t i = 0; i < rows; ++i) softmax_row(x + i * n, n, y + i * n);
  };
}

std::function<void()> sum_rows(hand_buffers& b) {
  const std::size_t rows = b["rows"], n = b["cols"];
  const float* x = b.in<float>(0);
  float* y = b.out<float>(rows);
  return [=] {
    for (std::size_t i = 0; i < rows; ++i) y[i] = sum_of(x + i * n, n);
  };
}

std::function<void()> max_rows(hand_buffers& b) {
  const std::size_t rows = b["rows"], n = b["cols"];
  const float* x = b.in<float>(0);
  float* y = b.out<float>(rows);
  return [=] {
    for (std::size_t i = 0; i < rows; ++i) y[i] = largest_of(x + i * n, n);
  };
}

void add_deviations(const float* __restrict x, const float* __restrict mean, std::size_t n,
                    float* __restrict sums) {
  for (std::size_t j = 0; j < n; ++j) sums[j] += (x[j] - mean[j]) * (x[j] - mean[j]);
}

std::function<void()> sum_columns(hand_buffers& b) {
  const std::size_t rows = b["rows"], n = b["cols"];
  const float* x = b.in<float>(0);
  float* y = b.out<float>(n);
  return [=] {
    std::fill_n(y, n, 0.0F);
    for (std::size_t i = 0; i < rows; ++i) add_row(x + i * n, n, y);
  };
}

// Single precision within a row, double over rows.
std::function<void()> sum_all(hand_buffers& b) {
  const std::size_t rows = b["rows"], n = b["cols"];
  const float* x = b.in<float>(0);
  float* y = b.out<float>(1);
  return [=] {
    double sum = 0;
    for (std::size_t i = 0; i < rows; ++i) sum += static_cast<double>(sum_of(x + i * n, n));
    *y = static_cast<float>(sum);
  };
}

std::function<void()> mean_var_rows(hand_buffers& b) {
  const std::size_t rows = b["rows"], n = b["cols"];
  const float* x = b.in<float>(0);
  float *mean = b.out<float>(rows), *variance = b.out<float>(rows);
  return [=] {
    for (std::size_t i = 0; i < rows; ++i) {
      const float* row = x + i * n;
      mean[i] = sum_of(row, n) / static_cast<float>(n);
      variance[i] = deviation_of(row, n, mean[i]) / static_cast<float>(n);
    }
  };
}

std::function<void()> mean_var_columns(hand_buffers& b) {
  const std::size_t rows = b["rows"], n = b["cols"];
  const float* x = b.in<float>(0);
  float *mean = b.out<float>(n), *variance = b.out<float>(n);
  return [=] {
    const float share = 1 / static_cast<float>(rows);
    std::fill_n(mean, n, 0.0F);
    std::fill_n(variance, n, 0.0F);
    for (std::size_t i = 0; i < rows; ++i) add_row(x + i * n, n, mean);
    for (std::size_t j = 0; j < n; ++j) mean[j] *= share;
    for (std::size_t i = 0; i < rows; ++i) add_deviations(x + i * n, mean, n, variance);
    for (std::size_t j = 0; j < n; ++j) variance[j] *= share;
  };
}

// --- Columns, each normalized: three passes forward, two backward -------------------------------
// Whole matrices at a time, since rows are short.

struct columns {
  float *mean, *variance, *inverse, *factor;  // factor: scale / deviation
};
columns columns_of(hand_buffers& b, std::size_t n, bool given) {
  columns c{};
  c.mean = given ? b.out<float>(n) : b.scratch<float>(n);
  c.variance = given ? b.out<float>(n) : b.scratch<float>(n);
  c.inverse = b.scratch<float>(n);
  c.factor = b.scratch<float>(n);
  return c;
}

void add_rows(const float* __restrict x, std::size_t rows, std::size_t n, float* __restrict sums) {
  for (std::size_t i = 0; i < rows; ++i) {
    for (std::size_t j = 0; j < n; ++j) sums[j] += x[i * n + j];
  }
}

void add_squares(const float* __restrict x, std::size_t rows, std::size_t n,
                 const float* __restrict mean, float* __restrict sums) {
  for (std::size_t i = 0; i < rows; ++i) {
    for (std::size_t j = 0; j < n; ++j) {
      sums[j] += (x[i * n + j] - mean[j]) * (x[i * n + j] - mean[j]);
    }
  }
}

void measure(const float* x, std::size_t rows, std::size_t n, const float* __restrict scale,
             const columns& c) {
  const float share = 1 / static_cast<float>(rows);
  std::fill_n(c.mean, n, 0.0F);
  std::fill_n(c.variance, n, 0.0F);
  add_rows(x, rows, n, c.mean);
  for (std::size_t j = 0; j < n; ++j) c.mean[j] *= share;
  add_squares(x, rows, n, c.mean, c.variance);
  for (std::size_t j = 0; j < n; ++j) {
    c.variance[j] *= share;
    c.inverse[j] = 1 / std::sqrt(c.variance[j] + 1e-5F);
    c.factor[j] = scale[j] * c.inverse[j];
  }
}

void scale_rows(const float* __restrict x, std::size_t rows, std::size_t n,
                const float* __restrict mean, const float* __restrict factor,
                const float* __restrict shift, float* __restrict y) {
  for (std::size_t i = 0; i < rows; ++i) {
    for (std::size_t j = 0; j < n; ++j) {
      y[i * n + j] = (x[i * n + j] - mean[j]) * factor[j] + shift[j];
    }
  }
}

std::function<void()> batch_norm(hand_buffers& b) {
  const std::size_t rows = b["rows"], n = b["cols"];
  const float *x = b.in<float>(0), *scale = b.in<float>(1), *shift = b.in<float>(2);
  float* y = b.out<float>(rows * n);
  const columns c = columns_of(b, n, true);
  return [=] {
    measure(x, rows, n, scale, c);
    scale_rows(x, rows, n, c.mean, c.factor, shift, y);
  };
}

void add_products(const float* __restrict x, const float* __restrict dy, std::size_t rows,
                  std::size_t n, const float* __restrict mean, float* __restrict sums,
                  float* __restrict products) {
  for (std::size_t i = 0; i < rows; ++i) {
    for (std::size_t j = 0; j < n; ++j) {
      sums[j] += dy[i * n + j];
      products[j] += dy[i * n + j] * (x[i * n + j] - mean[j]);
    }
  }
}

// dx = factor dy + of_x (x - mean) + rest
void add_gradients(const float* __restrict x, const float* __restrict dy, std::size_t rows,
                   std::size_t n, const float* __restrict mean, const float* __restrict factor,
                   const float* __restrict of_x, const float* __restrict rest,
                   float* __restrict dx) {
  for (std::size_t i = 0; i < rows; ++i) {
    for (std::size_t j = 0; j < n; ++j) {
      dx[i * n + j] = factor[j] * dy[i * n + j] + of_x[j] * (x[i * n + j] - mean[j]) + rest[j];
    }
  }
}

std::function<void()> batch_norm_grad(hand_buffers& b) {
  const std::size_t rows = b["rows"], n = b["cols"];
  const float *x = b.in<float>(0), *scale = b.in<float>(1), *shift = b.in<float>(2),
              *dy = b.in<float>(3);
  float *y = b.out<float>(rows * n), *dx = b.out<float>(rows * n), *dscale = b.out<float>(n),
        *dshift = b.out<float>(n), *of_x = b.scratch<float>(n), *rest = b.scratch<float>(n);
  const columns c = columns_of(b, n, false);
  const float share = 1 / static_cast<float>(rows);
  return [=] {
    measure(x, rows, n, scale, c);
    scale_rows(x, rows, n, c.mean, c.factor, shift, y);
    std::fill_n(dscale, n, 0.0F);
    std::fill_n(dshift, n, 0.0F);
    add_products(x, dy, rows, n, c.mean, dshift, dscale);
    for (std::size_t j = 0; j < n; ++j) {
      dscale[j] *= c.inverse[j];
      of_x[j] = -c.factor[j] * c.inverse[j] * dscale[j] * share;
      rest[j] = -c.factor[j] * dshift[j] * share;
    }
    add_gradients(x, dy, rows, n, c.mean, c.factor, of_x, rest, dx);
  };
}

}  // namespace

hand_table rows() {
  return {{"layer_norm", &layer_norm},
          {"layer_norm_grad", &layer_norm_grad},
          {"batch_norm", &batch_norm},
          {"batch_norm_grad", &batch_norm_grad},
          {"softmax", &softmax},
          {"sum_rows", &sum_rows},
          {"sum_columns", &sum_columns},
          {"sum_all", &sum_all},
          {"max_rows", &max_rows},
          {"mean_var_rows", &mean_var_rows},
          {"mean_var_columns", &mean_var_columns}};
}

}  // namespace bench::HAND

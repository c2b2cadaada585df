// The fused loops of the hand-written engine, for the compiler to vectorise: -O3 -march=native
// -ffast-math.
#include "hand_loops.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "fast_exp.hpp"

namespace bench {
namespace {

float dot(std::size_t n, const float* __restrict a, const float* __restrict b) {
  float sum = 0;
  for (std::size_t i = 0; i < n; ++i) sum += a[i] * b[i];
  return sum;
}

void add_scaled(std::size_t n, float scale, const float* __restrict x, float* __restrict y) {
  for (std::size_t i = 0; i < n; ++i) y[i] += scale * x[i];
}

}  // namespace

void product(const gemm_shape& g, const float* a, const float* b, float* d) {
  if (g.n == 1 && g.transpose_a) {
    const std::size_t lda = g.lda != 0 ? g.lda : g.m;
    if (g.beta == 0) std::fill_n(d, g.m, 0.0F);
    for (std::size_t k = 0; k < g.k; ++k) add_scaled(g.m, g.alpha * b[k], a + k * lda, d);
  } else if (g.n == 1) {
    for (std::size_t i = 0; i < g.m; ++i) d[i] = dot(g.k, a + i * g.k, b);
  } else if (g.k == 1) {
    for (std::size_t i = 0; i < g.m; ++i) {
      for (std::size_t j = 0; j < g.n; ++j) d[i * g.n + j] = a[i] * b[j];
    }
  } else {
    multiply(g, a, b, d);
  }
}

void bias_relu(std::size_t rows, std::size_t columns, const float* bias, float* y) {
  for (std::size_t i = 0; i < rows; ++i, y += columns) {
    for (std::size_t j = 0; j < columns; ++j) y[j] = std::max(y[j] + bias[j], 0.0F);
  }
}

void bias_sigmoid(std::size_t rows, std::size_t columns, const float* bias, float* y) {
  for (std::size_t i = 0; i < rows; ++i, y += columns) {
    for (std::size_t j = 0; j < columns; ++j) y[j] = 1 / (1 + fast_exp(-y[j] - bias[j]));
  }
}

void relu_backward(std::size_t n, const float* __restrict y, float* __restrict dx) {
  for (std::size_t i = 0; i < n; ++i) dx[i] = y[i] > 0 ? dx[i] : 0;
}

void sigmoid_backward(std::size_t n, const float* __restrict y, float* __restrict dx) {
  for (std::size_t i = 0; i < n; ++i) dx[i] *= y[i] * (1 - y[i]);
}

void add_columns(std::size_t rows, std::size_t columns, std::size_t stride, float scale,
                 const float* __restrict x, float* __restrict sums) {
  for (std::size_t i = 0; i < rows; ++i) add_scaled(columns, scale, x + i * stride, sums);
}

double softmax_loss(std::size_t rows, std::size_t columns, float scale,
                    const float* __restrict bias, const std::int64_t* labels, float* __restrict z,
                    float* __restrict dz) {
  double total = 0;
  for (std::size_t i = 0; i < rows; ++i, z += columns, dz += columns) {
    float top = std::numeric_limits<float>::lowest(), sum = 0;
    for (std::size_t j = 0; j < columns; ++j) top = std::max(top, z[j] += bias[j]);
    for (std::size_t j = 0; j < columns; ++j) sum += dz[j] = fast_exp(z[j] - top);
    const float factor = scale / sum;
    for (std::size_t j = 0; j < columns; ++j) dz[j] *= factor;
    const auto label = static_cast<std::size_t>(labels[i]);
    dz[label] -= scale;
    total += std::log(sum) - (z[label] - top);
  }
  return total * scale;
}

double binary_loss(std::size_t rows, std::size_t columns, float scale, const float* __restrict bias,
                   const float* __restrict targets, const float* __restrict z,
                   float* __restrict dz) {
  float total = 0;
  for (std::size_t i = 0; i < rows; ++i) {
    for (std::size_t j = 0; j < columns; ++j) {
      const std::size_t at = i * columns + j;
      const float x = z[at] + bias[j], t = targets[at], e = fast_exp(-std::abs(x));
      const float y = (x >= 0 ? 1 : e) / (1 + e);
      total += std::max(x, 0.0F) - t * x + std::log(1 + e);
      dz[at] = scale * (y - t);
    }
  }
  return total * scale;
}

double squared_loss(std::size_t rows, std::size_t columns, float scale,
                    const float* __restrict bias, const float* __restrict targets,
                    const float* __restrict z, float* __restrict dz) {
  float total = 0;
  for (std::size_t i = 0; i < rows; ++i) {
    for (std::size_t j = 0; j < columns; ++j) {
      const std::size_t at = i * columns + j;
      const float d = z[at] + bias[j] - targets[at];
      total += d * d;
      dz[at] = 2 * scale * d;
    }
  }
  return total * scale;
}

void adam_update(std::size_t n, const adam_constants& c, const float* __restrict g,
                 float* __restrict m, float* __restrict v, float* __restrict w) {
  const adam_constants k = c;
  for (std::size_t i = 0; i < n; ++i) {
    m[i] = k.beta1 * m[i] + (1 - k.beta1) * g[i];
    v[i] = k.beta2 * v[i] + (1 - k.beta2) * g[i] * g[i];
    w[i] -= k.rate * m[i] / (k.root * std::sqrt(v[i]) + k.epsilon);
  }
}

}  // namespace bench

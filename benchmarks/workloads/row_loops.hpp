// Loops over one row of floats, which stands in the first cache, for the hand-written engines: a
// file of its own build takes its own copy.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>

#include "fast_exp.hpp"

namespace bench {
namespace {

inline float sum_of(const float* __restrict x, std::size_t n) {
  float sum = 0;
  for (std::size_t j = 0; j < n; ++j) sum += x[j];
  return sum;
}

inline float largest_of(const float* __restrict x, std::size_t n) {
  float top = std::numeric_limits<float>::lowest();
  for (std::size_t j = 0; j < n; ++j) top = std::max(top, x[j]);
  return top;
}

inline float deviation_of(const float* __restrict x, std::size_t n, float mean) {
  float sum = 0;
  for (std::size_t j = 0; j < n; ++j) sum += (x[j] - mean) * (x[j] - mean);
  return sum;
}

inline void add_row(const float* __restrict x, std::size_t n, float* __restrict sums) {
  for (std::size_t j = 0; j < n; ++j) sums[j] += x[j];
}

struct normal {
  float mean, factor;
};
inline normal normal_of(const float* x, std::size_t n) {
  const float mean = sum_of(x, n) / static_cast<float>(n);
  return {mean, 1 / std::sqrt(deviation_of(x, n, mean) / static_cast<float>(n) + 1e-5F)};
}

inline void normalize(const float* __restrict x, std::size_t n, normal of,
                      const float* __restrict scale, const float* __restrict shift,
                      float* __restrict y) {
  for (std::size_t j = 0; j < n; ++j) y[j] = (x[j] - of.mean) * of.factor * scale[j] + shift[j];
}

// The gradient for x of one row, added to `dx` if told so; adds to those of scale and shift.
template <bool Added = false>
inline void normalize_backward(const float* __restrict x, std::size_t n, normal of,
                               const float* __restrict scale, const float* __restrict dy,
                               float* __restrict dx, float* __restrict dscale,
                               float* __restrict dshift) {
  float sum = 0, product = 0;
  for (std::size_t j = 0; j < n; ++j) {
    const float unit = (x[j] - of.mean) * of.factor, d = dy[j] * scale[j];
    sum += d;
    product += d * unit;
    dscale[j] += dy[j] * unit;
    dshift[j] += dy[j];
  }
  sum /= static_cast<float>(n);
  product /= static_cast<float>(n);
  for (std::size_t j = 0; j < n; ++j) {
    const float unit = (x[j] - of.mean) * of.factor;
    const float d = of.factor * (dy[j] * scale[j] - sum - unit * product);
    dx[j] = Added ? dx[j] + d : d;
  }
}

inline void softmax_row(const float* __restrict x, std::size_t n, float* __restrict y) {
  const float top = largest_of(x, n);
  float sum = 0;
  for (std::size_t j = 0; j < n; ++j) sum += y[j] = fast_exp(x[j] - top);
  const float factor = 1 / sum;
  for (std::size_t j = 0; j < n; ++j) y[j] *= factor;
}

inline void softmax_in_place(float* __restrict x, std::size_t n) {
  const float top = largest_of(x, n);
  float sum = 0;
  for (std::size_t j = 0; j < n; ++j) sum += x[j] = fast_exp(x[j] - top);
  const float factor = 1 / sum;
  for (std::size_t j = 0; j < n; ++j) x[j] *= factor;
}

}  // namespace
}  // namespace bench

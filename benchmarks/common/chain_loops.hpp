// The chain and the loop of train_step by hand, for files of hand-written engines: each takes its
// own copy. All arrays are row-major and do not overlap.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "fast_exp.hpp"

namespace bench {
namespace {

/// sum(sigmoid(a x + b) tanh(x)) and its gradients.
inline double chain_gradient(std::size_t n, const float* __restrict x, const float* __restrict a,
                             const float* __restrict b, float* __restrict dx, float* __restrict da,
                             float* __restrict db) {
  constexpr std::size_t block = 4096;  // single precision within a block, double over blocks
  double total = 0;
  for (std::size_t start = 0; start < n; start += block) {
    float sum = 0;
    const std::size_t end = std::min(n, start + block);
    for (std::size_t i = start; i < end; ++i) {
      const float s = 1 / (1 + fast_exp(-a[i] * x[i] - b[i]));
      const float t = 1 - 2 / (1 + fast_exp(2 * x[i]));
      const float d = t * s * (1 - s);
      sum += s * t;
      dx[i] = d * a[i] + s * (1 - t * t);
      da[i] = d * x[i];
      db[i] = d;
    }
    total += static_cast<double>(sum);
  }
  return total;
}

struct loop_result {
  double sum, derivative;
};
/// x <- x exp(-x) + 1/(1 + x), n times: the sum of all x and its derivative for the first. Forward
/// keeps each iteration's local derivative, which is all that the way back needs.
inline loop_result scalar_loop(std::size_t n, double x, double* __restrict local) {
  loop_result r{0, 0};
  for (std::size_t i = 0; i < n; ++i) {
    const double e = std::exp(-x), q = 1 / (1 + x);
    local[i] = e - x * e - q * q;
    x = x * e + q;
    r.sum += x;
  }
  for (std::size_t i = n; i-- > 0;) r.derivative = (r.derivative + 1) * local[i];
  return r;
}

}  // namespace
}  // namespace bench

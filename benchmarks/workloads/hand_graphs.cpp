// Chains, Adam, sums of terms and k-means by hand: each element is read once.
#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "blas.hpp"
#include "fast_exp.hpp"
#include "graphs.hpp"
#include "hand.hpp"

namespace bench::HAND {
namespace {

// --- Chains -------------------------------------------------------------------------------------

// The first N operations on one element; `slope` becomes their derivative.
template <std::size_t N> float chain_of(float x, float& slope) {
  const auto take = [&](float y, float derivative) { x = y, slope *= derivative; };
  slope = 1;
  if (N > 0) take(x * x, 2 * x);
  if (N > 1) take(x + 0.5F, 1);
  if (N > 2) take(x * 0.75F, 0.75F);
  if (N > 3) {
    const float s = 1 / (1 + fast_exp(-x));
    take(s, s * (1 - s));
  }
  if (N > 4) take(x * x, 2 * x);
  if (N > 5) take(x + 1, 1);
  if (N > 6) {
    const float inverse = 1 / x;
    take(inverse, -inverse * inverse);
  }
  if (N > 7) {
    const float e = fast_exp(x);
    take(e, e);
  }
  if (N > 8) take(x - 0.25F, 1);
  if (N > 9) {
    const float root = std::sqrt(x);
    take(root, 0.5F / root);
  }
  return x;
}

template <std::size_t N>
void chain_values(const float* __restrict x, std::size_t n, float* __restrict y) {
  float unused;
  for (std::size_t i = 0; i < n; ++i) y[i] = chain_of<N>(x[i], unused);
}

// Single precision within a block, double over blocks.
template <std::size_t N>
void chain_slopes(const float* __restrict x, std::size_t n, float* y, float* __restrict dx) {
  constexpr std::size_t block = 4096;
  double total = 0;
  for (std::size_t first = 0; first < n; first += block) {
    const std::size_t end = std::min(n, first + block);
    float sum = 0;
    for (std::size_t i = first; i < end; ++i) {
      float slope;
      sum += chain_of<N>(x[i], slope);
      dx[i] = slope;
    }
    total += static_cast<double>(sum);
  }
  *y = static_cast<float>(total);
}

using values_loop = void (*)(const float*, std::size_t, float*);
using slopes_loop = void (*)(const float*, std::size_t, float*, float*);
template <std::size_t... N> values_loop values_of(std::size_t n, std::index_sequence<N...>) {
  return std::array<values_loop, sizeof...(N)>{&chain_values<N>...}.at(n);
}
template <std::size_t... N> slopes_loop slopes_of(std::size_t n, std::index_sequence<N...>) {
  return std::array<slopes_loop, sizeof...(N)>{&chain_slopes<N>...}.at(n);
}

std::function<void()> chain(hand_buffers& b) {
  const std::size_t n = b["n"];
  const auto loop = values_of(b["operations"], std::make_index_sequence<11>());
  const float* x = b.in<float>(0);
  float* y = b.out<float>(n);
  return [=] { loop(x, n, y); };
}

std::function<void()> chain_grad(hand_buffers& b) {
  const std::size_t n = b["n"];
  const auto loop = slopes_of(b["operations"], std::make_index_sequence<11>());
  const float* x = b.in<float>(0);
  float *y = b.out<float>(1), *dx = b.out<float>(n);
  return [=] { loop(x, n, y, dx); };
}

// --- Adam ---------------------------------------------------------------------------------------

double squares_of(const float* __restrict x, std::size_t n) {
  constexpr std::size_t block = 4096;
  double total = 0;
  for (std::size_t first = 0; first < n; first += block) {
    float sum = 0;
    for (std::size_t i = first; i < std::min(n, first + block); ++i) sum += x[i] * x[i];
    total += static_cast<double>(sum);
  }
  return total;
}

struct adam_constants {
  float factor, rate, root;  // of the gradient; of the first moment; of the second one's root
};
void adam_update(std::size_t n, adam_constants k, const float* __restrict gradient,
                 float* __restrict m, float* __restrict v, float* __restrict w) {
  constexpr auto beta1 = static_cast<float>(adam_beta1), beta2 = static_cast<float>(adam_beta2),
                 epsilon = static_cast<float>(adam_epsilon);
  for (std::size_t i = 0; i < n; ++i) {
    const float g = k.factor * gradient[i];
    m[i] = beta1 * m[i] + (1 - beta1) * g;
    v[i] = beta2 * v[i] + (1 - beta2) * g * g;
    w[i] -= k.rate * m[i] / (k.root * std::sqrt(v[i]) + epsilon);
  }
}

std::function<void()> adam_weights(hand_buffers& b) {
  struct weight {
    const float* g;
    float *m, *v, *w;
  };
  const std::size_t n = b["size"] * b["size"];
  std::vector<weight> weights;
  for (std::size_t i = 0; i < b["weights"]; ++i) {
    weights.push_back({b.in<float>(i), b.scratch<float>(n), b.scratch<float>(n), b.out<float>(n)});
  }
  return [=, step = 0]() mutable {
    double squares = 0;
    for (const weight& w : weights) squares += squares_of(w.g, n);
    ++step;
    const adam_constants k{static_cast<float>(std::min(1.0, adam_limit / std::sqrt(squares))),
                           static_cast<float>(adam_rate / (1 - std::pow(adam_beta1, step))),
                           static_cast<float>(1 / std::sqrt(1 - std::pow(adam_beta2, step)))};
    for (const weight& w : weights) adam_update(n, k, w.g, w.m, w.v, w.w);
  };
}

// --- Rows of a table ----------------------------------------------------------------------------

void take_away(const float* __restrict x, std::size_t n, float* __restrict y) {
  for (std::size_t i = 0; i < n; ++i) y[i] -= static_cast<float>(sgd_rate) * x[i];
}

std::function<void()> embedding_sgd(hand_buffers& b) {
  const std::size_t count = b["count"], cols = b["cols"];
  const std::int64_t* at = b.in<std::int64_t>(0);
  const float* share = b.in<float>(1);
  float *table = b.out<float>(b["rows"] * cols), *read = b.scratch<float>(count * cols);
  return [=] {
    const auto row = [&](std::size_t i) { return table + static_cast<std::size_t>(at[i]) * cols; };
    for (std::size_t i = 0; i < count; ++i) std::copy_n(row(i), cols, read + i * cols);
    for (std::size_t i = 0; i < count; ++i) take_away(share + i * cols, cols, row(i));
  };
}

// --- A sum of terms -----------------------------------------------------------------------------

template <bool Add> void take_term(const float* __restrict z, std::size_t n, float* __restrict y) {
  for (std::size_t i = 0; i < n; ++i) {
    const float t = 1 - 2 / (1 + fast_exp(2 * z[i]));
    y[i] = Add ? y[i] + t : t;
  }
}

std::function<void()> terms(hand_buffers& b) {
  const std::size_t rows = b["rows"], inner = b["inner"], cols = b["cols"];
  const float* x = b.in<float>(0);
  std::vector<const float*> factors;
  for (std::size_t i = 0; i < b["terms"]; ++i) factors.push_back(b.in<float>(i + 1));
  float *y = b.out<float>(rows * cols), *z = b.scratch<float>(rows * cols);
  return [=] {
    for (const float* a : factors) {
      multiply({rows, cols, inner}, a, x, z);
      (a == factors[0] ? take_term<false> : take_term<true>)(z, rows * cols, y);
    }
  };
}

// --- k-means ------------------------------------------------------------------------------------

// The least of d + c, and where the first one is.
std::size_t nearest(const double* __restrict d, const double* __restrict c, std::size_t n,
                    double& least) {
  double low = std::numeric_limits<double>::max();
  for (std::size_t j = 0; j < n; ++j) low = std::min(low, d[j] + c[j]);
  least = low;
  std::size_t at = 0;
  while (d[at] + c[at] != low && at + 1 < n) ++at;
  return at;
}

struct kmeans_buffers {
  std::size_t points, features, clusters;
  const double *p, *c;
  double *cost, *dc, *distances, *squares;  // distances: of one block of points

  static constexpr std::size_t block = 64;

  // 2 (c - p) of its nearest center for each point.
  void operator()() const {
    double total = 0;
    std::fill_n(dc, clusters * features, 0.0);
    for (std::size_t j = 0; j < clusters; ++j) squares[j] = square(c + j * features);
    for (std::size_t first = 0; first < points; first += block) {
      const std::size_t count = std::min(block, points - first);
      multiply_transposed(count, clusters, features, -2, p + first * features, c, distances);
      for (std::size_t i = 0; i < count; ++i) {
        const double* point = p + (first + i) * features;
        double least = 0;
        const std::size_t at = nearest(distances + i * clusters, squares, clusters, least);
        total += least + square(point);
        for (std::size_t k = 0; k < features; ++k) {
          dc[at * features + k] += 2 * (c[at * features + k] - point[k]);
        }
      }
    }
    *cost = total;
  }
  double square(const double* x) const {
    double sum = 0;
    for (std::size_t k = 0; k < features; ++k) sum += x[k] * x[k];
    return sum;
  }
};

std::function<void()> kmeans(hand_buffers& b) {
  const std::size_t clusters = b["clusters"], features = b["features"];
  return kmeans_buffers{.points = b["points"],
                        .features = features,
                        .clusters = clusters,
                        .p = b.in<double>(0),
                        .c = b.in<double>(1),
                        .cost = b.out<double>(1),
                        .dc = b.out<double>(clusters * features),
                        .distances = b.scratch<double>(kmeans_buffers::block * clusters),
                        .squares = b.scratch<double>(clusters)};
}

}  // namespace

hand_table graphs() {
  return {{"chain", &chain},
          {"chain_grad", &chain_grad},
          {"adam_weights", &adam_weights},
          {"embedding_sgd", &embedding_sgd},
          {"terms", &terms},
          {"kmeans", &kmeans}};
}

}  // namespace bench::HAND

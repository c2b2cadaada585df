// Attention and a block of a transformer by hand: the weights of a head at a time, which are kept
// for the way back.
#include <algorithm>
#include <cmath>

#include "blas.hpp"
#include "hand.hpp"
#include "row_loops.hpp"

namespace bench::HAND {
namespace {

// --- One head -----------------------------------------------------------------------------------

// Rows of `features` elements within rows of `stride`.
struct head {
  std::size_t length, features, stride;
  bool causal;

  std::size_t seen(std::size_t row) const { return causal ? row + 1 : length; }
  float scale() const { return 1 / std::sqrt(static_cast<float>(features)); }
  // d = alpha op(weights) rows, (length, length) by (length, features).
  void mix(const float* weights, bool transpose, float alpha, const float* rows, float* d) const {
    multiply({.m = length,
              .n = features,
              .k = length,
              .transpose_a = transpose,
              .alpha = alpha,
              .ldb = stride,
              .ldd = stride},
             weights, rows, d);
  }
  // d = alpha a b^T, (length, length).
  void match(float alpha, const float* a, const float* b, float* d) const {
    multiply({.m = length,
              .n = length,
              .k = features,
              .transpose_b = true,
              .alpha = alpha,
              .lda = stride,
              .ldb = stride},
             a, b, d);
  }

  void forward(const float* q, const float* k, const float* v, float* weights, float* y) const {
    match(scale(), q, k, weights);
    for (std::size_t i = 0; i < length; ++i) {
      float* row = weights + i * length;
      softmax_in_place(row, seen(i));
      std::fill(row + seen(i), row + length, 0.0F);
    }
    mix(weights, false, 1, v, y);
  }

  // Of the weights p and their adjoints dp: p (dp - sum(p dp)), in place.
  static void softmax_backward(const float* __restrict p, std::size_t n, float* __restrict dp) {
    float sum = 0;
    for (std::size_t j = 0; j < n; ++j) sum += p[j] * dp[j];
    for (std::size_t j = 0; j < n; ++j) dp[j] = p[j] * (dp[j] - sum);
  }

  void backward(const float* q, const float* k, const float* v, const float* weights,
                const float* dy, float* dweights, float* dq, float* dk, float* dv) const {
    match(1, dy, v, dweights);
    mix(weights, true, 1, dy, dv);
    for (std::size_t i = 0; i < length; ++i) {
      float* row = dweights + i * length;
      softmax_backward(weights + i * length, seen(i), row);
      std::fill(row + seen(i), row + length, 0.0F);
    }
    mix(dweights, false, scale(), k, dq);
    mix(dweights, true, scale(), q, dk);
  }
};

std::function<void()> attention(hand_buffers& b) {
  const std::size_t heads = b["heads"], n = b["length"], features = b["features"];
  const std::size_t size = n * features;
  const head one{.length = n, .features = features, .stride = features, .causal = false};
  const float *q = b.in<float>(0), *k = b.in<float>(1), *v = b.in<float>(2), *dy = b.in<float>(3);
  float *y = b.out<float>(heads * size), *dq = b.out<float>(heads * size),
        *dk = b.out<float>(heads * size), *dv = b.out<float>(heads * size);
  float *weights = b.scratch<float>(heads * n * n), *dweights = b.scratch<float>(n * n);
  return [=] {
    for (std::size_t h = 0; h < heads; ++h) {
      const std::size_t at = h * size;
      one.forward(q + at, k + at, v + at, weights + h * n * n, y + at);
    }
    for (std::size_t h = 0; h < heads; ++h) {
      const std::size_t at = h * size;
      one.backward(q + at, k + at, v + at, weights + h * n * n, dy + at, dweights, dq + at, dk + at,
                   dv + at);
    }
  };
}

// --- A block of a transformer -------------------------------------------------------------------

// A layer x W + b, or x W, and the gradients of W and b.
struct dense {
  std::size_t inputs, outputs;
  const float *weights, *bias = nullptr;
  float *dweights = nullptr, *dbias = nullptr;

  void forward(std::size_t rows, const float* x, float* y) const {
    const float beta = bias == nullptr ? 0 : 1;
    if (bias != nullptr) {
      for (std::size_t r = 0; r < rows; ++r) std::copy_n(bias, outputs, y + r * outputs);
    }
    multiply({.m = rows, .n = outputs, .k = inputs, .beta = beta}, x, weights, y);
  }
  // dx is added to where `beta` is 1.
  void backward(std::size_t rows, const float* x, const float* dy, float* dx, float beta) const {
    multiply({.m = inputs, .n = outputs, .k = rows, .transpose_a = true}, x, dy, dweights);
    if (bias != nullptr) {
      std::fill_n(dbias, outputs, 0.0F);
      for (std::size_t r = 0; r < rows; ++r) add_row(dy + r * outputs, outputs, dbias);
    }
    multiply({.m = rows, .n = inputs, .k = outputs, .transpose_b = true, .beta = beta}, dy, weights,
             dx);
  }
};

struct normalization {
  const float *scale, *shift;
  float *dscale, *dshift;
  normal* kept;

  void forward(std::size_t rows, std::size_t n, const float* x, float* y) const {
    for (std::size_t r = 0; r < rows; ++r) {
      kept[r] = normal_of(x + r * n, n);
      normalize(x + r * n, n, kept[r], scale, shift, y + r * n);
    }
  }
  // Added to dx.
  void backward(std::size_t rows, std::size_t n, const float* x, const float* dy, float* dx) const {
    std::fill_n(dscale, n, 0.0F);
    std::fill_n(dshift, n, 0.0F);
    for (std::size_t r = 0; r < rows; ++r) {
      const std::size_t at = r * n;
      normalize_backward<true>(x + at, n, kept[r], scale, dy + at, dx + at, dscale, dshift);
    }
  }
};

void rectify(float* x, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) x[i] = std::max(x[i], 0.0F);
}
void rectify_backward(const float* __restrict y, std::size_t n, float* __restrict dy) {
  for (std::size_t i = 0; i < n; ++i) dy[i] = y[i] > 0 ? dy[i] : 0;
}
void add(const float* __restrict x, std::size_t n, float* __restrict y) {
  for (std::size_t i = 0; i < n; ++i) y[i] += x[i];
}

struct block_buffers {
  std::size_t batch, heads;
  head one;
  normalization first, second;
  dense key, query, value, out, wide, narrow;
  const float *x, *dy;
  float *y, *dx;
  float *normal_x, *q, *k, *v, *weights, *seen, *h, *normal_h, *u;
  float *du, *dnormal, *dh, *dseen, *dweights, *dq, *dk, *dv;

  // f is given where a head begins and where its weights do.
  template <class F> void each_head(F f) const {
    for (std::size_t i = 0; i < batch * heads; ++i) {
      f(i / heads * one.length * one.stride + i % heads * one.features,
        i * one.length * one.length);
    }
  }

  void forward() const {
    const std::size_t rows = batch * one.length, n = one.stride;
    first.forward(rows, n, x, normal_x);
    query.forward(rows, normal_x, q);
    key.forward(rows, normal_x, k);
    value.forward(rows, normal_x, v);
    each_head([&](std::size_t at, std::size_t w) {
      one.forward(q + at, k + at, v + at, weights + w, seen + at);
    });
    out.forward(rows, seen, h);
    add(x, rows * n, h);
    second.forward(rows, n, h, normal_h);
    wide.forward(rows, normal_h, u);
    rectify(u, rows * 4 * n);
    narrow.forward(rows, u, y);
    add(h, rows * n, y);
  }

  void backward() const {
    const std::size_t rows = batch * one.length, n = one.stride;
    narrow.backward(rows, u, dy, du, 0);
    rectify_backward(u, rows * 4 * n, du);
    wide.backward(rows, normal_h, du, dnormal, 0);
    std::copy_n(dy, rows * n, dh);
    second.backward(rows, n, h, dnormal, dh);
    out.backward(rows, seen, dh, dseen, 0);
    each_head([&](std::size_t at, std::size_t w) {
      one.backward(q + at, k + at, v + at, weights + w, dseen + at, dweights, dq + at, dk + at,
                   dv + at);
    });
    query.backward(rows, normal_x, dq, dnormal, 0);
    key.backward(rows, normal_x, dk, dnormal, 1);
    value.backward(rows, normal_x, dv, dnormal, 1);
    std::copy_n(dh, rows * n, dx);
    first.backward(rows, n, x, dnormal, dx);
  }

  void operator()() const {
    forward();
    backward();
  }
};

std::function<void()> transformer_block(hand_buffers& b) {
  const std::size_t batch = b["batch"], length = b["length"], n = b["units"], heads = b["heads"];
  const std::size_t rows = batch * length, all = rows * n;
  const auto scratch = [&](std::size_t size) { return b.scratch<float>(size); };
  float *y = b.out<float>(all), *dx = b.out<float>(all);
  std::size_t next = 2;  // of the inputs
  const auto parameter = [&] { return b.in<float>(next++); };
  const auto normalized = [&] {
    const float *scale = parameter(), *shift = parameter();
    float *dscale = b.out<float>(n), *dshift = b.out<float>(n);
    return normalization{scale, shift, dscale, dshift,
                         reinterpret_cast<normal*>(scratch(2 * rows))};
  };
  const auto layer = [&](std::size_t inputs, std::size_t outputs, bool bias = true) {
    dense made{.inputs = inputs, .outputs = outputs, .weights = parameter()};
    made.dweights = b.out<float>(inputs * outputs);
    if (!bias) return made;
    made.bias = parameter();
    made.dbias = b.out<float>(outputs);
    return made;
  };
  return block_buffers{
      .batch = batch,
      .heads = heads,
      .one = {.length = length, .features = n / heads, .stride = n, .causal = true},
      .first = normalized(),
      .second = normalized(),
      .key = layer(n, n, false),
      .query = layer(n, n),
      .value = layer(n, n),
      .out = layer(n, n),
      .wide = layer(n, 4 * n),
      .narrow = layer(4 * n, n),
      .x = b.in<float>(0),
      .dy = b.in<float>(1),
      .y = y,
      .dx = dx,
      .normal_x = scratch(all),
      .q = scratch(all),
      .k = scratch(all),
      .v = scratch(all),
      .weights = scratch(batch * heads * length * length),
      .seen = scratch(all),
      .h = scratch(all),
      .normal_h = scratch(all),
      .u = scratch(4 * all),
      .du = scratch(4 * all),
      .dnormal = scratch(all),
      .dh = scratch(all),
      .dseen = scratch(all),
      .dweights = scratch(length * length),
      .dq = scratch(all),
      .dk = scratch(all),
      .dv = scratch(all)};
}

}  // namespace

hand_table attentions() {
  return {{"attention", &attention}, {"transformer_block", &transformer_block}};
}

}  // namespace bench::HAND

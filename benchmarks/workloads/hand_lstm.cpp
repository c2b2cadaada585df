// LSTMs by hand: products over all steps where the recurrence allows it.
#include <cmath>

#include "blas.hpp"
#include "fast_exp.hpp"
#include "hand.hpp"

namespace bench::HAND {
namespace {

float sigmoid(float x) { return 1 / (1 + fast_exp(-x)); }
float hyperbolic(float x) { return 1 - 2 / (1 + fast_exp(2 * x)); }

// --- An LSTM layer ------------------------------------------------------------------------------

// Turns one row of z into the gates i, f, g, o and makes the new c, its tanh and h.
void gates_forward(std::size_t n, float* __restrict z, const float* __restrict before,
                   float* __restrict c, float* __restrict t, float* __restrict h) {
  float *i = z, *f = z + n, *g = z + 2 * n, *o = z + 3 * n;
  for (std::size_t j = 0; j < n; ++j) {
    i[j] = sigmoid(i[j]);
    f[j] = sigmoid(f[j]);
    g[j] = hyperbolic(g[j]);
    o[j] = sigmoid(o[j]);
    c[j] = f[j] * before[j] + i[j] * g[j];
    t[j] = hyperbolic(c[j]);
    h[j] = o[j] * t[j];
  }
}

// Turns one row of gates into z's adjoint, and c's adjoint into that of the step before.
void gates_backward(std::size_t n, float* __restrict z, const float* __restrict before,
                    const float* __restrict t, const float* __restrict dh, float* __restrict dc) {
  float *i = z, *f = z + n, *g = z + 2 * n, *o = z + 3 * n;
  for (std::size_t j = 0; j < n; ++j) {
    const float d = dc[j] + dh[j] * o[j] * (1 - t[j] * t[j]);
    const float di = d * g[j] * i[j] * (1 - i[j]), df = d * before[j] * f[j] * (1 - f[j]);
    const float dg = d * i[j] * (1 - g[j] * g[j]), od = dh[j] * t[j] * o[j] * (1 - o[j]);
    dc[j] = d * f[j];
    i[j] = di;
    f[j] = df;
    g[j] = dg;
    o[j] = od;
  }
}

struct lstm_buffers {
  std::size_t steps, batch, n;
  const float *x, *wx, *wh, *bias, *h0, *c0, *adjoint;
  float *loss, *dwx, *dwh, *dbias;
  float *z, *h, *c, *t, *dh, *dc;  // h and c: one step more, the first ones in front

  void forward() const {
    const std::size_t rows = steps * batch;
    for (std::size_t r = 0; r < rows; ++r) std::copy_n(bias, 4 * n, z + r * 4 * n);
    multiply({rows, 4 * n, n, false, false, 1, 1}, x, wx, z);
    std::copy_n(h0, batch * n, h);
    std::copy_n(c0, batch * n, c);
    for (std::size_t s = 0; s < steps; ++s) {
      multiply({batch, 4 * n, n, false, false, 1, 1}, h + s * batch * n, wh, z + s * batch * 4 * n);
      for (std::size_t r = s * batch; r < (s + 1) * batch; ++r) {
        const std::size_t at = r * n, next = (r + batch) * n;
        gates_forward(n, z + 4 * at, c + at, c + next, t + at, h + next);
      }
    }
  }

  void backward() const {
    const std::size_t rows = steps * batch;
    std::copy_n(adjoint, batch * n, dh);
    std::fill_n(dc, batch * n, 0.0F);
    for (std::size_t s = steps; s-- > 0;) {
      for (std::size_t r = 0; r < batch; ++r) {
        const std::size_t at = (s * batch + r) * n;
        gates_backward(n, z + 4 * at, c + at, t + at, dh + r * n, dc + r * n);
      }
      multiply({batch, n, 4 * n, false, true}, z + s * batch * 4 * n, wh, dh);
    }
    multiply({n, 4 * n, rows, true}, x, z, dwx);
    multiply({n, 4 * n, rows, true}, h, z, dwh);
    std::fill_n(dbias, 4 * n, 0.0F);
    for (std::size_t r = 0; r < rows; ++r) {
      for (std::size_t j = 0; j < 4 * n; ++j) dbias[j] += z[r * 4 * n + j];
    }
  }

  void operator()() const {
    forward();
    float sum = 0;
    for (std::size_t i = 0; i < batch * n; ++i) sum += h[steps * batch * n + i] * adjoint[i];
    *loss = sum;
    backward();
  }
};

std::function<void()> lstm(hand_buffers& b) {
  const std::size_t steps = b["steps"], batch = b["batch"], n = b["units"], all = steps * batch * n;
  const auto scratch = [&](std::size_t size) { return b.scratch<float>(size); };
  return lstm_buffers{.steps = steps,
                      .batch = batch,
                      .n = n,
                      .x = b.in<float>(0),
                      .wx = b.in<float>(1),
                      .wh = b.in<float>(2),
                      .bias = b.in<float>(3),
                      .h0 = b.in<float>(4),
                      .c0 = b.in<float>(5),
                      .adjoint = b.in<float>(6),
                      .loss = b.out<float>(1),
                      .dwx = b.out<float>(4 * n * n),
                      .dwh = b.out<float>(4 * n * n),
                      .dbias = b.out<float>(4 * n),
                      .z = scratch(4 * all),
                      .h = scratch(all + batch * n),
                      .c = scratch(all + batch * n),
                      .t = scratch(all),
                      .dh = scratch(batch * n),
                      .dc = scratch(batch * n)};
}

// --- ADBench's LSTM -----------------------------------------------------------------------------

constexpr std::size_t bits = 14;
using vector = double[bits];

double sigmoid(double x) { return 1 / (1 + fast_exp(-x)); }
double hyperbolic(double x) { return 1 - 2 / (1 + fast_exp(2 * x)); }

// What one layer keeps of one step.
struct kept {
  vector x, h, c, forget, in, out, change, squashed;  // h and c: before the step
};

void layer_forward(const double* __restrict weights, const double* __restrict biases,
                   const double* __restrict x, double* __restrict h, double* __restrict c,
                   kept& __restrict k) {
  for (std::size_t j = 0; j < bits; ++j) {
    k.x[j] = x[j], k.h[j] = h[j], k.c[j] = c[j];
    k.forget[j] = sigmoid(x[j] * weights[j] + biases[j]);
    k.in[j] = sigmoid(h[j] * weights[bits + j] + biases[bits + j]);
    k.out[j] = sigmoid(x[j] * weights[2 * bits + j] + biases[2 * bits + j]);
    k.change[j] = hyperbolic(h[j] * weights[3 * bits + j] + biases[3 * bits + j]);
    c[j] = c[j] * k.forget[j] + k.in[j] * k.change[j];
    k.squashed[j] = hyperbolic(c[j]);
    h[j] = k.out[j] * k.squashed[j];
  }
}

// dh and dc: after the step on entry, before it on return; dx is set.
void layer_backward(const double* __restrict weights, const kept& __restrict k,
                    double* __restrict dh, double* __restrict dc, double* __restrict dx,
                    double* __restrict dweights, double* __restrict dbiases) {
  for (std::size_t j = 0; j < bits; ++j) {
    const double d = dc[j] + dh[j] * k.out[j] * (1 - k.squashed[j] * k.squashed[j]);
    const double forget = d * k.c[j] * k.forget[j] * (1 - k.forget[j]);
    const double in = d * k.change[j] * k.in[j] * (1 - k.in[j]);
    const double out = dh[j] * k.squashed[j] * k.out[j] * (1 - k.out[j]);
    const double change = d * k.in[j] * (1 - k.change[j] * k.change[j]);
    dweights[j] += forget * k.x[j], dbiases[j] += forget;
    dweights[bits + j] += in * k.h[j], dbiases[bits + j] += in;
    dweights[2 * bits + j] += out * k.x[j], dbiases[2 * bits + j] += out;
    dweights[3 * bits + j] += change * k.h[j], dbiases[3 * bits + j] += change;
    dx[j] = forget * weights[j] + out * weights[2 * bits + j];
    dh[j] = in * weights[bits + j] + change * weights[3 * bits + j];
    dc[j] = d * k.forget[j];
  }
}

struct adbench_buffers {
  std::size_t layers, chars;
  const double *main, *extra, *state, *sequence;
  double *loss, *dmain, *dextra;
  kept* keeps;            // layers of a step, step after step
  double *now, *top, *d;  // state; each step's derivative for its prediction; the state's adjoint

  double forward() const {
    double total = 0;
    std::copy_n(state, 2 * layers * bits, now);
    for (std::size_t t = 0; t + 1 < chars; ++t) {
      const double *given = sequence + t * bits, *gold = given + bits;
      vector x;
      for (std::size_t j = 0; j < bits; ++j) x[j] = given[j] * extra[j];
      const double* fed = x;
      for (std::size_t l = 0; l < layers; ++l) {
        const double* w = main + 8 * l * bits;
        double* h = now + 2 * l * bits;
        layer_forward(w, w + 4 * bits, fed, h, h + bits, keeps[t * layers + l]);
        fed = h;
      }
      total += output(fed, gold, top + t * bits);
    }
    return total;
  }

  // The step's share of the total; y gets its derivative for the prediction.
  double output(const double* h, const double* gold, double* y) const {
    double sum = 2, all = 0, product = 0;
    for (std::size_t j = 0; j < bits; ++j) {
      const double z = h[j] * extra[bits + j] + extra[2 * bits + j];
      all += gold[j];
      product += gold[j] * z;
      sum += y[j] = fast_exp(z);
    }
    for (std::size_t j = 0; j < bits; ++j) y[j] = gold[j] - all * y[j] / sum;
    return product - all * std::log(sum);
  }

  void backward(double scale) const {
    std::fill_n(dmain, 8 * layers * bits, 0.0);
    std::fill_n(dextra, 3 * bits, 0.0);
    std::fill_n(d, 2 * layers * bits, 0.0);
    for (std::size_t t = chars - 1; t-- > 0;) {
      const kept& last = keeps[t * layers + layers - 1];
      vector dx;
      for (std::size_t j = 0; j < bits; ++j) {
        const double dy = scale * top[t * bits + j];
        dx[j] = dy * extra[bits + j];
        dextra[bits + j] += dy * last.out[j] * last.squashed[j];
        dextra[2 * bits + j] += dy;
      }
      for (std::size_t l = layers; l-- > 0;) {
        double *dh = d + 2 * l * bits, *dw = dmain + 8 * l * bits;
        for (std::size_t j = 0; j < bits; ++j) dh[j] += dx[j];
        layer_backward(main + 8 * l * bits, keeps[t * layers + l], dh, dh + bits, dx, dw,
                       dw + 4 * bits);
      }
      for (std::size_t j = 0; j < bits; ++j) dextra[j] += dx[j] * sequence[t * bits + j];
    }
  }

  void operator()() const {
    const double scale = -1 / static_cast<double>((chars - 1) * bits);
    *loss = scale * forward();
    backward(scale);
  }
};

std::function<void()> adbench_lstm(hand_buffers& b) {
  const std::size_t layers = b["layers"], chars = b["chars"];
  const std::size_t parameters = 8 * layers * bits, records = chars * layers;
  return adbench_buffers{
      .layers = layers,
      .chars = chars,
      .main = b.in<double>(0),
      .extra = b.in<double>(1),
      .state = b.in<double>(2),
      .sequence = b.in<double>(3),
      .loss = b.out<double>(1),
      .dmain = b.out<double>(parameters),
      .dextra = b.out<double>(3 * bits),
      .keeps = reinterpret_cast<kept*>(b.scratch<double>(records * sizeof(kept) / 8)),
      .now = b.scratch<double>(2 * layers * bits),
      .top = b.scratch<double>(chars * bits),
      .d = b.scratch<double>(2 * layers * bits)};
}

}  // namespace

hand_table lstms() { return {{"lstm", &lstm}, {"adbench_lstm", &adbench_lstm}}; }

}  // namespace bench::HAND

// Runs of scalars by hand, and train_step's chain, the one loop here that takes several threads.
#include <memory>

#include "chain_loops.hpp"
#include "crew.hpp"
#include "graphs.hpp"
#include "hand.hpp"

namespace bench::HAND {
namespace {

std::function<void()> sigmoid_tanh_grad(hand_buffers& b) {
  const std::size_t n = b["n"];
  const float *x = b.in<float>(0), *p = b.in<float>(1), *q = b.in<float>(2);
  float *y = b.out<float>(1), *dx = b.out<float>(n), *dp = b.out<float>(n), *dq = b.out<float>(n);
  const auto team = std::make_shared<crew>(n >= 100000 ? b.threads() : 1);
  const auto sums = std::make_shared<std::vector<double>>(team->size());
  const std::function<void(std::size_t)> job = [=, all = team.get()](std::size_t part) {
    const std::size_t start = part_start(n, part, all->size());
    const std::size_t count = part_start(n, part + 1, all->size()) - start;
    (*sums)[part] =
        chain_gradient(count, x + start, p + start, q + start, dx + start, dp + start, dq + start);
  };
  return [=] {
    team->run(job);
    double total = 0;
    for (double sum : *sums) total += sum;
    *y = static_cast<float>(total);
  };
}

std::function<void()> run_loop(hand_buffers& b) {
  const std::size_t n = b["n"];
  const double* x = b.in<double>(0);
  double *y = b.out<double>(1), *dx = b.out<double>(1), *local = b.scratch<double>(n);
  return [=] {
    const loop_result r = scalar_loop(n, *x, local);
    *y = r.sum;
    *dx = r.derivative;
  };
}

struct species {
  std::size_t steps;
  const double* in[6];  // x, y, a, b, c, d
  double* out[7];       // x + y and its gradients
  double* path;         // x and y before each step

  void operator()() const {
    const double a = *in[2], b = *in[3], c = *in[4], d = *in[5], h = time_step;
    double x = *in[0], y = *in[1];
    for (std::size_t i = 0; i < steps; ++i) {
      path[2 * i] = x;
      path[2 * i + 1] = y;
      const double both = x * y, dx = a * x - b * both, dy = d * both - c * y;
      x += h * dx;
      y += h * dy;
    }
    *out[0] = x + y;
    double u = 1, v = 1, da = 0, db = 0, dc = 0, dd = 0;
    for (std::size_t i = steps; i-- > 0;) {
      x = path[2 * i], y = path[2 * i + 1];
      const double hu = h * u, hv = h * v, both = hv * d - hu * b;
      da += hu * x, db -= hu * x * y, dc -= hv * y, dd += hv * x * y;
      u += hu * a + both * y;
      v += both * x - hv * c;
    }
    const double gradients[6] = {u, v, da, db, dc, dd};
    for (int k = 0; k < 6; ++k) *out[1 + k] = gradients[k];
  }
};

std::function<void()> lotka_volterra_grad(hand_buffers& b) {
  species s{.steps = b["steps"], .in = {}, .out = {}, .path = b.scratch<double>(2 * b["steps"])};
  for (std::size_t k = 0; k < 6; ++k) s.in[k] = b.in<double>(k);
  for (double*& out : s.out) out = b.out<double>(1);
  return s;
}

}  // namespace

hand_table scalars() {
  return {{"sigmoid_tanh_grad", &sigmoid_tanh_grad},
          {"scalar_loop", &run_loop},
          {"lotka_volterra_grad", &lotka_volterra_grad}};
}

}  // namespace bench::HAND

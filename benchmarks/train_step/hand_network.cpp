// A network's training step written out by hand: BLAS calls and fused loops, what an engineer would
// write. Several threads share the batch's rows up to the adjoints, then the rows of each weight,
// so they meet once in a step. Compiled with -O3 -march=native -ffast-math.
#include <algorithm>
#include <cmath>

#include "crew.hpp"
#include "hand.hpp"
#include "hand_loops.hpp"

namespace bench {
namespace {

class network : public stepper {
 public:
  network(const problem& p, std::size_t threads)
      : p_(p),
        places_(places_of(p.what)),
        w_(p.weights),
        values_(places_.size() + 1),
        adjoints_(places_.size() + 1),
        losses_(threads),
        crew_(threads) {
    for (std::size_t l = 0; l <= places_.size(); ++l) {
      values_[l].resize(p.what.batch * p.what.sizes[l]);
      adjoints_[l].resize(p.what.batch * p.what.sizes[l]);
    }
    values_[0] = p.x;
    if (!p.what.adam) return;
    gradient_.resize(w_.size());
    first_.resize(w_.size());
    second_.resize(w_.size());
  }

  void run(std::size_t steps) override {
    const std::function<void(std::size_t)> job = [this](std::size_t part) { step(part); };
    for (std::size_t i = 0; i < steps; ++i) {
      if (p_.what.adam) prepare_adam();
      crew_.run(job);
    }
  }
  double loss() override {
    double sum = 0;
    for (const padded& l : losses_) sum += l.value;
    return sum;
  }
  std::vector<double> values() override { return {w_.begin(), w_.end()}; }
  void set_rate(double rate) override { rate_ = static_cast<float>(rate); }

 private:
  struct alignas(64) padded {
    double value = 0;
  };

  void step(std::size_t part) {
    const std::size_t start = part_start(p_.what.batch, part, crew_.size());
    const std::size_t rows = part_start(p_.what.batch, part + 1, crew_.size()) - start;
    forward(start, rows);
    losses_[part].value = apply_loss(start, rows);
    backward(start, rows);
    if (crew_.size() > 1) crew_.meet();
    for (std::size_t l = places_.size(); l-- > 0;) update(l, part);
  }

  void forward(std::size_t start, std::size_t rows) {
    for (std::size_t l = 0; l < places_.size(); ++l) {
      const layer_place& at = places_[l];
      float* y = &values_[l + 1][start * at.units];
      const float* bias = &w_[at.bias];
      product({rows, at.units, at.inputs}, &values_[l][start * at.inputs], &w_[at.weights], y);
      if (l + 1 == places_.size()) break;
      if (p_.what.activation == activation::relu) bias_relu(rows, at.units, bias, y);
      else bias_sigmoid(rows, at.units, bias, y);
    }
  }

  double apply_loss(std::size_t start, std::size_t rows) {
    const layer_place& at = places_.back();
    const float *bias = &w_[at.bias], scale = 1 / static_cast<float>(p_.what.batch);
    float *z = &values_.back()[start * at.units], *dz = &adjoints_.back()[start * at.units];
    if (p_.what.loss == loss::softmax_crossentropy) {
      return softmax_loss(rows, at.units, scale, bias, &p_.labels[start], z, dz);
    }
    const float* targets = &p_.targets[start * at.units];
    const float each = scale / static_cast<float>(at.units);
    if (p_.what.loss == loss::binary_crossentropy) {
      return binary_loss(rows, at.units, each, bias, targets, z, dz);
    }
    return squared_loss(rows, at.units, each, bias, targets, z, dz);
  }

  void backward(std::size_t start, std::size_t rows) {
    for (std::size_t l = places_.size() - 1; l > 0; --l) {
      const layer_place& at = places_[l];
      const float* y = &values_[l][start * at.inputs];
      float* dx = &adjoints_[l][start * at.inputs];
      product({rows, at.inputs, at.units, false, true}, &adjoints_[l + 1][start * at.units],
              &w_[at.weights], dx);
      if (p_.what.activation == activation::relu) relu_backward(rows * at.inputs, y, dx);
      else sigmoid_backward(rows * at.inputs, y, dx);
    }
  }

  // This part's rows of the weights, and its columns of the bias.
  void update(std::size_t l, std::size_t part) {
    const layer_place& at = places_[l];
    const std::size_t m = p_.what.batch, parts = crew_.size();
    const std::size_t row = part_start(at.inputs, part, parts);
    const std::size_t rows = part_start(at.inputs, part + 1, parts) - row;
    const std::size_t column = part_start(at.units, part, parts);
    const std::size_t columns = part_start(at.units, part + 1, parts) - column;
    const float *x = &values_[l][row], *dy = adjoints_[l + 1].data();
    const std::size_t weights = at.weights + row * at.units, bias = at.bias + column;
    if (!p_.what.adam) {
      product({rows, at.units, m, true, false, -rate_, 1, at.inputs}, x, dy, &w_[weights]);
      add_columns(m, columns, at.units, -rate_, dy + column, &w_[bias]);
      return;
    }
    product({rows, at.units, m, true, false, 1, 0, at.inputs}, x, dy, &gradient_[weights]);
    std::fill_n(&gradient_[bias], columns, 0.0F);
    add_columns(m, columns, at.units, 1, dy + column, &gradient_[bias]);
    update_by_adam(weights, rows * at.units);
    update_by_adam(bias, columns);
  }

  void update_by_adam(std::size_t at, std::size_t n) {
    adam_update(n, adam_, &gradient_[at], &first_[at], &second_[at], &w_[at]);
  }

  void prepare_adam() {
    ++steps_;
    const double n = static_cast<double>(steps_);
    adam_ = {static_cast<float>(beta1), static_cast<float>(beta2),
             static_cast<float>(p_.what.epsilon),
             static_cast<float>(rate_ / (1 - std::pow(beta1, n))),
             static_cast<float>(1 / std::sqrt(1 - std::pow(beta2, n)))};
  }

  problem p_;
  std::vector<layer_place> places_;
  std::vector<float> w_, gradient_, first_, second_;
  std::vector<std::vector<float>> values_, adjoints_;
  std::vector<padded> losses_;
  adam_constants adam_{};
  float rate_ = static_cast<float>(timing_rate);
  std::size_t steps_ = 0;
  crew crew_;
};

}  // namespace

std::unique_ptr<stepper> make_hand_network(const problem& p, std::size_t threads) {
  return std::make_unique<network>(p, threads);
}

}  // namespace bench

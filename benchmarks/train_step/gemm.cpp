// The bare GEMM calls of a network's training step, nothing between them: the floor of `hand`.
#include "blas.hpp"
#include "crew.hpp"
#include "hand.hpp"

namespace bench {
namespace {

class gemm_calls : public stepper {
 public:
  gemm_calls(const problem& p, std::size_t threads)
      : batch_(p.what.batch), places_(places_of(p.what)), w_(p.weights), crew_(threads) {
    for (std::size_t units : p.what.sizes) {
      values_.emplace_back(batch_ * units, 0.01F);
      adjoints_.emplace_back(batch_ * units, 0.01F);
    }
    if (p.what.adam) gradient_.resize(p.weights.size());
  }

  void run(std::size_t steps) override {
    const std::function<void(std::size_t)> job = [this](std::size_t part) { step(part); };
    for (std::size_t i = 0; i < steps; ++i) crew_.run(job);
  }
  double loss() override { return 0; }
  std::vector<double> values() override { return {}; }

 private:
  void step(std::size_t part) {
    const std::size_t start = part_start(batch_, part, crew_.size());
    const std::size_t rows = part_start(batch_, part + 1, crew_.size()) - start;
    for (std::size_t l = 0; l < places_.size(); ++l) {
      const layer_place& at = places_[l];
      multiply({rows, at.units, at.inputs}, &values_[l][start * at.inputs], &w_[at.weights],
               &values_[l + 1][start * at.units]);
    }
    for (std::size_t l = places_.size() - 1; l > 0; --l) {
      const layer_place& at = places_[l];
      multiply({rows, at.inputs, at.units, false, true}, &adjoints_[l + 1][start * at.units],
               &w_[at.weights], &adjoints_[l][start * at.inputs]);
    }
    if (crew_.size() > 1) crew_.meet();
    for (std::size_t l = places_.size(); l-- > 0;) update(l, part);
  }

  void update(std::size_t l, std::size_t part) {
    const layer_place& at = places_[l];
    const std::size_t row = part_start(at.inputs, part, crew_.size());
    const std::size_t rows = part_start(at.inputs, part + 1, crew_.size()) - row;
    const bool adam = !gradient_.empty();
    const float alpha = adam ? 1.0F : static_cast<float>(-timing_rate), beta = adam ? 0.0F : 1.0F;
    multiply({rows, at.units, batch_, true, false, alpha, beta, at.inputs}, &values_[l][row],
             adjoints_[l + 1].data(), (adam ? gradient_ : w_).data() + at.weights + row * at.units);
  }

  std::size_t batch_;
  std::vector<layer_place> places_;
  std::vector<float> w_, gradient_;
  std::vector<std::vector<float>> values_, adjoints_;
  crew crew_;
};

}  // namespace

std::unique_ptr<stepper> make_gemm(const problem& p, std::size_t threads) {
  if (p.what.kind != task::network) return nullptr;
  set_blas_threads(1);
  return std::make_unique<gemm_calls>(p, useful_threads(p.what, threads));
}

}  // namespace bench

// The chain and the loop written out by hand. Compiled with -O3 -march=native -ffast-math.
#include "hand.hpp"

#include "blas.hpp"
#include "chain_loops.hpp"
#include "crew.hpp"

namespace bench {
namespace {

class chain : public stepper {
 public:
  chain(const problem& p, std::size_t threads)
      : p_(p), gradient_(3 * p.what.n), losses_(threads), crew_(threads) {}

  void run(std::size_t steps) override {
    const std::function<void(std::size_t)> job = [this](std::size_t part) { step(part); };
    for (std::size_t i = 0; i < steps; ++i) crew_.run(job);
  }
  double loss() override {
    double sum = 0;
    for (double l : losses_) sum += l;
    return sum;
  }
  std::vector<double> values() override { return {gradient_.begin(), gradient_.end()}; }

 private:
  void step(std::size_t part) {
    const std::size_t n = p_.what.n, start = part_start(n, part, crew_.size());
    const std::size_t count = part_start(n, part + 1, crew_.size()) - start;
    float* g = &gradient_[start];
    losses_[part] =
        chain_gradient(count, &p_.x[start], &p_.a[start], &p_.b[start], g, g + n, g + 2 * n);
  }

  problem p_;
  std::vector<float> gradient_;
  std::vector<double> losses_;
  crew crew_;
};

class loop : public stepper {
 public:
  explicit loop(const problem& p) : x0_(p.x0), local_(p.what.n) {}

  void run(std::size_t steps) override {
    for (std::size_t i = 0; i < steps; ++i) last_ = scalar_loop(local_.size(), x0_, local_.data());
  }
  double loss() override { return last_.sum; }
  std::vector<double> values() override { return {last_.derivative}; }

 private:
  double x0_;
  loop_result last_{0, 0};
  std::vector<double> local_;
};

}  // namespace

std::unique_ptr<stepper> make_hand(const problem& p, std::size_t threads) {
  set_blas_threads(1);
  const std::size_t useful = useful_threads(p.what, threads);
  switch (p.what.kind) {
    case task::network: return make_hand_network(p, useful);
    case task::chain: return std::make_unique<chain>(p, useful);
    default: return std::make_unique<loop>(p);
  }
}

}  // namespace bench

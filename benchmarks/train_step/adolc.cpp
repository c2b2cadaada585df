// ADOL-C: recorded once, then a forward and a reverse sweep a step. In double.
#include <adolc/adolc.h>

#include "engine.hpp"

namespace bench {
namespace {

constexpr short tag = 1;

adouble record_chain(const std::vector<adouble>& in) {
  const std::size_t n = in.size() / 3;
  adouble total = 0;
  for (std::size_t i = 0; i < n; ++i) {
    const adouble &x = in[i], &a = in[n + i], &b = in[2 * n + i];
    total += 1 / (1 + exp(-(a * x + b))) * tanh(x);
  }
  return total;
}

adouble record_loop(const std::vector<adouble>& in, std::size_t n) {
  adouble x = in[0], total = 0;
  for (std::size_t i = 0; i < n; ++i) {
    x = x * exp(-x) + 1 / (1 + x);
    total += x;
  }
  return total;
}

class sweeps : public stepper {
 public:
  explicit sweeps(const problem& p) : gradient_(1) {
    if (p.what.kind == task::chain) {
      for (const std::vector<float>* v : {&p.x, &p.a, &p.b}) {
        at_.insert(at_.end(), v->begin(), v->end());
      }
    } else {
      at_ = {p.x0};
    }
    gradient_.resize(at_.size());
    // Buffers that hold the whole tape: by default it goes to files.
    constexpr int entries = 1 << 26;
    trace_on(tag, 0, entries, entries, entries, entries);
    std::vector<adouble> in(at_.size());
    for (std::size_t i = 0; i < at_.size(); ++i) in[i] <<= at_[i];
    adouble y = p.what.kind == task::chain ? record_chain(in) : record_loop(in, p.what.n);
    y >>= loss_;
    trace_off();
  }

  void run(std::size_t steps) override {
    const int n = static_cast<int>(at_.size());
    double one = 1;
    for (std::size_t i = 0; i < steps; ++i) {
      zos_forward(tag, 1, n, 1, at_.data(), &loss_);
      fos_reverse(tag, 1, n, &one, gradient_.data());
    }
  }
  double loss() override { return loss_; }
  std::vector<double> values() override { return gradient_; }

 private:
  std::vector<double> at_, gradient_;
  double loss_ = 0;
};

}  // namespace

std::unique_ptr<stepper> make_adolc(const problem& p, std::size_t threads) {
  if (p.what.kind == task::network || threads > 1) return nullptr;
  return std::make_unique<sweeps>(p);
}

}  // namespace bench

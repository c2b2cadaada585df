// libtorch: tensors with gradients, torch::optim's update. glibc is told to keep freed blocks,
// without which page faults take up to 40 % of a step.
#include <malloc.h>
#include <torch/torch.h>

#include "engine.hpp"

namespace bench {
namespace {

torch::Tensor copy(const float* data, std::vector<std::int64_t> sizes) {
  return torch::from_blob(const_cast<float*>(data), sizes).clone();
}

void append(std::vector<double>& all, const torch::Tensor& t) {
  const torch::Tensor flat = t.detach().contiguous();
  all.insert(all.end(), flat.data_ptr<float>(), flat.data_ptr<float>() + flat.numel());
}

class network : public stepper {
 public:
  explicit network(const problem& p) : what_(p.what) {
    const auto m = static_cast<std::int64_t>(what_.batch);
    x_ = copy(p.x.data(), {m, static_cast<std::int64_t>(what_.sizes[0])});
    if (p.targets.empty()) {
      target_ = torch::tensor(p.labels, torch::kInt64);
    } else {
      target_ = copy(p.targets.data(), {m, static_cast<std::int64_t>(what_.sizes.back())});
    }
    for (const layer_place& l : places_of(what_)) {
      const auto inputs = static_cast<std::int64_t>(l.inputs);
      const auto units = static_cast<std::int64_t>(l.units);
      weights_.push_back(copy(&p.weights[l.weights], {inputs, units}).requires_grad_());
      weights_.push_back(copy(&p.weights[l.bias], {units}).requires_grad_());
    }
    if (what_.adam) {
      optimizer_ = std::make_unique<torch::optim::Adam>(
          weights_,
          torch::optim::AdamOptions(timing_rate).betas({beta1, beta2}).eps(what_.epsilon));
    } else {
      optimizer_ =
          std::make_unique<torch::optim::SGD>(weights_, torch::optim::SGDOptions(timing_rate));
    }
  }

  void run(std::size_t steps) override {
    for (std::size_t i = 0; i < steps; ++i) {
      for (torch::Tensor& w : weights_) w.mutable_grad().reset();
      const torch::Tensor loss = forward();
      loss.backward();
      optimizer_->step();
      loss_ = loss.item<double>();
    }
  }
  double loss() override { return loss_; }
  std::vector<double> values() override {
    std::vector<double> all;
    for (const torch::Tensor& w : weights_) append(all, w);
    return all;
  }
  void set_rate(double rate) override {
    for (auto& group : optimizer_->param_groups()) group.options().set_lr(rate);
  }

 private:
  torch::Tensor forward() {
    torch::Tensor h = x_;
    for (std::size_t l = 0; l < what_.layers(); ++l) {
      h = torch::addmm(weights_[2 * l + 1], h, weights_[2 * l]);
      if (l + 1 == what_.layers()) break;
      h = what_.activation == activation::relu ? torch::relu(h) : torch::sigmoid(h);
    }
    switch (what_.loss) {
      case bench::loss::binary_crossentropy:
        return torch::binary_cross_entropy_with_logits(h, target_);
      case bench::loss::softmax_crossentropy: return torch::cross_entropy_loss(h, target_);
      default: return torch::mse_loss(h, target_);
    }
  }

  spec what_;
  torch::Tensor x_, target_;
  std::vector<torch::Tensor> weights_;
  std::unique_ptr<torch::optim::Optimizer> optimizer_;
  double loss_ = 0;
};

class chain : public stepper {
 public:
  explicit chain(const problem& p) {
    const auto n = static_cast<std::int64_t>(p.what.n);
    for (const std::vector<float>* v : {&p.x, &p.a, &p.b}) {
      inputs_.push_back(copy(v->data(), {n}).requires_grad_());
    }
  }

  void run(std::size_t steps) override {
    for (std::size_t i = 0; i < steps; ++i) {
      const torch::Tensor &x = inputs_[0], &a = inputs_[1], &b = inputs_[2];
      const torch::Tensor y = (torch::sigmoid(a * x + b) * torch::tanh(x)).sum();
      gradients_ = torch::autograd::grad({y}, inputs_);
      loss_ = y.item<double>();
    }
  }
  double loss() override { return loss_; }
  std::vector<double> values() override {
    std::vector<double> all;
    for (const torch::Tensor& g : gradients_) append(all, g);
    return all;
  }

 private:
  std::vector<torch::Tensor> inputs_, gradients_;
  double loss_ = 0;
};

}  // namespace

std::unique_ptr<stepper> make_torch(const problem& p, std::size_t threads) {
  mallopt(M_MMAP_THRESHOLD, 1 << 30);
  mallopt(M_TRIM_THRESHOLD, 1 << 30);
  torch::set_num_threads(static_cast<int>(threads));
  torch::set_num_interop_threads(1);
  switch (p.what.kind) {
    case task::network: return std::make_unique<network>(p);
    case task::chain: return std::make_unique<chain>(p);
    default: return nullptr;  // a million nodes of one number each take it seconds
  }
}

}  // namespace bench

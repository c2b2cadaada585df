// The engine under test: each case as a graph, compiled once; every step binds its inputs.
#include <cotape/cotape.hpp>

#include <functional>
#include <optional>

#include "engine.hpp"

namespace bench {
namespace {

using cotape::parameter;
using cotape::variable;

xt::xarray<float> array(const float* data, std::vector<std::size_t> sizes) {
  xt::xarray<float> a(sizes);
  std::copy_n(data, a.size(), a.begin());
  return a;
}

template <class T> std::vector<double> numbers(cotape::array_view v) {
  const T* data = v.data_as<T>();
  return {data, data + v.shape().elements()};
}

template <class X, class Y> class network : public stepper {
 public:
  network(const problem& p, X x, Y y)
      : what_(p.what),
        x_(std::move(x)),
        y_(std::move(y)),
        step_(cotape::compile(
            function([this](variable input, variable target) { return record(input, target); }))) {
    for (const layer_place& l : places_of(p.what)) {
      weights_.emplace_back("w", array(&p.weights[l.weights], {l.inputs, l.units}));
      weights_.emplace_back("b", array(&p.weights[l.bias], {l.units}));
    }
    if (what_.adam) {
      optimizer_ = std::make_unique<cotape::adam>(cotape::adam_options{
          .rate = timing_rate, .beta1 = beta1, .beta2 = beta2, .epsilon = what_.epsilon});
    } else {
      optimizer_ = std::make_unique<cotape::sgd>(cotape::sgd_options{.rate = timing_rate});
    }
  }

  void run(std::size_t steps) override {
    for (std::size_t i = 0; i < steps; ++i) loss_ = step_(x_, y_).number();
  }
  double loss() override { return loss_; }
  std::vector<double> values() override {
    std::vector<double> all;
    for (const parameter& w : weights_) {
      for (double v : numbers<float>(w.view())) all.push_back(v);
    }
    return all;
  }
  void set_rate(double rate) override { optimizer_->rate().set(rate); }

 private:
  using function = std::function<variable(variable, variable)>;

  variable record(variable h, variable target) {
    for (std::size_t l = 0; l < what_.layers(); ++l) {
      h = matmul(h, weights_[2 * l]) + weights_[2 * l + 1];
      if (l + 1 == what_.layers()) break;
      h = what_.activation == activation::relu ? relu(h) : sigmoid(h);
    }
    const variable loss = record_loss(h, target);
    optimizer_->minimize(loss);
    return loss;
  }
  variable record_loss(variable h, variable target) const {
    switch (what_.loss) {
      case bench::loss::binary_crossentropy:
        return cotape::binary_crossentropy_from_logits(h, target);
      case bench::loss::softmax_crossentropy:
        return cotape::sparse_categorical_crossentropy_from_logits(h, target);
      default: return cotape::mean_squared_error(h, target);
    }
  }

  spec what_;
  X x_;
  Y y_;
  std::vector<parameter> weights_;
  std::unique_ptr<cotape::optimizer> optimizer_;
  cotape::compiled<function> step_;
  double loss_ = 0;
};

std::unique_ptr<stepper> make_network(const problem& p) {
  const std::size_t outputs = p.what.sizes.back();
  xt::xarray<float> x = array(p.x.data(), {p.what.batch, p.what.sizes[0]});
  if (p.what.loss == loss::softmax_crossentropy) {
    xt::xarray<std::int64_t> labels(std::vector<std::size_t>{p.what.batch});
    std::copy(p.labels.begin(), p.labels.end(), labels.begin());
    return std::make_unique<network<xt::xarray<float>, xt::xarray<std::int64_t>>>(p, x, labels);
  }
  xt::xarray<float> targets = array(p.targets.data(), {p.what.batch, outputs});
  return std::make_unique<network<xt::xarray<float>, xt::xarray<float>>>(p, x, targets);
}

std::vector<variable> record_chain(variable x, variable a, variable b) {
  const variable y = sum(sigmoid(a * x + b) * tanh(x));
  std::vector<variable> outputs = gradient(y, {x, a, b});
  outputs.push_back(y);
  return outputs;
}

class chain : public stepper {
 public:
  explicit chain(const problem& p)
      : x_(array(p.x.data(), {p.what.n})),
        a_(array(p.a.data(), {p.what.n})),
        b_(array(p.b.data(), {p.what.n})),
        step_(cotape::compile(&record_chain)) {}

  void run(std::size_t steps) override {
    for (std::size_t i = 0; i < steps; ++i) outputs_ = step_(x_, a_, b_);
  }
  double loss() override { return (*outputs_)[3].number(); }
  std::vector<double> values() override {
    std::vector<double> all;
    for (std::size_t i = 0; i < 3; ++i) {
      for (double v : numbers<float>((*outputs_)[i].view())) all.push_back(v);
    }
    return all;
  }

 private:
  xt::xarray<float> x_, a_, b_;
  cotape::compiled<decltype(&record_chain)> step_;
  std::optional<cotape::results> outputs_;
};

class loop : public stepper {
 public:
  explicit loop(const problem& p)
      : x_(std::vector<std::size_t>{}, p.x0),
        step_(cotape::compile(function([n = p.what.n](variable x) { return record(n, x); }))) {}

  void run(std::size_t steps) override {
    for (std::size_t i = 0; i < steps; ++i) outputs_ = step_(x_);
  }
  double loss() override { return (*outputs_)[0].number(); }
  std::vector<double> values() override { return {(*outputs_)[1].number()}; }

 private:
  using function = std::function<std::vector<variable>(variable)>;

  static std::vector<variable> record(std::size_t n, variable first) {
    variable x = first, sum;
    for (std::size_t i = 0; i < n; ++i) {
      x = x * exp(-x) + reciprocal(1 + x);
      sum = i == 0 ? x : sum + x;
    }
    return {sum, gradient(sum, first)};
  }

  xt::xarray<double> x_;
  cotape::compiled<function> step_;
  std::optional<cotape::results> outputs_;
};

}  // namespace

std::unique_ptr<stepper> make_cotape(const problem& p, std::size_t threads) {
  cotape::set_num_threads(static_cast<int>(threads));
  switch (p.what.kind) {
    case task::network: return make_network(p);
    case task::chain: return std::make_unique<chain>(p);
    default: return std::make_unique<loop>(p);
  }
}

}  // namespace bench

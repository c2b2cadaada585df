// FANN: sigmoid layers and its own loss, the mean of (y - t)^2 / 2 behind a last sigmoid.
#include <floatfann.h>

#include <algorithm>
#include <stdexcept>

#include "engine.hpp"

namespace bench {
namespace {

class network : public stepper {
 public:
  explicit network(const problem& p) : places_(places_of(p.what)) {
    const std::vector<unsigned> sizes(p.what.sizes.begin(), p.what.sizes.end());
    const auto batch = static_cast<unsigned>(p.what.batch);
    net_ = fann_create_standard_array(static_cast<unsigned>(sizes.size()), sizes.data());
    data_ = fann_create_train(batch, sizes.front(), sizes.back());
    if (net_ == nullptr || data_ == nullptr) throw std::runtime_error("fann: out of memory");
    for (unsigned i = 0; i < batch; ++i) {
      std::copy_n(&p.x[i * sizes.front()], sizes.front(), data_->input[i]);
      std::copy_n(&p.targets[i * sizes.back()], sizes.back(), data_->output[i]);
    }
    fann_set_activation_function_hidden(net_, FANN_SIGMOID);
    fann_set_activation_function_output(net_, FANN_SIGMOID);
    fann_set_train_error_function(net_, FANN_ERRORFUNC_LINEAR);
    fann_set_training_algorithm(net_, FANN_TRAIN_BATCH);
    set_rate(timing_rate);
    std::vector<fann_connection> list = connections();
    for (fann_connection& c : list) c.weight = p.weights[place(c)];
    fann_set_weight_array(net_, list.data(), static_cast<unsigned>(list.size()));
  }
  ~network() override {
    fann_destroy_train(data_);
    fann_destroy(net_);
  }

  void run(std::size_t steps) override {
    for (std::size_t i = 0; i < steps; ++i) error_ = fann_train_epoch(net_, data_);
  }
  double loss() override { return static_cast<double>(error_) / 2; }
  std::vector<double> values() override {
    std::vector<double> all(places_.back().end);
    for (const fann_connection& c : connections()) all[place(c)] = static_cast<double>(c.weight);
    return all;
  }
  void set_rate(double rate) override { fann_set_learning_rate(net_, static_cast<float>(rate)); }

 private:
  std::vector<fann_connection> connections() const {
    std::vector<fann_connection> list(fann_get_total_connections(net_));
    fann_get_connection_array(net_, list.data());
    return list;
  }
  // FANN counts neurons layer by layer; a layer's last one is its bias.
  std::size_t place(const fann_connection& c) const {
    std::size_t first = 0;
    for (const layer_place& l : places_) {
      const std::size_t next = first + l.inputs + 1;
      if (c.from_neuron < next) {
        const std::size_t from = c.from_neuron - first, to = c.to_neuron - next;
        return from == l.inputs ? l.bias + to : l.weights + from * l.units + to;
      }
      first = next;
    }
    throw std::runtime_error("fann: a connection from nowhere");
  }

  std::vector<layer_place> places_;
  fann* net_ = nullptr;
  fann_train_data* data_ = nullptr;
  float error_ = 0;
};

}  // namespace

spec fann_variant(const spec& s) {
  spec own = s;
  if (s.loss == loss::binary_crossentropy) own.loss = loss::half_mean_squared;
  return own;
}

std::unique_ptr<stepper> make_fann(const problem& p, std::size_t threads) {
  const bool can = p.what.kind == task::network && threads == 1 && !p.what.adam &&
                   p.what.activation == activation::sigmoid &&
                   p.what.loss == loss::half_mean_squared;
  if (!can) return nullptr;
  return std::make_unique<network>(p);
}

}  // namespace bench

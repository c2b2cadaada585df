// dlib's networks, whose shapes are types. Its squared loss has half the gradient that it should
// have; its Adam adds 1e-8 where the moments' corrections are already taken out of the root.
#include <dlib/dnn.h>

#include <algorithm>
#include <cmath>

#include "engine.hpp"

namespace bench {
namespace {

using dlib::fc, dlib::relu, dlib::sig;
using input = dlib::input<dlib::matrix<float>>;
using xor_net = dlib::loss_binary_log<fc<1, sig<fc<5, sig<fc<4, input>>>>>>;
using small_net = dlib::loss_mean_squared<fc<1, relu<fc<64, relu<fc<64, input>>>>>>;
using mnist_net = dlib::loss_multiclass_log<fc<10, relu<fc<512, relu<fc<512, input>>>>>>;
using big_net = dlib::loss_multiclass_log<fc<1024, relu<fc<2048, relu<fc<2048, input>>>>>>;

template <class Net, class Solver> class network : public stepper {
 public:
  network(const problem& p, const Solver& solver)
      : what_(p.what), solvers_(Net::num_computational_layers, solver) {
    std::vector<dlib::matrix<float>> samples;
    for (std::size_t i = 0; i < what_.batch; ++i) {
      const auto inputs = static_cast<long>(what_.sizes[0]);
      samples.push_back(dlib::mat(&p.x[i * what_.sizes[0]], inputs, 1));
    }
    net_.to_tensor(samples.begin(), samples.end(), x_);
    using label = typename Net::training_label_type;
    for (std::size_t i = 0; i < what_.batch; ++i) {
      if (what_.loss == bench::loss::softmax_crossentropy) {
        labels_.push_back(static_cast<label>(p.labels[i]));
      } else if (what_.loss == bench::loss::binary_crossentropy) {
        labels_.push_back(static_cast<label>(2 * p.targets[i] - 1));
      } else {
        labels_.push_back(static_cast<label>(p.targets[i]));
      }
    }
    net_.forward(x_);  // makes the layers' parameters
    const float* weights = p.weights.data();
    for (dlib::tensor* t : parameters()) {
      std::copy_n(weights, t->size(), t->host());
      weights += t->size();
    }
  }

  void run(std::size_t steps) override {
    for (std::size_t i = 0; i < steps; ++i) {
      loss_ = net_.compute_parameter_gradients(x_, labels_.begin());
      net_.update_parameters(solvers_, rate_);
    }
  }
  double loss() override { return loss_; }
  std::vector<double> values() override {
    std::vector<double> all;
    for (dlib::tensor* t : parameters()) all.insert(all.end(), t->host(), t->host() + t->size());
    return all;
  }
  void set_rate(double rate) override {
    rate_ = what_.loss == bench::loss::mean_squared ? 2 * rate : rate;
  }

 private:
  // A fully connected layer's weights are followed by its bias, as in places_of.
  std::vector<dlib::tensor*> parameters() {
    return {&dlib::layer<5>(net_).layer_details().get_layer_params(),
            &dlib::layer<3>(net_).layer_details().get_layer_params(),
            &dlib::layer<1>(net_).layer_details().get_layer_params()};
  }

  spec what_;
  Net net_;
  std::vector<Solver> solvers_;
  dlib::resizable_tensor x_;
  std::vector<typename Net::training_label_type> labels_;
  double rate_ = timing_rate, loss_ = 0;
};

template <class Net> std::unique_ptr<stepper> make(const problem& p) {
  if (!p.what.adam) return std::make_unique<network<Net, dlib::sgd>>(p, dlib::sgd(0, 0));
  return std::make_unique<network<Net, dlib::adam>>(
      p, dlib::adam(0, static_cast<float>(beta1), static_cast<float>(beta2)));
}

}  // namespace

spec dlib_variant(const spec& s) {
  spec own = s;
  own.epsilon = 1e-8 / std::sqrt(1 - beta2);
  return own;
}

std::unique_ptr<stepper> make_dlib(const problem& p, std::size_t) {
  const std::string& name = p.what.name;
  if (name == "xor") return make<xor_net>(p);
  if (name == "small") return make<small_net>(p);
  if (name == "mnist512" || name == "mnist512_adam") return make<mnist_net>(p);
  if (name == "big") return make<big_net>(p);
  return nullptr;
}

}  // namespace bench

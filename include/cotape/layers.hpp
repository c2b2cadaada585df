// layer: nn
// Layers and models: functions over variables that own parameters. A layer makes its weights when
// it is first called, from the size of its input. A plain function over variables needs none of
// this.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "cotape/initializers.hpp"
#include "cotape/tape.hpp"

namespace cotape {

/// An activation by the name of its function in ops.hpp or activations.hpp, with that one's default
/// arguments: "identity" (or "linear", or ""), "heaviside", "sign", "sigmoid", "tanh", "relu",
/// "leaky_relu", "elu", "maxout" (of 2), "softplus", "silu", "gelu", "gelu_tanh", "log_sigmoid";
/// and over the last axis "softmax", "log_softmax", "argmax" (int64, without that axis). Throws
/// value_error listing the names for any other.
variable activate(const std::string& name, operand x);

class layer {
 public:
  virtual ~layer() = default;
  /// Records the layer for x of shape (batch, features...).
  virtual variable record(variable x, generator& random) = 0;
  virtual std::vector<parameter> parameters() const { return {}; }
};

/// y = activation(x W + b), W (inputs, units), b (units).
class dense : public layer {
 public:
  explicit dense(
      std::int64_t units, std::string activation = "identity",
      initializer weights = [](generator& r, const shape& s) { return glorot_uniform(r, s); });
  variable record(variable x, generator& random) override;
  std::vector<parameter> parameters() const override { return parameters_; }

 private:
  std::int64_t units_;
  std::string activation_;
  initializer make_;
  std::vector<parameter> parameters_;  // empty until the first call, then weight and bias
};

/// Layers one after the other.
class sequential {
 public:
  explicit sequential(std::int64_t seed = 0) : random_(seed) {}
  /// Adds a layer at the end.
  template <class Layer> sequential& add(Layer l) {
    layers_.push_back(std::make_shared<Layer>(std::move(l)));
    return *this;
  }
  /// Records the model. Throws value_error if it has no layers.
  variable operator()(operand x);
  /// All layers' parameters; those of layers that were never called do not exist yet.
  std::vector<parameter> parameters() const;

 private:
  generator random_;
  std::vector<std::shared_ptr<layer>> layers_;
};

}  // namespace cotape

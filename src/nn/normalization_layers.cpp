// Layers that normalize, layers of noise, and prelu.
#include "cotape/normalization_layers.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "cotape/activations.hpp"
#include "cotape/xtensor.hpp"
#include "nn/fields.hpp"
#include "nn/layer_parts.hpp"

namespace cotape {

namespace {

using detail::add_weight, detail::demand_one, detail::demand_rate, detail::kept, detail::told;
using detail::weight_dtype;

void demand_epsilon(const char* kind, double epsilon) {
  if (!(epsilon >= 0)) throw value_error(fmt::format("{}: epsilon {} is below 0", kind, epsilon));
}

std::int64_t last_size(const char* kind, const variable& x) {
  if (x.shape().rank() >= 2) return x.shape()[x.shape().rank() - 1];
  throw shape_error(
      fmt::format("{}: the input {} is not (batch, ..., channels)", kind, x.shape().text()));
}

// The sizes of x along the axes, and 1 along the others but the batch's: of weights.
shape sizes_along(const char* kind, const variable& x, const axes& over) {
  const std::vector<std::size_t> list = over.of(kind, x.shape().rank());
  if (std::find(list.begin(), list.end(), 0) != list.end()) {
    throw value_error(fmt::format("{}: axis 0 is the batch's: name others", kind));
  }
  if (list.empty()) throw value_error(fmt::format("{}: no axes to normalize over", kind));
  std::vector<std::int64_t> sizes;
  for (std::size_t i = list[0]; i < x.shape().rank(); ++i) {
    sizes.push_back(std::find(list.begin(), list.end(), i) != list.end() ? x.shape()[i] : 1);
  }
  return shape(sizes);
}

// What the layers that normalize share: gamma and beta, or 1 and 0 in their place.
class normalizing_layer : public layer_body {
 public:
  normalizing_layer(const char* kind, double epsilon, bool scale, bool center)
      : epsilon_(epsilon), kind_(kind), scale_(scale), center_(center) {
    demand_epsilon(kind, epsilon);
  }
  const char* kind() const override { return kind_; }

 protected:
  void make_weights(const shape& s, dtype d, generator& random) {
    if (scale_) add_weight(*this, "gamma", ones, s, d, random);
    if (center_) add_weight(*this, "beta", zeros, s, d, random);
  }
  operand gamma() const { return scale_ ? operand(parameters[0]) : operand(1); }
  operand beta() const { return center_ ? operand(parameters[scale_ ? 1 : 0]) : operand(0); }
  std::size_t weights() const { return std::size_t{scale_} + std::size_t{center_}; }

  double epsilon_;

 private:
  const char* kind_;
  bool scale_, center_;
};

class batch_layer : public normalizing_layer {
 public:
  explicit batch_layer(const batch_normalization_options& o)
      : normalizing_layer("batch_normalization", o.epsilon, o.scale, o.center), options_(o) {
    if (!(o.momentum >= 0 && o.momentum <= 1)) {
      throw value_error(fmt::format("batch_normalization: momentum {} not in [0, 1]", o.momentum));
    }
  }
  std::optional<named_texts> description() const override { return detail::texts_of(options_); }
  variable record(std::span<const variable> inputs, mode m, generator& random) override {
    demand_one(kind(), inputs);
    const variable& x = inputs[0];
    const std::int64_t channels = last_size(kind(), x);
    if (parameters.empty()) {
      const dtype d = weight_dtype(x);
      make_weights({channels}, d, random);
      add_weight(*this, "moving_mean", zeros, {channels}, d, random, false);
      add_weight(*this, "moving_variance", ones, {channels}, d, random, false);
    }
    const parameter &mean = parameters[weights()], &variance = parameters[weights() + 1];
    if (m == mode::predicting || is_frozen()) {
      return normalize(x, mean, variance, gamma(), beta(), epsilon_);
    }
    const normalized_batch now = batch_norm(x, gamma(), beta(), epsilon_);
    keep(mean, now.mean);
    keep(variance, now.variance);
    return now.y;
  }

 private:
  bool is_frozen() const {
    const auto end = parameters.begin() + static_cast<std::ptrdiff_t>(weights());
    if (!trainable()) return true;
    return weights() != 0 &&
           std::none_of(parameters.begin(), end, [](const parameter& p) { return p.trainable(); });
  }
  void keep(const parameter& p, const variable& now) const {
    tape& t = now.owner();
    t.assign(p, options_.momentum * t.read(p) + (1 - options_.momentum) * now);
  }

  batch_normalization_options options_;
};

class layer_layer : public normalizing_layer {
 public:
  explicit layer_layer(const layer_normalization_options& o)
      : normalizing_layer("layer_normalization", o.epsilon, o.scale, o.center), options_(o) {}
  std::optional<named_texts> description() const override { return detail::texts_of(options_); }
  variable record(std::span<const variable> inputs, mode, generator& random) override {
    demand_one(kind(), inputs);
    const variable& x = inputs[0];
    const shape s = sizes_along(kind(), x, options_.over);
    if (parameters.empty()) make_weights(s, weight_dtype(x), random);
    return layer_norm(x, gamma(), beta(), options_.over, epsilon_);
  }

 private:
  layer_normalization_options options_;
};

class group_layer : public normalizing_layer {
 public:
  group_layer(std::int64_t groups, const group_normalization_options& o)
      : normalizing_layer("group_normalization", o.epsilon, o.scale, o.center),
        groups_(groups),
        options_(o) {
    if (groups < 1) throw value_error(fmt::format("group_normalization: {} groups", groups));
  }
  std::optional<named_texts> description() const override {
    detail::option_writer to;
    to("groups", groups_);
    to.all_of(options_);
    return to.texts;
  }
  variable record(std::span<const variable> inputs, mode, generator& random) override {
    demand_one(kind(), inputs);
    const variable& x = inputs[0];
    const std::int64_t channels = last_size(kind(), x);
    if (parameters.empty()) make_weights({channels}, weight_dtype(x), random);
    return group_norm(x, groups_, gamma(), beta(), epsilon_);
  }

 private:
  std::int64_t groups_;
  group_normalization_options options_;
};

class rms_layer : public layer_body {
 public:
  rms_layer(axes over, double epsilon) : over_(std::move(over)), epsilon_(epsilon) {
    demand_epsilon(kind(), epsilon);
  }
  const char* kind() const override { return "rms_normalization"; }
  std::optional<named_texts> description() const override {
    detail::option_writer to;
    to("over", over_);
    to("epsilon", epsilon_);
    return to.texts;
  }
  variable record(std::span<const variable> inputs, mode, generator& random) override {
    demand_one(kind(), inputs);
    const variable& x = inputs[0];
    const shape s = sizes_along(kind(), x, over_);
    if (parameters.empty()) add_weight(*this, "scale", ones, s, weight_dtype(x), random);
    return rms_norm(x, parameters[0], over_, epsilon_);
  }

 private:
  axes over_;
  double epsilon_;
};

class prelu_layer : public layer_body {
 public:
  explicit prelu_layer(std::vector<std::int64_t> shared) : shared_(std::move(shared)) {}
  const char* kind() const override { return "prelu"; }
  std::optional<named_texts> description() const override { return told("shared_axes", shared_); }
  variable record(std::span<const variable> inputs, mode, generator& random) override {
    demand_one(kind(), inputs);
    const variable& x = inputs[0];
    const std::vector<std::size_t> shared = axes(shared_).of(kind(), x.shape().rank());
    if (!shared.empty() && shared[0] == 0) {
      throw value_error("prelu: axis 0 is the batch: its rows have no slopes of their own");
    }
    if (parameters.empty()) {
      std::vector<std::int64_t> sizes(x.shape().begin(), x.shape().end());
      for (const std::size_t i : shared) sizes[i] = 1;
      sizes.erase(sizes.begin());
      add_weight(*this, "alpha", zeros, shape(sizes), weight_dtype(x), random);
    }
    return leaky_relu(x, parameters[0]);
  }

 private:
  std::vector<std::int64_t> shared_;
};

// A layer that does something in training alone.
class noise_layer : public layer_body {
 public:
  using function = variable (*)(const variable& x, double amount, generator& random);
  noise_layer(const char* kind, const char* option, double amount, function f)
      : kind_(kind), option_(option), amount_(amount), f_(f) {}
  const char* kind() const override { return kind_; }
  std::optional<named_texts> description() const override { return told(option_, amount_); }
  variable record(std::span<const variable> inputs, mode m, generator& random) override {
    demand_one(kind_, inputs);
    const variable& x = inputs[0];
    return m == mode::predicting || amount_ == 0 ? x : f_(x, amount_, random);
  }

 private:
  const char *kind_, *option_;
  double amount_;
  function f_;
};

double demand_deviation(double deviation) {
  if (deviation >= 0) return deviation;
  throw value_error(fmt::format("gaussian_noise: the deviation {} is below 0", deviation));
}

variable with_noise(const variable& x, double deviation, generator& random) {
  return x + random.normal_like(x, 0, deviation);
}

variable without_channels(const variable& x, double rate, generator& random) {
  last_size("spatial_dropout", x);
  std::vector<std::int64_t> sizes(x.shape().begin(), x.shape().end());
  std::fill(sizes.begin() + 1, sizes.end() - 1, 1);
  return x * kept(x, shape(sizes), rate, random) / (1 - rate);
}

// (x or alpha') a + b: with q = 1 - rate, a = (q + alpha'^2 q rate)^(-1/2), b = -a rate alpha'.
variable without_elements(const variable& x, double rate, generator& random) {
  const double lowest = -1.0507009873554805 * 1.6732632423543772, q = 1 - rate;
  const double a = 1 / std::sqrt(q + lowest * lowest * q * rate), b = -a * rate * lowest;
  return select(kept(x, x.shape(), rate, random), x, lowest) * a + b;
}

}  // namespace

batch_normalization::batch_normalization(batch_normalization_options options)
    : layer(std::make_shared<batch_layer>(options)) {}
layer_normalization::layer_normalization(layer_normalization_options options)
    : layer(std::make_shared<layer_layer>(options)) {}
group_normalization::group_normalization(std::int64_t groups, group_normalization_options options)
    : layer(std::make_shared<group_layer>(groups, options)) {}
rms_normalization::rms_normalization(const axes& over, double epsilon)
    : layer(std::make_shared<rms_layer>(over, epsilon)) {}
prelu::prelu(std::vector<std::int64_t> shared_axes)
    : layer(std::make_shared<prelu_layer>(std::move(shared_axes))) {}
gaussian_noise::gaussian_noise(double deviation)
    : layer(std::make_shared<noise_layer>("gaussian_noise", "deviation",
                                          demand_deviation(deviation), with_noise)) {}
spatial_dropout::spatial_dropout(double rate)
    : layer(std::make_shared<noise_layer>(
          "spatial_dropout", "rate", demand_rate("spatial_dropout:", rate), without_channels)) {}
alpha_dropout::alpha_dropout(double rate)
    : layer(std::make_shared<noise_layer>("alpha_dropout", "rate",
                                          demand_rate("alpha_dropout:", rate), without_elements)) {}

}  // namespace cotape

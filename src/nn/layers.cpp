// Layers: compositions of operations with parameters of their own.
#include "cotape/layers.hpp"

#include <fmt/format.h>

#include <array>

#include "cotape/activations.hpp"
#include "cotape/xtensor.hpp"

namespace cotape {

namespace {

struct named_activation {
  const char* name;
  variable (*apply)(operand);
};

constexpr std::array activations{
    named_activation{"identity", identity},
    named_activation{"", identity},
    named_activation{"linear", identity},
    named_activation{"heaviside", [](operand x) { return heaviside(x); }},
    named_activation{"sign", sign},
    named_activation{"sigmoid", sigmoid},
    named_activation{"tanh", tanh},
    named_activation{"relu", relu},
    named_activation{"leaky_relu", [](operand x) { return leaky_relu(x); }},
    named_activation{"elu", [](operand x) { return elu(x); }},
    named_activation{"maxout", [](operand x) { return maxout(x); }},
    named_activation{"softplus", softplus},
    named_activation{"silu", silu},
    named_activation{"gelu", gelu},
    named_activation{"gelu_tanh", gelu_tanh},
    named_activation{"log_sigmoid", log_sigmoid},
    named_activation{"softmax", [](operand x) { return softmax(x); }},
    named_activation{"log_softmax", [](operand x) { return log_softmax(x); }},
    named_activation{"argmax", [](operand x) { return argmax(x); }},
};

}  // namespace

variable activate(const std::string& name, operand x) {
  std::string known;
  for (const named_activation& a : activations) {
    if (name == a.name) return a.apply(x);
    if (*a.name != 0) known += fmt::format("{}{}", known.empty() ? "" : ", ", a.name);
  }
  throw value_error(fmt::format("activate: no activation '{}'; there are: {}", name, known));
}

dense::dense(std::int64_t units, std::string activation, initializer weights)
    : units_(units), activation_(std::move(activation)), make_(std::move(weights)) {
  if (units <= 0) throw value_error(fmt::format("dense: {} units", units));
}

variable dense::record(variable x, generator& random) {
  if (x.shape().rank() < 2) {
    throw shape_error(fmt::format("dense: the input {} has no batch axis", x.shape().text()));
  }
  const std::int64_t inputs = x.shape()[x.shape().rank() - 1];
  if (parameters_.empty()) {
    parameters_.emplace_back("weight", make_(random, {inputs, units_}));
    parameters_.emplace_back("bias", zeros({units_}, parameters_[0].dtype()));
  }
  return activate(activation_, matmul(x, parameters_[0]) + parameters_[1]);
}

variable sequential::operator()(operand input) {
  variable x = input.as_variable();
  const tape::scope here(x.owner(), input.where());
  if (layers_.empty()) throw value_error("sequential: the model has no layers, add some");
  for (const auto& l : layers_) x = l->record(x, random_);
  return x;
}

std::vector<parameter> sequential::parameters() const {
  std::vector<parameter> result;
  for (const auto& l : layers_) {
    for (const parameter& p : l->parameters()) result.push_back(p);
  }
  return result;
}

}  // namespace cotape

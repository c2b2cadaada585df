// Units and activations, composed.
#include "cotape/activations.hpp"

#include <fmt/format.h>

#include "ops/compose.hpp"
#include "primitives/kinks.hpp"

namespace cotape {

variable heaviside(operand x, double at_zero) {
  const composition c("heaviside", {x});
  c.demand_floating();
  const variable above = relu(sign(c[0]));  // NaN stays NaN, unlike in a comparison
  return select(equal(c[0], 0), at_zero, above);
}

variable perceptron(operand x, operand weights, operand bias, double at_zero) {
  const composition c("perceptron", {x, weights, bias});
  return heaviside(matmul(c[0], c[1]) + c[2], at_zero);
}

variable append_ones(operand x) {
  const composition c("append_ones", {x});
  const shape& s = c[0].shape();
  if (s.rank() == 0) c.fail<shape_error>("a scalar has no axis of inputs");
  std::vector<std::int64_t> sizes(s.begin(), s.end());
  sizes.back() = 1;
  const variable one = c.on().literal(1, c[0].dtype(), x.where());
  return concatenate({c[0], broadcast_to(one, shape(sizes))}, -1);
}

variable identity(operand x) { return composition("identity", {x})[0]; }

namespace {

// `upper` where x > 0, else `lower`: equal at 0, with the slope there that the tape's policy says.
variable joined_at_zero(variable x, variable upper, variable lower) {
  const double share = right_share(x, 0);
  if (share == 0) return select(less(0, x), upper, lower);
  const variable right = select(less_equal(0, x), upper, lower);
  return share == 1 ? right : 0.5 * (right + select(less(0, x), upper, lower));
}

}  // namespace

variable leaky_relu(operand x, operand slope) {
  const composition c("leaky_relu", {x});
  c.demand_floating();
  return joined_at_zero(c[0], c[0], slope * c[0]);
}

variable relu6(operand x) {
  const composition c("relu6", {x});
  return minimum(relu(c[0]), 6);
}

variable elu(operand x, double alpha) {
  const composition c("elu", {x});
  c.demand_floating();
  return joined_at_zero(c[0], c[0], alpha * expm1(c[0]));
}

variable selu(operand x) {
  const composition c("selu", {x});
  c.demand_floating();
  const double scale = 1.0507009873554805, alpha = 1.6732632423543772;
  return joined_at_zero(c[0], scale * c[0], scale * alpha * expm1(c[0]));
}

variable celu(operand x, double alpha) {
  const composition c("celu", {x});
  c.demand_floating();
  if (!(alpha > 0)) c.fail<value_error>(fmt::format("alpha {} is not above 0", alpha));
  return joined_at_zero(c[0], c[0], alpha * expm1(c[0] / alpha));
}

variable silu(operand x) {
  const composition c("silu", {x});
  return chain(sigmoid(c[0]), c[0]);
}

variable gelu(operand x) {
  const composition c("gelu", {x});
  return chain(normal_cdf(c[0]), c[0]);
}

// (1 + tanh(u)) / 2 is sigmoid(2 u), which does not cancel for negative u.
variable gelu_tanh(operand x) {
  const composition c("gelu_tanh", {x});
  c.demand_floating();
  const double two_root_2_by_pi = 1.5957691216057308;
  return chain(sigmoid(two_root_2_by_pi * c[0] * (1 + 0.044715 * square(c[0]))), c[0]);
}

// tanh(softplus(x)) is s (1 + q) / (1 + q^2), s = sigmoid(x), q = sigmoid(-x): as small as s is,
// and so is its slope.
variable mish(operand x) {
  const composition c("mish", {x});
  c.demand_floating();
  const variable q = sigmoid(-c[0]);
  return chain(sigmoid(c[0]) * (1 + q) / (1 + square(q)), c[0]);
}

variable log_sigmoid(operand x) {
  const composition c("log_sigmoid", {x});
  c.demand_floating();
  return -softplus(-c[0]);
}

// With r = 1 / (1 + |x|): x r where |x| < 1, else sign(x) (1 - r), which holds at infinity and
// whose slope is r^2. That of x r, r - |x| r^2, cancels where |x| is large.
variable softsign(operand x) {
  const composition c("softsign", {x});
  c.demand_floating();
  const variable size = abs(c[0]), r = reciprocal(1 + size);
  return select(less(size, 1), c[0] * r, sign(c[0]) * (1 - r));
}

variable hard_sigmoid(operand x) {
  const composition c("hard_sigmoid", {x});
  c.demand_floating();
  return relu6(c[0] + 3) * (1 / 6.0);
}

variable hard_silu(operand x) {
  const composition c("hard_silu", {x});
  return chain(hard_sigmoid(c[0]), c[0]);
}

// The bounds stand so that a tie's first operand is the side from the left.
variable hard_tanh(operand x) {
  const composition c("hard_tanh", {x});
  c.demand_floating();
  return minimum(maximum(-1, c[0]), 1);
}

variable exponential(operand x) { return exp(composition("exponential", {x})[0]); }

variable glu(operand x, std::int64_t axis) {
  const composition c("glu", {x});
  c.demand_floating();
  const std::size_t at = c.axis(axis, c[0].shape().rank());
  if (c[0].shape()[at] % 2 != 0) {
    c.fail<shape_error>(
        fmt::format("axis {} of {} does not divide into 2 halves", at, c[0].shape().text()));
  }
  const auto halves = split(c[0], 2, static_cast<std::int64_t>(at));
  return halves[0] * sigmoid(halves[1]);
}

variable maxout(operand x, std::int64_t pieces, std::int64_t axis) {
  const composition c("maxout", {x});
  const shape& s = c[0].shape();
  const std::size_t at = c.axis(axis, s.rank());
  if (pieces < 1 || s[at] % pieces != 0) {
    c.fail<shape_error>(
        fmt::format("axis {} of {} does not divide into pieces of {}", at, s.text(), pieces));
  }
  std::vector<std::int64_t> sizes(s.begin(), s.end());
  sizes[at] /= pieces;
  sizes.insert(sizes.begin() + static_cast<std::ptrdiff_t>(at) + 1, pieces);
  return max(reshape(c[0], shape(sizes)), static_cast<std::int64_t>(at) + 1);
}

}  // namespace cotape

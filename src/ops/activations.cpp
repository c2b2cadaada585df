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

variable leaky_relu(operand x, double slope) {
  const composition c("leaky_relu", {x});
  c.demand_floating();
  return joined_at_zero(c[0], c[0], slope * c[0]);
}

variable elu(operand x, double alpha) {
  const composition c("elu", {x});
  c.demand_floating();
  return joined_at_zero(c[0], c[0], alpha * expm1(c[0]));
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

variable log_sigmoid(operand x) {
  const composition c("log_sigmoid", {x});
  c.demand_floating();
  return -softplus(-c[0]);
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

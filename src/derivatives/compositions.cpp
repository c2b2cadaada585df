// What reverse sweeps compose to: products with the Jacobian and the Hessian, and the matrices.
#include <fmt/format.h>

#include <algorithm>

#include "cotape/derivatives.hpp"
#include "cotape/ops.hpp"

namespace cotape {

namespace {

void demand_directions(const char* name, const variable& y, const std::vector<variable>& xs,
                       const std::vector<variable>& dxs) {
  const auto fail = [&](const std::string& why) {
    return fmt::format("{}: {}{}", name, why, made("output ", y));
  };
  if (dxs.size() != xs.size()) {
    throw value_error(fail(fmt::format("{} directions for {} variables", dxs.size(), xs.size())));
  }
  for (std::size_t i = 0; i < xs.size(); ++i) {
    if (dxs[i].type() == xs[i].type()) continue;
    throw shape_error(fail(fmt::format("direction {} is {}, its variable {}: they must be equal", i,
                                       dxs[i].type().text(), xs[i].type().text())));
  }
}

variable zeros(const variable& y, const shape& s) {  // of y's dtype
  return broadcast_to(y.owner().literal(0, y.dtype(), y.owner().place_of(y.index())), s);
}

// The sum of the terms a . b; empty if there are none.
variable dot(const std::vector<variable>& a, const std::vector<variable>& b) {
  variable total;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const variable part = sum(a[i] * b[i]);
    total = total.empty() ? part : total + part;
  }
  return total;
}

// As constants: a direction may have been computed from what it is a direction of.
std::vector<variable> fixed(const std::vector<variable>& directions) {
  std::vector<variable> result;
  for (const variable& d : directions) result.push_back(stop_gradient(d));
  return result;
}

// The gradients of y's elements by x, one after the other: (elements of y, x's axes ...).
std::vector<operand> rows(const variable& y, const variable& x) {
  const std::int64_t elements = y.shape().elements();
  const variable flat = reshape(y, {elements});
  std::vector<operand> result;
  for (std::int64_t i = 0; i < elements; ++i) {
    result.emplace_back(reshape(gradient(slice(flat, {i}), x), {x.shape().elements()}));
  }
  return result;
}

}  // namespace

variable jvp(variable y, const std::vector<variable>& xs, const std::vector<variable>& dxs) {
  demand_directions("jvp", y, xs, dxs);
  // g(w) = sum over x of vjp(y, x, w) . dx is linear in w; its gradient in w is the product wanted.
  const variable w = zeros(y, y.shape());
  const std::vector<variable> g = vjp(y, xs, w);
  return xs.empty() ? w : gradient(dot(g, dxs), w);
}

variable directional(variable y, const std::vector<variable>& xs, const std::vector<variable>& dxs,
                     int order) {
  if (order < 1) {
    throw value_error(fmt::format("directional: the order is {}, it must be 1 or more", order));
  }
  demand_directions("directional", y, xs, dxs);
  const std::vector<variable> along = fixed(dxs);
  for (int n = 0; n < order; ++n) y = jvp(y, xs, along);
  return y;
}

variable jacobian(variable y, operand by) {
  const variable x = differentiable(y, by);
  const shape both = joined(y.shape(), x.shape());
  if (both.elements() == 0) return zeros(y, both);
  if (y.shape().elements() <= x.shape().elements()) return reshape(stack(rows(y, x)), both);
  // vjp(y, x, w) is linear in w: the gradient of its j-th element by w is the j-th column.
  const variable w = zeros(y, y.shape());
  return cast(reshape(stack(rows(vjp(y, {x}, w)[0], w), 1), both), x.dtype());
}

variable hessian(variable y, operand by) {
  const variable x = differentiable(y, by);
  return jacobian(gradient(y, x), x);
}

std::vector<variable> hessian_vector_product(variable y, const std::vector<variable>& xs,
                                             const std::vector<variable>& vs) {
  demand_directions("hessian_vector_product", y, xs, vs);
  if (xs.empty()) return {};
  return gradient(dot(gradient(y, xs), fixed(vs)), xs);
}

}  // namespace cotape

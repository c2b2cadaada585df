// Reductions over any axes, from primitives over adjacent ones; means, softmax and the like.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "ops/compose.hpp"
#include "ops/softmax.hpp"
#include "primitives/binary.hpp"
#include "primitives/primitives.hpp"
#include "primitives/ternary.hpp"
#include "primitives/unary.hpp"

namespace cotape {

std::vector<std::size_t> axes::of(const char* op, std::size_t rank) const {
  std::vector<std::size_t> result;
  if (!list_) {
    result.resize(rank);
    std::iota(result.begin(), result.end(), 0);
    return result;
  }
  for (std::int64_t axis : *list_) result.push_back(normalize_axis(op, axis, rank));
  std::sort(result.begin(), result.end());
  if (std::adjacent_find(result.begin(), result.end()) != result.end()) {
    throw value_error(fmt::format("{}: an axis is named twice", op));
  }
  return result;
}

namespace {

using primitives::word;
using primitives::words;

shape with_axes(const shape& x, const std::vector<std::size_t>& reduced, dims d) {
  words sizes;
  for (std::size_t i = 0; i < x.rank(); ++i) {
    if (std::find(reduced.begin(), reduced.end(), i) == reduced.end()) sizes.push_back(x[i]);
    else if (d == dims::keep) sizes.push_back(1);
  }
  return shape(sizes);
}

variable reshaped(variable x, const shape& s) { return x.shape() == s ? x : reshape(x, s); }

// Moves the reduced axes to the end, so that one run of the primitive covers them.
variable reduced_last(variable x, std::vector<std::size_t>& reduced) {
  words order;
  for (std::size_t i = 0; i < x.shape().rank(); ++i) {
    if (std::find(reduced.begin(), reduced.end(), i) == reduced.end()) order.push_back(word(i));
  }
  const std::size_t kept = order.size();
  for (std::size_t& axis : reduced) {
    order.push_back(word(axis));
    axis = kept + static_cast<std::size_t>(&axis - reduced.data());
  }
  return record(primitives::transpose, {x}, order);
}

variable reduce(const primitive& op, operand operand_x, const axes& over, dims d) {
  const composition c(op.name, {operand_x});
  variable x = c[0];
  std::vector<std::size_t> reduced = c.axes(over);
  const shape result = with_axes(x.shape(), reduced, d);
  if (!reduced.empty() && reduced.back() - reduced.front() + 1 != reduced.size()) {
    x = reduced_last(x, reduced);
  }
  const words attributes{reduced.empty() ? 0 : word(reduced.front()), word(reduced.size())};
  return reshaped(record(op, {x}, attributes), result);
}

double count_of(const shape& x, const std::vector<std::size_t>& reduced) {
  double n = 1;
  for (std::size_t axis : reduced) n *= static_cast<double>(x[axis]);
  return n;
}

}  // namespace

variable sum(operand x, const axes& over, dims d) { return reduce(primitives::sum, x, over, d); }
variable max(operand x, const axes& over, dims d) { return reduce(primitives::max, x, over, d); }
variable norm(operand x, const axes& over, dims d) { return reduce(primitives::norm, x, over, d); }

variable min(operand x, const axes& over, dims d) {
  const composition c("min", {x});
  return -max(-c[0], over, d);
}

variable mean(operand x, const axes& over, dims d) {
  const composition c("mean", {x});
  const double n = count_of(c[0].shape(), c.axes(over));
  if (n == 0) c.fail<shape_error>(fmt::format("{} is empty", c[0].shape().text()));
  return sum(c[0], over, d) * (1 / n);
}

namespace {

// What the sum of squared deviations is divided by.
double degrees_of_freedom(const composition& c, const axes& over, int correction) {
  const double n = count_of(c[0].shape(), c.axes(over));
  if (n - correction <= 0) {
    c.fail<value_error>(fmt::format("{} elements are too few for correction {}", n, correction));
  }
  return n - correction;
}

}  // namespace

variable var(operand x, const axes& over, dims d, int correction) {
  const composition c("var", {x});
  const double n = degrees_of_freedom(c, over, correction);
  return sum(square(c[0] - mean(c[0], over, keep_dims)), over, d) * (1 / n);
}

variable stddev(operand x, const axes& over, dims d, int correction) {
  const composition c("stddev", {x});  // by norm, whose gradient is 0 for constant data
  const double n = degrees_of_freedom(c, over, correction);
  return norm(c[0] - mean(c[0], over, keep_dims), over, d) * (1 / std::sqrt(n));
}

variable prod(operand x, const axes& over, dims d) {  // by halves: exact derivatives at zeros too
  const composition c("prod", {x});
  std::vector<std::size_t> reduced = c.axes(over);
  const shape result = with_axes(c[0].shape(), reduced, d);
  const auto n = static_cast<std::int64_t>(count_of(c[0].shape(), reduced));
  variable rows = reshape(reduced_last(c[0], reduced), {result.elements(), n});
  for (std::int64_t size = n; size > 1; size = (size + 1) / 2) {
    const std::int64_t half = size / 2;
    variable product = slice(rows, {all, {0, half}}) * slice(rows, {all, {half, 2 * half}});
    if (size % 2 == 1) product = concatenate({product, slice(rows, {all, {2 * half, size}})}, 1);
    rows = product;
  }
  return n == 0 ? broadcast_to(c.on().literal(1, c[0].dtype(), x.where()), result)
                : reshape(rows, result);
}

variable argmax(operand x, std::int64_t axis) {
  const composition c("argmax", {x});
  const words attributes{word(c.axis(axis, c[0].shape().rank()))};
  return record(primitives::argmax, {c[0]}, attributes);
}

variable cumsum(operand x, std::int64_t axis) {
  const composition c("cumsum", {x});
  const words attributes{word(c.axis(axis, c[0].shape().rank())), 0};
  return record(primitives::cumsum, {c[0]}, attributes);
}

namespace {

// The maximum m as a constant, and the distances to it: 0 or less, of an infinite m too. Nothing is
// NaN but what m = NaN makes so, since -inf is no farther from the lowest finite number.
struct shifted {
  variable m, x;

  shifted(variable from, const axes& over) : m(stop_gradient(max(from, over, keep_dims))) {
    const double lowest = from.dtype() == float32 ? std::numeric_limits<float>::lowest()
                                                  : std::numeric_limits<double>::lowest();
    x = difference(from, maximum(m, lowest));
  }
};

// The sum of exp(x - shift); 1 where all of them are 0: nothing is divided by it there, and no
// logarithm is infinite.
variable total_of(variable exponentials, const axes& over) {
  const variable total = sum(exponentials, over, keep_dims);
  return total + equal(total, 0);
}

}  // namespace

variable logsumexp(operand x, const axes& over, dims d) {  // m + log sum exp(x - m)
  const composition c("logsumexp", {x});
  const auto reduced = c.axes(over);
  const shifted s(c[0], over);
  return reshaped(log(total_of(exp(s.x), over)) + s.m, with_axes(c[0].shape(), reduced, d));
}

softmax_terms terms_of_softmax(const variable& x, std::int64_t axis) {
  const shifted s(x, axis);
  return {s.x, log(total_of(exp(s.x), axis))};
}

variable log_softmax(operand x, std::int64_t axis) {  // x - m - log sum exp(x - m)
  const composition c("log_softmax", {x});
  const softmax_terms t = terms_of_softmax(c[0], axis);
  return t.distance - t.log_total;
}

// exp(x - m) / sum exp(x - m), so recorded that log_of_softmax finds the logits again. (A softmax
// that is exp(log_softmax(x)) takes 1.3 times as long in float32, 1.5 times in float64.)
variable softmax(operand x, std::int64_t axis) {
  const composition c("softmax", {x});
  const variable e = exp(shifted(c[0], axis).x);
  return exp_quotient(c[0], e, total_of(e, axis));
}

variable log_of_softmax(const variable& p) {
  tape& t = p.owner();
  const auto is = [&](std::uint32_t i, const primitive& op) { return t.nodes()[i].op == &op; };
  if (!is(p.index(), builtin<exp_quotient_op>)) return {};
  const auto quotient = t.operands_of(p.index());
  if (!is(quotient[1], builtin<exp_op>)) return {};
  const std::uint32_t exponent = t.operands_of(quotient[1])[0];
  if (!is(exponent, builtin<difference_op>)) return {};
  const auto distance = t.operands_of(exponent);
  if (distance[0] != quotient[0]) return {};
  const variable shift = t.at(distance[1]), total = t.at(quotient[2]);
  return difference(undo_exp_quotient(p, total, shift), shift) - log(total);
}

}  // namespace cotape

// Composed element-wise operations.
#include "ops/compose.hpp"
#include "primitives/primitives.hpp"

#include <fmt/format.h>

namespace cotape {

composition::composition(const char* name, std::initializer_list<operand> operands)
    : name_(name), where_(operands.begin()->where()) {
  dtype d = float32;
  for (const operand& x : operands) {
    if (x.is_number() || x.as_parameter() != nullptr) continue;
    tape_ = &x.as_variable().owner();
    d = x.as_variable().dtype();
    break;
  }
  if (tape_ == nullptr) {
    throw tape_error(
        fmt::format("{}: no operand is on a tape: record a parameter with tape.read(p) [at {}]",
                    name, where_.text()));
  }
  scope_.emplace(*tape_, where_, name);
  for (const operand& x : operands) inputs_[arity_++] = tape_->resolve(x, d);
}

void composition::demand_floating() const {
  if (inputs_[0].dtype() == int64) {
    fail<dtype_error>("takes float32 or float64, not int64, cast it");
  }
}

std::size_t composition::axis(std::int64_t which, std::size_t rank) const {
  return telling([&] { return normalize_axis(name(), which, rank); }, [&] { return origin(); });
}

std::vector<std::size_t> composition::axes(const cotape::axes& which) const {
  return telling([&] { return which.of(name(), inputs_[0].shape().rank()); },
                 [&] { return origin(); });
}

std::vector<const value_type*> composition::types() const {
  std::vector<const value_type*> list;
  for (std::size_t i = 0; i < arity_; ++i) list.push_back(&inputs_[i].type());
  return list;
}

variable operator+(operand a, operand b) { return add(a, b); }
variable operator-(operand a, operand b) { return subtract(a, b); }
variable operator*(operand a, operand b) { return multiply(a, b); }
variable operator/(operand a, operand b) { return divide(a, b); }
variable operator-(operand x) { return negate(x); }
variable operator<(operand a, operand b) { return less(a, b); }
variable operator<=(operand a, operand b) { return less_equal(a, b); }
variable operator>(operand a, operand b) { return less(b, a); }
variable operator>=(operand a, operand b) { return less_equal(b, a); }

variable negate(operand x) { return multiply(x, operand(-1, x.where().file, x.where().line)); }

variable subtract(operand a, operand b) {
  const composition c("subtract", {a, b});
  return add(c[0],
             b.is_number() ? c.on().literal(-b.number(), c[0].dtype(), b.where()) : negate(c[1]));
}

variable square(operand x) {
  const composition c("square", {x});
  return multiply(c[0], c[0]);
}

variable sinc(operand x) {
  const composition c("sinc", {x});
  return sinc_derivative(c[0], 0);
}

variable greater(operand a, operand b) { return less(b, a); }
variable greater_equal(operand a, operand b) { return less_equal(b, a); }

variable not_equal(operand a, operand b) {
  const composition c("not_equal", {a, b});
  return subtract(1, equal(c[0], c[1]));
}

variable where(operand condition, operand a, operand b) {
  const composition c("where", {condition, a, b});
  return select(c[0], c[1], c[2]);
}

variable clamp(operand x, operand low, operand high) {
  const composition c("clamp", {x, low, high});
  return minimum(maximum(c[0], c[1]), c[2]);
}

variable stop_gradient(operand x) { return record(primitives::stop_gradient, {x}); }

variable cast(operand x, dtype to) {
  const composition c("cast", {x});
  const auto attribute = static_cast<std::int64_t>(c.on().promoted(to));
  if (c[0].dtype() == c.on().promoted(to)) return c[0];
  return record(primitives::cast, {c[0]}, {&attribute, 1});
}

}  // namespace cotape

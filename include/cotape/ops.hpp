// layer: tape
// declarations only
// The operations. Operands are variables, parameters or plain numbers; at least one must be a
// variable. dtypes must agree (numbers adopt the tensors'); shapes broadcast as in NumPy. Every
// function throws shape_error, dtype_error, value_error or tape_error when it is called, naming
// the operation, the shapes and where the operands were made.
#pragma once

#include <functional>
#include <initializer_list>
#include <optional>
#include <vector>

#include "cotape/tape.hpp"

namespace cotape {

// --- Arithmetic (primitives: add, multiply, divide, reciprocal, power) --------------------------

variable operator+(operand a, operand b);
variable operator-(operand a, operand b);
variable operator*(operand a, operand b);
variable operator/(operand a, operand b);
variable operator-(operand x);
variable add(operand a, operand b);
variable subtract(operand a, operand b);
variable multiply(operand a, operand b);
variable divide(operand a, operand b);
variable negate(operand x);
variable reciprocal(operand x);
variable square(operand x);
/// x^n. Whole-numbered n is exact for every x, 0 and negative ones included; x^0 is 1.
variable power(operand x, operand n);

// --- Element-wise functions (primitives) --------------------------------------------------------
// Their errors stand in docs/accuracy.md.

variable exp(operand x);
variable expm1(operand x);
variable log(operand x);
variable log1p(operand x);
/// d sqrt/dx at 0 is infinite, unless its adjoint is 0.
variable sqrt(operand x);
variable sin(operand x);
variable cos(operand x);
variable tanh(operand x);
/// 1 / (1 + exp(-x)).
variable sigmoid(operand x);
/// max(x, 0); the derivative at 0 is 0.
variable relu(operand x);
/// log(1 + exp(x)), without overflow.
variable softplus(operand x);
/// log(x / (1 - x)), the inverse of sigmoid: of a sigmoid's output a program takes the sigmoid's
/// operand instead, and so does the reverse sweep.
variable logit(operand x);
/// e^(-x^2 / 2), to the last digits, of which exp(-0.5 * x * x) loses x^2 / 2 units.
variable gaussian(operand x);
variable erf(operand x);
/// The standard normal distribution's cumulative function, (1 + erf(x / sqrt(2))) / 2, without its
/// cancellation for negative x.
variable normal_cdf(operand x);
/// The derivative at 0 is 0.
variable abs(operand x);
/// -1, 0 or 1; derivative 0.
variable sign(operand x);
/// sin(pi x) / (pi x), and 1 at 0.
variable sinc(operand x);
/// The n-th derivative of sinc at x, n a whole number from 0 to 256; NaN for any other n.
variable sinc_derivative(operand x, operand n);
/// The larger; on a tie each gets half of the adjoint, or as the tape's kink_policy says. NaN wins,
/// and takes the adjoint.
variable maximum(operand a, operand b);
variable minimum(operand a, operand b);
/// How much of maximum(a, b) is a: 1 where a is larger or alone NaN, `tie` where they are equal or
/// both NaN, else 0. Derivative 0.
variable share_of_maximum(operand a, operand b, operand tie);
/// a - b, and 0 where a and b are equal, be they infinite: how softmax takes a maximum away.
variable difference(operand a, operand b);
/// x log(y), and 0 where x is 0.
variable xlogy(operand x, operand y);
/// 0 where dy is 0, else dy * l: how rules multiply an adjoint by a local derivative.
variable chain(operand dy, operand l);
/// 0 where a is 0, b where b is 0, else a * b: how the rules of `chain` multiply two adjoints.
variable absorbing_multiply(operand a, operand b);
/// e / c where e is known to be exp(x - s), s a constant: with the derivatives of exp(x - s) / c in
/// x and c, and none in e. What softmax gives.
variable exp_quotient(operand x, operand e, operand c);
/// log(p c) + s, which is x if p is exp_quotient(x, exp(x - s), c): of such a p a program takes x,
/// and so does the reverse sweep. How losses come from a softmax back to its logits.
variable undo_exp_quotient(operand p, operand c, operand s);

// Comparisons give 1 or 0 in the operands' dtype; derivative 0.
variable less(operand a, operand b);
variable less_equal(operand a, operand b);
variable greater(operand a, operand b);
variable greater_equal(operand a, operand b);
variable equal(operand a, operand b);
variable not_equal(operand a, operand b);
variable operator<(operand a, operand b);
variable operator<=(operand a, operand b);
variable operator>(operand a, operand b);
variable operator>=(operand a, operand b);

/// a where condition is not 0, else b. Also as `where`.
variable select(operand condition, operand a, operand b);
variable where(operand condition, operand a, operand b);
variable clamp(operand x, operand low, operand high);
/// The same value with derivative 0.
variable stop_gradient(operand x);
/// Another dtype (float64 for float32 on a float64 tape); to int64 rounds toward zero and has
/// derivative 0.
variable cast(operand x, dtype to);

// --- Reductions over axes (default: all) --------------------------------------------------------

/// Axes counted from 0, or from the end if negative; default: all.
class axes {
 public:
  axes() = default;
  axes(std::int64_t axis) : list_{{axis}} {}
  axes(std::initializer_list<std::int64_t> list) : list_{list} {}
  explicit axes(std::vector<std::int64_t> list) : list_{std::move(list)} {}
  /// As sorted positive axes of a tensor of that rank; throws value_error naming `op`.
  std::vector<std::size_t> of(const char* op, std::size_t rank) const;
  bool all() const { return !list_; }
  /// As they were given; none are all.
  const std::optional<std::vector<std::int64_t>>& given() const { return list_; }

 private:
  std::optional<std::vector<std::int64_t>> list_;
};
/// Whether reduced axes stay, with size 1.
enum class dims : bool { drop, keep };
inline constexpr dims keep_dims = dims::keep;

variable sum(operand x, const axes& over = {}, dims d = dims::drop);
variable mean(operand x, const axes& over = {}, dims d = dims::drop);
/// Mean squared deviation; `correction` 1 divides by n - 1.
variable var(operand x, const axes& over = {}, dims d = dims::drop, int correction = 0);
/// sqrt of var; its gradient for constant data is 0.
variable stddev(operand x, const axes& over = {}, dims d = dims::drop, int correction = 0);
/// Ties share the adjoint evenly, or as the tape's kink_policy says. NaN wins, and its adjoint too.
variable max(operand x, const axes& over = {}, dims d = dims::drop);
variable min(operand x, const axes& over = {}, dims d = dims::drop);
variable prod(operand x, const axes& over = {}, dims d = dims::drop);
/// sqrt of the sum of squares; the gradient at 0 is 0.
variable norm(operand x, const axes& over = {}, dims d = dims::drop);
/// The first of the largest, as int64.
variable argmax(operand x, std::int64_t axis = -1);
/// Of nothing but -inf: -inf, with the gradient 0. Elements of inf share the gradient evenly.
variable logsumexp(operand x, const axes& over = {}, dims d = dims::drop);
/// Elements of -inf give 0, and so does a row of nothing else; k elements of inf give 1/k each.
variable softmax(operand x, std::int64_t axis = -1);
variable log_softmax(operand x, std::int64_t axis = -1);
variable cumsum(operand x, std::int64_t axis = -1);

// --- Linear algebra -----------------------------------------------------------------------------

/// NumPy's matmul: 1-D, 2-D and batched operands, batch axes broadcast.
variable matmul(operand a, operand b);

// --- Layout -------------------------------------------------------------------------------------

/// One size may be -1: what the others leave.
variable reshape(operand x, std::initializer_list<std::int64_t> sizes);
variable reshape(operand x, const shape& s);
/// Axes in the given order; default: reversed.
variable transpose(operand x, std::initializer_list<std::int64_t> order = {});
variable broadcast_to(operand x, const shape& s);
/// A new axis of size 1 before `axis`.
variable expand_dims(operand x, std::int64_t axis);
/// Without its axes of size 1, or without the given one.
variable squeeze(operand x, const axes& which = {});

/// One axis of a slice: an index (which drops the axis), everything, or start:stop:step as in
/// Python, negatives included.
struct range {
  std::optional<std::int64_t> start, stop;
  std::int64_t step = 1;
  bool single = false;
  range() = default;
  range(int index) : start(index), single(true) {}
  range(std::int64_t index) : start(index), single(true) {}
  range(std::optional<std::int64_t> from, std::optional<std::int64_t> to, std::int64_t by = 1)
      : start(from), stop(to), step(by) {}
};
inline const range all{};
variable slice(operand x, std::initializer_list<range> ranges);

/// The parts side by side along an axis, and along a new one. They are recorded at the call's line.
variable concatenate(const std::vector<operand>& parts, std::int64_t axis = 0,
                     const char* file = __builtin_FILE(), int line = __builtin_LINE());
variable stack(const std::vector<operand>& parts, std::int64_t axis = 0,
               const char* file = __builtin_FILE(), int line = __builtin_LINE());
/// `parts` equal pieces along an axis.
std::vector<variable> split(operand x, std::int64_t parts, std::int64_t axis = 0);
/// `before` and `after` elements of `value` along each axis; for "reflect" and "edge" in place of a
/// value see vision.hpp.
variable pad(operand x, std::initializer_list<std::int64_t> before,
             std::initializer_list<std::int64_t> after, double value = 0);
/// x's entries along an axis at int64 indices, whose shape replaces the axis. An index outside the
/// axis stops the run with value_error before any effect.
variable gather(operand x, operand indices, std::int64_t axis = 0);
/// Zeros of `size` along the axis, to which x's entries are added at the indices.
variable scatter_add(operand x, operand indices, std::int64_t size, std::int64_t axis = 0);
/// 1 where the class axis (new, last) equals the int64 label, else 0.
variable one_hot(operand labels, std::int64_t classes, dtype d = float32);
/// The diagonal of a square matrix, or the matrix with a vector as its diagonal.
variable diag(operand x);
/// The lower triangle (column - row <= k), zero above it.
variable tril(operand x, std::int64_t k = 0);

// --- A derivative of one's own ------------------------------------------------------------------

/// Given inputs, output and the output's adjoint: the inputs' adjoints (empty ones for zero).
using derivative_rule = std::function<std::vector<variable>(const std::vector<variable>& inputs,
                                                            variable output, variable adjoint)>;
struct custom_rule {
  derivative_rule rule;
};
/// f(inputs), differentiated by `rule` instead of through f. The tape keeps the rule and calls it
/// whenever a gradient is recorded: it must own what it captures.
variable custom_gradient(const std::function<variable(const std::vector<variable>&)>& f,
                         const std::vector<variable>& inputs, derivative_rule rule);

}  // namespace cotape

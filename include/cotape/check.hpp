// layer: check
// Gradients against numeric differentiation, in double whatever the dtype. A wrong gradient is
// traced to the operation whose rule is wrong.
//
//   gradient_check c = check_gradient([](variable a, variable b) { return matmul(a, b); }, {x, y});
//   std::cout << c;      // a table: a verdict for each input, with its evidence
#pragma once

#include <concepts>
#include <cstdint>
#include <functional>
#include <iosfwd>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "cotape/tape.hpp"
#include "cotape/xtensor.hpp"

namespace cotape {

struct gradient_check_options {
  int directions = 5;                  // for each input
  bool each_element = false;           // instead: one element after another
  bool second_order = false;           // checks the gradient's own gradient too
  std::uint64_t seed = 0;              // of directions and cotangents
  double tolerance = 1e-6;             // relative error from which a derivative is called wrong
  double step = 1e-4;                  // first step, times the input's 2-norm or 1, the larger
  int most_redraws = 20;               // for each direction
  std::ostream* progress = nullptr;    // lines on a check that takes over a second
  std::function<double()> clock = {};  // of these: seconds; default: a steady clock
};

/// What the check found for an input, the gravest first.
enum class verdict {
  non_finite,       // the function or its gradient is infinite or NaN
  wrong,            // gradient and differences disagree, or the dot-product test fails
  kink,             // no smooth direction was found
  ill_conditioned,  // differences cannot resolve a derivative as small as this
  vacuous,          // the gradient is zero and the function does not move
  ok,
};
/// "ok", "wrong" ...
const char* name_of(verdict v);

/// The operation that explains a verdict: the first on the way from the input to the output that
/// is wrong taken alone, has a kink, or makes an infinity or NaN of finite operands.
struct blamed_node {
  std::string op;
  std::vector<shape> operands;
  place where;              // the line that recorded it
  std::size_t operand = 0;  // wrong: for which operand ...
  double by_rule = 0;       // ... and the directional derivatives
  double by_differences = 0;
  bool linear = true;                 // its rule passes the dot-product test
  std::vector<std::int64_t> element;  // kink, non_finite: of the result
  double value = 0;                   // of this element
};

/// One input's part of a gradient check.
struct input_check {
  std::string name;
  cotape::shape shape;
  verdict found = verdict::ok;
  double worst_error = 0;  // relative to the larger of the two below; infinite if non-finite
  double by_gradient = 0;  // the directional derivatives in the worst direction
  double by_differences = 0;
  double error_bar = 0;               // of by_differences
  double by_jvp = 0;                  // the same derivative by a Jacobian-vector product
  bool linear = true;                 // the dot-product test: that one equals by_gradient
  std::vector<std::int64_t> element;  // with each_element: the direction
  int directions = 0;                 // compared
  int redrawn = 0;  // directions that crossed a kink: drawn anew, with a smaller step
  std::optional<blamed_node> node;
};

struct gradient_check {
  std::vector<input_check> inputs;  // then parameters

  /// The worst of all; infinite if something is not finite or could not be compared at all.
  double worst_error() const;
  int redrawn() const;
  /// Whether every input is ok or vacuous, and not all are vacuous.
  bool ok() const;
  /// A line an input, and one more for the operation that explains it.
  std::string table() const;
};
std::ostream& operator<<(std::ostream& out, const gradient_check& c);

/// Compares the gradient of a function that records itself on the float64 tape that it is given
/// with central differences in random directions, each of unit length, over one of the parameters
/// that it reads there (as operands, or by tape.read) at a time; no parameter changes. A result of
/// several elements is multiplied by a random cotangent. `parameters` empty: all trainable ones
/// of a floating dtype that are read. Random values of the tape (`generator`) stay as they are.
///
/// The differences: steps h, h/2, h/4, Richardson's extrapolation, with its own error bar. A
/// direction is a kink's if the slopes from the left and from the right do not meet as the step
/// shrinks, or the extrapolation does not converge. The dot-product test compares w . (J d) by jvp
/// with (J' w) . d by vjp.
///
/// Throws dtype_error if the function gives integers, value_error for a parameter of integers or
/// where there is nothing to check.
gradient_check check_gradient(const std::function<variable(tape&)>& f,
                              std::vector<parameter> parameters = {},
                              const gradient_check_options& options = {});

namespace detail {

template <class F, class Indices> inline constexpr bool takes_indexed = false;
template <class F, std::size_t... I>
inline constexpr bool takes_indexed<F, std::index_sequence<I...>> =
    std::invocable<F&, std::enable_if_t<I + 1 != 0, variable>...>;
template <class F, std::size_t N>
inline constexpr bool takes = takes_indexed<F, std::make_index_sequence<N>>;

// How many variables f takes; 0 if it takes none, or more than six.
template <class F>
inline constexpr std::size_t variables_taken = takes<F, 1>   ? 1
                                               : takes<F, 2> ? 2
                                               : takes<F, 3> ? 3
                                               : takes<F, 4> ? 4
                                               : takes<F, 5> ? 5
                                               : takes<F, 6> ? 6
                                                             : 0;
template <class F>
concept function_of_variables = variables_taken<F>
!= 0 || std::invocable<F&, const std::vector<variable>&>;

template <class F, std::size_t... I>
variable call(F& f, const std::vector<variable>& v, std::index_sequence<I...>) {
  return f(v[I]...);
}

// `taken`: how many variables f takes, or 0 for any number.
gradient_check check_gradient(const std::function<variable(const std::vector<variable>&)>& f,
                              std::size_t taken, std::span<const array_argument> at,
                              const gradient_check_options& options);

}  // namespace detail

/// The same for a function of one to six variables, or of a list of them, at arrays, and for the
/// trainable parameters that it reads: a model is such a function. Arrays of integers are passed on
/// and not checked. Throws value_error too if there are more or fewer arrays than variables.
template <detail::function_of_variables F>
gradient_check check_gradient(F&& f, std::initializer_list<array_argument> at,
                              const gradient_check_options& options = {}) {
  constexpr std::size_t taken = detail::variables_taken<F>;
  const auto over_list = [&f](const std::vector<variable>& v) -> variable {
    if constexpr (taken == 0) return f(v);
    else return detail::call(f, v, std::make_index_sequence<taken>());
  };
  return detail::check_gradient(over_list, taken, {at.begin(), at.size()}, options);
}

}  // namespace cotape

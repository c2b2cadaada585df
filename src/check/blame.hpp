// Which operation explains a verdict: one by one, in the order of recording, along the way from an
// input to the output.
#pragma once

#include "check/line.hpp"
#include "cotape/check.hpp"

namespace cotape::check {

/// The first whose rule, taken alone as a function of its operands, is not what differences give.
/// A custom_gradient counts as one operation. Operations without a derivative (stop_gradient) are
/// blamed only if all others are right.
std::optional<blamed_node> find_wrong(line& f, std::size_t input,
                                      const gradient_check_options& options);

/// The first whose result has an element with a kink within the step in the line's direction.
std::optional<blamed_node> find_kink(line& f, std::size_t input, double step);

/// The first that makes an infinity or NaN of finite operands, forward before backward: at the
/// point, else a step from it.
std::optional<blamed_node> find_non_finite(line& f, double step);

}  // namespace cotape::check

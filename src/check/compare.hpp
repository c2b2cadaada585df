// One input of a line: its derivative by the gradient and by differences, direction after
// direction, and the verdict on them.
#pragma once

#include "check/line.hpp"
#include "cotape/check.hpp"

namespace cotape::check {

/// What is called when a verdict becomes graver, while the line's direction and `step` are those
/// that showed it.
using witness = std::function<void(verdict, double step)>;

/// How many directions are looked at for an input of so many elements.
std::size_t directions_of(std::size_t elements, const gradient_check_options& options);
/// `each` is called after each of them.
input_check compare(line& f, std::size_t i, double norm, const gradient_check_options& options,
                    const witness& graver = {}, const std::function<void()>& each = {});

/// The 2-norm of a value of any dtype.
double norm_of(array_view v);

}  // namespace cotape::check

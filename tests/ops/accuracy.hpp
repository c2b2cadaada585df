// How far an operation's result, or its derivative, may be off: the bounds of docs/accuracy.md's
// tables, and errors in the units that they are in. The tests of values take no other tolerances.
#pragma once

#include <map>
#include <string>

#include "support.hpp"

namespace cotape::tests {

struct error_bounds {
  double float32 = 0, float64 = 0;
};

/// What the tables under a heading of docs/accuracy.md are about.
enum class quantity { value, first_derivative, step_back };

/// Their rows `| name, name: variant, ... | float32 | float64 | ...`, by name; "exact" is 0.
const std::map<std::string, error_bounds>& documented_bounds(quantity q = quantity::value);
/// The name under which they hold a case, with its variant if that has a row; or "".
std::string documented_name(const op_case& c, quantity q = quantity::value);

/// |got - wanted| in units in the last place of `of`, a number of dtype d.
double error_in_units(real got, real wanted, real of, dtype d);

/// The largest error of the results got for inputs x, in d: in units in the last place, or in
/// epsilons of the case's magnitude; infinite for a wrong NaN, infinity or integer.
double largest_error(const op_case& c, const arrays& x, const array& got, dtype d);

/// EXPECTs the reference's shape and no larger error than documented.
void expect_accurate(const op_case& c, const arrays& x, const array& got, dtype d);

/// As many arguments a case and dtype are tried; COTAPE_ACCURACY_ARGUMENTS in the environment says
/// otherwise, for measuring by hand.
std::size_t number_of_arguments();
/// Inputs for an element-wise case, rounded to d: each element from one of the domains, or any
/// number.
arrays draw_widely(const op_case& c, dtype d, engine& random);
/// Inputs for another case: as drawn, or all elements much larger or smaller, or each.
arrays draw_scaled(const op_case& c, const std::vector<shape>& shapes, dtype d, engine& random);
/// Zeros, denormals, infinities and the like, and NaN: every combination of them for the operands.
arrays special_arguments(std::size_t operands, dtype d);

}  // namespace cotape::tests

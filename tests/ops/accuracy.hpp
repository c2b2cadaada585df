// How far an operation's result may be off: the bounds of docs/accuracy.md's table, and errors in
// the units that it is in. The tests of values take no other tolerances.
#pragma once

#include <map>
#include <string>

#include "support.hpp"

namespace cotape::tests {

struct error_bounds {
  double float32 = 0, float64 = 0;
};

/// The table's rows `| name, name: variant, ... | float32 | float64 | ...`, by name; "exact" is 0.
const std::map<std::string, error_bounds>& documented_bounds();
/// The name under which the table holds a case, with its variant if that has a row; or "".
std::string documented_name(const op_case& c);

/// The largest error of the results got for inputs x, in d: in units in the last place, or in
/// epsilons of the case's magnitude; infinite for a wrong NaN, infinity or integer.
double largest_error(const op_case& c, const arrays& x, const array& got, dtype d);

/// EXPECTs the reference's shape and no larger error than documented.
void expect_accurate(const op_case& c, const arrays& x, const array& got, dtype d);

}  // namespace cotape::tests

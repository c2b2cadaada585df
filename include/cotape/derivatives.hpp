// layer: derivatives
// Derivatives as variables: recorded on the same tape by one reverse sweep, so they can be
// differentiated again, fed to an optimizer or evaluated like any other value.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "cotape/tape.hpp"

namespace cotape {

/// dy/dx for each x, of x's type; zeros where y does not depend on x. y must have one element:
/// else throws shape_error and names vjp.
std::vector<variable> gradient(variable y, const std::vector<variable>& xs);
std::vector<variable> gradient(variable y, std::initializer_list<variable> xs);
variable gradient(variable y, variable x);

/// Vector-Jacobian product: the sum over y's elements of dy * dy/dx, for each x. dy has y's type.
std::vector<variable> vjp(variable y, const std::vector<variable>& xs, operand dy);

/// Jacobian-vector product: y's change for changes `dxs` of the xs, by two vector-Jacobian
/// products.
variable jvp(variable y, const std::vector<variable>& xs, const std::vector<variable>& dxs);

}  // namespace cotape

// Targets in the shape of what they are compared with.
#pragma once

#include "cotape/tape.hpp"

namespace cotape::detail {

/// Whether the two have as many rows, which are of one shape but for axes of size 1.
bool fits(const shape& target, const shape& prediction);
/// The target in the prediction's shape if it fits, else as it is.
variable fitted(const variable& target, const variable& prediction);

}  // namespace cotape::detail

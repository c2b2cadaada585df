// The parameters that a loss trains.
#pragma once

#include <string>
#include <vector>

#include "cotape/tape.hpp"

namespace cotape::detail {

/// The trainable parameters whose current value on the tape the gradient of the loss reaches.
/// Throws value_error in the name of `who` if there are none, or if it reaches an earlier value
/// alone.
std::vector<parameter> trainable_inputs(const variable& loss, const std::string& who);

}  // namespace cotape::detail

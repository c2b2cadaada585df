// Loops over one element as runs of instructions over single numbers.
#pragma once

#include <optional>

#include "code/loop.hpp"
#include "kernels/scalars.hpp"

namespace cotape::code {

// The loop as such a run; nothing if it is none: it has more elements, too few operations, several
// types, or one of them has no function for single numbers.
std::optional<kernels::scalar_body> scalar_run_of(const loop& l);

}  // namespace cotape::code

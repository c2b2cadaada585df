// The search for what made an infinity or NaN, over values that a program gives.
#pragma once

#include "cotape/non_finite.hpp"

namespace cotape::check {

/// The nodes that the roots are computed from, in the order of recording.
std::vector<variable> needed_by(tape& t, std::span<const std::uint32_t> roots);

/// The first node whose infinity or NaN reaches a root; nothing if all roots are finite. The
/// program's outputs are `needed_by(t, roots)`.
std::optional<non_finite> first_non_finite(tape& t, std::span<const std::uint32_t> roots,
                                           const program& code);

}  // namespace cotape::check

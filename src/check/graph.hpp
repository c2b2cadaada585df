// Reading a recorded function: which nodes lie between an input and the output, and copies of
// nodes as functions of their operands.
#pragma once

#include <map>
#include <vector>

#include "cotape/tape.hpp"

namespace cotape::check {

/// The nodes of floating dtypes after `from` that depend on it and that `to` is computed from, by
/// way of tape::rule_operands_of; ascending.
std::vector<std::uint32_t> path(const tape& t, std::uint32_t from, std::uint32_t to);

/// `target` computed from other values in place of some nodes. What lies between is recorded anew;
/// what has no derivative stays.
variable recomputed(tape& t, std::map<std::uint32_t, variable> instead, std::uint32_t target);

/// A custom_gradient or exp_quotient computed from other operands: of the latter, the first and the
/// last, since its rule takes the second for a function of the first.
bool stands_on_its_tape(const tape& t, std::uint32_t node);
variable recorded_again(tape& t, std::uint32_t node, const std::vector<variable>& operands);

}  // namespace cotape::check

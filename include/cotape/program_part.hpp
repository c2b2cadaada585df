// layer: program
// What a program is made of and what its parts cost, for profiles; where its values had kinks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "cotape/variable.hpp"

namespace cotape {

/// Where a value was recorded: within a reverse sweep, before the last sweep but in none, or after
/// it (updates, mostly). A part whose values are of several kinds is mixed.
enum class recorded : std::uint8_t { forward, reverse, after, mixed };

struct program_part {
  std::string what;       // as explain() says
  std::size_t steps = 0;  // kernel calls; a fused loop over several tiles is one
  // 2mnk for a product of matrices; one an element for an element-wise operation (exp as well),
  // one an element of a reduction's operand; none for moving data.
  double flops = 0;
  // What must be read from or written to memory outside of the part: every operand once, every
  // result that is stored once.
  double bytes = 0;
  cotape::dtype dtype = float32;
  recorded in = recorded::forward;
};

/// An operation with kinks, ties or jumps, and where its result was on one in the last run.
struct kink_mask {
  std::string operation;  // "relu"
  std::string text;       // the node as its tape prints it
  place where;            // the line that recorded it
  array_view mask;        // of the result's shape: 1 there, else 0
};

}  // namespace cotape

// What is decided before a loop becomes steps: how much is handled at a time, and how instructions
// get what they read.
#pragma once

#include <cstdint>
#include <vector>

#include "code/loop.hpp"

namespace cotape::code {

// Makes a flat loop that reads what repeats row by row, or along each row, a nest of these rows.
void as_rows(loop& l);

struct tiling {
  std::uint32_t tile = 0;  // units: elements of a flat loop, rows of a nest
  // By instruction:
  std::vector<std::uint32_t> last_use;  // the last that reads its result
  std::vector<bool> made_in_sum;        // only a sum reads it, whose kernel makes it on the way
  std::vector<kernels::walk> walks;     // how kernels for rows read it without a copy an element
  std::vector<bool> needs_tile;         // it is stored, or something reads it element by element
  std::vector<bool> in_pieces;  // it adds up all there is: the sums of pieces, in a step of its own
  // Of an operation and of the sum of its rows, or of their squares, which its kernel makes on the
  // way: the other one; else none.
  std::vector<std::uint32_t> partner;
  std::int64_t grain = 1;  // units, of which threads take multiples
};
tiling tiling_of(const loop& l);

// The instruction has a kernel for rows.
inline bool for_rows(const loop::instruction& i) {
  return i.does == loop::kind::apply && i.scalar != nullptr && i.scalar->in_rows != nullptr;
}
inline const kernels::reduction& geometry_of(const loop::instruction& reduction) {
  return *static_cast<const kernels::reduction*>(reduction.side);
}
std::int64_t count_of(const loop& l, loop::kind kind);
// How many threads share a loop of so many steps.
int parts_of(const loop& l, std::int64_t grain, std::int64_t steps);

}  // namespace cotape::code

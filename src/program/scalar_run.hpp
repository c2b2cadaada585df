// Lowering runs over single numbers: see kernels/scalars.hpp.
#pragma once

#include <vector>

#include "kernels/scalars.hpp"
#include "primitives/lowering.hpp"
#include "program/placement.hpp"

namespace cotape {

// Tables by root value that the lowering of items shares; all of `tile` is no_node between items.
struct loop_tables {
  std::vector<std::uint32_t> tile;         // what gives the value in its item: slot, instruction
  std::vector<std::size_t> last_position;  // the last value of the item that reads it
};

// Makes the item's values a run (`s` its step) and returns its description, whose outside pointers
// are region words (see code/location.hpp) to be resolved; null if the item is no such run.
kernels::scalar_body* lower_scalars(const graph& g, const schedule::item& item, const placement& p,
                                    loop_tables& tables, side_store& sides, kernels::step& s);

}  // namespace cotape

// Runs over single numbers: many size-1 values as 16-byte instructions over packed slots. The
// last two results are in registers. Values from outside are copied
// into slots before the run, results out of them after it.
#pragma once

#include <vector>

#include "primitives/lowering.hpp"
#include "program/placement.hpp"
#include "tensor/memory.hpp"

namespace cotape {

struct scalar_body {
  struct transfer {
    const void* outside;
    std::uint32_t slot;
  };
  cotape::dtype dtype = float64;
  std::vector<kernels::scalar_instruction, line_allocator<kernels::scalar_instruction>> code;
  std::vector<kernels::any_function> functions;  // by number; the last one stops
  std::vector<transfer> imports, exports;
  std::vector<double, line_allocator<double>>
      slots;  // doubles, or floats of which only half the room is used
};

// Tables by root value that the lowering of items shares; all of `tile` is no_node between items.
struct loop_tables {
  std::vector<std::uint32_t> tile;         // where in its item the value is kept
  std::vector<std::size_t> last_position;  // the last value of the item that reads it
};

// Makes the item's values a run (`s` its step) and returns its description, whose outside pointers
// are region words (see emit.hpp) to be resolved; null if the item is no such run.
scalar_body* lower_scalars(const graph& g, const schedule::item& item, const placement& p,
                           loop_tables& tables, side_store& sides, kernels::step& s);

}  // namespace cotape

// Runs over single numbers: many values of one element as 16-byte instructions over packed slots.
// The last two results are in registers. Values from outside are copied into slots before the run,
// results out of them after it.
#pragma once

#include <utility>
#include <vector>

#include "cotape/kernel.hpp"
#include "kernels/step.hpp"
#include "tensor/memory.hpp"

namespace cotape::kernels {

struct scalar_body {
  struct transfer {
    const void* outside;
    std::uint32_t slot;
  };
  cotape::dtype dtype = float64;
  std::vector<scalar_instruction, line_allocator<scalar_instruction>> code;
  std::vector<any_function> functions;  // by number; the last one is stop_scalars
  std::vector<transfer> imports, exports;
  // The instructions that call operations of one's own, ascending, and the lines of those.
  std::vector<std::pair<std::uint32_t, place>> own;
  std::vector<double, line_allocator<double>>
      slots;  // doubles, or floats of which only half the room is used
};

// side = a scalar_body.
kernel run_scalars(dtype);
// The function of the last instruction.
any_function stop_scalars(dtype);
// A loop from outside as an operation of a run, called with one element.
scalar_functions call_of_loop(dtype, element_loop);

}  // namespace cotape::kernels

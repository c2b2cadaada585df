// A fused loop: steps that run for one tile of their buffers after the other.
#pragma once

#include <array>
#include <cstddef>
#include <vector>

#include "kernels/step.hpp"

namespace cotape::kernels {

// A step of a loop: its pointers move by so many bytes a tile.
struct loop_step {
  step what;
  std::array<std::uint64_t, 4> advance{};  // of d, a, b, c
};

struct loop_body {
  std::vector<loop_step> before;  // run once
  std::vector<loop_step> steps;   // run for each tile
  std::vector<loop_step> last;    // for the last tile, if it is not whole and differs
  std::uint32_t size = 0;         // elements
  std::uint32_t tile = 0;         // elements at a time
  // How many threads share the loop, in multiples of so many elements. Each has a scratch buffer of
  // its own, one behind the other.
  std::uint32_t grain = 0;
  int parts = 1;
  std::byte* scratch = nullptr;
  std::size_t scratch_bytes = 0;
  mutable std::vector<loop_step> moving;  // each part's copy of the steps, at the tile it is at
};

// Runs a loop_body (s.side) tile by tile.
void run_loop(const step& s);

}  // namespace cotape::kernels

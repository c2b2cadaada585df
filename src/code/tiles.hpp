// A loop as it runs: steps that run for one tile of their buffers after the other. A tile is so
// many units: elements of a flat loop, rows of a nest.
#pragma once

#include <array>
#include <cstddef>
#include <vector>

#include "kernels/step.hpp"

namespace cotape::code {

// A step of a loop: its pointers move by so many bytes a unit. Where its `n` is set, it handles so
// many elements whatever the tile.
struct tile_step {
  kernels::step what;
  std::array<std::uint64_t, 4> advance{};  // of d, a, b, c
  std::uint32_t width = 1;                 // elements that it handles a unit
  std::uint32_t base = 1;  // by which its flat index moves a unit: as many, or 0 if it sees tiles
};

// An operand of a step that moves through memory: its n-th pointer, of d, a, b, c.
struct stream {
  std::uint32_t step = 0;
  std::uint32_t operand = 0;
};
inline constexpr std::size_t most_fetched = 16;

struct tiled_loop {
  std::vector<tile_step> before;  // run once
  std::vector<tile_step> steps;   // run for each tile
  std::vector<tile_step> last;    // for the last tile, if it is not whole and differs
  // What is fetched for the next tile while one is handled, a share of it after each step: at most
  // most_fetched.
  std::vector<stream> streams;
  std::uint32_t size = 0;  // units
  std::uint32_t tile = 0;  // units at a time
  // How many threads share the loop, in multiples of so many units. Each has a scratch buffer of
  // its own, one behind the other.
  std::uint32_t grain = 0;
  int parts = 1;
  std::byte* scratch = nullptr;
  std::size_t scratch_bytes = 0;
  // Each part's copy of the steps, at the tile it is at, and one between two of them: parts share
  // no line.
  mutable std::vector<tile_step> moving;
};

// What a nest that reduces rows fetches: it waits for memory where it reads a row first, and not
// where it goes on with it. (Layer norm's gradients take 0.7 of the time, of rows of 512; a loop
// that reads all along is fetched for by the processor and would take longer.)
std::vector<stream> streams_of(const tiled_loop& loop);

// Runs a tiled_loop (s.side) tile by tile.
void run_tiles(const kernels::step& s);

}  // namespace cotape::code

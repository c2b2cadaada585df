// Where each value lives: an arena by lifetime, with a value taking over the buffer of one that
// dies where that is safe; constants apart, where nothing overwrites them.
#pragma once

#include <vector>

#include "program/schedule.hpp"
#include "tensor/arena_plan.hpp"
#include "tensor/memory.hpp"

namespace cotape {

enum class region : std::uint8_t {
  pointer,    // outside of the program: a parameter's storage, a constant tensor
  arena,      // offset into the arena
  constants,  // offset into the buffer of folded constants and literals
  scratch,    // offset into the buffer for tiles, reused by each item
  folding,    // the same, of the constant steps
  external,   // number of an input or constant whose address is given at each run
  none,       // not stored: lives in a tile inside its loop
};

struct location {
  region where = region::none;
  std::uint64_t at = 0;
  friend bool operator==(const location&, const location&) = default;
};

struct placement {
  std::vector<location> of;  // by value, those that are the `whole` of themselves
  std::uint64_t arena = 0, most_alive = 0, constants = 0;
  // Input and constant values given by address, and views of a part of them.
  std::vector<std::uint32_t> externals;
};

inline std::uint64_t offset_bytes(const graph& g, std::uint32_t v) {
  return static_cast<std::uint64_t>(g.offset(v)) * size_of(g.type(v).dtype);
}

placement make_placement(const graph& g, const schedule& s, bool rebind);

}  // namespace cotape

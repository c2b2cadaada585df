// Where each value lives: an arena by lifetime, with a value taking over the buffer of one that
// dies where that is safe; constants apart, where nothing overwrites them.
#pragma once

#include <vector>

#include "code/location.hpp"
#include "program/schedule.hpp"
#include "tensor/arena_plan.hpp"
#include "tensor/memory.hpp"

namespace cotape {

using code::location;
using code::region;
using code::region_word;

struct placement {
  std::vector<location> of;  // by value, those that are the `whole` of themselves
  std::uint64_t arena = 0, most_alive = 0, constants = 0;
  // Input and constant values given by address, and views of a part of them.
  std::vector<std::uint32_t> externals;
};

inline std::uint64_t offset_bytes(const graph& g, std::uint32_t v) {
  return static_cast<std::uint64_t>(g.offset(v)) * size_of(g.type(v).dtype);
}

inline void* word_of(const graph& g, const placement& p, std::uint32_t v) {
  return region_word(p.of[g.whole(v)]);
}

placement make_placement(const graph& g, const schedule& s, bool rebind);

}  // namespace cotape

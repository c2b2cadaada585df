// When each value is computed. Values that stand at the same place of what they read form groups,
// one loop each; groups run in an order that follows their edges and frees memory first. An
// in-place update of a parameter comes after all readers of the old value and after everything
// that may throw.
#pragma once

#include <vector>

#include "program/order.hpp"

namespace cotape {

struct schedule {
  struct item {
    bool loop = false;      // element-wise values and reductions over `size` elements
    bool constant = false;  // runs once, when constants are bound
    std::int64_t size = 0;
    std::int64_t columns = 0;  // of a nest, whose rows hold `size` elements together; 0: it is flat
    std::vector<std::uint32_t> values;  // in order
    std::size_t reductions = 0;         // of them
  };
  use_lists uses;
  std::vector<item> items = {};
  std::vector<std::uint32_t> item_of;  // by value; no_node for sources and views
  // By value: the parameter (in the tape's parameters) that it is written into directly.
  std::vector<std::uint32_t> in_place;
  std::vector<bool> by_row;  // by value: it is one a row of its nest
};

schedule make_schedule(const graph& g, bool fuse);

// Makes pairs of operations within loops one operation: see primitives/pairs.hpp.
void pair_up(graph& g, schedule& s);

// The number of elements a loop over v walks: v's own, or a reduction's input's.
inline std::int64_t loop_size(const graph& g, std::uint32_t v) {
  return g.elements(g.how(v) == form::reduction ? g.values[v].in[0] : v);
}
// v, a slice, is read as a loop goes on over its elements.
inline bool loads_part(const graph& g, std::uint32_t v) {
  return g.how(v) == form::elementwise && g.values[v].op->picks;
}
inline bool in_loops(const graph& g, std::uint32_t v) {
  return g.how(v) == form::elementwise || g.how(v) == form::reduction;
}
// v is computed in a loop that reads its operand i element by element.
inline bool reads_in_step(const graph& g, std::uint32_t v, std::uint32_t i) {
  return in_loops(g, v) && g.elements(i) == loop_size(g, v) && g.whole(i) == g.root(i) &&
         !loads_part(g, v);
}

}  // namespace cotape

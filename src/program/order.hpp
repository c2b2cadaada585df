// The order in which groups of values run.
#pragma once

#include <span>
#include <utility>
#include <vector>

#include "program/graph.hpp"

namespace cotape {

// What reads the buffer of each root.
class use_lists {
 public:
  explicit use_lists(const graph& g);
  // The values that read the buffer of root r, in order.
  std::span<const std::uint32_t> of(std::uint32_t r) const {
    return {users_.data() + first_[r], users_.data() + first_[r + 1]};
  }
  // r holds an output or a new value of a parameter.
  bool kept(std::uint32_t r) const { return kept_[r]; }
  // One thing alone needs r.
  bool once(std::uint32_t r) const { return of(r).size() + kept(r) == 1; }

 private:
  std::vector<std::uint32_t> first_, users_;
  std::vector<bool> kept_;
};

inline bool stored(const graph& g, std::uint32_t v) {
  return !is_source(g.how(v)) && g.how(v) != form::view;
}

struct groups {
  std::vector<std::uint32_t> of;                    // by value
  std::vector<std::vector<std::uint32_t>> members;  // by group; none: it is no more
};

using edge = std::pair<std::uint32_t, std::uint32_t>;  // before, after

// The groups that run each time, after what they read. For each of the edges between values the
// first is done before the second; values that overwrite something in place come after all that may
// throw.
std::vector<std::uint32_t> order_of(const graph& g, const use_lists& uses, const groups& all,
                                    std::span<const edge> edges,
                                    const std::vector<std::uint32_t>& in_place);

}  // namespace cotape

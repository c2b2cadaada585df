// Nodes that give the same value: of one operation and type, with equal attributes and operands.
// Operands are told apart by numbers that the caller keeps: equal nodes share one.
#pragma once

#include <algorithm>
#include <bit>

#include "cotape/primitive.hpp"

namespace cotape {

template <class Number> class equal_nodes {
 public:
  // number(k) is operand k's. There is room for up to `most` nodes.
  equal_nodes(const tape& t, std::size_t most, Number number)
      : t_(t), number_(number), slots_(std::bit_ceil(2 * most + 2), no_node) {}

  // The first node met that equals node i, whose operands have their numbers; i itself if there was
  // none. An input or a random node equals no other.
  std::uint32_t first_equal(std::uint32_t i) {
    const primitive& op = *t_.nodes()[i].op;
    if (op.random || op.how == form::input) return i;
    for (std::size_t at = hash(i);; ++at) {
      std::uint32_t& slot = slots_[at & (slots_.size() - 1)];  // open addressing
      if (slot == no_node) slot = i;
      if (slot == i || equal(slot, i)) return slot;
    }
  }

 private:
  std::size_t hash(std::uint32_t i) const {
    constexpr std::size_t odd = 0x9e3779b97f4a7c15u;
    const node& n = t_.nodes()[i];
    std::size_t h = reinterpret_cast<std::size_t>(n.op) ^ n.type;
    const auto add = [&](auto x) { h = (h ^ (h >> 29)) * odd + static_cast<std::size_t>(x); };
    for (std::uint32_t k : t_.operands_of(i)) add(number_(k));
    for (std::int64_t w : t_.attributes_of(i)) add(w);
    return (h ^ (h >> 29)) * odd >> 20;
  }

  bool equal(std::uint32_t i, std::uint32_t j) const {
    const node &x = t_.nodes()[i], &y = t_.nodes()[j];
    const auto alike = [](auto p, auto q, auto same) {
      return std::equal(p.begin(), p.end(), q.begin(), q.end(), same);
    };
    return x.op == y.op && x.type == y.type &&
           alike(t_.operands_of(i), t_.operands_of(j),
                 [&](auto k, auto l) { return number_(k) == number_(l); }) &&
           alike(t_.attributes_of(i), t_.attributes_of(j), std::equal_to<>());
  }

  const tape& t_;
  Number number_;
  std::vector<std::uint32_t> slots_;
};

}  // namespace cotape

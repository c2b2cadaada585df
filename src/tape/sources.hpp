// The primitives whose values come from outside the graph, and the view that carries a custom
// derivative. Attributes: input: none; constant: number of the tensor; literal: its bits; read:
// number of the parameter; custom: number of the rule.
#pragma once

#include "cotape/primitive.hpp"

namespace cotape::sources {

extern const primitive input, constant, literal, read, custom;

/// The rule of a custom_gradient node.
inline const custom_rule& rule_of(const tape& t, std::uint32_t node) {
  return t.rule_at(static_cast<std::size_t>(t.attributes_of(node)[0]));
}

}  // namespace cotape::sources

// The primitives whose values come from outside the graph, and the view that carries a custom
// derivative, of its value and the inputs of its rule. Attributes: input: none; constant: number of
// the tensor; literal: its bits; read: number of the parameter; custom: number of the rule.
#pragma once

#include "cotape/primitive.hpp"

namespace cotape::sources {

extern const primitive input, constant, literal, read, custom;

}  // namespace cotape::sources

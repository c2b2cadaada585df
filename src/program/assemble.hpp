// An assembly as values and steps: each value puts one part, at its indices if it has some, into
// what the one before it made.
#pragma once

#include "primitives/lowering.hpp"
#include "program/graph.hpp"

namespace cotape {

/// Appends the values of an assembly, `of` without operands, whose nodes' values are at the places;
/// gives the last.
std::uint32_t append_assembly(graph& g, const graph::value& of,
                              const std::vector<std::uint32_t>& place);

bool is_put(const graph& g, std::uint32_t v);

/// What v fills its buffer with, if it does.
double rest_of(const graph& g, std::uint32_t v);
/// Steps for v, without their pointers: what fills the buffer before, and what puts the part.
kernels::step fill_with_rest(const graph& g, std::uint32_t v, side_store& sides);
kernels::step put_part(const graph& g, std::uint32_t v, side_store& sides);

}  // namespace cotape

// An assembly as values and steps: each value puts one part, at its indices if it has some, into
// what the one before it made.
#pragma once

#include "primitives/lowering.hpp"
#include "program/graph.hpp"

namespace cotape {

/// Appends the values of an assembly, `of` without operands, whose nodes have these values;
/// gives the last.
std::uint32_t append_puts(graph& g, const graph::value& of,
                          const std::vector<std::uint32_t>& number_of);

bool is_put(const graph& g, std::uint32_t v);

/// Whether v goes on with the assembly to which what it goes into belongs.
bool goes_on(const graph& g, std::uint32_t v);

/// Adds v, whose part is at `from`, to what is put together by one step: all of it, or what it
/// fills before if the part has indices, which takes a step of its own.
void put_part(const graph& g, std::uint32_t v, const void* from, kernels::puts& to);

}  // namespace cotape

// The part of a tape that a program needs, while passes rewrite it: a flat array of values in an
// order in which inputs precede their users. A value is known by its index; a rewritten value
// keeps its place, and prune() drops those that nothing needs any more.
#pragma once

#include <array>
#include <vector>

#include "cotape/primitive.hpp"
#include "cotape/program.hpp"
#include "kernels/gemm.hpp"
#include "primitives/assemble.hpp"

namespace cotape {

// A condition that must hold: a value of its own, so that it is scheduled like any other. A copy of
// a value.
extern const primitive requirement, copy;

struct graph {
  struct value {
    const primitive* op;
    // The operands; of any_number, where they stand in `lists` and how many they are. A part of an
    // assembly has itself and perhaps its indices, a product those in gemm.hpp.
    std::array<std::uint32_t, 4> in{};
    std::uint32_t type;     // in the tape's types
    std::uint32_t node;     // where its attributes stand on the tape
    bool constant = false;  // depends on literals and constants only
    bool into = false;  // the last operand is what the result goes into, in place where it is free
    bool adds = false, fills = false;  // of an assembly: the part is added, the rest filled before
    std::uint8_t count = 0;            // of operands, or any_number
    std::uint32_t part = no_node;      // of an assembly: its number
    std::uint32_t product = no_node;   // of a product: its number in `products`
    std::uint32_t goes_into() const { return in[count - 1]; }
  };
  struct update {
    std::uint32_t parameter;  // in the tape's parameters
    std::uint32_t value;
  };

  explicit graph(tape& t) : on(t) {}
  const value_type& type(std::uint32_t v) const { return on.type_at(values[v].type); }
  std::int64_t elements(std::uint32_t v) const { return type(v).shape.elements(); }
  // Of a part of an assembly its own ones alone; of a requirement, whose node is the number of its
  // message, none.
  std::span<const std::int64_t> attributes(std::uint32_t v) const {
    if (is(v, requirement)) return {};
    const auto words = on.attributes_of(values[v].node);
    if (values[v].part == no_node) return words;
    return primitives::assembly(words).words_of(values[v].part);
  }
  // The value whose buffer v shares: v itself unless it is a view. Filled in by prune().
  std::uint32_t root(std::uint32_t v) const { return views[v].root; }
  // The value all of which v shows: v itself unless it is a view of all of another.
  std::uint32_t whole(std::uint32_t v) const { return views[v].whole; }
  // The elements of the root's buffer before v.
  std::int64_t offset(std::uint32_t v) const { return views[v].offset; }
  bool is(std::uint32_t v, const primitive& op) const { return values[v].op == &op; }
  template <class G> static auto operands_in(G& g, std::uint32_t v) {
    auto& x = g.values[v];
    if (x.count == any_number) return std::span(g.lists.data() + x.in[0], x.in[1]);
    return std::span(x.in.data(), x.count);
  }
  auto operands(std::uint32_t v) const { return operands_in(*this, v); }
  auto operands(std::uint32_t v) { return operands_in(*this, v); }

  tape& on;
  std::vector<value> values;
  std::vector<std::uint32_t> lists;  // of more than four operands
  struct view {
    std::uint32_t root, whole;
    std::int64_t offset;
  };
  std::vector<view> views;
  std::vector<kernels::gemm_maps> products;
  std::vector<std::uint32_t> outputs;
  std::vector<update> updates;              // one a parameter: the last assignment
  std::vector<std::uint32_t> requirements;  // values of `requirement`
};

// A slice that loops load tile by tile.
extern const primitive loaded_slice;

// Where the elements of v, a slice, stand in its operand.
kernels::index_map map_of_slice(const graph& g, std::uint32_t v);

// What the outputs and effects need: of equal values one, without factors of 1.
graph needed_part(tape& t, const std::vector<variable>& outputs, const compile_options& options);
// Outputs and new values of parameters that are sources, or views of them, become copies: what is
// bound or stored may change.
void own_sources(graph& g);
void mark_constants(graph& g, bool rebind);
// Slices of what stands side by side become views, those that only loops read parts of the loops.
void read_slices_in_place(graph& g);
void prune(graph& g);
// A number, perhaps reshaped or broadcast.
bool is_literal(const graph& g, std::uint32_t v, double number);
std::vector<std::uint32_t> count_uses(const graph& g);  // by values, outputs and updates
// Throws std::logic_error if the graph is not legal: inputs precede, types fit. For debug builds.
void verify(const graph& g);

}  // namespace cotape

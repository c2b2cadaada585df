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
    const value_type* type;  // one of the tape's, which are equal where addresses are
    std::uint32_t node;      // where its attributes stand on the tape
    form how;  // the operation's, but that of a slice that a loop reads, or that is a view
    std::uint32_t number = 0;  // of an assembly's part, of a product in `products`
    std::uint8_t count = 0;    // of operands, or any_number
    bool constant = false;     // depends on literals and constants only
    bool into = false;  // the last operand is what the result goes into, in place where it is free
    bool adds = false, fills = false;  // of an assembly: the part is added, the rest filled before
    std::uint32_t goes_into() const { return in[count - 1]; }
  };
  struct update {
    std::uint32_t parameter;  // in the tape's parameters
    std::uint32_t value;
  };

  explicit graph(tape& t) : on(t) {}
  const value_type& type(std::uint32_t v) const { return *values[v].type; }
  std::int64_t elements(std::uint32_t v) const { return type(v).shape.elements(); }
  // Of a part of an assembly its own ones alone; of a requirement, whose node is the number of its
  // message, none.
  std::span<const std::int64_t> attributes(std::uint32_t v) const {
    if (is(v, requirement)) return {};
    const auto words = on.attributes_of(values[v].node);
    if (how(v) != form::assembly) return words;
    return primitives::assembly(words).words_of(values[v].number);
  }
  // The value whose buffer v shares: v itself unless it is a view. Filled in by prune().
  std::uint32_t root(std::uint32_t v) const { return views[v].root; }
  // The value all of which v shows: v itself unless it is a view of all of another.
  std::uint32_t whole(std::uint32_t v) const { return views[v].whole; }
  // The elements of the root's buffer before v.
  std::int64_t offset(std::uint32_t v) const { return views[v].offset; }
  form how(std::uint32_t v) const { return values[v].how; }
  bool is(std::uint32_t v, const primitive& op) const { return values[v].op == &op; }
  template <class G> static auto operands_in(G& g, std::uint32_t v) {
    auto& x = g.values[v];
    if (x.count == any_number) return std::span(g.lists.data() + x.in[0], x.in[1]);
    return std::span(x.in.data(), x.count);
  }
  auto operands(std::uint32_t v) const { return operands_in(*this, v); }
  auto operands(std::uint32_t v) { return operands_in(*this, v); }
  // v may stand in the memory of its k-th operand, if nothing else needs that.
  bool may_overwrite(std::uint32_t v, std::size_t k) const {
    const value& x = values[v];
    return x.into ? k + 1 == x.count : k < 8 && (x.op->overwrites >> k & 1) != 0;
  }
  // What v's descriptor is asked with. The types are kept in the list.
  signature seen_by(std::uint32_t v, std::vector<const value_type*>& types) const {
    types.clear();
    for (std::uint32_t i : operands(v)) types.push_back(values[i].type);
    return {values[v].op->name, types, attributes(v)};
  }

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

// If v only shows elements of its operand, as slices do, makes of the map of where those stand that
// of where v's do; false if it does not, or no strides say where.
bool shows(const graph& g, std::uint32_t v, kernels::index_map& map);
// Where the elements of v, which shows some of its operand's, stand in that.
kernels::index_map map_of_shown(const graph& g, std::uint32_t v);

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
// Throws std::logic_error if the graph is not legal: inputs precede, types fit. For debug builds.
void verify(const graph& g);

}  // namespace cotape

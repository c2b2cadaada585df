// The part of a tape that a program needs, while passes rewrite it: a flat array of values in an
// order in which inputs precede their users. A value is known by its index; a rewritten value
// keeps its place, and prune() drops those that nothing needs any more.
#pragma once

#include <array>
#include <vector>

#include "cotape/primitive.hpp"
#include "cotape/program.hpp"

namespace cotape {

// A walk over a value's operands, past the slots without one.
template <class T> class operand_walk {
 public:
  operand_walk(T* first, T* last) : at_(first), last_(last) { skip(); }
  operand_walk begin() const { return *this; }
  operand_walk end() const { return {last_, last_}; }
  T& operator*() const { return *at_; }
  void operator++() { ++at_, skip(); }
  bool operator!=(const operand_walk& other) const { return at_ != other.at_; }

 private:
  void skip() {
    while (at_ != last_ && *at_ == no_node) ++at_;
  }
  T *at_, *last_;
};

struct graph {
  struct value {
    const primitive* op;
    // Up to three operands; of more, as in a node, where they stand in `lists` and how many they
    // are. Of a matmul a, b, the scale factor and the addend.
    std::array<std::uint32_t, 4> in;
    std::uint32_t type;     // in the tape's types
    std::uint32_t node;     // where its attributes stand on the tape
    bool constant = false;  // depends on literals and constants only
    bool transpose_a = false, transpose_b = false, negated = false;  // of a matmul
  };
  struct update {
    std::uint32_t parameter;  // in the tape's parameters
    std::uint32_t value;
  };

  explicit graph(tape& t) : on(t) {}
  const value_type& type(std::uint32_t v) const { return on.type_at(values[v].type); }
  std::int64_t elements(std::uint32_t v) const { return type(v).shape.elements(); }
  std::span<const std::int64_t> attributes(std::uint32_t v) const {
    return on.attributes_of(values[v].node);
  }
  // The value whose buffer v shares: v itself unless it is a view. Filled in by prune().
  std::uint32_t root(std::uint32_t v) const { return roots[v]; }
  bool is(std::uint32_t v, const primitive& op) const { return values[v].op == &op; }
  template <class G> static auto operands_in(G& g, std::uint32_t v) {
    auto& in = g.values[v].in;
    const bool listed = in[1] == no_node && in[2] != no_node;
    auto* first = listed ? g.lists.data() + in[0] : in.data();
    return operand_walk(first, first + (listed ? in[2] : in.size()));
  }
  auto operands(std::uint32_t v) const { return operands_in(*this, v); }
  auto operands(std::uint32_t v) { return operands_in(*this, v); }

  tape& on;
  std::vector<value> values;
  std::vector<std::uint32_t> lists;  // of more than three operands
  std::vector<std::uint32_t> roots;
  std::vector<std::uint32_t> outputs;
  std::vector<update> updates;              // one a parameter: the last assignment
  std::vector<std::uint32_t> requirements;  // values of `requirement`
};

// A condition that must hold: a value of its own, so that it is scheduled like any other.
extern const primitive requirement;

graph needed_part(tape& t, const std::vector<variable>& outputs, const compile_options& options);
void merge(graph& g);  // equal values become one; factors of 1 go
// Outputs and new values of parameters that are sources, or views of them, become copies: what is
// bound or stored may change. After merge(), which may turn x * 1 into x.
void own_sources(graph& g);
void mark_constants(graph& g, bool rebind);
void fold_into_matmul(graph& g);  // transposes, scale factors and addends
void prune(graph& g);
std::vector<std::uint32_t> count_uses(const graph& g);  // by values, outputs and updates
// Throws std::logic_error if the graph is not legal: inputs precede, types fit. For debug builds.
void verify(const graph& g);

}  // namespace cotape

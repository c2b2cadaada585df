// Passes over the graph, each linear in its values.
#include "program/graph.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <map>
#include <stdexcept>

#include "kernels/walk.hpp"
#include "primitives/primitives.hpp"
#include "program/gemm.hpp"
#include "program/put.hpp"
#include "program/schedule.hpp"
#include "tape/equal_nodes.hpp"

namespace cotape {

const primitive requirement{"require", form::kernel, 1, nullptr, nullptr, nullptr, false, true};
static void lower_copy(lowering& l) { l.step.run = kernels::copy(l.output.dtype); }
const primitive copy{"copy", form::kernel, 1, nullptr, nullptr, lower_copy};

bool shows(const graph& g, std::uint32_t v, kernels::index_map& map) {
  const graph::value& x = g.values[v];
  if (x.op->shows != nullptr) return x.op->shows(map, g.attributes(v), x.type->shape);
  return x.how == form::view && map.reshape(x.type->shape);
}

kernels::index_map map_of_shown(const graph& g, std::uint32_t v) {
  kernels::index_map map = kernels::index_map::of(g.type(g.values[v].in[0]).shape);
  shows(g, v, map);
  return map.merged();
}

namespace {

// v is a view of a part of its operand.
bool shows_part(const graph& g, std::uint32_t v) {
  const graph::value& x = g.values[v];
  return x.how == form::view && x.op->picks && g.elements(v) < g.elements(x.in[0]);
}

// A new value, computed by `op` from another one of its type.
std::uint32_t append(graph& g, const primitive& op, std::uint32_t of) {
  const graph::value x = g.values[of];
  g.values.push_back(
      {.op = &op, .in = {of}, .type = x.type, .node = x.node, .how = op.how, .count = 1});
  return static_cast<std::uint32_t>(g.values.size() - 1);
}

// What v equals without computing anything, or v.
std::uint32_t simplified(const graph& g, std::uint32_t v) {
  const graph::value& x = g.values[v];
  for (std::size_t k = 0; k < 2 && x.op->drops_ones != 0; ++k) {
    const std::uint32_t other = x.in[1 - k];
    const bool drops = (x.op->drops_ones >> k & 1) != 0 && is_literal(g, x.in[k], 1);
    if (drops && g.values[other].type == x.type) return other;
  }
  if (x.op->undoes != nullptr && g.is(x.in[0], *x.op->undoes)) return g.values[x.in[0]].in[0];
  return v;
}

// Node i as a value, or the one that it equals without computing anything. The numbers are those of
// its operands among the values.
std::uint32_t value_of(graph& g, std::uint32_t i, const std::vector<std::uint32_t>& number) {
  const primitive* op = g.on.nodes()[i].op;
  graph::value x{.op = op, .type = &g.on.type_of(i), .node = i, .how = op->how};
  if (x.how == form::assembly) return append_puts(g, x, number);
  const auto operands = g.on.value_operands_of(i);
  if (operands.size() > x.in.size()) {
    x.in = {static_cast<std::uint32_t>(g.lists.size()),
            static_cast<std::uint32_t>(operands.size())};
    x.count = any_number;
    for (std::uint32_t k : operands) g.lists.push_back(number[k]);
  } else {
    for (std::uint32_t k : operands) x.in[x.count++] = number[k];
  }
  if (x.how == form::product) {
    x.number = static_cast<std::uint32_t>(g.products.size());
    g.products.emplace_back(g.type(x.in[0]).shape, g.type(x.in[1]).shape, x.type->shape);
  }
  const auto v = static_cast<std::uint32_t>(g.values.size());
  g.values.push_back(x);
  const std::uint32_t simple = simplified(g, v);
  if (simple != v) g.values.pop_back();
  return simple;
}

}  // namespace

bool is_literal(const graph& g, std::uint32_t v, double number) {
  while (g.how(v) == form::view || g.values[v].op->shows != nullptr) v = g.values[v].in[0];
  return g.how(v) == form::literal && g.type(v).dtype != int64 &&
         std::bit_cast<double>(g.attributes(v)[0]) == number;
}

graph needed_part(tape& t, const std::vector<variable>& outputs, const compile_options& options) {
  graph g(t);
  // The last assignment to each parameter, and messages by condition.
  std::map<std::uint32_t, std::uint32_t> assigned;
  std::multimap<std::uint32_t, std::uint32_t> messages;
  for (const effect& e : options.effects ? t.effects() : std::span<const effect>()) {
    if (e.parameter != no_node) assigned[e.parameter] = e.value;
    else messages.emplace(e.value, e.previous);
  }
  std::vector<std::uint32_t> roots;
  for (const variable& v : outputs) roots.push_back(v.index());
  for (const auto& [condition, message] : messages) roots.push_back(condition);
  for (const auto& [parameter, value] : assigned) roots.push_back(value);
  std::vector<std::uint32_t> number = t.needed_by(roots);
  equal_nodes known(t, number.empty() ? 0 : number.back() + 1,
                    [&](std::uint32_t k) { return number[k]; });
  // A requirement stands right after its condition: what comes later may be updated in place.
  for (std::uint32_t i = 0; i < number.size(); ++i) {
    if (number[i] == no_node) continue;
    const std::uint32_t first = known.first_equal(i);
    number[i] = first == i ? value_of(g, i, number) : number[first];
    for (auto [m, end] = messages.equal_range(i); m != end; ++m) {
      g.requirements.push_back(append(g, requirement, number[i]));
      g.values.back().node = m->second;
    }
  }
  for (const variable& v : outputs) g.outputs.push_back(number[v.index()]);
  for (const auto& [parameter, value] : assigned) g.updates.push_back({parameter, number[value]});
  return g;
}

void own_sources(graph& g) {
  const auto own = [&](std::uint32_t& v) {
    std::uint32_t root = v;
    while (g.how(root) == form::view) root = g.values[root].in[0];
    if (is_source(g.how(root))) v = append(g, copy, v);
  };
  for (std::uint32_t& v : g.outputs) own(v);
  for (graph::update& u : g.updates) own(u.value);
}

void mark_constants(graph& g, bool rebind) {
  for (std::uint32_t v = 0; v < g.values.size(); ++v) {
    graph::value& x = g.values[v];
    if (is_source(x.how)) {
      x.constant = x.how == form::literal || (x.how == form::constant && !rebind);
      continue;
    }
    x.constant = !x.op->random && !x.op->throws;
    for (std::uint32_t i : g.operands(v)) x.constant = x.constant && g.values[i].constant;
  }
}

void read_slices_in_place(graph& g) {
  const auto slices = [](const graph::value& x) { return x.op->shows != nullptr && x.op->picks; };
  if (std::none_of(g.values.begin(), g.values.end(), slices)) return;
  std::vector<bool> kept(g.values.size()), elsewhere(g.values.size());  // by root
  for (std::uint32_t v : g.outputs) kept[g.root(v)] = true;
  for (const graph::update& u : g.updates) kept[g.root(u.value)] = true;
  for (std::uint32_t v = 0; v < g.values.size(); ++v) {
    for (std::uint32_t i : g.operands(v)) {
      if (g.how(v) != form::view && !reads_in_step(g, v, i)) elsewhere[g.root(i)] = true;
    }
  }
  for (std::uint32_t v = 0; v < g.values.size(); ++v) {
    graph::value& x = g.values[v];
    if (!slices(x) || kept[v]) continue;
    if (is_run(map_of_shown(g, v))) x.how = form::view;
    else if (!elsewhere[v]) x.how = form::elementwise;
  }
  prune(g);
}

void prune(graph& g) {
  std::vector<std::uint32_t> number(g.values.size(), no_node);
  for (std::uint32_t v : g.outputs) number[v] = 0;
  for (std::uint32_t v : g.requirements) number[v] = 0;
  for (const graph::update& u : g.updates) number[u.value] = 0;
  for (auto v = static_cast<std::uint32_t>(g.values.size()); v-- > 0;) {
    if (number[v] == no_node) continue;
    for (std::uint32_t i : g.operands(v)) number[i] = 0;
  }
  std::uint32_t next = 0;
  for (std::uint32_t v = 0; v < g.values.size(); ++v) {
    if (number[v] == no_node) continue;
    for (std::uint32_t& i : g.operands(v)) i = number[i];
    number[v] = next;
    g.values[next++] = g.values[v];
  }
  g.values.resize(next);
  g.views.resize(next);
  for (std::uint32_t v = 0; v < next; ++v) {
    const graph::value& x = g.values[v];
    g.views[v] = x.how == form::view ? g.views[x.in[0]] : graph::view{v, v, 0};
    if (!shows_part(g, v)) continue;
    g.views[v].whole = v;
    g.views[v].offset += map_of_shown(g, v).offset;
  }
  for (std::uint32_t& v : g.outputs) v = number[v];
  for (std::uint32_t& v : g.requirements) v = number[v];
  for (graph::update& u : g.updates) u.value = number[u.value];
}

void verify(const graph& g) {
  for (std::uint32_t v = 0; v < g.values.size(); ++v) {
    const graph::value& x = g.values[v];
    bool constant = true;
    for (std::uint32_t i : g.operands(v)) {
      if (i >= v) throw std::logic_error("graph: an input follows its user");
      constant = constant && g.values[i].constant;
    }
    if (x.how == form::view && !shows_part(g, v) && g.elements(v) != g.elements(x.in[0])) {
      throw std::logic_error("graph: a view of another size");
    }
    if (x.into && g.values[x.goes_into()].type != x.type) {
      throw std::logic_error("graph: a value and what it goes into differ in type");
    }
    if (x.constant && !constant) {
      throw std::logic_error("graph: a constant depends on a value that is none");
    }
  }
  for (const graph::update& u : g.updates) {
    if (g.type(u.value).shape != g.on.parameter_at(u.parameter).shape()) {
      throw std::logic_error("graph: an update of another shape");
    }
  }
}

}  // namespace cotape

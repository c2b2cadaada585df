// A network and symbols: made of them, applied to others, and as symbols again.
#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

#include "nn/network.hpp"

namespace cotape::detail {

void network::add_nodes(const std::vector<symbol>& inputs, const std::vector<symbol>& outputs) {
  if (outputs.empty() || inputs.empty()) throw value_error("model: it needs inputs and outputs");
  for (const symbol& s : inputs) {
    if (!s.of().made_by.empty()) throw value_error("model: an input was not made by input()");
    for (const node& n : nodes_) {
      if (&n.known_as->of() == &s.of()) throw value_error("model: an input is given twice");
    }
    inputs_.push_back(nodes_.size());
    nodes_.push_back({{}, {}, s.of().where, s.of().name, s.of().row, {}, s});
  }
  for (const symbol& s : outputs) outputs_.push_back(add_node(s));
}

// Depth first, on a stack of its own: a symbol's node follows those that it is made from.
std::size_t network::add_node(const symbol& of) {
  std::unordered_map<const symbol::source*, std::size_t> known;
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    if (nodes_[i].known_as) known.emplace(&nodes_[i].known_as->of(), i);
  }
  std::vector<symbol> waiting{of};
  while (!waiting.empty()) {
    const symbol top = waiting.back();
    const symbol::source& s = top.of();
    const auto missing = std::find_if(s.from.begin(), s.from.end(),
                                      [&](const symbol& x) { return !known.contains(&x.of()); });
    if (missing != s.from.end() && !known.contains(&s)) {
      waiting.push_back(*missing);
      continue;
    }
    waiting.pop_back();
    if (known.contains(&s)) continue;
    if (s.made_by.empty()) {
      throw value_error(
          fmt::format("model: an output needs an input that is not given [made at "
                      "{}]",
                      s.where.text()));
    }
    node n{s.made_by, {}, s.where, {}, {}, s.inside, top, s.declared};
    for (const symbol& x : s.from) n.from.push_back(known.at(&x.of()));
    known.emplace(&s, nodes_.size());
    nodes_.push_back(std::move(n));
  }
  return known.at(&of.of());
}

// What is built before stays as it is.
void network::add_term(const symbol& what, const std::string& name,
                       const std::function<void()>& demand) {
  demand_rest();
  const std::vector<node> before = nodes_;
  const std::vector<term> terms = terms_;
  try {
    terms_.push_back({add_node(what), name});
    demand();
    build();
  } catch (...) {
    nodes_ = before;
    terms_ = terms;
    throw;
  }
}

std::vector<std::string> network::names_of_terms() const {
  std::vector<std::string> result;
  for (const term& one : terms_) {
    if (!one.name.empty()) result.push_back(one.name);
  }
  return result;
}

std::vector<symbol> network::apply(const std::vector<symbol>& x, place where) const {
  demand_layers();
  if (x.size() != inputs_.size()) {
    throw value_error(fmt::format("model: {} symbols for {} inputs", x.size(), inputs_.size()));
  }
  std::vector<std::optional<symbol>> made(nodes_.size());
  for (std::size_t i = 0; i < x.size(); ++i) made[inputs_[i]] = x[i];
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    if (nodes_[i].by.empty()) continue;
    std::vector<symbol> from;
    for (const std::size_t k : nodes_[i].from) from.push_back(*made[k]);
    made[i] =
        symbol({nodes_[i].by, std::move(from), where, {}, {}, name_, declared_for(nodes_[i])});
  }
  std::vector<symbol> result;
  for (const std::size_t i : outputs_) result.push_back(*made[i]);
  return result;
}

void network::append(const network& part) {
  part.demand_layers();
  if (part.inputs() != 1 || part.outputs() != 1) {
    throw value_error(
        fmt::format("sequential: a part has one input and one output, not {} and {}: join symbols "
                    "by model(inputs, outputs)",
                    part.inputs(), part.outputs()));
  }
  std::vector<node> nodes = nodes_;
  if (nodes.empty()) nodes.push_back({{}, {}, part.input(0).where, {}, part.input(0).row});
  const std::size_t last = nodes_.empty() ? 0 : outputs_[0];
  // Terms of its loss, and what only they need, stay there.
  std::vector<bool> needed(part.nodes_.size(), false);
  needed[part.outputs_[0]] = true;
  for (std::size_t i = part.nodes_.size(); i-- > 0;) {
    for (const std::size_t k : part.nodes_[i].from) needed[k] = needed[k] || needed[i];
  }
  std::vector<std::size_t> at(part.nodes_.size());
  at[part.inputs_[0]] = last;
  for (std::size_t i = 0; i < part.nodes_.size(); ++i) {
    const node& n = part.nodes_[i];
    if (n.by.empty() || !needed[i]) continue;
    node added{n.by, {}, n.where, {}, {}, part.name_, {}, part.declared_for(n)};
    for (const std::size_t k : n.from) added.from.push_back(at[k]);
    at[i] = nodes.size();
    nodes.push_back(std::move(added));
  }
  std::vector<std::size_t> input{0}, output{at[part.outputs_[0]]};
  nodes_ = std::move(nodes);
  inputs_ = std::move(input);
  outputs_ = std::move(output);
  built_ = false;
}

symbol network::symbol_of(std::size_t i) {
  for (std::size_t k = 0; k <= i; ++k) {
    node& n = nodes_[k];
    if (n.known_as) continue;
    std::vector<symbol> from;
    for (const std::size_t j : n.from) from.push_back(*nodes_[j].known_as);
    const value_type row = n.by.empty() ? *n.row : value_type{};
    n.known_as = symbol({n.by, std::move(from), n.where, row, n.name, n.inside, n.declared});
  }
  return *nodes_[i].known_as;
}

std::vector<symbol> network::input_symbols() {
  std::vector<symbol> result;
  for (const std::size_t i : inputs_) result.push_back(symbol_of(i));
  return result;
}

symbol network::output_of(const std::string& name) {
  const layer_body& wanted = layer_named(name).body();
  std::vector<std::size_t> at;
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    if (!nodes_[i].by.empty() && &nodes_[i].by[0].body() == &wanted) at.push_back(i);
  }
  if (at.size() == 1) return symbol_of(at[0]);
  throw value_error(
      fmt::format("model: the layer '{}' stands in {} places: keep the symbol of the one that is "
                  "meant",
                  name, at.size()));
}

layer network::layer_named(const std::string& name) const {
  std::string names;
  for (const layer_body* l : layers()) {
    for (const node& n : nodes_) {
      if (n.by.empty() || &n.by[0].body() != l) continue;
      if (!name.empty() && l->name == name) return n.by[0];
      break;
    }
    names += (names.empty() ? "" : ", ") + l->name;
  }
  if (!built_) {
    throw value_error(
        fmt::format("model: no layer '{}': they get their names when the input's shape is known: "
                    "add input({{...}}) first, or name them",
                    name));
  }
  throw value_error(fmt::format("model: no layer '{}'; there are: {}", name, names));
}

}  // namespace cotape::detail

#include "check/graph.hpp"

#include <algorithm>

#include "cotape/ops.hpp"
#include "cotape/primitive.hpp"
#include "primitives/ternary.hpp"
#include "tape/sources.hpp"

namespace cotape::check {

namespace {

bool is_custom(const tape& t, std::uint32_t node) { return t.nodes()[node].op == &sources::custom; }

// The node with other operands, and with other inputs of its rule if it has one.
variable copied(tape& t, std::uint32_t node, std::span<const variable> operands,
                std::vector<variable> rule_inputs) {
  const cotape::node n = t.nodes()[node];
  const auto words = t.attributes_of(node);
  std::vector<std::int64_t> attributes(words.begin(), words.end());
  if (is_custom(t, node)) {
    const custom_rule rule{std::move(rule_inputs), sources::rule_of(t, node).rule};
    attributes = {t.keep(std::make_shared<custom_rule>(rule))};
  }
  return t.record(*n.op, operands, attributes, t.place_of(node));
}

}  // namespace

std::vector<std::uint32_t> operands_of(const tape& t, std::uint32_t node) {
  std::vector<std::uint32_t> result;
  if (is_custom(t, node)) {
    for (const variable& x : sources::rule_of(t, node).inputs) result.push_back(x.index());
    return result;
  }
  for (std::uint32_t k : t.nodes()[node].in) {
    if (k != no_node) result.push_back(k);
  }
  return result;
}

std::vector<std::uint32_t> path(const tape& t, std::uint32_t from, std::uint32_t to) {
  if (to < from) return {};
  std::vector<bool> moved(to - from + 1), needed(to - from + 1);
  moved[0] = needed[to - from] = true;
  for (std::uint32_t i = from + 1; i <= to; ++i) {
    if (t.type_of(i).dtype == int64) continue;
    for (std::uint32_t k : operands_of(t, i))
      moved[i - from] = moved[i - from] || (k >= from && moved[k - from]);
  }
  std::vector<std::uint32_t> result;
  for (std::uint32_t i = to; i > from; --i) {
    if (!needed[i - from]) continue;
    if (moved[i - from]) result.push_back(i);
    for (std::uint32_t k : operands_of(t, i)) {
      if (k >= from) needed[k - from] = true;
    }
  }
  std::reverse(result.begin(), result.end());
  return result;
}

variable recomputed(tape& t, std::map<std::uint32_t, variable> instead, std::uint32_t target) {
  const auto now = [&](std::uint32_t k) {
    const auto it = instead.find(k);
    return it == instead.end() ? t.at(k) : it->second;
  };
  const std::uint32_t first = instead.begin()->first;
  const std::vector<std::uint32_t> needed = t.needed_by({&target, 1});
  for (std::uint32_t i = first; i <= target; ++i) {
    const node n = t.nodes()[i];
    if (needed[i] == no_node || instead.contains(i)) continue;
    if (n.op->derive == nullptr && !is_custom(t, i)) continue;
    std::vector<variable> operands, rule_inputs;
    bool changed = false;
    const auto take = [&](std::uint32_t k, std::vector<variable>& list) {
      list.push_back(now(k));
      changed = changed || instead.contains(k);
    };
    for (std::uint32_t k : n.in) {
      if (k != no_node) take(k, operands);
    }
    if (is_custom(t, i)) {
      for (std::uint32_t k : operands_of(t, i)) take(k, rule_inputs);
    }
    if (changed) instead.insert_or_assign(i, copied(t, i, operands, std::move(rule_inputs)));
  }
  return now(target);
}

bool stands_on_its_tape(const tape& t, std::uint32_t node) {
  return is_custom(t, node) || t.nodes()[node].op == &builtin<exp_quotient_op>;
}

variable recorded_again(tape& t, std::uint32_t node, const std::vector<variable>& operands) {
  const std::vector<std::uint32_t> were = operands_of(t, node);
  std::map<std::uint32_t, variable> instead;
  for (std::size_t k = 0; k < were.size(); ++k) {
    if (is_custom(t, node) || k != 1) instead.emplace(were[k], operands[k]);
  }
  const std::uint32_t inner = t.nodes()[node].in[is_custom(t, node) ? 0 : 1];
  const variable value = recomputed(t, instead, inner);
  if (is_custom(t, node)) return copied(t, node, {&value, 1}, operands);
  const std::array<variable, 3> in{operands[0], value, operands[2]};
  return copied(t, node, in, {});
}

}  // namespace cotape::check

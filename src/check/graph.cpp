#include "check/graph.hpp"

#include <algorithm>

#include "cotape/ops.hpp"
#include "cotape/primitive.hpp"
#include "primitives/ternary.hpp"
#include "tape/sources.hpp"

namespace cotape::check {

namespace {

bool is_custom(const tape& t, std::uint32_t node) { return t.nodes()[node].op == &sources::custom; }

variable copied(tape& t, std::uint32_t node, std::span<const variable> operands) {
  const auto words = t.attributes_of(node);
  const std::vector<std::int64_t> attributes(words.begin(), words.end());
  return t.record(*t.nodes()[node].op, operands, attributes, t.place_of(node));
}

}  // namespace

std::vector<std::uint32_t> path(const tape& t, std::uint32_t from, std::uint32_t to) {
  if (to < from) return {};
  std::vector<bool> moved(to - from + 1), needed(to - from + 1);
  moved[0] = needed[to - from] = true;
  for (std::uint32_t i = from + 1; i <= to; ++i) {
    if (t.type_of(i).dtype == int64) continue;
    for (std::uint32_t k : t.rule_operands_of(i))
      moved[i - from] = moved[i - from] || (k >= from && moved[k - from]);
  }
  std::vector<std::uint32_t> result;
  for (std::uint32_t i = to; i > from; --i) {
    if (!needed[i - from]) continue;
    if (moved[i - from]) result.push_back(i);
    for (std::uint32_t k : t.rule_operands_of(i)) {
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
    if (needed[i] == no_node || instead.contains(i)) continue;
    if (t.nodes()[i].op->derive == nullptr) continue;
    std::vector<variable> operands;
    bool changed = false;
    for (std::uint32_t k : t.operands_of(i)) {
      operands.push_back(now(k));
      changed = changed || instead.contains(k);
    }
    if (changed) instead.insert_or_assign(i, copied(t, i, operands));
  }
  return now(target);
}

bool stands_on_its_tape(const tape& t, std::uint32_t node) {
  return is_custom(t, node) || t.nodes()[node].op == &builtin<exp_quotient_op>;
}

variable recorded_again(tape& t, std::uint32_t node, const std::vector<variable>& operands) {
  const bool custom = is_custom(t, node);
  const auto were = t.rule_operands_of(node);
  std::map<std::uint32_t, variable> instead;
  for (std::size_t k = 0; k < were.size(); ++k) {
    if (custom || k != 1) instead.emplace(were[k], operands[k]);
  }
  const variable value = recomputed(t, instead, t.operands_of(node)[custom ? 0 : 1]);
  std::vector<variable> now = operands;
  if (custom) now.insert(now.begin(), value);
  else now[1] = value;
  return copied(t, node, now);
}

}  // namespace cotape::check

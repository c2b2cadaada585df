#include "program/kinks.hpp"

#include <fmt/format.h>
#include <fmt/ostream.h>

#include "cotape/primitive.hpp"
#include "tape/sources.hpp"

namespace cotape {

namespace {

// The nodes that a derivative of the roots may go through: not what only a mask, an index or
// stop_gradient is computed from.
std::vector<bool> differentiated(const tape& t, const std::vector<variable>& outputs,
                                 std::span<const effect> effects) {
  std::vector<bool> reached(t.size());
  for (const variable& v : outputs) reached[v.index()] = true;
  for (const effect& e : effects) reached[e.value] = true;
  for (std::size_t i = t.size(); i-- > 0;) {
    const node& n = t.nodes()[i];
    if (!reached[i] || (n.op->derive == nullptr && n.op != &sources::custom)) continue;
    for (std::uint32_t k : n.in) {
      if (k != no_node) reached[k] = true;
    }
  }
  return reached;
}

// Its own adjoints are not asked for: what a rule for kinks sees of a node.
variable mask_of(tape& t, std::uint32_t i) {
  const node n = t.nodes()[i];
  std::vector<variable> inputs;
  for (std::uint32_t k : n.in) {
    if (k != no_node) inputs.push_back(t.at(k));
  }
  const auto words = t.attributes_of(i);
  const std::vector<std::int64_t> attributes(words.begin(), words.end());
  return n.op->kinks({inputs, attributes, t.at(i), {}, {}, {}});
}

}  // namespace

std::vector<kink_mask> watch_kinks(tape& t, std::vector<variable>& outputs,
                                   const compile_options& options) {
  const std::vector<bool> reached =
      differentiated(t, outputs, options.effects ? t.effects() : std::span<const effect>());
  const auto end = static_cast<std::uint32_t>(t.sweeps.empty() ? t.size() : t.sweeps.back().first);
  auto sweep = t.sweeps.begin();
  std::vector<kink_mask> found;
  for (std::uint32_t i = 0; i < end; ++i) {
    while (sweep != t.sweeps.end() && sweep->second <= i) ++sweep;
    const bool swept = sweep != t.sweeps.end() && sweep->first <= i;
    const primitive& op = *t.nodes()[i].op;
    if (!reached[i] || swept || op.kinks == nullptr || t.type_of(i).dtype == int64) continue;
    outputs.push_back(mask_of(t, i));
    found.push_back({op.name, fmt::format("{}", fmt::streamed(t.at(i))), t.place_of(i), {}});
  }
  return found;
}

}  // namespace cotape

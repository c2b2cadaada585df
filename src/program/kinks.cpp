#include "program/kinks.hpp"

#include <fmt/format.h>
#include <fmt/ostream.h>

#include <algorithm>

#include "cotape/ops.hpp"
#include "cotape/primitive.hpp"
#include "tape/equal_nodes.hpp"
#include "tape/hold.hpp"

namespace cotape {

namespace {

enum class reached : std::uint8_t { not_at_all, from_effects, from_outputs };

std::vector<reached> differentiated(const tape& t, const std::vector<variable>& outputs,
                                    std::span<const effect> effects) {
  std::vector<reached> result(t.size(), reached::not_at_all), swept = result, any = result;
  const auto raise = [](reached& r, reached by) { r = std::max(r, by); };
  for (const effect& e : effects) result[e.value] = reached::from_effects;
  for (const variable& v : outputs) result[v.index()] = reached::from_outputs;
  auto sweep = t.sweeps.rbegin();
  for (auto i = static_cast<std::uint32_t>(t.size()); i-- > 0;) {
    while (sweep != t.sweeps.rend() && sweep->first > i) ++sweep;
    if (sweep != t.sweeps.rend() && i < sweep->last) raise(swept[sweep->of], result[i]);
    if (t.nodes()[i].op->derive == nullptr) continue;
    for (std::uint32_t k : t.rule_operands_of(i)) {
      raise(result[k], result[i]);
      raise(swept[k], swept[i]);
    }
  }
  // Of equal nodes a sweep goes through the first alone. The others count like that one, where they
  // lie on the way from what was differentiated.
  std::vector<std::uint32_t> same(t.size());
  equal_nodes known(t, t.size(), [&](std::uint32_t k) { return same[k]; });
  for (std::uint32_t i = 0; i < t.size(); ++i) {
    same[i] = known.first_equal(i);
    raise(any[same[i]], result[i]);
  }
  for (std::uint32_t i = 0; i < t.size(); ++i) raise(result[i], std::min(swept[i], any[same[i]]));
  return result;
}

// A rule for kinks sees a node as a derivative's rule does, but no adjoints.
variable mask_of(tape& t, std::uint32_t i) {
  std::vector<variable> inputs;
  for (std::uint32_t k : t.rule_operands_of(i)) inputs.push_back(t.at(k));
  const auto words = t.attributes_of(i);
  const std::vector<std::int64_t> attributes(words.begin(), words.end());
  return broadcast_to(
      t.nodes()[i].op->kinks({inputs, attributes, t.at(i), {}, {}, {}, t.nodes()[i].op->name}),
      t.type_of(i).shape);
}

}  // namespace

std::vector<kink_mask> watch_kinks(tape& t, std::vector<variable>& outputs,
                                   const compile_options& options) {
  const std::vector<reached> from =
      differentiated(t, outputs, options.effects ? t.effects() : std::span<const effect>());
  const std::uint32_t last_sweep = t.sweeps.empty() ? no_node : t.sweeps.back().first;
  auto sweep = t.sweeps.begin();
  const tape::hold work(t, "the search for kinks");
  std::vector<kink_mask> found;
  for (std::uint32_t i = 0; i < from.size(); ++i) {
    while (sweep != t.sweeps.end() && sweep->last <= i) ++sweep;
    const bool swept = sweep != t.sweeps.end() && sweep->first <= i;
    const bool counts =
        from[i] == reached::from_outputs || (from[i] == reached::from_effects && i < last_sweep);
    const primitive& op = *t.nodes()[i].op;
    if (!counts || swept || op.kinks == nullptr || t.type_of(i).dtype == int64) continue;
    outputs.push_back(mask_of(t, i));
    found.push_back({op.name, fmt::format("{}", fmt::streamed(t.at(i))), t.place_of(i), {}});
  }
  return found;
}

}  // namespace cotape

// Variables and tapes as text.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <bit>
#include <ostream>

#include "cotape/primitive.hpp"
#include "primitives/assemble.hpp"
#include "tape/sources.hpp"

namespace cotape {

namespace {

// "(0, 2)", and the steps if they are not all 1: "(0, 2) by (1, 2)".
std::string corner_text(std::span<const std::int64_t> first, std::span<const std::int64_t> steps) {
  const auto tuple = [](std::span<const std::int64_t> list) {
    return fmt::format("({}{})", fmt::join(list, ", "), list.size() == 1 ? "," : "");
  };
  const bool dense = std::all_of(steps.begin(), steps.end(), [](auto s) { return s == 1; });
  return tuple(first) + (dense ? "" : " by " + tuple(steps));
}

// Each part's operand with its shape, and where it stands in the result.
std::string parts_text(const tape& t, std::uint32_t index) {
  constexpr std::size_t most = 8;
  const primitives::assembly all(t.attributes_of(index));
  const auto operands = t.operands_of(index);
  std::vector<std::string> texts;
  all.for_each_part([&](const primitives::assembly::part& p) {
    if (texts.size() == most) return;
    const std::uint32_t from = operands[p.operand];
    std::string at;
    if (!p.indexed()) at = corner_text(p.first, p.steps);
    else if (p.axis < 0) at = fmt::format("%{} of the flat result", operands[p.operand + 1]);
    else at = fmt::format("%{} along axis {}", operands[p.operand + 1], p.axis);
    texts.push_back(fmt::format("%{} {} at {}", from, t.type_of(from).shape.text(), at));
  });
  if (all.size() > most) texts.push_back(fmt::format("... ({} parts)", all.size()));
  if (all.rest() != 0) texts.push_back(fmt::format("{} elsewhere", all.rest()));
  return fmt::format(" {{{}}}", fmt::join(texts, ", "));
}

std::string detail_of(const tape& t, std::uint32_t index) {
  const node& n = t.nodes()[index];
  const auto attributes = t.attributes_of(index);
  if (n.op == &sources::read) {
    return fmt::format(" '{}'", t.parameter_at(static_cast<std::size_t>(attributes[0])).name());
  }
  if (n.op == &sources::literal) {
    return t.type_of(index).dtype == int64
               ? fmt::format(" {}", attributes[0])
               : fmt::format(" {}", std::bit_cast<double>(attributes[0]));
  }
  if (is_source(n.op->how) || n.op == &sources::custom || attributes.empty()) return "";
  if (n.op->how == form::assembly) return parts_text(t, index);
  if (n.op == &primitives::slice) {
    const std::size_t rank = attributes.size() / 3;
    return " {at " + corner_text(attributes.subspan(rank, rank), attributes.subspan(2 * rank)) +
           "}";
  }
  if (n.op->attributes_text != nullptr) {
    return " {" + n.op->attributes_text({n.op->name, {}, attributes}) + "}";
  }
  return fmt::format(" {{{}}}", fmt::join(attributes, ", "));
}

std::string line(const tape& t, std::uint32_t index) {
  const node& n = t.nodes()[index];
  std::string inputs;
  for (std::uint32_t i : t.value_operands_of(index)) {
    inputs += fmt::format("{}%{}", inputs.empty() ? "" : ", ", i);
  }
  const std::string* label = t.label_of(index);
  return fmt::format("%{} = {}({}){} : {}{}", index, n.op->name, inputs, detail_of(t, index),
                     t.type_of(index).text(), label ? fmt::format("  \"{}\"", *label) : "");
}

}  // namespace

std::ostream& operator<<(std::ostream& out, const variable& v) {
  if (v.empty()) return out << "variable (empty)";
  return out << line(v.owner(), v.index());
}

std::ostream& operator<<(std::ostream& out, const tape& t) {
  for (std::uint32_t i = 0; i < t.size(); ++i) {
    out << fmt::format("{:<60}  {}\n", line(t, i), t.place_of(i).text());
  }
  for (const effect& e : t.effects()) {
    if (e.parameter == no_node) {
      out << fmt::format("require %{}\n", e.value);
    } else {
      out << fmt::format("assign '{}' = %{}\n", t.parameter_at(e.parameter).name(), e.value);
    }
  }
  return out;
}

}  // namespace cotape

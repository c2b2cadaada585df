// Variables and tapes as text.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <bit>
#include <ostream>

#include "cotape/primitive.hpp"
#include "tape/sources.hpp"

namespace cotape {

namespace {

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
  if (n.op->how == form::source || n.op == &sources::custom || attributes.empty()) return "";
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

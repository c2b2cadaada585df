#include "report/dot.hpp"

#include <fmt/format.h>

#include <bit>

#include "cotape/error.hpp"
#include "cotape/primitive.hpp"
#include "report/tool.hpp"
#include "tape/sources.hpp"

namespace cotape::report {

std::string draw_dot(const std::string& text) {
  return drawn_by("dot", {"-Tsvg"}, text, "graphviz");
}

std::string escaped(const std::string& text) {
  std::string out;
  for (char c : printable(text)) {
    if (c == '\n') out += "\\n";
    else if (c == '&') out += "&amp;";  // else graphviz takes "&#1;" for a character
    else if (c == '"' || c == '\\') out += {'\\', c};
    else out += c;
  }
  return out;
}

std::vector<std::uint32_t> needed_for(const char* who, const tape& t, std::uint32_t output,
                                      std::size_t most) {
  const std::vector<std::uint32_t> roots{output}, place = t.needed_by(roots);
  std::vector<std::uint32_t> list;
  for (std::uint32_t i = 0; i < place.size(); ++i) {
    if (place[i] != no_node) list.push_back(i);
  }
  if (list.size() > most) {
    throw value_error(fmt::format("{}: {} nodes, over the limit of {}", who, list.size(), most));
  }
  return list;
}

std::string literal_text(const tape& t, std::uint32_t literal) {
  const std::int64_t word = t.attributes_of(literal)[0];
  return t.type_of(literal).dtype == int64 ? fmt::format("{}", word)
                                           : fmt::format("{:.6g}", std::bit_cast<double>(word));
}

std::string name_of(const tape& t, std::uint32_t node) {
  const auto& op = *t.nodes()[node].op;
  if (&op == &sources::read) {
    const auto number = static_cast<std::size_t>(t.attributes_of(node)[0]);
    const std::string& name = t.parameter_at(number).name();
    return name.empty() ? "parameter" : name;
  }
  const std::string* label = t.label_of(node);
  return label != nullptr ? *label : text_of(op, t.attributes_of(node));
}

}  // namespace cotape::report

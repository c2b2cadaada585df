// A value's graph as a circuit at a point. Each value is a node of the picture (its operation) and
// a second one on the line that leaves it, which carries the value above and the adjoint below.
#include <fmt/format.h>

#include <algorithm>

#include "cotape/derivatives.hpp"
#include "cotape/primitive.hpp"
#include "cotape/report.hpp"
#include "io/write_file.hpp"
#include "report/dot.hpp"
#include "tape/rewinding.hpp"
#include "tape/sources.hpp"

namespace cotape::report {

namespace {

constexpr std::int64_t most_elements = 6;

std::string number_at(array_view v, std::size_t i) {
  if (v.dtype() == int64) return fmt::format("{}", v.data_as<std::int64_t>()[i]);
  if (v.dtype() == float32) return fmt::format("{:.4g}", v.data_as<float>()[i]);
  return fmt::format("{:.5g}", v.data_as<double>()[i]);
}

// Elements row by row, rows apart by semicolons.
std::string text_of(array_view v) {
  if (v.shape().rank() == 0) return number_at(v, 0);
  const std::int64_t elements = v.shape().elements();
  if (elements > most_elements) return v.shape().text();
  const std::int64_t row = v.shape()[v.shape().rank() - 1];
  std::string text = "[";
  for (std::int64_t i = 0; i < elements; ++i) {
    if (i > 0) text += i % row == 0 ? "; " : " ";
    text += number_at(v, static_cast<std::size_t>(i));
  }
  return text + "]";
}

class circuit_writer {
 public:
  circuit_writer(variable output, std::span<const binding> inputs)
      : t_(output.owner()), output_(output), inputs_(inputs) {}

  std::string write(const graph_options& options) {
    const auto nodes = needed_for("circuit_to_dot", t_, output_.index(), options.most_nodes);
    find_adjoints(nodes);
    text_ = fmt::format(
        "digraph circuit {{\n  rankdir=LR; bgcolor=white; nodesep=0.2; ranksep=0.18;\n"
        "  label=\"{}\"; labelloc=t; fontname=\"sans-serif\"; fontsize=16;\n"
        "  node [fontname=\"sans-serif\", fontsize=13, margin=\"0.1,0.05\", height=0.3];\n"
        "  edge [arrowsize=0.6, color=\"#555555\"];\n",
        escaped(options.title + (options.title.empty() ? "" : "\n") +
                "above each line the value, below it the adjoint"));
    for (std::uint32_t i : nodes) {
      write_node(i);
      if (!is_literal(i)) write_numbers(i);
      for (std::uint32_t k : t_.value_operands_of(i)) {
        text_ += is_literal(k) ? fmt::format("  n{} -> n{};\n", k, i)
                               : fmt::format("  v{}:e -> n{};\n", k, i);
      }
    }
    return text_ + "}\n";
  }

 private:
  bool is_literal(std::uint32_t i) const { return t_.nodes()[i].op == &sources::literal; }

  void find_adjoints(const std::vector<std::uint32_t>& nodes) {
    const rewinding at_the_end(t_);
    std::vector<variable> floating;
    for (std::uint32_t i : nodes) {
      if (!is_literal(i) && t_.type_of(i).dtype != int64) floating.push_back(t_.at(i));
    }
    const std::vector<variable> adjoints = gradient(output_, floating);
    values_.resize(output_.index() + 1);
    adjoints_.resize(output_.index() + 1);
    for (std::uint32_t i : nodes) values_[i] = text_of(evaluate(t_.at(i), inputs_));
    for (std::size_t k = 0; k < floating.size(); ++k) {
      adjoints_[floating[k].index()] = text_of(evaluate(adjoints[k], inputs_));
    }
  }

  void write_node(std::uint32_t i) {
    const auto& op = *t_.nodes()[i].op;
    const std::string* label = t_.label_of(i);
    if (is_literal(i)) {
      text_ += fmt::format("  n{} [label=\"{}\", shape=plaintext, width=0.1];\n", i,
                           literal_text(t_, i));
    } else if (is_source(op.how)) {
      text_ +=
          fmt::format("  n{} [label=\"{}\", shape=ellipse, style=filled, fillcolor=\"{}\"];\n", i,
                      escaped(name_of(t_, i)), &op == &sources::read ? "#cfe5ff" : "#d3f0d3");
    } else {
      const std::string made = text_of(op, t_.attributes_of(i));
      text_ += fmt::format(
          "  n{} [label=\"{}\", shape=box, style=\"rounded,filled\", fillcolor=\"#f4f4f4\"];\n", i,
          escaped(label == nullptr ? made : *label + " = " + made));
    }
  }

  // The line from an operation, with the value above and the adjoint below it.
  void write_numbers(std::uint32_t i) {
    text_ += fmt::format(
        "  v{0} [shape=plain, label=<<table border=\"0\" cellborder=\"0\" cellspacing=\"0\" "
        "cellpadding=\"3\"><tr><td><font color=\"#0072b2\">{1}</font></td></tr><hr/>"
        "<tr><td><font color=\"#d55e00\">{2}</font></td></tr></table>>];\n"
        "  n{0} -> v{0}:w [arrowhead=none, weight=5];\n",
        i, values_[i], adjoints_[i].empty() ? " " : adjoints_[i]);
  }

  tape& t_;
  variable output_;
  std::span<const binding> inputs_;
  std::vector<std::string> values_, adjoints_;
  std::string text_;
};

}  // namespace

std::string circuit_to_dot(variable output, std::initializer_list<binding> inputs,
                           const graph_options& options) {
  return circuit_writer(output, {inputs.begin(), inputs.size()}).write(options);
}

void write_circuit(const std::filesystem::path& svg, variable output,
                   std::initializer_list<binding> inputs, const graph_options& options) {
  detail::write_file({"write_circuit", svg}, draw_dot(circuit_to_dot(output, inputs, options)));
}
void write_circuit(std::ostream& svg, variable output, std::initializer_list<binding> inputs,
                   const graph_options& options) {
  detail::write_file({"write_circuit", {}, &svg},
                     draw_dot(circuit_to_dot(output, inputs, options)));
}

}  // namespace cotape::report

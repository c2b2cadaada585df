// A value's graph in the language of graphviz. One walk from the output back marks the needed
// nodes; what one line of code recorded, but for inputs, forms a cluster.
#include <fmt/format.h>

#include <map>
#include <vector>

#include "cotape/primitive.hpp"
#include "cotape/report.hpp"
#include "io/write_file.hpp"
#include "report/dot.hpp"
#include "tape/sources.hpp"

namespace cotape::report {

namespace {

std::string type_text(const value_type& type) {
  if (type.dtype == float32) return type.shape.rank() == 0 ? "scalar" : type.shape.text();
  return type.text();
}

class dot_writer {
 public:
  dot_writer(const tape& t, std::uint32_t output) : t_(t), output_(output) {}

  std::string write(const graph_options& options) {
    const auto nodes = needed_for("graph_to_dot", t_, output_, options.most_nodes);
    text_ = "digraph tape {\n";
    text_ += fmt::format("  label=\"{}\"; labelloc=t; fontname=\"sans-serif\"; fontsize=18;\n",
                         escaped(options.title));
    text_ +=
        "  bgcolor=white; nodesep=0.25; ranksep=0.35;\n"
        "  node [fontname=\"sans-serif\", fontsize=12, margin=\"0.12,0.06\"];\n"
        "  edge [arrowsize=0.7, color=\"#555555\"];\n";
    std::map<std::pair<std::string, int>, std::vector<std::uint32_t>> lines;
    for (std::uint32_t i : nodes) {
      const place where = t_.place_of(i);
      if (t_.nodes()[i].op == &sources::input) write_source(i);
      else lines[{where.file, where.line}].push_back(i);
    }
    for (const auto& line : lines) write_cluster(line.second);
    for (std::uint32_t i : nodes) write_edges(i);
    return text_ + "}\n";
  }

 private:
  bool is_source(std::uint32_t i) const { return cotape::is_source(t_.nodes()[i].op->how); }

  void write_cluster(const std::vector<std::uint32_t>& nodes) {
    const bool boxed = nodes.size() > 1;
    if (boxed) {
      text_ += fmt::format(
          "  subgraph cluster_{} {{\n    label=\"{}\"; fontsize=11; "
          "fontcolor=\"#888888\"; labeljust=r; margin=10; color=\"#cccccc\"; "
          "style=\"rounded\";\n",
          nodes[0], escaped(t_.place_of(nodes[0]).text()));
    }
    for (std::uint32_t i : nodes) {
      if (is_source(i)) write_source(i);
      else write_operation(i);
    }
    if (boxed) text_ += "  }\n";
  }

  void write_operation(std::uint32_t i) {
    const node& n = t_.nodes()[i];
    const std::string* label = t_.label_of(i);
    const std::string made = text_of(*n.op, t_.attributes_of(i));
    const std::string name = label == nullptr ? made : *label + " = " + made;
    write_node(i, name,
               i == output_ ? "shape=box, style=\"rounded,filled,bold\", "
                              "fillcolor=\"#ffd9d9\", peripheries=2"
                            : "shape=box, style=\"rounded,filled\", "
                              "fillcolor=\"#f4f4f4\"");
  }

  void write_source(std::uint32_t i) {
    const node& n = t_.nodes()[i];
    const std::string peripheries = i == output_ ? ", peripheries=2" : "";
    if (n.op == &sources::literal) {
      text_ += fmt::format(
          "    n{} [label=\"{}\", shape=plaintext, width=0.2, height=0.2, "
          "margin=0.04{}];\n",
          i, literal_text(t_, i), peripheries);
    } else if (n.op == &sources::read) {
      write_node(i, name_of(t_, i),
                 "shape=cylinder, style=filled, fillcolor=\"#cfe5ff\"" + peripheries);
    } else {
      const bool input = n.op == &sources::input;
      write_node(i, name_of(t_, i),
                 std::string(input ? "shape=ellipse, style=filled, fillcolor=\"#d3f0d3\""
                                   : "shape=note, style=filled, fillcolor=\"#fff6cc\"") +
                     peripheries);
    }
  }

  void write_node(std::uint32_t i, const std::string& name, const std::string& style) {
    text_ += fmt::format("    n{} [label=\"{}\\n{}\", {}];\n", i, escaped(name),
                         escaped(type_text(t_.type_of(i))), style);
  }

  void write_edges(std::uint32_t i) {
    for (std::uint32_t k : t_.value_operands_of(i)) text_ += fmt::format("  n{} -> n{};\n", k, i);
  }

  const tape& t_;
  std::uint32_t output_;
  std::string text_;
};

}  // namespace

std::string graph_to_dot(variable output, const graph_options& options) {
  return dot_writer(output.owner(), output.index()).write(options);
}

void write_graph(const std::filesystem::path& svg, variable output, const graph_options& options) {
  detail::write_file({"write_graph", svg}, draw_dot(graph_to_dot(output, options)));
}
void write_graph(std::ostream& svg, variable output, const graph_options& options) {
  detail::write_file({"write_graph", {}, &svg}, draw_dot(graph_to_dot(output, options)));
}

}  // namespace cotape::report

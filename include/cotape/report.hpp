// layer: report
// Pictures, as SVG: curves by gnuplot, graphs by graphviz. Errors (io_error) say which program is
// missing or what it complained of, and which file cannot be written.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

#include "cotape/tape.hpp"

namespace cotape::report {

struct curve {
  std::string name;            // in the legend
  std::vector<double> y;       // gaps where not finite
  std::vector<double> x = {};  // default: 1, 2, ...
};

/// One pair of axes.
struct panel {
  std::string title = {}, x_label = {}, y_label = {};
  std::vector<curve> curves = {};
  bool log_y = false;
};

/// Draws panels side by side. Throws value_error for a panel without curves, or a curve without
/// points or with as many x as not y.
void write_curves(const std::filesystem::path& svg, const std::vector<panel>& panels);
/// The script that gnuplot is given.
std::string curves_to_gnuplot(const std::vector<panel>& panels);

struct graph_options {
  std::string title = {};
  std::size_t most_nodes = 2000;  // more are refused: nobody could read them
};

/// Draws what a value is computed from: inputs, parameters and operations, with names and shapes;
/// what one line of the user's code recorded stands in one box, named after it.
void write_graph(const std::filesystem::path& svg, variable output,
                 const graph_options& options = {});
/// The same in the language of graphviz.
std::string graph_to_dot(variable output, const graph_options& options = {});

}  // namespace cotape::report

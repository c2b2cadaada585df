// layer: report
// Figures as SVG, drawn by gnuplot: panels of curves, points, markers and surfaces. The colours are
// Okabe and Ito's (2008), told apart by colour-blind readers too, and points differ in shape.
// Errors (io_error) say that gnuplot is missing or what it complained of, and which file cannot be
// written.
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <iosfwd>
#include <optional>
#include <string>
#include <vector>

#include "cotape/xtensor.hpp"

namespace cotape::report {

/// Points joined (and dotted if there are at most 50), joined only, joined by a thin line, by
/// dashes, not joined, each on a bar from 0.
enum class stroke { automatic, line, thin, dashed, points, bars };

struct curve {
  std::string name;            // in the legend, if it has one
  std::vector<double> y;       // gaps where not finite
  std::vector<double> x = {};  // default: 1, 2, ...
  stroke style = stroke::automatic;
  std::optional<std::size_t> colour = {};  // of another curve: its place in the panel
};

struct interval {
  double low, high;
};

enum class axis { x, y };

/// A dashed line across the panel where x (or y) is `from`, or a shaded region up to `to`.
struct marker {
  std::string name;  // in the legend, if it has one
  double from;
  double to = from;
  axis on = axis::x;
};

enum class palette { sequential, diverging };

/// A function of x and y on an even grid: a map of colours, with lines at some levels.
struct surface {
  std::vector<double> x, y;         // of the grid's lines, ascending
  std::vector<double> z;            // z[i * x.size() + j] at (x[j], y[i]); gaps where not finite
  std::vector<double> levels = {};  // of the contour lines
  std::string label = {};           // of the colours
  palette colours = palette::sequential;
  bool log_z = false;
  std::optional<interval> z_range = {};  // of the colours; that of the values unless it is given
  bool key = true;                       // a scale beside it says what the colours mean
};

/// f at points x points places, evenly spread over the intervals, their ends included. Throws
/// value_error for empty intervals and fewer than 2 points.
surface sample(const std::function<double(double x, double y)>& f, interval x, interval y,
               std::size_t points = 81);

/// One pair of axes. Its ranges are those of the data unless they are given; on a logarithmic axis
/// values that are not positive are gaps.
struct panel {
  std::string title = {}, x_label = {}, y_label = {};
  std::vector<curve> curves = {};
  bool log_y = false, log_x = false;
  bool equal_units = false;  // a unit of x is as long as one of y
  std::optional<interval> x_range = {}, y_range = {};
  std::vector<marker> markers = {};
  std::optional<surface> map = {};  // below the curves
  bool axes = true;                 // lines, numbers and labels at its edges
};

struct figure_options {
  std::string title = {};
  std::size_t columns = 0;        // of panels, row by row; 0: all side by side
  int width = 560, height = 400;  // of a panel, in pixels
};

/// Draws panels. Throws value_error for none, for a panel without anything in it, a curve without
/// points or with as many x as not y, a grid that is not even or has not x times y values, empty
/// ranges (on logarithmic axes also those that reach 0), and markers that are not finite.
void write_figure(const std::filesystem::path& svg, const std::vector<panel>& panels,
                  const figure_options& options = {});
/// The same to a stream.
void write_figure(std::ostream& svg, const std::vector<panel>& panels,
                  const figure_options& options = {});
/// The script that gnuplot is given.
std::string figure_to_gnuplot(const std::vector<panel>& panels, const figure_options& options = {});

/// The panels of a scatter matrix, to be drawn in as many columns as the values (rows, columns)
/// have: a column's histogram on the diagonal, each against each beside it. Throws shape_error
/// unless there is a name for each column and a row, dtype_error unless they are float32 or
/// float64.
std::vector<panel> scatter_matrix(const std::vector<std::string>& names,
                                  const array_argument& values);

}  // namespace cotape::report

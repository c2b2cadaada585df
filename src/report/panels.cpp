// Panels made from functions and tables.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "cotape/error.hpp"
#include "cotape/figures.hpp"

namespace cotape::report {

namespace {

std::vector<double> spread(interval over, std::size_t points) {
  std::vector<double> at(points);
  for (std::size_t i = 0; i < points; ++i) {
    const double part = static_cast<double>(i) / static_cast<double>(points - 1);
    at[i] = over.low + part * (over.high - over.low);
  }
  return at;
}

// Counts in equal bins between the least and the greatest value, as many as the root of the values.
curve histogram(const std::vector<double>& values) {
  std::vector<double> finite;
  std::copy_if(values.begin(), values.end(), std::back_inserter(finite),
               [](double x) { return std::isfinite(x); });
  if (finite.empty()) return {"", {0}, {0}, stroke::bars};
  const auto [low, high] = std::minmax_element(finite.begin(), finite.end());
  const double width = *high > *low ? *high - *low : 1;
  const auto bins = std::clamp<std::size_t>(
      static_cast<std::size_t>(std::sqrt(static_cast<double>(finite.size()))), 1, 30);
  curve c{"", std::vector<double>(bins), std::vector<double>(bins), stroke::bars};
  for (std::size_t i = 0; i < bins; ++i) {
    c.x[i] = *low + width * (static_cast<double>(i) + 0.5) / static_cast<double>(bins);
  }
  for (double x : finite) {
    const auto bin = static_cast<std::size_t>((x - *low) / width * static_cast<double>(bins));
    ++c.y[std::min(bin, bins - 1)];
  }
  return c;
}

std::vector<double> column_of(array_view values, std::size_t column) {
  const auto rows = static_cast<std::size_t>(values.shape()[0]);
  const auto columns = static_cast<std::size_t>(values.shape()[1]);
  std::vector<double> x(rows);
  for (std::size_t i = 0; i < rows; ++i) {
    const std::size_t k = i * columns + column;
    x[i] = values.dtype() == float64 ? values.data_as<double>()[k]
                                     : static_cast<double>(values.data_as<float>()[k]);
  }
  return x;
}

}  // namespace

surface sample(const std::function<double(double x, double y)>& f, interval x, interval y,
               std::size_t points) {
  if (points < 2 || !(x.low < x.high) || !(y.low < y.high)) {
    throw value_error(fmt::format("sample: {} points over [{}, {}] and [{}, {}] are no grid",
                                  points, x.low, x.high, y.low, y.high));
  }
  if (!f) throw value_error("sample: the function is empty");
  surface s{.x = spread(x, points), .y = spread(y, points), .z = {}};
  for (double at_y : s.y) {
    for (double at_x : s.x) s.z.push_back(f(at_x, at_y));
  }
  return s;
}

std::vector<panel> scatter_matrix(const std::vector<std::string>& names,
                                  const array_argument& values) {
  const array_view table = values.view();
  const auto n = names.size();
  if (table.shape().rank() != 2 || table.shape()[0] == 0 || n == 0 ||
      table.shape()[1] != static_cast<std::int64_t>(n)) {
    throw shape_error(
        fmt::format("scatter_matrix: {} names for values of shape {}", n, table.shape().text()));
  }
  if (table.dtype() == int64) {
    throw dtype_error("scatter_matrix: int64 values; give float32 or float64");
  }
  std::vector<std::vector<double>> columns;
  for (std::size_t i = 0; i < n; ++i) columns.push_back(column_of(table, i));
  std::vector<panel> panels;
  for (std::size_t row = 0; row < n; ++row) {
    for (std::size_t column = 0; column < n; ++column) {
      panel p{.x_label = row + 1 == n ? names[column] : "",
              .y_label = column == 0 ? names[row] : ""};
      if (row == column) p.curves.push_back(histogram(columns[row]));
      else p.curves.push_back({"", columns[row], columns[column], stroke::points});
      panels.push_back(std::move(p));
    }
  }
  return panels;
}

}  // namespace cotape::report

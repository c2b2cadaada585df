// What the columns of a table look like.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "cotape/csv.hpp"

namespace cotape {

namespace {

// Between the two elements around the place, as NumPy's "linear" method.
double quantile(const std::vector<double>& sorted, double share) {
  const double place = share * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(place);
  const std::size_t above = std::min(below + 1, sorted.size() - 1);
  return std::lerp(sorted[below], sorted[above], place - static_cast<double>(below));
}

column_summary summary_of(const std::string& name, std::vector<double> x) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  column_summary s{name, static_cast<std::int64_t>(x.size()), nan, nan, nan, nan, nan, nan, nan};
  if (x.empty()) return s;
  const auto n = static_cast<double>(x.size());
  double sum = 0, squares = 0;
  for (const double v : x) sum += v;
  s.mean = sum / n;
  for (const double v : x) squares += (v - s.mean) * (v - s.mean);
  if (x.size() > 1) s.std = std::sqrt(squares / (n - 1));
  std::sort(x.begin(), x.end());
  s.min = x.front();
  s.lower_quartile = quantile(x, 0.25);
  s.median = quantile(x, 0.5);
  s.upper_quartile = quantile(x, 0.75);
  s.max = x.back();
  return s;
}

}  // namespace

std::vector<column_summary> csv_table::summaries(const std::vector<std::string>& names) const {
  const auto all_numbers = [&](std::size_t column) {
    double value = 0;
    for (std::size_t row = 0; row < lines_.size(); ++row) {
      if (!number(row, column, value)) return false;
    }
    return true;
  };
  std::vector<std::string> wanted = names;
  for (std::size_t i = 0; names.empty() && i < names_.size(); ++i) {
    if (all_numbers(i)) wanted.push_back(names_[i]);
  }
  std::vector<column_summary> result;
  for (const std::string& name : wanted) {
    const tensor x = numbers({name}, false);
    const auto* data = x.data_as<double>();
    result.push_back(summary_of(name, {data, data + rows()}));
  }
  return result;
}

std::string csv_table::describe(const std::vector<std::string>& names) const {
  struct line {
    const char* label;
    double column_summary::*value;
  };
  constexpr line lines[] = {
      {"mean", &column_summary::mean},  {"std", &column_summary::std},
      {"min", &column_summary::min},    {"25%", &column_summary::lower_quartile},
      {"50%", &column_summary::median}, {"75%", &column_summary::upper_quartile},
      {"max", &column_summary::max},
  };
  const std::vector<column_summary> columns = summaries(names);
  const auto row = [&](const char* label, auto text) {
    std::string out = fmt::format("{:5}", label);
    for (const column_summary& c : columns) {
      out += fmt::format("  {:>{}}", text(c), std::max<std::size_t>(c.name.size(), 12));
    }
    return out + "\n";
  };
  std::string out = row("", [](const column_summary& c) { return c.name; });
  out += row("count", [](const column_summary& c) { return fmt::format("{}", c.count); });
  for (const line& l : lines) {
    out += row(l.label, [&](const column_summary& c) { return fmt::format("{:.6g}", c.*l.value); });
  }
  return out;
}

}  // namespace cotape

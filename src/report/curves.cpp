// Curves as a gnuplot script, the data within.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "cotape/error.hpp"
#include "cotape/report.hpp"
#include "report/tool.hpp"

namespace cotape::report {

namespace {

constexpr int panel_width = 560, panel_height = 400;  // pixels
// Okabe and Ito's colours, told apart by colour-blind readers too.
constexpr const char* colours[] = {"#0072b2", "#d55e00", "#009e73",
                                   "#cc79a7", "#e69f00", "#56b4e9"};

std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (char c : text) {
    if (c == '\n') out += "\\n";
    else if (static_cast<unsigned char>(c) < ' ') out += ' ';
    else if (c == '"' || c == '\\') out += {'\\', c};
    else out += c;
  }
  return out + '"';
}

double x_at(const curve& c, std::size_t i) {
  return c.x.empty() ? static_cast<double>(i + 1) : c.x[i];
}

void check(const std::vector<panel>& panels) {
  if (panels.empty()) throw value_error("write_curves: there is no panel");
  for (const panel& p : panels) {
    if (p.curves.empty()) throw value_error("write_curves: a panel has no curve");
    for (const curve& c : p.curves) {
      if (c.y.empty() || (!c.x.empty() && c.x.size() != c.y.size())) {
        throw value_error(fmt::format("write_curves: curve '{}' has {} x and {} y", c.name,
                                      c.x.size(), c.y.size()));
      }
    }
  }
}

std::string number(double x) { return std::isfinite(x) ? fmt::format("{}", x) : "nan"; }

// The least and greatest x; a single one gets room around it.
std::pair<double, double> x_range(const panel& p) {
  double low = HUGE_VAL, high = -HUGE_VAL;
  for (const curve& c : p.curves) {
    for (std::size_t i = 0; i < c.y.size(); ++i) {
      if (!std::isfinite(x_at(c, i))) continue;
      low = std::min(low, x_at(c, i));
      high = std::max(high, x_at(c, i));
    }
  }
  if (low > high) return {0, 1};
  return low == high ? std::pair{low - 1, high + 1} : std::pair{low, high};
}

void write_data(std::string& script, const panel& p, std::size_t which) {
  for (std::size_t k = 0; k < p.curves.size(); ++k) {
    const curve& c = p.curves[k];
    script += fmt::format("$data_{}_{} << end_of_data\n", which, k);
    for (std::size_t i = 0; i < c.y.size(); ++i) {
      script += fmt::format("{} {}\n", number(x_at(c, i)), number(c.y[i]));
    }
    script += "end_of_data\n";
  }
}

void write_panel(std::string& script, const panel& p, std::size_t which) {
  const auto [low, high] = x_range(p);
  const bool whole = std::floor(low) == low && std::floor(high) == high;
  script += fmt::format("set title {}\nset xlabel {}\nset ylabel {}\nset xrange [{}:{}]\n",
                        quoted(p.title), quoted(p.x_label), quoted(p.y_label), low, high);
  script += whole && high - low <= 20 ? "set xtics 1\n" : "set xtics autofreq\n";
  script += p.log_y ? "set logscale y\n" : "unset logscale y\n";
  for (std::size_t k = 0; k < p.curves.size(); ++k) {
    const curve& c = p.curves[k];
    script += fmt::format(
        "{} $data_{}_{} using 1:2 with {} linewidth 2 pointtype 7 pointsize 0.5 "
        "linecolor rgb '{}' title {}",
        k == 0 ? "plot" : ",", which, k, c.y.size() > 50 ? "lines" : "linespoints", colours[k % 6],
        quoted(c.name));
  }
  script += "\n";
}

}  // namespace

std::string curves_to_gnuplot(const std::vector<panel>& panels) {
  check(panels);
  std::string script = fmt::format(
      "set encoding utf8\n"
      "set terminal svg size {},{} noenhanced font 'sans-serif,13' background '#ffffff'\n"
      "set datafile missing 'nan'\n"
      "set grid linecolor rgb '#dddddd'\n"
      "set border 3\nset tics nomirror\nset key outside top center horizontal\n"
      "set offsets 0, 0, graph 0.05, graph 0.05\n",
      panel_width * static_cast<int>(panels.size()), panel_height);
  for (std::size_t i = 0; i < panels.size(); ++i) write_data(script, panels[i], i);
  script += fmt::format("set multiplot layout 1,{}\n", panels.size());
  for (std::size_t i = 0; i < panels.size(); ++i) write_panel(script, panels[i], i);
  return script + "unset multiplot\n";
}

void write_curves(const std::filesystem::path& svg, const std::vector<panel>& panels) {
  write_file(svg, run_tool("gnuplot", {"-"}, curves_to_gnuplot(panels), "gnuplot-nox"));
}

}  // namespace cotape::report

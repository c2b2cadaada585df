// A figure as a gnuplot script, the data within.
#include "report/figure.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "io/write_file.hpp"
#include "report/tool.hpp"

namespace cotape::report {

namespace {

constexpr const char* colours[] = {"#0072b2", "#d55e00", "#009e73", "#cc79a7",
                                   "#e69f00", "#56b4e9", "#000000"};
constexpr int point_types[] = {7, 5, 9, 13, 11, 15, 7};  // filled circle, square, triangle ...
constexpr std::size_t count = std::size(colours);

// Those of further curves are open: one less.
int point_type(std::size_t curve) {
  return point_types[curve % count] - static_cast<int>(curve / count % 2);
}

// In single quotes: within double ones gnuplot runs what stands in backticks as a command. Not so
// apostrophes, of which two are one, but at the beginning an empty text. gnuplot puts text into
// sections that "]]>" would end.
std::string quoted(const std::string& text) {
  std::string out = "'";
  for (char c : printable(text)) {
    if (c == '\n') out += "'.\"\\n\".'";
    else if (c == '\'') out += "'.\"'\".'";
    else if (c == '>' && out.ends_with("]]")) out += " >";
    else out += c;
  }
  return out + '\'';
}

// What is not finite stands there and is not drawn: what is missing would be passed over, and a map
// would lose its grid.
std::string number(double x) { return std::isfinite(x) ? fmt::format("{}", x) : "NaN"; }
std::string title(const std::string& name) {
  return name.empty() ? "notitle" : "title " + quoted(name);
}

class script_writer {
 public:
  script_writer(const std::vector<panel>& panels, const figure_options& options)
      : panels_(panels), options_(options) {
    columns_ = options.columns == 0 ? panels.size() : std::min(options.columns, panels.size());
    rows_ = (panels.size() + columns_ - 1) / columns_;
  }

  std::string write() {
    line("set encoding utf8");
    line("set terminal svg size {},{} noenhanced font 'sans-serif,13' background '#ffffff'",
         options_.width * static_cast<int>(columns_),
         options_.height * static_cast<int>(rows_) + (options_.title.empty() ? 0 : 30));
    for (std::size_t i = 0; i < panels_.size(); ++i) write_data(panels_[i], i);
    line("set grid linecolor rgb '#dddddd'\nset format '%g'");
    line("set clip two");  // lines between two points outside are drawn where they cross
    line("set boxwidth 0.9 relative");
    line("set multiplot layout {},{}{}", rows_, columns_,
         options_.title.empty() ? "" : " title " + quoted(options_.title) + " font ',16'");
    for (std::size_t i = 0; i < panels_.size(); ++i) write_panel(panels_[i], i);
    line("unset multiplot");
    return std::move(text_);
  }

 private:
  template <class... Arguments>
  void line(fmt::format_string<Arguments...> text, Arguments&&... arguments) {
    text_ += fmt::format(text, std::forward<Arguments>(arguments)...) + "\n";
  }

  void write_data(const panel& p, std::size_t which) {
    for (std::size_t k = 0; k < p.curves.size(); ++k) {
      const curve& c = p.curves[k];
      line("$data_{}_{} << end_of_data", which, k);
      for (std::size_t i = 0; i < c.y.size(); ++i)
        line("{} {}", number(x_at(c, i)), number(c.y[i]));
      line("end_of_data");
    }
    if (p.map) write_map(*p.map, which);
  }

  // The map's values, and the lines in which gnuplot finds its levels.
  void write_map(const surface& s, std::size_t which) {
    line("$map_{} << end_of_data", which);
    for (std::size_t i = 0; i < s.y.size(); ++i) {
      for (std::size_t j = 0; j < s.x.size(); ++j) {
        line("{} {} {}", s.x[j], s.y[i], number(s.z[i * s.x.size() + j]));
      }
      line("");
    }
    line("end_of_data");
    const auto levels = levels_of(s);
    if (levels.empty()) return;
    line("set contour base\nunset surface\nset cntrparam levels discrete {}",
         fmt::join(levels, ","));
    line("set table $lines_{0}\nsplot $map_{0} using 1:2:3\nunset table\nunset contour", which);
  }

  // The levels that the map crosses: gnuplot refuses to plot no lines.
  static std::vector<double> levels_of(const surface& s) {
    const auto [low, high] = range_of(s);
    std::vector<double> crossed;
    for (double level : s.levels) {
      if (level > low && level < high) crossed.push_back(level);
    }
    return crossed;
  }

  static interval range_of(const surface& s) {
    interval range{HUGE_VAL, -HUGE_VAL};
    for (double z : s.z) {
      if (!std::isfinite(z) || (s.log_z && z <= 0)) continue;
      range = {std::min(range.low, z), std::max(range.high, z)};
    }
    if (range.low > range.high) return {1, 2};
    return range.low == range.high ? interval{range.low, range.low + 1} : range;
  }

  // At most some numbers at an axis: 1, 2 or 5 times a power of ten apart, or where they are whole
  // between whole ends, or are counted (as epochs are), 1 apart or more. A short logarithmic axis
  // gets numbers between the powers of ten too.
  void scale(const char* axis, interval range, bool log, int most, bool counted = false) {
    line("{} logscale {}\nset {}tics autofreq", log ? "set" : "unset", axis, axis);
    if (!log) {
      double step = std::pow(10, std::floor(std::log10((range.high - range.low) / most)));
      for (double factor : {2.0, 2.5, 2.0}) {
        if ((range.high - range.low) / step > most) step *= factor;
      }
      const bool whole = std::floor(range.low) == range.low && std::floor(range.high) == range.high;
      if (counted || (whole && range.high - range.low >= 2)) step = std::max(step, 1.0);
      if (std::isnormal(step)) line("set {}tics {:.3g}", axis, step);
      return;
    }
    const double decades = std::log10(range.high / range.low);
    if (decades > 2.5) return;
    std::vector<double> at;
    for (double power = std::floor(std::log10(range.low)); at.size() < 20; ++power) {
      if (std::pow(10, power) > range.high) break;
      for (double digit : {2, 5}) at.push_back(digit * std::pow(10, power));
    }
    line("set {}tics add ({:.3g})", axis, fmt::join(at, ","));
  }

  // Whether the points are the first, the second ... of each curve.
  static bool is_counted(const panel& p) {
    return !p.curves.empty() && !p.map &&
           std::all_of(p.curves.begin(), p.curves.end(),
                       [](const curve& c) { return c.x.empty(); });
  }

  static bool has_legend(const panel& p) {
    const auto named = [](const auto& part) { return !part.name.empty(); };
    return std::any_of(p.curves.begin(), p.curves.end(), named) ||
           std::any_of(p.markers.begin(), p.markers.end(), named);
  }

  void write_axes(const panel& p) {
    const interval x = x_extent(p), y = y_extent(p);
    line("set title {} offset 0,{}", quoted(p.title), p.axes ? 0 : -0.5);
    line("set xlabel {}\nset ylabel {}", quoted(p.x_label), quoted(p.y_label));
    line("set xrange [{}:{}]\nset yrange [{}:{}]", x.low, x.high, y.low, y.high);
    if (p.axes) {
      line("set border 3\nset tics nomirror\nset margins -1, -1, -1, -1");
      scale("x", x, p.log_x, options_.width / 60, is_counted(p));
      scale("y", y, p.log_y, options_.height / 40);
    } else {
      // Left, right, bottom, top; -1: as gnuplot has it.
      line("unset border\nunset tics\nunset xlabel\nunset ylabel\nset margins 1, {}, 1, {}",
           p.map && p.map->key ? -1 : 1, has_legend(p) ? -1 : 2);
    }
    line("{}", p.equal_units ? "set size ratio -1" : "set size noratio");
    line("set key outside top center horizontal");
  }

  void write_colours(const surface& s) {
    const interval z = s.z_range.value_or(range_of(s));
    line("{} colorbox", s.key ? "set" : "unset");
    line("{}", s.colours == palette::diverging
                   ? "set palette defined (0 '#7fb8d8', 1 '#ffffff', 2 '#f0b080')"
                   : "set palette defined (0 '#ffffff', 1 '#c9dcea', 2 '#7fa8c8', 3 '#39658c')");
    line("set cbrange [{}:{}]\nset cblabel {}", z.low, z.high, quoted(s.label));
    scale("cb", z, s.log_z, options_.height / 40);
  }

  // Regions lie below everything; lines are arrows, so that they reach across.
  void write_markers(const panel& p) {
    line("unset arrow\nunset object");
    for (const marker& m : p.markers) {
      const bool x = m.on == axis::x;
      const auto at = [&](double value, int end) {
        return x ? fmt::format("first {}, graph {}", value, end)
                 : fmt::format("graph {}, first {}", end, value);
      };
      if (m.from == m.to) {
        line(
            "set arrow from {} to {} nohead front linewidth 1.5 dashtype 2 linecolor rgb '#444444'",
            at(m.from, 0), at(m.from, 1));
      } else {
        line("set object rectangle from {} to {} {} noborder", at(std::min(m.from, m.to), 0),
             at(std::max(m.from, m.to), 1),
             p.map ? "front fillcolor rgb '#444444' fillstyle transparent solid 0.15"
                   : "behind fillcolor rgb '#e8e8e8' fillstyle solid");
      }
    }
  }

  std::string look(const curve& c, std::size_t place) const {
    const std::size_t k = c.colour.value_or(place);
    const auto dashes = c.style == stroke::dashed ? 2 : 1 + k / count % 4;
    const std::string colour = fmt::format(" linecolor rgb '{}' ", colours[k % count]);
    const std::string dots = fmt::format("pointtype {} ", point_type(k));
    const std::string stroked = fmt::format("linewidth 2 dashtype {}", dashes) + colour;
    switch (c.style) {
      case stroke::points:
        return "points " + dots + fmt::format("pointsize {}", options_.width < 300 ? 0.35 : 0.6) +
               colour;
      case stroke::bars: return "boxes linewidth 1" + colour;
      case stroke::automatic:
        if (c.y.size() <= 50) return "linespoints " + dots + "pointsize 0.5 " + stroked;
        return "lines " + stroked;
      case stroke::thin: return "lines linewidth 0.7" + colour;
      default: return "lines " + stroked;
    }
  }

  void write_panel(const panel& p, std::size_t which) {
    write_axes(p);
    write_markers(p);
    line("set style fill solid {} border", p.map ? 1 : 0.6);  // of bars, and a map's scale too
    std::vector<std::string> items;
    if (p.map) {
      write_colours(*p.map);
      items.push_back(fmt::format("$map_{} using 1:2:3 with image notitle", which));
      if (!levels_of(*p.map).empty()) {
        items.push_back(fmt::format(
            "$lines_{} using 1:2 with lines linewidth 1 linecolor rgb '#555555' notitle", which));
      }
    }
    for (std::size_t k = 0; k < p.curves.size(); ++k) {
      const curve& c = p.curves[k];
      if (p.map && c.style == stroke::points) {  // a rim, to be seen on any colour
        items.push_back(
            fmt::format("$data_{}_{} using 1:2 with points pointtype {} pointsize 0.9 "
                        "linecolor rgb '#ffffff' notitle",
                        which, k, point_type(c.colour.value_or(k))));
      }
      items.push_back(
          fmt::format("$data_{}_{} using 1:2 with {}{}", which, k, look(c, k), title(c.name)));
    }
    for (const marker& m : p.markers) {
      if (m.name.empty()) continue;
      items.push_back("keyentry with " +
                      std::string(m.from == m.to
                                      ? "lines linewidth 1.5 dashtype 2 linecolor rgb '#444444' "
                                      : "boxes fillstyle solid 1 linecolor rgb '#e8e8e8' ") +
                      title(m.name));
    }
    line("plot {}", fmt::join(items, ", "));
  }

  const std::vector<panel>& panels_;
  const figure_options& options_;
  std::size_t columns_, rows_;
  std::string text_;
};

}  // namespace

std::string figure_to_gnuplot(const std::vector<panel>& panels, const figure_options& options) {
  check_panels(panels);
  return script_writer(panels, options).write();
}

namespace {

std::string draw(const std::vector<panel>& panels, const figure_options& options) {
  // Without what the user has it do first; not "-": of that, gnuplot reads byte by byte.
  return drawn_by("gnuplot", {"-d", "/dev/stdin"}, figure_to_gnuplot(panels, options),
                  "gnuplot-nox");
}

}  // namespace

void write_figure(const std::filesystem::path& svg, const std::vector<panel>& panels,
                  const figure_options& options) {
  detail::write_file({"write_figure", svg}, draw(panels, options));
}
void write_figure(std::ostream& svg, const std::vector<panel>& panels,
                  const figure_options& options) {
  detail::write_file({"write_figure", {}, &svg}, draw(panels, options));
}

}  // namespace cotape::report

// What of a figure can be drawn, and how far its axes reach.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "cotape/error.hpp"
#include "report/figure.hpp"

namespace cotape::report {

namespace {

template <class... Arguments>
void require(bool holds, fmt::format_string<const Arguments&...> text,
             const Arguments&... arguments) {
  if (!holds) throw value_error("write_figure: " + fmt::format(text, arguments...));
}

bool is_even(const std::vector<double>& lines) {
  if (lines.size() < 2) return false;
  const double step = (lines.back() - lines.front()) / static_cast<double>(lines.size() - 1);
  if (!(step > 0) || !std::isfinite(step)) return false;
  for (std::size_t i = 1; i < lines.size(); ++i) {
    if (!(std::abs(lines[i] - lines[i - 1] - step) <= 1e-6 * step)) return false;
  }
  return true;
}

void check_range(const char* name, const std::optional<interval>& range, bool log) {
  if (!range) return;
  const auto [low, high] = *range;
  require(std::isfinite(low) && std::isfinite(high) && low < high && (!log || low > 0),
          "{} from {} to {} is no range{}", name, low, high, log ? " of a logarithmic axis" : "");
}

void check_panel(const panel& p) {
  require(!p.curves.empty() || p.map, "a panel has neither curves nor a map");
  for (const curve& c : p.curves) {
    require(!c.y.empty() && (c.x.empty() || c.x.size() == c.y.size()),
            "curve '{}' has {} x and {} y", c.name, c.x.size(), c.y.size());
  }
  if (p.map) {
    require(is_even(p.map->x) && is_even(p.map->y),
            "the lines of a map's grid are not finite, ascending and even");
    require(p.map->z.size() == p.map->x.size() * p.map->y.size(),
            "a map of {} by {} lines has {} values", p.map->x.size(), p.map->y.size(),
            p.map->z.size());
    check_range("z", p.map->z_range, p.map->log_z);
  }
  for (const marker& m : p.markers) {
    require(std::isfinite(m.from) && std::isfinite(m.to), "marker '{}' is not finite", m.name);
  }
  check_range("x", p.x_range, p.log_x);
  check_range("y", p.y_range, p.log_y);
}

// The least and greatest of what is added, on an axis.
class extent {
 public:
  explicit extent(bool log) : log_(log) {}
  void add(double x) {
    if (!std::isfinite(x) || (log_ && x <= 0)) return;
    low_ = std::min(low_, x);
    high_ = std::max(high_, x);
  }
  bool empty() const { return low_ > high_; }
  /// With a part of it as room at both ends; a single value gets room around it.
  interval with_room(double part) const {
    if (empty()) return log_ ? interval{1, 10} : interval{0, 1};
    // In halves or logarithms, which do not overflow.
    const double low = log_ ? std::log10(low_) : low_ / 2,
                 high = log_ ? std::log10(high_) : high_ / 2;
    double room = (high - low) * part;
    if (low == high) room = log_ ? 1 : std::max(1.0, std::abs(low_)) / 2;
    const auto back = [&](double x) {
      constexpr double most = std::numeric_limits<double>::max();
      return std::clamp(log_ ? std::pow(10, x) : 2 * x, -most, most);
    };
    if (room == 0) return {low_, high_};
    return {back(low - room), back(high + room)};
  }

 private:
  bool log_;
  double low_ = HUGE_VAL, high_ = -HUGE_VAL;
};

void add_markers(extent& e, const panel& p, axis on) {
  for (const marker& m : p.markers) {
    if (m.on == on) e.add(m.from), e.add(m.to);
  }
}

bool has(const panel& p, stroke s) {
  return std::any_of(p.curves.begin(), p.curves.end(),
                     [&](const curve& c) { return c.style == s; });
}

}  // namespace

interval x_extent(const panel& p) {
  if (p.x_range) return *p.x_range;
  if (p.map) return {p.map->x.front(), p.map->x.back()};
  extent e(p.log_x);
  for (const curve& c : p.curves) {
    for (std::size_t i = 0; i < c.y.size(); ++i) e.add(x_at(c, i));
  }
  add_markers(e, p, axis::x);
  return e.with_room(has(p, stroke::bars) ? 0.06 : has(p, stroke::points) ? 0.04 : 0);
}

interval y_extent(const panel& p) {
  if (p.y_range) return *p.y_range;
  if (p.map) return {p.map->y.front(), p.map->y.back()};
  const interval shown = x_extent(p);
  extent e(p.log_y);
  for (const curve& c : p.curves) {
    for (std::size_t i = 0; i < c.y.size(); ++i) {
      if (x_at(c, i) >= shown.low && x_at(c, i) <= shown.high) e.add(c.y[i]);
    }
  }
  add_markers(e, p, axis::y);
  interval range = e.with_room(0.05);
  if (has(p, stroke::bars) && !p.log_y) range.low = std::min(range.low + 0.0, 0.0);
  return range;
}

void check_panels(const std::vector<panel>& panels) {
  require(!panels.empty(), "there is no panel");
  for (const panel& p : panels) check_panel(p);
}

}  // namespace cotape::report

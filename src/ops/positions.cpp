// Positions in a sequence as numbers. Angles are float64 whatever the rows are: a program makes
// their sines and cosines once.
#include <fmt/format.h>

#include <cmath>

#include "cotape/attention.hpp"
#include "ops/numbers.hpp"

namespace cotape {

namespace {

// (T, d), as x has at its end.
struct sizes {
  std::int64_t rows, columns;
  sizes(const composition& c, double longest) {
    c.demand_floating();
    const shape& s = c[0].shape();
    if (s.rank() < 2) c.fail<shape_error>(fmt::format("{} is not (..., rows, columns)", s.text()));
    if (!(longest > 0)) c.fail<value_error>(fmt::format("longest {} is not above 0", longest));
    rows = s[s.rank() - 2];
    columns = s[s.rank() - 1];
  }
};

// t / longest^(2 i / d) of each row t and each of the numbers i.
variable angles(const composition& c, const sizes& n, const variable& i, double longest) {
  const variable t = expand_dims(cast(numbers(c, n.rows), float64), 1);
  const double step = -2 * std::log(longest) / static_cast<double>(n.columns);
  return t * exp(cast(i, float64) * step);
}

}  // namespace

variable sinusoidal_positions(operand x, double longest) {
  const composition c("sinusoidal_positions", {x});
  const sizes n(c, longest);
  if (n.columns == 0) return broadcast_to(c.on().literal(0, c[0].dtype(), c.where()), {n.rows, 0});
  const variable half = numbers(c, n.columns, {.over = 2});
  const variable angle = angles(c, n, half, longest);
  const variable odd = cast(numbers(c, n.columns) - 2 * half, float64);
  return cast(select(odd, cos(angle), sin(angle)), c[0].dtype());
}

variable rotary(operand x, double longest) {
  const composition c("rotary", {x});
  const sizes n(c, longest);
  if (n.columns % 2 != 0) {
    c.fail<shape_error>(fmt::format("the last axis of {} is odd", c[0].shape().text()));
  }
  if (n.columns == 0) return c[0];
  const variable angle = angles(c, n, numbers(c, n.columns / 2), longest);
  const variable cosine = cast(cos(angle), c[0].dtype()), sine = cast(sin(angle), c[0].dtype());
  const std::vector<variable> halves = split(c[0], 2, -1);
  const variable &a = halves[0], &b = halves[1];
  return concatenate({a * cosine - b * sine, b * cosine + a * sine}, -1);
}

}  // namespace cotape

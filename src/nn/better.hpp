// What being better means, for those who look for the best of a figure.
#pragma once

#include <limits>

#include "cotape/schedules.hpp"

namespace cotape::detail {

/// What any number is better than.
inline double worst(better direction) {
  const double infinity = std::numeric_limits<double>::infinity();
  return direction == better::higher ? -infinity : infinity;
}

/// Throws value_error, naming `who` takes them, for options out of range.
void demand_options(const char* who, const plateau_options& options);

/// Better than `best` by more than `delta`; NaN never is.
inline bool improves(better direction, double value, double best, double delta) {
  return direction == better::higher ? value > best + delta : value < best - delta;
}

}  // namespace cotape::detail

// What the checks and the script of a figure share.
#pragma once

#include <optional>
#include <vector>

#include "cotape/figures.hpp"

namespace cotape::report {

/// Throws value_error for panels that cannot be drawn.
void check_panels(const std::vector<panel>& panels);

/// The i-th point's x.
inline double x_at(const curve& c, std::size_t i) {
  return c.x.empty() ? static_cast<double>(i + 1) : c.x[i];
}

/// The ranges of a panel's axes, room around the data included.
interval x_extent(const panel& p);
interval y_extent(const panel& p);

}  // namespace cotape::report

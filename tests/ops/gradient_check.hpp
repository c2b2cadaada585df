// The check of an op case's gradient: in float64, in a random direction with a random cotangent,
// against central differences.
#pragma once

#include "support.hpp"

namespace cotape::tests {

/// A row at a random point with a cotangent w, and two directions in which its inputs move.
struct trial {
  const op_case& c;
  std::vector<shape> shapes;
  arrays x, direction, second_direction;
  array w;

  trial(const op_case& row, std::vector<shape> of_inputs, engine& random);
};

/// The points that a row is checked at: at its own shapes, and if it is element-wise at some that
/// broadcast too; for each, some points. They depend on nothing but the row.
std::vector<std::vector<trial>> trials_of(const op_case& c);

using differentiation = std::function<variables(variable y, const variables& xs, variable w)>;

/// The graph at x: y, and the gradients of w . y that can be asked for.
struct differentiated {
  graph_under_test g;
  variable y, w;
  variables xs, gradients;

  differentiated(const trial& t, const arrays& x, const differentiation& how = {});
};

/// The arrays that belong to the floating inputs.
arrays floating(const op_case& c, const arrays& x);
/// w . y at x.
double value_at(const trial& t, const arrays& x);

/// The slope of w . y along the trial's direction: what differences say, what gradients say.
double slope_by_differences(const trial& t);
double slope_by_gradients(const trial& t, const arrays& gradients);
/// Whether a slope is right: the verdict of the check.
bool agree(double got, double wanted, double tolerance = 1e-8);

}  // namespace cotape::tests

// What tests of operations share: running graphs, comparing arrays.
#pragma once

#include <gtest/gtest.h>

#include "draw.hpp"

namespace cotape::tests {

/// A tape with inputs of given types, and the values to run it with.
struct graph_under_test {
  tape t;
  variables inputs;
  std::vector<tensor> values;

  graph_under_test() = default;
  /// Inputs for the row's arguments with the values x, floating ones of dtype d.
  graph_under_test(const op_case& c, const arrays& x, dtype d);
  variable input(dtype d, const array& x);
  arrays run(const variables& outputs, const compile_options& options = {});
  array run(variable output) { return run(variables{output})[0]; }
};

/// The largest |got - wanted| / (epsilon of d * (|wanted| + scale)); infinite if only one is NaN.
double error_in(const array& got, const array& wanted, dtype d, double scale);

/// EXPECTs equal shapes, and elements within `ulps` units in the last place of |wanted| + scale.
void expect_near(const array& got, const array& wanted, dtype d, double ulps, double scale);
/// EXPECTs equal shapes, and elements within tolerance * max(1, |wanted|).
void expect_close(const array& got, const array& wanted, double tolerance = 1e-9);

/// The sum of products of the elements.
double dot(const array& a, const array& b);
double dot(const arrays& a, const arrays& b);
/// x + h * direction.
arrays moved(const arrays& x, double h, const arrays& direction);

/// df/dh at 0 from central differences at steps h, h/2 and h/4, extrapolated (Richardson): an error
/// of the order of h^6.
double difference(const std::function<double(double)>& f, double h = 1e-3);

}  // namespace cotape::tests

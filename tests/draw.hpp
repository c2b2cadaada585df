// Inputs for the rows of op cases, drawn from their domains, for tests and benchmarks.
#pragma once

#include <random>

#include "op_cases.hpp"

namespace cotape::tests {

using engine = std::mt19937_64;

/// Elements drawn from the domain.
array draw(const argument& of, engine& random);
/// One array an input of the row; the shapes can be replaced.
arrays draw(const op_case& of, engine& random);
arrays draw(const op_case& of, const std::vector<shape>& shapes, engine& random);
/// Elements from the standard normal distribution.
array draw_normal(const shape& s, engine& random);

/// The shapes of a row's inputs; all sizes above 1 times one factor, for about so many elements.
std::vector<shape> own_shapes(const op_case& c);
std::vector<shape> grown_shapes(const op_case& c, double elements);

/// The nearest values of the dtype.
array rounded(array x, dtype d);
tensor to_tensor(const array& x, dtype d);
array to_array(array_view v);

}  // namespace cotape::tests

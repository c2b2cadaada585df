// layer: nn
// First values of weights. A weight's shape is (inputs, units), or that of filters, (sizes...,
// channels, filters): fan-in is the product of all axes but the last, fan-out of all but the one
// before it.
//
//   dense(8, "relu", he_normal), dense(8, {.weights = orthogonal(), .bias_initializer = ones})
#pragma once

#include <functional>
#include <string>

#include "cotape/random.hpp"

namespace cotape {

/// What a layer is given to make its weights with: a function below, what one of those with options
/// gives, or any of (generator&, shape).
struct initializer : std::function<tensor(generator&, const shape&)> {
  using std::function<tensor(generator&, const shape&)>::function;
  initializer(tensor (*f)(generator&, const shape&, dtype));
  initializer(tensor (*f)(const shape&, dtype));

  std::string text;  // of those below, "random_normal(0, 0.05)": files of models keep it
};

/// Uniform in +-sqrt(6 / (fan-in + fan-out)): Glorot and Bengio (2010).
tensor glorot_uniform(generator& random, const shape& s, dtype d = float32);
/// Normal with variance 2 / (fan-in + fan-out).
tensor glorot_normal(generator& random, const shape& s, dtype d = float32);
/// Uniform in +-sqrt(6 / fan-in): He et al. (2015).
tensor he_uniform(generator& random, const shape& s, dtype d = float32);
/// Normal with variance 2 / fan-in.
tensor he_normal(generator& random, const shape& s, dtype d = float32);
/// Uniform in +-sqrt(3 / fan-in): LeCun et al. (1998).
tensor lecun_uniform(generator& random, const shape& s, dtype d = float32);
/// Normal with variance 1 / fan-in.
tensor lecun_normal(generator& random, const shape& s, dtype d = float32);
tensor zeros(const shape& s, dtype d = float32);
tensor ones(const shape& s, dtype d = float32);

// Those with options have Keras's defaults. They throw value_error for a deviation below 0, for
// low > high, and for NaN.

initializer random_normal(double mean = 0, double deviation = 0.05);
/// In [low, high).
initializer random_uniform(double low = -0.05, double high = 0.05);
/// Normal, but what is further than two deviations from the mean is drawn again.
initializer truncated_normal(double mean = 0, double deviation = 0.05);
initializer constant_value(double value);
/// A matrix whose columns (or rows, if these are fewer) are orthogonal and of length `gain`, drawn
/// from all of those alike (Saxe, McClelland and Ganguli, 2013). Filters are the matrix of all axes
/// but the last by the last. Throws shape_error for less than two axes.
initializer orthogonal(double gain = 1);
/// `gain` on the diagonal and 0 elsewhere; shape_error for what is no matrix.
initializer identity_matrix(double gain = 1);

}  // namespace cotape

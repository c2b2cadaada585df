// layer: nn
// First values of weights. A weight's shape is (inputs, units), or that of filters, (sizes...,
// channels, filters): fan-in is the product of all axes but the last, fan-out of all but the one
// before it.
#pragma once

#include <functional>

#include "cotape/random.hpp"

namespace cotape {

/// What a layer is given to make its weights with: a function below, or any of (generator&, shape).
struct initializer : std::function<tensor(generator&, const shape&)> {
  using std::function<tensor(generator&, const shape&)>::function;
  initializer(tensor (*f)(generator&, const shape&, dtype))
      : function([f](generator& r, const shape& s) { return f(r, s, float32); }) {}
  initializer(tensor (*f)(const shape&, dtype))
      : function([f](generator&, const shape& s) { return f(s, float32); }) {}
};

/// Uniform in +-sqrt(6 / (fan-in + fan-out)): Glorot and Bengio (2010).
tensor glorot_uniform(generator& random, const shape& s, dtype d = float32);
/// Normal with variance 2 / (fan-in + fan-out).
tensor glorot_normal(generator& random, const shape& s, dtype d = float32);
/// Uniform in +-sqrt(6 / fan-in): He et al. (2015).
tensor he_uniform(generator& random, const shape& s, dtype d = float32);
/// Normal with variance 2 / fan-in.
tensor he_normal(generator& random, const shape& s, dtype d = float32);
tensor zeros(const shape& s, dtype d = float32);

}  // namespace cotape

// layer: nn
// What holds weights beside their gradients: regularizers add a term to the loss, constraints end
// each update. With Keras's names and defaults; of your own they are functions over variables.
//
//   dense(10, {.weights_regularizer = l2(1e-4), .weights_constraint = max_norm(3)})
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "cotape/variable.hpp"

namespace cotape {

/// A function over a variable, or none.
struct weight_function : std::function<variable(variable)> {
  using std::function<variable(variable)>::function;

  std::string text;  // of those below, "l2(0.01)": files of models keep it
};

/// A term of the loss, a number, from a weight or from a layer's output. An empty one adds none.
using regularizer = weight_function;
/// A weight's value after an update from the one that the optimizer gave it, in the same shape. An
/// empty one leaves it alone.
using constraint = weight_function;

/// factor sum |w|; the derivative at 0 is 0 (Tibshirani, 1996). Throws value_error, as the others
/// do, for a factor below 0 or NaN.
regularizer l1(double factor = 0.01);
/// factor sum w^2 (Hoerl and Kennard, 1970).
regularizer l2(double factor = 0.01);
/// The sum of both.
regularizer l1_l2(double factor_of_l1 = 0.01, double factor_of_l2 = 0.01);

/// w most / max(|w|, most): the norms |w| are at most `most` (Srebro and Shraibman, 2005), each
/// over the given axes. These are all but the last, the weights that lead to a unit or a filter, if
/// none are given, and of a vector its only one. Throws value_error unless
/// most > 0 and finite.
constraint max_norm(double most = 2, std::vector<std::int64_t> over = {});
/// max(w, 0).
constraint non_neg();
/// w / |w|, over axes as those of max_norm; norms below 1e-7 count as that.
constraint unit_norm(std::vector<std::int64_t> over = {});

/// What a weight is held to.
struct weight_rules {
  regularizer term = {};   // while the weight is trained
  constraint bounds = {};  // after each update of it
};

}  // namespace cotape

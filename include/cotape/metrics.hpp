// layer: train
// What a model is trained on and judged by: losses and metrics by name or as functions of
// (prediction, target), in this order: the one difference from Keras. The confusion
// matrix.
#pragma once

#include <concepts>
#include <functional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "cotape/tape.hpp"
#include "cotape/xtensor.hpp"

namespace cotape {

template <class F>
concept loss_callable = std::invocable<const F&, variable, variable>;

/// A scalar of (prediction, target). The names: those of the functions of losses.hpp, Keras's short
/// ones among them ("mse", "mae", "mape", "msle"); "huber" has delta 1. Of a sigmoid's or softmax's
/// output the stable form in the logits is evaluated. Throws value_error listing the names.
class loss_function {
 public:
  loss_function(const char* name) : loss_function(std::string(name)) {}
  loss_function(const std::string& name);
  template <loss_callable F>
  loss_function(F f) : record_([f](variable p, variable t) -> variable { return f(p, t); }) {}

  variable operator()(variable prediction, variable target) const {
    return record_(prediction, target);
  }
  /// The function's long name; empty for a callable.
  const std::string& name() const { return name_; }

 private:
  std::string name_;
  std::function<variable(variable, variable)> record_;
};

/// A figure of a whole set, gathered batch by batch inside the compiled program. The names:
/// "accuracy" (or "acc"), which is binary_accuracy for one output unit, sparse_categorical_accuracy
/// for integer labels, else categorical_accuracy; these three (the first counts p > 0.5 as 1, the
/// others take the largest entry; NaN is never right); "rmse" ("root_mean_squared_error") and "r2"
/// ("r2_score", 1 - residual over total sum of squares, the mean of the columns'), both over the
/// whole set and not the mean of the batches'; and every loss's name. Throws value_error listing
/// the names.
class metric {
 public:
  metric(const char* name) : metric(std::string(name)) {}
  metric(const std::string& name);
  /// The mean over batches, weighted by their rows, of a scalar.
  template <loss_callable F> metric(std::string name, F f) : name_(std::move(name)) {
    use_mean_of([f](variable p, variable t) -> variable { return f(p, t); });
  }

  const std::string& name() const { return name_; }
  /// float64 sums over a batch (k), which are added up over batches ...
  variable sums(variable prediction, variable target) const { return sums_(prediction, target); }
  /// ... and what comes of them at the end.
  double value(std::span<const double> sums, double rows) const { return value_(sums, rows); }

 private:
  void use_mean_of(std::function<variable(variable, variable)> f);

  std::string name_;
  std::function<variable(variable, variable)> sums_;
  std::function<double(std::span<const double>, double)> value_;
};

/// How many rows of each class (row) were taken for each class (column), as int64 (classes,
/// classes). Predictions and targets are int64 labels (n), rows of probabilities (n, classes), or
/// probabilities of class 1, (n) or (n, 1). `classes` 0 counts them. Throws shape_error if rows do
/// not fit, value_error naming the row of a label that is no class.
xt::xarray<std::int64_t> confusion_matrix(const array_argument& prediction,
                                          const array_argument& target, std::int64_t classes = 0);

}  // namespace cotape

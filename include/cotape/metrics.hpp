// layer: train
// What a model is trained on and judged by: losses and metrics by name or as functions of
// (prediction, target), in this order: the one difference from Keras. The confusion
// matrix.
#pragma once

#include <concepts>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "cotape/schedules.hpp"
#include "cotape/tape.hpp"
#include "cotape/xtensor.hpp"

namespace cotape {

namespace detail {
struct named_loss;
}

template <class F>
concept loss_callable = std::invocable<const F&, variable, variable>;

/// The targets that a model gives to a function. `fitted`: floating ones whose rows differ from the
/// prediction's only by axes of size 1 have its shape, int64 labels are as they are, and any other
/// shape is refused. `as_given`: all have the shape of the data.
enum class targets : std::uint8_t { fitted, as_given };

/// A scalar of (prediction, target), from a function or by name. The names: those of the functions
/// of losses.hpp, Keras's short ones among them ("mse", "mae", "mape", "msle"); "huber" has
/// delta 1. Of a sigmoid's or softmax's output the stable form in the logits is evaluated. Throws
/// value_error listing the names, and for an empty function.
class loss_function {
 public:
  loss_function(const char* name) : loss_function(std::string(name == nullptr ? "" : name)) {}
  loss_function(const std::string& name);
  loss_function(std::nullptr_t) = delete;
  template <loss_callable F>
  loss_function(F f, targets taken = targets::fitted) : taken_(taken), record_(std::move(f)) {
    demand_function();
  }
  /// A function of losses.hpp is the loss of that name, unless it takes its targets as given:
  /// `m.compile(mse, sgd())`.
  loss_function(variable (*f)(operand, operand), targets taken = targets::fitted);
  loss_function(const loss_function&) = default;  // and no move: none is without its function
  loss_function& operator=(const loss_function&) = default;

  variable operator()(variable prediction, variable target) const {
    return record_(prediction, target);
  }
  /// The function's long name; empty for one's own.
  std::string name() const;
  targets taken() const { return taken_; }
  /// What the library knows of it; null for one's own.
  const detail::named_loss* known() const { return known_; }

 private:
  void demand_function() const;

  const detail::named_loss* known_ = nullptr;
  targets taken_ = targets::fitted;
  std::function<variable(variable, variable)> record_;
};

/// A figure of a whole set, gathered batch by batch inside the compiled program. The names:
/// "accuracy" (or "acc"), which is binary_accuracy for one output unit, sparse_categorical_accuracy
/// for integer labels, else categorical_accuracy; these three (the first counts p > 0.5 as 1, the
/// others take the largest entry; NaN is never right); "top_k_categorical_accuracy" and
/// "sparse_top_k_categorical_accuracy", for integer labels, with k = 5, or a number in its place:
/// "top_3_categorical_accuracy" (whether fewer than k entries are above that of the right class:
/// equal ones are all among the k, as TensorFlow's in_top_k has it); "perplexity", e to the mean
/// cross-entropy of the whole set, by integer labels or by a probability for each class, and
/// "perplexity_from_logits"; "rmse" ("root_mean_squared_error") and "r2"
/// ("r2_score", 1 - residual over total sum of squares, the mean of the columns'), both over the
/// whole set and not the mean of the batches'; and every loss's name. Throws value_error listing
/// the names.
class metric {
 public:
  metric(const char* name) : metric(std::string(name == nullptr ? "" : name)) {}
  metric(const std::string& name);
  /// The mean over batches, weighted by their rows, of a scalar. Callbacks that look for the best
  /// value must be told which are better, by `direction` here or by an option of theirs; of a loss
  /// that has a name the lower ones are.
  metric(std::string name, const loss_function& f, std::optional<better> direction = {});
  metric(const metric&) = default;  // and no move: none is without its functions
  metric& operator=(const metric&) = default;

  const std::string& name() const { return name_; }
  /// Whether it is the library's, by its name.
  bool known() const { return known_; }
  /// None if it is not known.
  std::optional<better> direction() const { return direction_; }
  targets taken() const { return taken_; }
  /// float64 numbers about a batch (k) ...
  variable sums(variable prediction, variable target) const { return sums_(prediction, target); }
  /// ... which join those of `rows_before` rows, of which there may be none ...
  void merge(std::span<double> total, double rows_before, std::span<const double> batch,
             double rows) const {
    merge_(total, rows_before, batch, rows);
  }
  /// ... and what comes of them at the end.
  double value(std::span<const double> sums, double rows) const { return value_(sums, rows); }

 private:
  using merging = void(std::span<double>, double, std::span<const double>, double);

  std::string name_;
  bool known_ = false;
  std::optional<better> direction_;
  targets taken_ = targets::fitted;
  std::function<variable(variable, variable)> sums_;
  merging* merge_;
  double (*value_)(std::span<const double>, double);
};

/// The metrics of these names with this k. Throw value_error for a k below 1.
metric top_k_categorical_accuracy(std::int64_t k = 5);
metric sparse_top_k_categorical_accuracy(std::int64_t k = 5);

/// How many rows of each class (row) were taken for each class (column), as int64 (classes,
/// classes). Predictions and targets are int64 labels (n), rows of probabilities (n, classes), or
/// probabilities of class 1, (n) or (n, 1). `classes` 0 counts them. Throws shape_error if rows do
/// not fit, value_error naming the row of a label that is no class.
xt::xarray<std::int64_t> confusion_matrix(const array_argument& prediction,
                                          const array_argument& target, std::int64_t classes = 0);

}  // namespace cotape

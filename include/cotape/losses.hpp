// layer: ops
// Losses. All take (prediction, target), where Keras takes (true, predicted): the one difference
// from its names. Each gives a scalar and states its reduction. Targets have the prediction's shape
// and dtype (int64 labels: the shape without the class axis); else they throw shape_error, naming
// both shapes, or dtype_error. Probabilities are clipped to [1e-7, 1 - 1e-7], unless they are
// recorded as a sigmoid or a softmax: of those the stable form in the logits is evaluated.
#pragma once

#include "cotape/ops.hpp"

namespace cotape {

// --- Regression ---------------------------------------------------------------------------------

/// Sum of squared differences, the residual sum of squares.
variable sum_squared_error(operand prediction, operand target);
/// Half of it: its gradient is prediction - target.
variable half_squared_error(operand prediction, operand target);
/// Mean of squared differences over all elements.
variable mean_squared_error(operand prediction, operand target);
/// Sum of |prediction - target|; the derivative of an exact hit is 0.
variable sum_absolute_error(operand prediction, operand target);
/// Mean of |prediction - target| over all elements.
variable mean_absolute_error(operand prediction, operand target);
/// 100 mean |(target - prediction) / target|, in percent. A target of 0 gives infinity or NaN.
variable mean_absolute_percentage_error(operand prediction, operand target);
/// Mean of (log(1 + target) - log(1 + prediction))^2. Values of -1 give infinity, lower ones NaN.
variable mean_squared_logarithmic_error(operand prediction, operand target);
/// Mean over all elements of r^2 / 2 where |r| <= delta, else delta (|r| - delta / 2), of the
/// differences r (Huber, 1964). Throws value_error unless delta > 0.
variable huber(operand prediction, operand target, double delta);
/// With delta 1.
inline variable huber(operand prediction, operand target) { return huber(prediction, target, 1); }

/// Mean of log(cosh(prediction - target)): half a square near a hit, |r| - log 2 far from it.
variable log_cosh(operand prediction, operand target);
/// Mean over rows of minus the cosine between prediction and target along the last axis, -1 where
/// they point one way. A row where either is 0 counts 0, and has the slope of one of norm 1.
variable cosine_similarity(operand prediction, operand target);

// --- Classes ------------------------------------------------------------------------------------

/// Mean over all elements of -(t log p + (1 - t) log(1 - p)), from probabilities.
variable binary_crossentropy(operand prediction, operand target);
/// The same from logits.
variable binary_crossentropy_from_logits(operand logits, operand target);
/// Mean over rows of -sum(t log p) over the last axis, the classes, from probabilities. They are
/// not divided by their sum first.
variable categorical_crossentropy(operand prediction, operand target);
/// The same of p = softmax(logits).
variable categorical_crossentropy_from_logits(operand logits, operand target);
/// categorical_crossentropy with int64 labels, without the class axis; a label that is no class
/// stops the run with value_error.
variable sparse_categorical_crossentropy(operand prediction, operand labels);
/// The same of softmax(logits).
variable sparse_categorical_crossentropy_from_logits(operand logits, operand labels);

/// Mean over rows of sum(t log(t / p)) over the last axis, the classes (Kullback and Leibler,
/// 1951), both clipped to [1e-7, 1]; of a sigmoid or a softmax neither is.
variable kl_divergence(operand prediction, operand target);
/// Mean over all elements of max(1 - t prediction, 0), of targets t of -1 and 1. A target of 0 is
/// taken as -1, each for itself: Keras takes 0 so only where all targets are 0 or 1.
variable hinge(operand prediction, operand target);
/// The same of max(1 - t prediction, 0)^2.
variable squared_hinge(operand prediction, operand target);

/// Of the focal cross-entropies (Lin et al., 2017), which weigh what is predicted well less.
struct focal_options {
  double alpha = 0.25;  // the weight of a class
  double gamma = 2;     // the power of 1 - p
};
/// binary_crossentropy, each element times (1 - q)^gamma, q = t p + (1 - t) (1 - p) being the
/// probability of its target; with `balanced` times t alpha + (1 - t) (1 - alpha) too. Throws
/// value_error for an alpha outside [0, 1] or a gamma that is negative or infinite.
variable binary_focal_crossentropy(operand prediction, operand target, focal_options options,
                                   bool balanced = false);
inline variable binary_focal_crossentropy(operand prediction, operand target) {
  return binary_focal_crossentropy(prediction, target, {});
}
/// categorical_crossentropy, each class's term times alpha (1 - p)^gamma; throws as that does.
variable categorical_focal_crossentropy(operand prediction, operand target, focal_options options);
inline variable categorical_focal_crossentropy(operand prediction, operand target) {
  return categorical_focal_crossentropy(prediction, target, {});
}

/// Targets less certain, for any cross-entropy: (1 - amount) target + amount / classes (Szegedy et
/// al., 2016), `classes` being 2 of binary ones. Throws value_error unless amount is in [0, 1] and
/// there is a class.
variable smoothed_labels(operand target, double amount, std::int64_t classes);

// --- Short names --------------------------------------------------------------------------------

inline variable sse(operand prediction, operand target) {
  return sum_squared_error(prediction, target);
}
inline variable rss(operand prediction, operand target) {
  return sum_squared_error(prediction, target);
}
inline variable mse(operand prediction, operand target) {
  return mean_squared_error(prediction, target);
}
inline variable mae(operand prediction, operand target) {
  return mean_absolute_error(prediction, target);
}
inline variable mape(operand prediction, operand target) {
  return mean_absolute_percentage_error(prediction, target);
}
inline variable msle(operand prediction, operand target) {
  return mean_squared_logarithmic_error(prediction, target);
}

}  // namespace cotape

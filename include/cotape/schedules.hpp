// layer: nn
// Learning rates that change in the course of training. A schedule is a function of the step or
// epoch; a training loop calls it and sets the optimizer's rate, a parameter of the compiled step,
// so that nothing is compiled anew:
//
//   optimizer.rate().set(schedule(step));
//
// Each throws value_error for arguments that it cannot take.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "cotape/tensor.hpp"

namespace cotape {

/// The rate at a step, or epoch, counted from 0. A pure function: a fit with a checkpoint asks it
/// ahead of time for the rates of all epochs, or of many steps, to tell one schedule from another.
using rate_schedule = std::function<double(std::int64_t step)>;

/// The same at each step.
rate_schedule constant_rate(double rate);
/// rate * factor^floor(step / every) (Krizhevsky, Sutskever and Hinton, 2012, with factor 0.1).
rate_schedule step_decay(double rate, double factor, std::int64_t every);
/// rate * factor^(step / every) (Senior et al., 2013, "exponential scheduling").
rate_schedule exponential_decay(double rate, double factor, std::int64_t every = 1);
/// last + (rate - last) (1 + cos(pi step / steps)) / 2, then `last` (Loshchilov and Hutter, 2017,
/// equation 5, without restarts).
rate_schedule cosine_decay(double rate, std::int64_t steps, double last = 0);
/// The same without an end: after `steps` it begins anew, in a period `growth` times as long and
/// with rate - last `height` times as large, and so on (Loshchilov and Hutter, 2017, equation 5).
rate_schedule cosine_restarts(double rate, std::int64_t steps, double growth = 2, double height = 1,
                              double last = 0);
/// last + (rate - last) (1 - step / steps)^power, then `last`. If `cycling` it goes on instead: of
/// `steps` the multiple is taken that step has not passed (Keras, PolynomialDecay).
rate_schedule polynomial_decay(double rate, std::int64_t steps, double last = 1e-4,
                               double power = 1, bool cycling = false);
/// rate / (1 + factor * step / every) (Robbins and Monro, 1951, with rates that sum to infinity and
/// whose squares do not).
rate_schedule inverse_time_decay(double rate, double factor, std::int64_t every = 1);
/// rates[i] up to and with the step boundaries[i], the last rate after all of them (Keras,
/// PiecewiseConstantDecay). Boundaries rise; there is one rate more.
rate_schedule piecewise_constant(std::vector<std::int64_t> boundaries, std::vector<double> rates);

struct one_cycle_options {
  double rising = 0.3;        // the share of the steps before the highest rate
  double first_divisor = 25;  // the first rate is the highest divided by this,
  double last_divisor = 1e4;  // the last one the first divided by this
};
/// From a low rate up to `highest` and down to almost nothing in `steps`, each along half a cosine,
/// then the last rate (Smith and Topin, 2018; two phases, as PyTorch's OneCycleLR).
rate_schedule one_cycle(double highest, std::int64_t steps, one_cycle_options options = {});
/// (step + 1) / steps of the first rate of `then`, for that many steps, then `then` counted from
/// there (Goyal et al., 2017, "gradual warmup").
rate_schedule warm_up(std::int64_t steps, rate_schedule then);

/// Which values of a figure are the better ones.
enum class better : std::uint8_t { lower, higher };

struct plateau_options {
  double factor = 0.1;
  std::int64_t patience = 10;            // observations without a better one
  double minimum_delta = 0;              // better is better than the best by more than this
  double lowest = 0;                     // the rate that it never goes below
  std::optional<better> direction = {};  // of what is observed; by default lower
  std::int64_t cooldown = 0;  // observations after a reduction that `patience` does not count
};

/// Multiplies a rate by `factor` when a figure, such as the loss, has stopped becoming better (as
/// He et al., 2016, did by hand). A handle: copies share what was observed.
class reduce_on_plateau {
 public:
  /// `rate` is an optimizer's rate().
  explicit reduce_on_plateau(parameter rate, plateau_options options = {});

  /// To be called with each epoch's figure; NaN is no better than any other. Returns whether it
  /// reduced the rate.
  bool observe(double figure);
  /// The best figure and the number of observations since, below 0 of those that do not count: what
  /// a checkpoint must keep.
  std::vector<parameter> state() const { return {best_, waited_}; }

 private:
  parameter rate_, best_, waited_;
  plateau_options options_;
};

}  // namespace cotape

// layer: nn
// Optimizers. An update rule is a pure function over variables: (weight, gradient, state, rate) to
// (new weight, new state); minimize() records it for all parameters as effects of the tape, so an
// update is part of the compiled step and can itself be differentiated. State and rate are
// parameters: `rate()` may be changed between runs without compiling anew.
#pragma once

#include <vector>

#include "cotape/tape.hpp"

namespace cotape {

/// A weight's new value and its new state.
struct updated {
  variable weight;
  std::vector<variable> state;
};

/// v' = momentum v - rate g,  w' = w + v'  (Polyak, 1964). w' = w - rate g without state.
updated sgd_update(variable w, variable g, const std::vector<variable>& state, variable rate,
                   operand momentum);

/// Algorithm 1 of Kingma and Ba (2015). State: m, v; `step` counts from 1 (float64 scalar).
updated adam_update(variable w, variable g, const std::vector<variable>& state, variable rate,
                    variable step, operand beta1, operand beta2, operand epsilon);

class optimizer {
 public:
  virtual ~optimizer() = default;
  optimizer(const optimizer&) = delete;
  optimizer& operator=(const optimizer&) = delete;

  /// Records the update of all trainable parameters that the loss depends on, at their current
  /// values on the loss's tape. The loss must have one element. Throws value_error if there is
  /// nothing to update.
  void minimize(operand loss);
  /// The same for the given parameters: groups are optimizers with different parameters.
  void minimize(operand loss, const std::vector<parameter>& parameters);
  /// Records the update for gradients given by the caller.
  void apply(const std::vector<parameter>& parameters, const std::vector<variable>& gradients);

  /// Adds the loss's gradients to accumulators instead (micro-batches) ...
  void accumulate(variable loss);
  /// ... and updates with what was accumulated, times `scale`, which starts again from zero.
  void apply_accumulated(tape& t, double scale = 1);

  /// The learning rate: a float64 scalar.
  const parameter& rate() const { return rate_; }
  /// All state: rate, counters, moments; what a checkpoint must keep beside the weights.
  virtual std::vector<parameter> state() const;

 protected:
  optimizer(double rate, std::size_t slot_count);
  /// One weight's rule; `rate` has the weight's dtype.
  virtual updated update(variable w, variable g, const std::vector<variable>& state,
                         variable rate) = 0;
  /// Recorded once before the weights of a step.
  virtual void begin_step(tape&) {}

 private:
  struct slots {
    parameter weight;
    std::vector<parameter> state;
    std::vector<parameter> accumulator;  // none or one
  };
  slots& slots_of(const parameter& p);

  parameter rate_;
  std::size_t slot_count_;
  std::vector<slots> slots_;
};

struct sgd_options {
  double rate = 0.01;
  double momentum = 0;
};

/// Stochastic gradient descent, with momentum if it is not 0.
class sgd : public optimizer {
 public:
  explicit sgd(sgd_options options = {});

 protected:
  updated update(variable w, variable g, const std::vector<variable>& state,
                 variable rate) override;

 private:
  sgd_options options_;
};

struct adam_options {
  double rate = 0.001;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-7;
};

class adam : public optimizer {
 public:
  explicit adam(adam_options options = {});

  std::vector<parameter> state() const override;

 protected:
  updated update(variable w, variable g, const std::vector<variable>& state,
                 variable rate) override;
  void begin_step(tape& t) override;

 private:
  adam_options options_;
  parameter step_;
  variable now_;
};

}  // namespace cotape

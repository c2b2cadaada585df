// layer: nn
// What optimizers share: minimize() records an update rule (update_rules.hpp) for all parameters as
// effects of the tape, so an update is part of the compiled step and can itself be differentiated.
// All gradients of a step are taken at the old weights. State and rate are parameters: `rate()` may
// be changed between runs without compiling anew (schedules.hpp).
#pragma once

#include <string>
#include <vector>

#include "cotape/named_texts.hpp"
#include "cotape/update_rules.hpp"

namespace cotape {

namespace detail {
class slots_then;
}

class optimizer {
 public:
  virtual ~optimizer() = default;
  optimizer(optimizer&&) = default;
  optimizer(const optimizer&) = delete;
  optimizer& operator=(const optimizer&) = delete;

  /// Records the update of all trainable parameters that the gradient of the loss reaches, at their
  /// current values on the loss's tape. The loss must have one element. Throws value_error if it
  /// reaches none, and, as the next two, if the step reads no parameter with a name of a group.
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
  /// The parameters that it holds state for beside the rate, such as moments: those of one model.
  std::vector<parameter> served() const;
  /// Makes the state of parameters that it has not met, which start as in a first step.
  void serve(const std::vector<parameter>& parameters);
  /// Drops the state that it holds for a parameter, if any.
  void forget(const parameter& p);
  /// All state: rate, counters, moments; what a checkpoint must keep beside the weights.
  virtual std::vector<parameter> state() const;
  /// All options but the rate: what a checkpoint compares, beside the type and what is recorded.
  virtual named_texts description() const;

 protected:
  /// Throws value_error for a negative rate or option, or NaN, and for a group without names, or
  /// with one that is empty or has one of "|;".
  optimizer(double rate, std::size_t slot_count, const gradient_options& gradients = {});
  /// One weight's rule; `rate` has the weight's dtype.
  virtual updated update(variable w, variable g, const std::vector<variable>& state,
                         variable rate) = 0;
  /// The factor of the weight decay of the weight whose rule is recorded (parameter_group).
  double decay_factor() const { return decay_factor_; }
  /// Recorded once before the weights of a step.
  virtual void begin_step(tape&) {}

 private:
  friend class detail::slots_then;
  struct slots {
    parameter weight;
    std::vector<parameter> state;
    std::vector<parameter> accumulator;  // none or one
    bool holds() const { return !state.empty() || !accumulator.empty(); }
    bool operator==(const slots&) const = default;
  };
  slots& slots_of(const parameter& p);

  parameter rate_;
  std::size_t slot_count_;
  gradient_options gradients_;
  double decay_factor_ = 1;
  std::vector<slots> slots_;
};

}  // namespace cotape

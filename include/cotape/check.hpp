// layer: check
// Gradients against numeric differentiation, in double whatever the model's dtype.
#pragma once

#include <cstdint>
#include <functional>
#include <iosfwd>
#include <string>
#include <vector>

#include "cotape/tape.hpp"

namespace cotape {

struct gradient_check_options {
  int directions = 5;       // for each parameter
  std::uint64_t seed = 0;   // of the directions
  double tolerance = 1e-6;  // relative error from which a derivative is called wrong
  double step = 1e-4;       // first step, times the parameter's 2-norm or 1, the larger
  int most_redraws = 20;    // for each direction
};

/// What the check found for a parameter, the gravest first.
enum class verdict {
  non_finite,       // the loss or its gradient is infinite or NaN
  wrong,            // gradient and differences disagree
  kink,             // no smooth direction was found
  ill_conditioned,  // differences cannot resolve a derivative as small as this
  vacuous,          // the gradient is zero and the loss does not move
  ok,
};
/// "ok", "wrong" ...
const char* name_of(verdict v);

/// One parameter's part of a gradient check.
struct parameter_check {
  std::string name;
  cotape::shape shape;
  verdict found = verdict::ok;
  double worst_error = 0;  // relative to the larger of the two below; infinite if non-finite
  double by_gradient = 0;  // the directional derivatives in the worst direction
  double by_differences = 0;
  int directions = 0;  // compared
  int redrawn = 0;     // directions that crossed a kink: drawn anew, with a smaller step
};

struct gradient_check {
  std::vector<parameter_check> parameters;

  /// The worst of all; infinite if something is not finite or could not be compared at all.
  double worst_error() const;
  int redrawn() const;
  /// Whether every parameter is ok or vacuous, and not all are vacuous.
  bool ok() const;
  /// A line a parameter.
  std::string table() const;
};
std::ostream& operator<<(std::ostream& out, const gradient_check& c);

/// Compares the gradient of a scalar loss with central differences in random directions, each of
/// unit length, over one parameter at a time. `loss` records itself on the float64 tape that it is
/// given and reads the parameters there (as operands, or by tape.read); no parameter changes.
/// `parameters` empty: all trainable ones of a floating dtype that the loss reads.
///
/// The differences: steps h, h/2, h/4, Richardson's extrapolation, with its own error bar. A
/// direction is a kink's if the slopes from the left and from the right do not meet as the step
/// shrinks, or the extrapolation does not converge.
///
/// Throws shape_error if the loss is no scalar, value_error for a parameter of integers or where
/// there is none.
gradient_check check_gradient(const std::function<variable(tape&)>& loss,
                              std::vector<parameter> parameters = {},
                              const gradient_check_options& options = {});

}  // namespace cotape

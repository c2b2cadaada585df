// Slopes that several rules share: at kinks and ties, as the tape's kink_policy has them, and of
// logarithms.
#pragma once

#include <limits>

#include "cotape/ops.hpp"

namespace cotape {

/// How much of a kink's slope is the one from the right, and of a tie's adjoint the last operand's:
/// 0, 1/2 or 1; `standard` where the tape's policy is that.
inline double right_share(const variable& x, double standard) {
  switch (x.owner().kinks) {
    case kink_policy::left: return 0;
    case kink_policy::right: return 1;
    case kink_policy::split: return 0.5;
    default: return standard;
  }
}

/// 1 where a > b, 0 where a < b and `tie` where they are equal. Rules multiply an adjoint by it
/// with absorbing_multiply: the operand that is not taken gets 0, be the adjoint infinite.
inline variable above(operand a, operand b, double tie) {
  if (tie == 0) return less(b, a);
  if (tie == 1) return less_equal(b, a);
  return less(b, a) + tie * equal(a, b);
}

/// 1/x for x >= 0, else NaN, as the logarithm that it is the slope of.
inline variable log_slope(const variable& x) {
  return select(less(x, 0), std::numeric_limits<double>::quiet_NaN(), 1) / x;
}

}  // namespace cotape

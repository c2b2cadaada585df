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

/// How much of maximum(a, b) is its operand i, ties as the policy has them. Rules multiply an
/// adjoint by it with absorbing_multiply: the operand that is not taken gets 0, be the adjoint
/// infinite.
inline variable share_taken(int i, variable a, variable b) {
  const double last = right_share(a, 0.5);
  return i == 0 ? share_of_maximum(a, b, 1 - last) : share_of_maximum(b, a, last);
}

/// 1/x for x >= 0, else NaN, as the logarithm that it is the slope of.
inline variable log_slope(const variable& x) {
  return select(less(x, 0), std::numeric_limits<double>::quiet_NaN(), 1) / x;
}

}  // namespace cotape

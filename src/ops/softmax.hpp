// What losses need of a softmax: its terms, and the way back to its logits.
#pragma once

#include "cotape/ops.hpp"

namespace cotape {

/// log softmax(x) is the distance from the maximum along the axis less log_total, of size 1 there.
struct softmax_terms {
  variable distance, log_total;
};
softmax_terms terms_of_softmax(const variable& x, std::int64_t axis);

/// log p as log_softmax gives it, which cannot underflow, if p was recorded by softmax; else empty.
/// It depends on p: gradients in p and in the logits both come out.
variable log_of_softmax(const variable& p);

}  // namespace cotape

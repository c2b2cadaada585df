// The way back from a softmax to its logits, for losses.
#pragma once

#include "cotape/ops.hpp"

namespace cotape {

/// log p as log_softmax gives it, which cannot underflow, if p was recorded by softmax; else empty.
/// It depends on p: gradients in p and in the logits both come out.
variable log_of_softmax(const variable& p);

}  // namespace cotape

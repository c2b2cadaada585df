// The cases of graphs that have state, and what their hand-written loops share with them.
#pragma once

#include "workload.hpp"

namespace bench {

inline constexpr double time_step = 0.001;  // of lotka_volterra
/// Adam's options: so that clipping shows in a step.
inline constexpr double adam_rate = 0.1, adam_beta1 = 0.9, adam_beta2 = 0.999, adam_epsilon = 1e-3,
                        adam_limit = 1, sgd_rate = 0.25;

workload adam_case();
workload rows_case();
workload terms_case();

}  // namespace bench

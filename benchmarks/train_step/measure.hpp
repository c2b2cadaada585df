// Times steppers side by side.
#pragma once

#include <vector>

#include "engine.hpp"

namespace bench {

struct measure_options {
  std::size_t repeats = 0;  // batches per engine; 0: as many as fit `seconds`
  double seconds = 1.5;     // for each engine, about
};

/// The median time of a step in microseconds, for each stepper. They take turns (A B C A B C ...),
/// so that whatever slows the machine for a while slows all of them.
std::vector<double> median_step_us(const std::vector<stepper*>& steppers,
                                   const measure_options& options);

}  // namespace bench

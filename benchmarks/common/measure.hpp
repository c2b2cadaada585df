// Times steppers side by side.
#pragma once

#include "stepper.hpp"

namespace bench {

struct measure_options {
  std::size_t repeats = 0;  // rounds; 0: as many as fit `seconds`, within the two limits
  double seconds = 1.5;     // for each stepper, about
  double turn_us = 2000;    // what one turn of a stepper takes, unless one step takes more
  std::size_t fewest = 15, most = 700;
};

/// The time of a step in microseconds, a list for each stepper with one number for each round. They
/// take turns (A B C A B C ...), so that whatever slows the machine for a while slows all of them.
std::vector<std::vector<double>> step_times_us(const std::vector<stepper*>& steppers,
                                               const measure_options& options);

/// The value below which that share of the list stands: 0.5 gives the median.
double quantile(std::vector<double> list, double share);

}  // namespace bench

// Short steps are timed in turns of many.
#include "measure.hpp"

#include <algorithm>
#include <chrono>

namespace bench {
namespace {

// As many steps as take one turn. Also warms up.
std::size_t steps_of_turn(stepper& s, double turn_us, double& step_us) {
  std::size_t steps = 1;
  s.time_us(1);
  for (;;) {
    const double us = s.time_us(steps);
    step_us = us / static_cast<double>(steps);
    if (us >= turn_us / 2) break;
    steps *= 2;
  }
  return std::max<std::size_t>(1, static_cast<std::size_t>(turn_us / step_us));
}

}  // namespace

double stepper::time_us(std::size_t steps) {
  const auto start = std::chrono::steady_clock::now();
  run(steps);
  const std::chrono::duration<double, std::micro> taken = std::chrono::steady_clock::now() - start;
  return taken.count();
}

double quantile(std::vector<double> list, double share) {
  std::sort(list.begin(), list.end());
  const double at = share * static_cast<double>(list.size() - 1);
  const std::size_t low = static_cast<std::size_t>(at), high = std::min(low + 1, list.size() - 1);
  return list[low] + (at - static_cast<double>(low)) * (list[high] - list[low]);
}

std::vector<std::vector<double>> step_times_us(const std::vector<stepper*>& steppers,
                                               const measure_options& options) {
  std::vector<std::size_t> steps;
  double longest = 1;
  for (stepper* s : steppers) {
    double step_us = 0;
    steps.push_back(steps_of_turn(*s, options.turn_us, step_us));
    longest = std::max(longest, step_us * static_cast<double>(steps.back()));
  }
  std::size_t rounds = options.repeats;
  if (rounds == 0) {
    rounds = std::clamp(static_cast<std::size_t>(options.seconds * 1e6 / longest), options.fewest,
                        options.most);
  }
  std::vector<std::vector<double>> times(steppers.size());
  for (std::size_t r = 0; r < rounds; ++r) {
    for (std::size_t i = 0; i < steppers.size(); ++i) {
      // Short steps start with the caches that a loop of them has, not with the last engine's.
      if (longest < 20000) steppers[i]->run(1);
      times[i].push_back(steppers[i]->time_us(steps[i]) / static_cast<double>(steps[i]));
    }
  }
  return times;
}

}  // namespace bench

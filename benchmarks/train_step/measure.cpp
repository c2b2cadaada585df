// Short steps are timed in batches of about two milliseconds.
#include "measure.hpp"

#include <algorithm>
#include <chrono>

namespace bench {
namespace {

constexpr double batch_us = 2000;

// As many steps as take batch_us. Also warms up.
std::size_t batch_size(stepper& s, double& step_us) {
  std::size_t steps = 1;
  s.time_us(1);
  for (;;) {
    const double us = s.time_us(steps);
    step_us = us / static_cast<double>(steps);
    if (us >= batch_us / 2) break;
    steps *= 2;
  }
  return std::max<std::size_t>(1, static_cast<std::size_t>(batch_us / step_us));
}

double median(std::vector<double> v) {
  const auto middle = v.begin() + static_cast<std::ptrdiff_t>(v.size() / 2);
  std::nth_element(v.begin(), middle, v.end());
  return *middle;
}

}  // namespace

double stepper::time_us(std::size_t steps) {
  const auto start = std::chrono::steady_clock::now();
  run(steps);
  const std::chrono::duration<double, std::micro> taken = std::chrono::steady_clock::now() - start;
  return taken.count();
}

std::vector<double> median_step_us(const std::vector<stepper*>& steppers,
                                   const measure_options& options) {
  std::vector<std::size_t> batches;
  double longest = 1;
  for (stepper* s : steppers) {
    double step_us = 0;
    batches.push_back(batch_size(*s, step_us));
    longest = std::max(longest, step_us * static_cast<double>(batches.back()));
  }
  std::size_t repeats = options.repeats;
  if (repeats == 0) {
    repeats =
        std::clamp<std::size_t>(static_cast<std::size_t>(options.seconds * 1e6 / longest), 15, 700);
  }
  std::vector<std::vector<double>> times(steppers.size());
  for (std::size_t r = 0; r < repeats; ++r) {
    for (std::size_t i = 0; i < steppers.size(); ++i) {
      // Short steps start with the caches that a loop of them has, not with the last engine's.
      if (longest < 20000) steppers[i]->run(1);
      times[i].push_back(steppers[i]->time_us(batches[i]) / static_cast<double>(batches[i]));
    }
  }
  std::vector<double> medians;
  for (std::vector<double>& t : times) medians.push_back(median(std::move(t)));
  return medians;
}

}  // namespace bench

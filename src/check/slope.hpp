// The derivative of a function of one number by differences, with an error bar; and random numbers
// for directions.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <random>

namespace cotape::check {

struct slope {
  double value = 0;
  double error_bar = 0;  // of truncation and of rounding
  double scale = 0;  // what a derivative is held against: |value|, or where f is all but stationary
                     // a part of how steep it becomes, of which rounding within f leaves less
  bool finite = true;
  bool smooth = true;  // no kink within the step, as far as can be seen
  bool flat = false;   // the function has one value at all points
};

/// Where f is wanted, in units of h.
inline constexpr std::array<double, 7> abscissas{0, 1, -1, 0.5, -0.5, 0.25, -0.25};
/// f'(0) from f at the abscissas. `tolerance` is the relative size of a jump of the derivative that
/// matters.
slope slope_from(const std::array<double, 7>& values, double h, double tolerance);
slope slope_of(const std::function<double(double)>& f, double h, double tolerance);

/// Standard normal numbers, the same on every machine.
class direction_source {
 public:
  direction_source(std::uint64_t seed, std::uint64_t stream);
  double operator()();

 private:
  double uniform();
  std::mt19937_64 random_;
};

}  // namespace cotape::check

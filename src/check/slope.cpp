// With the odd and even parts of f around 0, O(h) = (f(h) - f(-h)) / 2 and E(h) likewise minus
// f(0), a smooth f has O(h)/h = f' + c h^2 + d h^4 and E(h)/h = a h + b h^3, but |x| has E(h)/h =
// 1: both are extrapolated to h = 0, and the difference of the last two estimates is the error bar.
#include "check/slope.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

namespace cotape::check {

slope slope_of(const std::function<double(double)>& f, double h, double tolerance) {
  std::array<double, 7> values;
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = f(abscissas[i] * h);
  return slope_from(values, h, tolerance);
}

slope slope_from(const std::array<double, 7>& values, double h, double tolerance) {
  const double middle = values[0];
  std::array<double, 3> odd{}, even{};
  double largest = std::abs(middle);
  slope out;
  out.flat = true;
  for (std::size_t k = 0; k < 3; ++k) {
    const double step = std::ldexp(h, -static_cast<int>(k));
    const double right = values[2 * k + 1], left = values[2 * k + 2];
    if (!std::isfinite(right + left + middle)) return {.finite = false};
    out.flat = out.flat && right == middle && left == middle;
    largest = std::max({largest, std::abs(right), std::abs(left)});
    odd[k] = (right - left) / (2 * step);
    even[k] = ((right - middle) + (left - middle)) / (2 * step);
  }
  const double coarse = (4 * odd[1] - odd[0]) / 3, fine = (4 * odd[2] - odd[1]) / 3;
  out.value = (16 * fine - coarse) / 15;
  // Half the jump of the derivative at 0: the part of E(h)/h that does not shrink with h.
  const double coarse_jump = 2 * even[1] - even[0], fine_jump = 2 * even[2] - even[1];
  const double jump = (8 * fine_jump - coarse_jump) / 7;

  const double rounding = 32 * std::numeric_limits<double>::epsilon() * largest / (h / 4);
  out.error_bar = std::abs(fine - coarse) + rounding;
  const double steepest = std::max(std::abs(values[1] - middle), std::abs(values[2] - middle)) / h;
  out.scale = std::max(std::abs(out.value), 1e-3 * steepest);
  const double matters = 0.1 * tolerance * out.scale + 4 * rounding;
  out.smooth = std::abs(fine - coarse) <= matters && std::abs(jump) <= matters &&
               std::abs(fine_jump - coarse_jump) <= 10 * matters;
  return out;
}

direction_source::direction_source(std::uint64_t seed, std::uint64_t stream) {
  std::seed_seq words{static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32),
                      static_cast<std::uint32_t>(stream)};
  random_.seed(words);
}

double direction_source::uniform() {  // in (0, 1]
  return (static_cast<double>(random_() >> 11) + 1) * 0x1p-53;
}

double direction_source::operator()() {  // Box and Muller
  const double radius = std::sqrt(-2 * std::log(uniform()));
  return radius * std::cos(6.283185307179586 * uniform());
}

}  // namespace cotape::check

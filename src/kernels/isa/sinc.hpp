// sin(pi x) / (pi x) and its derivatives of any order, in doubles, one number at a time.
#pragma once

#include <cmath>
#include <limits>

#include "kernels/isa/vocabulary.hpp"

namespace cotape {
namespace {

constexpr double pi = 3.14159265358979323846;

// sin(pi x) and cos(pi x), x less a multiple of 2, which is exact, and turned into [-1/2, 1/2].
struct half_turns {
  double sine, cosine;

  explicit half_turns(double x) {
    const double rest = x - 2 * std::nearbyint(x / 2);
    const bool behind = std::abs(rest) > 0.5;
    const double r = behind ? std::copysign(1.0, rest) - rest : rest;
    sine = std::sin(pi * r);
    cosine = std::sin(pi * (0.5 - std::abs(r))) * (behind ? -1 : 1);
  }
};

// The n-th derivative of sinc x, from those of g = sin(z) / z at z = pi x:
//   z g_n + n g_(n-1) = sin(z + n pi/2),
// upwards from g_0 where z is larger than n; else downwards from 0 far beyond n, an error that
// shrinks by z/k in each step (J. C. P. Miller's algorithm).
[[gnu::noinline]] double sinc_derivative_at(double x, double n) {
  constexpr int most = 256;
  if (!(n >= 0 && n <= most && n == static_cast<int>(n))) {
    return std::numeric_limits<double>::quiet_NaN();
  }
  if (std::isinf(x)) return 0;
  const half_turns at(x);
  const double z = pi * x, turned[] = {at.sine, at.cosine, -at.sine, -at.cosine};
  const int order = static_cast<int>(n);
  double g = 0;
  if (order == 0 || std::abs(z) > n + 2) {
    g = z == 0 ? 1 : at.sine / z + 0.0;  // never -0
    for (int k = 1; k <= order; ++k) g = (turned[k % 4] - k * g) / z;
  } else {
    for (int k = 2 * order + 60; k > order; --k) g = (turned[k % 4] - z * g) / k;
  }
  return g * std::pow(pi, n);
}

template <class B> B sinc_derivative_of(B x, B n) {
  using T = number_of<B>;
  return each([](T a, T b) { return static_cast<T>(sinc_derivative_at(a, b)); }, x, n);
}

}  // namespace
}  // namespace cotape

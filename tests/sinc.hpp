// The derivatives of sin(pi x) / (pi x), which is the integral of cos(pi x t) over t from 0 to 1:
//   the n-th is pi^n times that of t^n cos(pi x t + n pi/2).
#pragma once

#include <cmath>
#include <numbers>
#include <utility>
#include <vector>

namespace cotape::tests {

/// Nodes and weights of Gauss's quadrature on [0, 1], by Newton's steps to the zeros of a Legendre
/// polynomial.
inline const std::vector<std::pair<long double, long double>>& gauss_nodes() {
  static const auto nodes = [] {
    constexpr int degree = 64;
    std::vector<std::pair<long double, long double>> list;
    for (int i = 0; i < degree; ++i) {
      long double x =
          std::cos(std::numbers::pi_v<long double> * (4 * i + 3.0L) / (4 * degree + 2.0L));
      long double slope = 1;
      for (int step = 0; step < 8; ++step) {
        long double before = 1, p = x;
        for (int k = 2; k <= degree; ++k) {
          before = std::exchange(p, ((2 * k - 1) * x * p - (k - 1) * before) / k);
        }
        slope = degree * (x * p - before) / (x * x - 1);
        x -= p / slope;
      }
      list.emplace_back((1 + x) / 2, 1 / ((1 - x * x) * slope * slope));
    }
    return list;
  }();
  return nodes;
}

/// For |x| up to 30 and whole n.
inline long double sinc_derivative_of(long double x, int n) {
  constexpr long double pi = std::numbers::pi_v<long double>;
  long double total = 0;
  for (const auto& [t, weight] : gauss_nodes()) {
    total += weight * std::pow(t, n) * std::cos(pi * (x * t + n / 2.0L));
  }
  return total * std::pow(pi, n);
}

/// For every x: whole turns are taken away from x, which is exact.
inline long double sinc_of(long double x) {
  constexpr long double pi = std::numbers::pi_v<long double>;
  if (x == 0) return 1;
  if (std::isinf(x)) return 0;
  const long double rest = x - 2 * std::nearbyint(x / 2);
  const bool behind = std::abs(rest) > 0.5L;
  const long double r = behind ? std::copysign(1.0L, rest) - rest : rest;
  return std::sin(pi * r) / (pi * x) + 0.0L;
}

}  // namespace cotape::tests

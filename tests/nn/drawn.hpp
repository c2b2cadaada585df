// Numbers for tests: the same ones for a seed.
#pragma once

#include <cstdint>
#include <random>
#include <vector>
#include <xtensor/xarray.hpp>

namespace cotape::tests {

/// Uniform between -1 and 1.
inline xt::xarray<double> drawn(const std::vector<std::int64_t>& sizes, unsigned seed) {
  std::mt19937 engine(seed);
  std::uniform_real_distribution<double> between(-1, 1);
  xt::xarray<double> a(std::vector<std::size_t>(sizes.begin(), sizes.end()));
  for (double& x : a) x = between(engine);
  return a;
}

}  // namespace cotape::tests

// The exponential functions of the hand-written engines: a file of its own build takes its own
// copy.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>

namespace bench {
namespace {

// 2^n by the exponent's bits times a polynomial on +-log(2)/2 (Cephes' expf): 1 ulp or so. Inlined,
// it beats libmvec's.
inline float fast_exp(float x) {
  x = std::min(std::max(x, -87.0F), 88.0F);
  const float n = std::nearbyint(x * 1.44269504F);
  const float r = x - n * 0.693359375F + n * 2.12194440e-4F;
  float y = 1.9875691500e-4F;
  y = y * r + 1.3981999507e-3F;
  y = y * r + 8.3334519073e-3F;
  y = y * r + 4.1665795894e-2F;
  y = y * r + 1.6666665459e-1F;
  y = y * r + 5.0000001201e-1F;
  y = y * r * r + r + 1.0F;
  return y * std::bit_cast<float>((static_cast<std::int32_t>(n) + 127) << 23);
}

// The same in double: Taylor's polynomial, within 2 ulp or so.
inline double fast_exp(double x) {
  x = std::min(std::max(x, -708.0), 709.0);
  const double n = std::nearbyint(x * 1.4426950408889634);
  const double r = x - n * 6.93147180369123816490e-01 - n * 1.90821492927058770002e-10;
  double y = 1.0 / 6227020800.0;
  for (const double c :
       {1.0 / 479001600.0, 1.0 / 39916800.0, 1.0 / 3628800.0, 1.0 / 362880.0, 1.0 / 40320.0,
        1.0 / 5040.0, 1.0 / 720.0, 1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0, 1.0}) {
    y = y * r + c;
  }
  return y * std::bit_cast<double>((static_cast<std::int64_t>(n) + 1023) << 52);
}

}  // namespace
}  // namespace bench

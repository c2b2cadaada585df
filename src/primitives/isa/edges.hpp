// Functions of xsimd 8 that go wrong at an end of their range, put right. Each element's result
// depends on that element alone.
#pragma once

#include "primitives/isa/transcendental.hpp"

namespace cotape {
namespace {

[[gnu::always_inline]] inline bool any(bool b) { return b; }

// ln x: xsimd's is off by 54 ln 2 for denormal doubles.
template <class B> [[gnu::always_inline]] inline B log_of(B x) {
  if constexpr (std::is_same_v<B, doubles>) {
    const auto small = x < B(0x1p-1022);
    const B y = log(select(small, x * B(0x1p54), x));
    return select(small, y - B(37.42994775023704787), y);
  } else {
    return log(x);
  }
}

template <class B> [[gnu::noinline, gnu::cold]] B expm1_of_large(B x, B y) {
  return select(x > B(64), exp_op::kernel(x), y);  // the 1 is lost
}

// e^x - 1: xsimd's is infinite from 88.38 or 709.44 on, and 0 at -0.
template <class B> [[gnu::always_inline]] inline B expm1_of(B x) {
  const B y = select(x == B(0), x, expm1(x));
  if (any(x > B(64))) [[unlikely]]
    return expm1_of_large(x, y);
  return y;
}

// ln(1 + x): xsimd's is 0 at -0.
template <class B> [[gnu::always_inline]] inline B log1p_of(B x) {
  return select(x == B(0), x, log1p(x));
}

// ln(x / (1 - x)), around 1/2 from the quotient's distance to 1: 2x - 1 is exact there.
template <class B> [[gnu::always_inline]] inline B logit_of(B x) {
  const B rest = B(1) - x, twice = (x - B(0.5)) + (x - B(0.5));
  const auto central = x > B(0.25) && x < B(0.75);
  if (!any(central)) return log_of(x / rest);
  return select(central, log1p(twice / rest), log_of(x / rest));
}

template <class B> [[gnu::always_inline]] inline B product_of(B x, int factors) {
  B result(1);
  for (int k = factors; k != 0; k /= 2) {
    if (k % 2 == 1) result = result * x;
    x = x * x;
  }
  return result;
}

// x^n for whole n: the inverse of a product, or a product of inverses where that one is infinite or
// has lost digits to underflow.
template <class B, class T> [[gnu::always_inline]] inline B whole_power(B x, int n, T least) {
  if (n >= 0) return product_of(x, n);
  const B product = product_of(x, -n), size = select(product < B(0), -product, product);
  const B y = B(1) / product;
  const auto lost = !(size >= B(least) && size <= B(1) / B(least));
  if (!any(lost)) return y;
  return select(lost, product_of(B(1) / x, -n), y);
}

}  // namespace
}  // namespace cotape

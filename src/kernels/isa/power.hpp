// x^n: a product where n is a small whole number, else by the C library, one number at a time.
#pragma once

#include <cmath>

#include "kernels/isa/edges.hpp"

namespace cotape {
namespace {

// n is a whole number of moderate size: x^n is a product.
template <class T> bool is_small_whole(T n) {
  return n > -65 && n < 65 && n == static_cast<T>(static_cast<int>(n));
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

template <class T> constexpr T least_normal = sizeof(T) == 4 ? T(0x1p-126) : T(0x1p-1022);

template <class T> [[gnu::always_inline]] inline T power_of_number(T a, T b) {
  return is_small_whole(b) ? whole_power(a, static_cast<int>(b), least_normal<T>) : std::pow(a, b);
}

template <class B> [[gnu::noinline]] B power_of_each(B a, B b) {
  using T = typename B::value_type;
  alignas(64) T x[B::size], n[B::size];
  a.store_aligned(x);
  b.store_aligned(n);
  for (std::size_t i = 0; i < B::size; ++i) x[i] = power_of_number(x[i], n[i]);
  return B::load_aligned(x);
}

// One element's result does not depend on its neighbours: all ways multiply alike.
template <class B> [[gnu::always_inline]] inline B power_of(B a, B b) {
  if constexpr (std::is_floating_point_v<B>) {
    return power_of_number(a, b);
  } else {
    using T = typename B::value_type;
    const T n = b.data[0];
    if (!is_small_whole(n) || !xsimd::all(b == B(n))) [[unlikely]]
      return power_of_each(a, b);
    return whole_power(a, static_cast<int>(n), least_normal<T>);
  }
}

}  // namespace
}  // namespace cotape

// x^n: a product where n is a small whole number, else by the C library, one number at a time.
#pragma once

#include <cmath>

#include "kernels/isa/vocabulary.hpp"

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
template <class B> [[gnu::always_inline]] inline B whole_power(B x, int n) {
  if (n >= 0) return product_of(x, n);
  const number_of<B> least = std::numeric_limits<number_of<B>>::min();
  const B product = product_of(x, -n), size = abs(product), y = B(1) / product;
  const auto kept = size >= B(least) && size <= B(1 / least);
  return either(
      kept, [&]() COTAPE_INLINED { return y; },
      [&]() COTAPE_INLINED { return select(kept, y, product_of(B(1) / x, -n)); });
}

// One element's result does not depend on its neighbours: all ways multiply alike.
template <class B> [[gnu::always_inline]] inline B power_of(B a, B b) {
  using T = number_of<B>;
  const auto one_by_one = [](T x, T n) {
    return is_small_whole(n) ? whole_power(x, static_cast<int>(n)) : std::pow(x, n);
  };
  return by_common(
      b, [](T n) { return is_small_whole(n); },
      [&](T n) COTAPE_INLINED { return whole_power(a, static_cast<int>(n)); },
      [&]() COTAPE_INLINED { return each(one_by_one, a, b); });
}

}  // namespace
}  // namespace cotape

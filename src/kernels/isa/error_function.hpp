// erf x and the normal distribution's Phi x = erfc(-x / sqrt 2) / 2: about 0 a polynomial; from
// 0.65 on e^(-a^2) / (1 + a) times a polynomial in t = (a - 3) / (a + 3), in which (1 + a) e^(a^2)
// erfc a is smooth up to infinity (M. M. Shepherd and J. G. Laframboise, Chebyshev approximation of
// (1 + 2x) exp(x^2) erfc x in 0 <= x < infinity, Math. Comp. 36, 1981). Coefficients: interpolated
// in Chebyshev's points, with 50 digits.
#pragma once

#include "kernels/isa/exponential.hpp"

namespace cotape {
namespace {

template <class T> struct erf_terms;
template <> struct erf_terms<double> {
  static constexpr double most = 28;  // erfc of it is 0
  static constexpr double splitter = 0x1p27 + 1;
  static constexpr double central[] = {
      // erf x / x - 1 in powers of x^2, |x| <= 0.65
      0x1.06eba8214db69p-3,  -0x1.812746b0379b7p-2,  0x1.ce2f21a03f2ffp-4,  -0x1.b82ce310e615cp-6,
      0x1.565bccac8a3bap-8,  -0x1.c02d99ad5a66bp-11, 0x1.f99ed541cea36p-14, -0x1.f461aa7d4f6c1p-17,
      0x1.b2e92d9a40e23p-20, -0x1.20e6f6cab9727p-23};
  static constexpr double tail[] = {
      // (1 + a) e^(a^2) erfc a in powers of t
      0x1.6e9827d229d2dp-1,   -0x1.d8f06dfac798dp-3,  0x1.9596c92adafe8p-4,   -0x1.4f64aa4aa21a0p-7,
      -0x1.8600d91461587p-6,  0x1.67c18994f0ee9p-6,   -0x1.3f82b5d08bc0cp-7,  0x1.a84c55e926b8bp-10,
      0x1.5297b76bd0f39p-11,  -0x1.8121424d3a02ap-12, -0x1.58cccba0e4ff1p-16, 0x1.d6c3f15c94ccep-15,
      -0x1.967175b40e9c1p-20, -0x1.2db152aa1aa1ep-17, 0x1.1776b22e53e97p-22,  0x1.ab4e931a7c2f1p-20,
      0x1.0287ffeb5e5f4p-24,  -0x1.40de4c0aba827p-22, -0x1.761d86b527653p-25, 0x1.e16ed77e9efa6p-25,
      0x1.6ebe0f0eccbbcp-27,  -0x1.287980ef8f19ep-27};
};
template <> struct erf_terms<float> {
  static constexpr float most = 10.5F;
  static constexpr float splitter = 0x1p12F + 1;
  static constexpr float central[] = {0x1.06eba8p-3F,  -0x1.812742p-2F, 0x1.ce2d88p-4F,
                                      -0x1.b7edc8p-6F, 0x1.51ecaap-8F,  -0x1.755caap-11F};
  static constexpr float tail[] = {
      0x1.6e9828p-1F, -0x1.d8f06ep-3F, 0x1.9596d8p-4F,  -0x1.4f6740p-7F, -0x1.86054ep-6F,
      0x1.67d3aep-6F, -0x1.3f451cp-7F, 0x1.a1ea1ap-10F, 0x1.47a458p-11F, -0x1.427c68p-12F};
};

// c[0] + c[1] x + ...: even and odd powers apart, two short chains in place of a long one.
template <class B, class T, std::size_t N>
[[gnu::always_inline]] inline B polynomial(B x, const T (&c)[N]) {
  static_assert(N % 2 == 0);
  const B x2 = x * x;
  B even(c[N - 2]), odd(c[N - 1]);
#pragma GCC unroll 16
  for (std::size_t k = N - 2; k > 0; k -= 2) {
    even = fma(even, x2, B(c[k - 2]));
    odd = fma(odd, x2, B(c[k - 1]));
  }
  return fma(odd, x, even);
}

template <class B> [[gnu::always_inline]] inline B central_erf(B x) {
  return fma(x, polynomial(x * x, erf_terms<number_of<B>>::central), x);
}

// erfc a for 0.65 <= a, given e^(-a^2).
template <class B> [[gnu::always_inline]] inline B erfc_of(B a, B e) {
  const B sum = a + B(3), one = B(1) + a, inverse = B(1) / (sum * one);
  const B t = (a - B(3)) * one * inverse;
  return e * (sum * inverse * polynomial(t, erf_terms<number_of<B>>::tail));
}

template <class B> [[gnu::always_inline]] inline B erf_of(B x) {
  using T = number_of<B>;
  const B a = within(B(0), abs(x), B(6));
  const B y = turned(B(1) - erfc_of(a, exp_of(-(a * a))), x);
  return select(a < B(T(0.65)), central_erf(x), y);
}

// -s^2/2 - y, y being the first, rounded.
template <class B> [[gnu::always_inline]] inline B rest_of_half_square(B s, B y) {
  if constexpr (rounds_once) return fms(s, B(-0.5) * s, y);
  else {
    const B large = s * B(erf_terms<number_of<B>>::splitter);
    const B high = large - (large - s), low = s - high;  // T. J. Dekker, Numer. Math. 18, 1971
    return B(-0.5) * ((high * high + B(2) * y) + (B(2) * high * low + low * low));
  }
}

// e^(-s^2/2), s >= 0, with what the rounding of s^2 left over: e^x would magnify it by s^2/2.
template <class B> [[gnu::always_inline]] inline B gaussian_of_size(B s) {
  const B y = s * (B(-0.5) * s), e = exp_of(y);
  return fma(e, rest_of_half_square(s, y), e);
}

// |x|, cut where e^(-x^2/2) is 0. NaN stays: see within().
template <class B> [[gnu::always_inline]] inline B gaussian_size(B x) {
  using T = number_of<B>;
  return min(B(T(1.5) * erf_terms<T>::most), abs(x));
}

template <class B> [[gnu::always_inline]] inline B normal_cdf_of(B x) {
  using T = number_of<B>;
  const B root(T(0.70710678118654752)), size = abs(x), s = gaussian_size(x);
  const B tail = B(0.5) * erfc_of(s * root, gaussian_of_size(s)), central = central_erf(x * root);
  return select(size < B(T(0.9)), fma(B(0.5), central, B(0.5)),
                select(x < B(0), tail, B(1) - tail));
}

}  // namespace
}  // namespace cotape

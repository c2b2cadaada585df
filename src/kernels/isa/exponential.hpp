// e^x, and tanh x of floats.
#pragma once

#include "kernels/isa/vocabulary.hpp"

namespace cotape {
namespace {

template <class B> inline constexpr auto log_2_e = by_width<B>(0x1.715476p0, 0x1.71547652b82fep0);

// e^x = 2^n e^r, |r| <= ln(2)/2, n ln(2) subtracted in two parts of which the first is exact (W. J.
// Cody and W. Waite, Software manual for the elementary functions, 1980).
template <class B> struct reduced_exponent {
  B shifted;  // magic + n
  B n;
  B rest;  // e^r - 1

  [[gnu::always_inline]] explicit reduced_exponent(B x)
      : shifted(fma(x, B(log_2_e<B>), B(magic<B>))), n(shifted - B(magic<B>)) {
    if constexpr (is_narrow<B>) {
      B r = fma(n, B(-0.693359375F), x);
      r = fma(n, B(2.12194440e-4F), r);
      rest = fma(horner(r, 0.5, 0x1.55534ap-3, 0x1.5552aep-5, 0x1.131b16p-7, 0x1.6ef19ep-10), r * r,
                 r);
    } else {  // by its Taylor series to r^13 (off by 4e-18), in Estrin's order
      B r = fma(n, B(-6.93145751953125e-1), x);
      r = fma(n, B(-1.42860682030941723212e-6), r);
      const auto pair = [&](double a, double b)
                            COTAPE_INLINED { return fma(r, B(1.0 / a), B(1.0 / b)); };
      const B r2 = r * r, r4 = r2 * r2, r8 = r4 * r4;
      const B c2 = pair(6, 2), c4 = pair(120, 24), c6 = pair(5040, 720);
      const B c8 = pair(362880, 40320), c10 = pair(39916800, 3628800);
      const B c12 = pair(6227020800, 479001600);
      const B low = fma(fma(c6, r2, c4), r4, fma(c2, r2, r));
      rest = fma(fma(c12, r4, fma(c10, r2, c8)), r8, low);
    }
  }
};

// Where 2^n may be no normal number: in two factors.
template <class B> [[gnu::noinline, gnu::cold]] B exp_of_any(B x) {
  const reduced_exponent<B> e(within(B(by_width<B>(-104, -746)), x, B(by_width<B>(89, 710))));
  const B shift(magic<B>), half = fma(e.n, B(0.5), shift);
  const B scale = power_of_two(half), last = power_of_two((e.n - (half - shift)) + shift);
  return fma(e.rest, scale, scale) * last;
}

// In one factor only where 2^n rest loses no digit to underflow: sums that are rounded twice would
// show it.
template <class B> [[gnu::always_inline]] inline B exp_of(B x) {
  const auto fast = [&]() COTAPE_INLINED {
    const reduced_exponent<B> e(x);
    const B scale = power_of_two(e.shifted);
    return fma(e.rest, scale, scale);
  };
  return either(abs(x) < B(by_width<B>(70, 670)), fast,
                [&]() COTAPE_INLINED { return exp_of_any(x); });
}

// tanh x = 2h / (1 + h^2) with h = tanh(x/2) = (x/2) (1 + p(x^2)) / (1 + q(x^2)), fitted on
// [-9.04, 9.04] with a relative error of at most 3e-8. The ones stay apart, so that little is lost
// where p and q are small; where h is near 1, its error vanishes. From 9.011 on tanh x rounds to 1,
// which is what comes out at `most`.
template <class B> [[gnu::always_inline]] inline B tanh_of_floats(B x) {
  const B most(0x1.205a22p3F), c = within(-most, x, most), z = c * c;
  const B p = z * horner(z, 3.1494018e-02F, 1.5993243e-04F, 8.5993769e-08F);
  const B q = z * horner(z, 1.1482731e-01F, 1.3955651e-03F, 2.7378267e-06F);
  const B twice = fma(c, p, c), half = B(0.5F) * twice;
  const B squares = fma(q, q + B(2), half * half);  // less 1
  const B y = fma(twice, q, twice) / (B(1) + squares);
  if constexpr (rounds_once) return y;
  else return within(B(-1), y, B(1));  // sums that are rounded twice go beyond
}

}  // namespace
}  // namespace cotape

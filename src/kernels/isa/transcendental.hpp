// Functions of which xsimd 8 has slow versions. e^x of doubles, for batches and for plain numbers
// with the same bits: xsimd's converts through memory where there is no AVX-512, which takes twice
// as long. e^x of floats: xsimd's is infinite from 88.38 on and 0 below -87.33. tanh of floats:
// xsimd's takes two ways for mixed arguments, and twice as long.
#pragma once

#include "kernels/isa/batch.hpp"

namespace cotape {
namespace {

using doubles = kernels::batch<double>;
using floats = kernels::batch<float>;

[[gnu::always_inline]] inline doubles multiply_add(doubles a, doubles b, doubles c) {
  return xsimd::fma(a, b, c);
}
[[gnu::always_inline]] inline double multiply_add(double a, double b, double c) {
#if defined(__FMA__)
  return __builtin_fma(a, b, c);
#else
  return a * b + c;
#endif
}

// 2^n from 1.5 * 2^52 + n, whose low bits are n.
[[gnu::always_inline]] inline doubles power_of_two(doubles shifted) {
  using words = std::int64_t __attribute__((vector_size(sizeof(doubles))));
  words bits;
  __builtin_memcpy(&bits, &shifted.data, sizeof bits);
  bits = (bits << 52) + (std::int64_t{1023} << 52);
  __builtin_memcpy(&shifted.data, &bits, sizeof bits);
  return shifted;
}
[[gnu::always_inline]] inline double power_of_two(double shifted) {
  std::uint64_t bits;
  __builtin_memcpy(&bits, &shifted, sizeof bits);
  bits = (bits << 52) + (std::uint64_t{1023} << 52);
  __builtin_memcpy(&shifted, &bits, sizeof bits);
  return shifted;
}

[[gnu::always_inline]] inline floats power_of_two(floats shifted) {  // from 1.5 * 2^23 + n
  using words = std::int32_t __attribute__((vector_size(sizeof(floats))));
  words bits;
  __builtin_memcpy(&bits, &shifted.data, sizeof bits);
  bits = (bits << 23) + (127 << 23);
  __builtin_memcpy(&shifted.data, &bits, sizeof bits);
  return shifted;
}

// NaN in x stays: of two operands of which one is NaN, x86 takes the second.
template <class B> [[gnu::always_inline]] inline B within(B low, B x, B high) {
  return xsimd::min(high, xsimd::max(low, x));
}
[[gnu::always_inline]] inline double within(double low, double x, double high) {
  const double above = x < low ? low : x;
  return above > high ? high : above;
}

// e^x = 2^n e^r, |r| <= ln(2)/2, n ln(2) subtracted in two parts of which the first is exact (W. J.
// Cody and W. Waite, Software manual for the elementary functions, 1980).
template <class B> struct reduced_exponent {
  B shifted;  // 1.5 * 2^52 + n
  B n;
  B rest;  // e^r - 1, by its Taylor series to r^13 (off by 4e-18), in Estrin's order

  [[gnu::always_inline]] explicit reduced_exponent(B x)
      : shifted(multiply_add(x, B(0x1.71547652b82fep0), B(magic))), n(shifted - B(magic)) {
    B r = multiply_add(n, B(-6.93145751953125e-1), x);
    r = multiply_add(n, B(-1.42860682030941723212e-6), r);
    const B r2 = r * r, r4 = r2 * r2, r8 = r4 * r4;
    const B c2 = multiply_add(r, B(1.0 / 6), B(0.5));
    const B c4 = multiply_add(r, B(1.0 / 120), B(1.0 / 24));
    const B c6 = multiply_add(r, B(1.0 / 5040), B(1.0 / 720));
    const B c8 = multiply_add(r, B(1.0 / 362880), B(1.0 / 40320));
    const B c10 = multiply_add(r, B(1.0 / 39916800), B(1.0 / 3628800));
    const B c12 = multiply_add(r, B(1.0 / 6227020800), B(1.0 / 479001600));
    const B low = multiply_add(multiply_add(c6, r2, c4), r4, multiply_add(c2, r2, r));
    rest = multiply_add(multiply_add(c12, r4, multiply_add(c10, r2, c8)), r8, low);
  }

  static constexpr double magic = 0x1.8p52;
};

template <class B> [[gnu::always_inline]] inline B exp_of_doubles(B x) {
  if constexpr (std::is_same_v<B, double>) {
    if (x > -708 && x < 709) {  // 2^n is a number: the same bits, sooner
      const reduced_exponent<B> e(x);
      const B scale = power_of_two(e.shifted);
      return multiply_add(e.rest, scale, scale);
    }
  }
  // 2^n in two factors, so that denormals come out right.
  const reduced_exponent<B> e(within(B(-746.0), x, B(710.0)));
  const B magic(e.magic), half = multiply_add(e.n, B(0.5), magic);
  const B scale = power_of_two(half), last = power_of_two((e.n - (half - magic)) + magic);
  return multiply_add(e.rest, scale, scale) * last;
}

// The same for floats, with xsimd's polynomial for e^r.
struct reduced_float {
  floats shifted, n, rest;  // 1.5 * 2^23 + n, n, e^r - 1

  [[gnu::always_inline]] explicit reduced_float(floats x)
      : shifted(xsimd::fma(x, floats(0x1.715476p0F), floats(magic))), n(shifted - floats(magic)) {
    floats r = xsimd::fma(n, floats(-0.693359375F), x);
    r = xsimd::fma(n, floats(2.12194440e-4F), r);
    floats p = xsimd::fma(floats(0x1.6ef19ep-10F), r, floats(0x1.131b16p-7F));
    p = xsimd::fma(p, r, floats(0x1.5552aep-5F));
    p = xsimd::fma(p, r, floats(0x1.55534ap-3F));
    p = xsimd::fma(p, r, floats(0.5F));
    rest = xsimd::fma(p, r * r, r);
  }

  static constexpr float magic = 0x1.8p23F;
};

// Where 2^n may be no normal number: in two factors.
[[gnu::noinline, gnu::cold]] floats exp_of_any_floats(floats x) {
  const reduced_float e(within(floats(-104.0F), x, floats(89.0F)));
  const floats magic(e.magic), half = xsimd::fma(e.n, floats(0.5F), magic);
  const floats scale = power_of_two(half), last = power_of_two((e.n - (half - magic)) + magic);
  return xsimd::fma(e.rest, scale, scale) * last;
}

[[gnu::always_inline]] inline floats exp_of_floats(floats x) {
  if (!xsimd::all(abs(x) < floats(87.0F))) [[unlikely]]
    return exp_of_any_floats(x);
  const reduced_float e(x);  // the same bits, sooner
  const floats scale = power_of_two(e.shifted);
  return xsimd::fma(e.rest, scale, scale);
}

template <class B> [[gnu::always_inline]] inline B exp_of(B x) {
  if constexpr (std::is_same_v<B, floats>) return exp_of_floats(x);
  else return exp_of_doubles(x);
}

// tanh x = 2h / (1 + h^2) with h = tanh(x/2) = (x/2) (1 + p(x^2)) / (1 + q(x^2)), fitted on
// [-9.04, 9.04] with a relative error of at most 3e-8. The ones stay apart, so that little is lost
// where p and q are small; where h is near 1, its error vanishes. From 9.011 on tanh x rounds to 1,
// which is what comes out at `most`.
[[gnu::always_inline]] inline floats tanh_of_floats(floats x) {
  const floats most(0x1.205a22p3F), c = within(-most, x, most), z = c * c;
  const auto term = [&](floats sum, float next) { return xsimd::fma(z, sum, floats(next)); };
  const floats p = z * term(term(floats(8.5993769e-08F), 1.5993243e-04F), 3.1494018e-02F);
  const floats q = z * term(term(floats(2.7378267e-06F), 1.3955651e-03F), 1.1482731e-01F);
  const floats twice = xsimd::fma(c, p, c), half = floats(0.5F) * twice;
  const floats squares = xsimd::fma(q, q + floats(2.0F), half * half);  // less 1
  const floats y = xsimd::fma(twice, q, twice) / (floats(1.0F) + squares);
#if defined(__FMA__)
  return y;
#else
  return within(floats(-1.0F), y, floats(1.0F));  // sums that are rounded twice go beyond
#endif
}

}  // namespace
}  // namespace cotape

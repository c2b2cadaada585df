// Functions of xsimd 8 that go wrong at an end of their range, put right. Each element's result
// depends on that element alone.
#pragma once

#include "kernels/isa/transcendental.hpp"

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

// The series of sine and cosine in r, |r| <= pi/4, z = r^2 (S. L. Moshier, Cephes, 1989).
[[gnu::always_inline]] inline floats sine_series(floats r, floats z) {
  const auto term = [&](floats sum, float next) { return xsimd::fma(z, sum, floats(next)); };
  const floats p = term(term(floats(-1.9515295891e-4F), 8.3321608736e-3F), -1.6666654611e-1F);
  return xsimd::fma(r * z, p, r);
}
[[gnu::always_inline]] inline floats cosine_series(floats z) {
  const auto term = [&](floats sum, float next) { return xsimd::fma(z, sum, floats(next)); };
  const floats p =
      term(term(floats(2.443315711809948e-5F), -1.388731625493765e-3F), 4.166664568298827e-2F);
  return xsimd::fma(z * z, p, xsimd::fma(z, floats(-0.5F), floats(1)));
}
[[gnu::always_inline]] inline doubles sine_series(doubles r, doubles z) {
  const auto term = [&](doubles sum, double next) { return xsimd::fma(z, sum, doubles(next)); };
  doubles p = term(doubles(1.58962301576546568060e-10), -2.50507477628578072866e-8);
  p = term(term(p, 2.75573136213857245213e-6), -1.98412698295895385996e-4);
  p = term(term(p, 8.33333333332211858878e-3), -1.66666666666666307295e-1);
  return xsimd::fma(r * z, p, r);
}
[[gnu::always_inline]] inline doubles cosine_series(doubles z) {
  const auto term = [&](doubles sum, double next) { return xsimd::fma(z, sum, doubles(next)); };
  doubles p = term(doubles(-1.13585365213876817300e-11), 2.08757008419747316778e-9);
  p = term(term(p, -2.75573141792967388112e-7), 2.48015872888517045348e-5);
  p = term(term(p, -1.38888888888730564116e-3), 4.16666666666665929218e-2);
  return xsimd::fma(z * z, p, xsimd::fma(z, doubles(-0.5), doubles(1)));
}

template <class B> struct bits_of;
template <> struct bits_of<floats> {
  using words = std::int32_t __attribute__((vector_size(sizeof(floats))));
};
template <> struct bits_of<doubles> {
  using words = std::int64_t __attribute__((vector_size(sizeof(doubles))));
};

// sin(|x| + quarters pi/2), |x| less a multiple n of pi/2 in three parts (Cody and Waite). xsimd's
// way to the remainder hangs on the other elements of the batch.
template <class B> [[gnu::always_inline]] inline B sine_of_near(B x, int quarters) {
  using xsimd::constants::pio2_1, xsimd::constants::pio2_2, xsimd::constants::pio2_3;
  constexpr bool narrow = std::is_same_v<B, floats>;
  using words = typename bits_of<B>::words;
  const B magic(narrow ? 0x1.8p23 : 0x1.8p52);
  const B shifted = xsimd::fma(abs(x), xsimd::constants::twoopi<B>(), magic), n = shifted - magic;
  const B t = fnma(n, pio2_1<B>(), abs(x)), w = n * pio2_2<B>(), u = t - w;
  const B r = u - (n * pio2_3<B>() - ((t - u) - w)), z = r * r;  // with what u lost
  B y = sine_series(r, z);
  const B other = cosine_series(z);
  words turns, sine, cosine;  // the low bits of `shifted` are those of n
  __builtin_memcpy(&turns, &shifted.data, sizeof turns);
  __builtin_memcpy(&sine, &y.data, sizeof sine);
  __builtin_memcpy(&cosine, &other.data, sizeof cosine);
  turns += quarters;
  sine = (-(turns & 1) & (sine ^ cosine)) ^ sine ^ ((turns & 2) << (narrow ? 30 : 62));
  __builtin_memcpy(&y.data, &sine, sizeof sine);
  return y;
}

// Its remainders of large arguments are right, if all are large.
template <class B> [[gnu::noinline, gnu::cold]] B sine_of_far(B x, int quarters, B near_to) {
  const auto near = abs(x) <= near_to;
  const B far = select(near, B(1e6), abs(x));
  return select(near, sine_of_near(select(near, x, B(0)), quarters),
                quarters == 0 ? sin(far) : cos(far));
}

template <class B> [[gnu::always_inline]] inline B sine_of(B x, int quarters) {
  const B near_to(sizeof(typename B::value_type) == 4 ? 200 : 800000);
  if (xsimd::all(abs(x) <= B(0.75))) {  // no quarter to subtract: the same bits, sooner
    const B r = abs(x), z = r * r;
    return quarters == 0 ? sine_series(r, z) : cosine_series(z);
  }
  if (!xsimd::all(abs(x) <= near_to)) [[unlikely]]
    return sine_of_far(x, quarters, near_to);
  return sine_of_near(x, quarters);
}

template <class B> [[gnu::noinline, gnu::cold]] B expm1_of_large(B x, B y) {
  return select(x > B(64), exp_of(x), y);  // the 1 is lost
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

}  // namespace
}  // namespace cotape

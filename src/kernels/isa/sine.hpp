// Sine and cosine.
#pragma once

#include "kernels/isa/xsimd_functions.hpp"

namespace cotape {
namespace {

// The series of sine and cosine in r, |r| <= pi/4, z = r^2 (S. L. Moshier, Cephes, 1989).
template <class B> [[gnu::always_inline]] inline B sine_series(B r, B z) {
  B p;
  if constexpr (is_narrow<B>) {
    p = horner(z, -1.6666654611e-1F, 8.3321608736e-3F, -1.9515295891e-4F);
  } else {
    p = horner(z, -1.66666666666666307295e-1, 8.33333333332211858878e-3, -1.98412698295895385996e-4,
               2.75573136213857245213e-6, -2.50507477628578072866e-8, 1.58962301576546568060e-10);
  }
  return fma(r * z, p, r);
}
template <class B> [[gnu::always_inline]] inline B cosine_series(B z) {
  B p;
  if constexpr (is_narrow<B>) {
    p = horner(z, 4.166664568298827e-2F, -1.388731625493765e-3F, 2.443315711809948e-5F);
  } else {
    p = horner(z, 4.16666666666665929218e-2, -1.38888888888730564116e-3, 2.48015872888517045348e-5,
               -2.75573141792967388112e-7, 2.08757008419747316778e-9, -1.13585365213876817300e-11);
  }
  return fma(z * z, p, fma(z, B(-0.5), B(1)));
}

// sin(|x| + quarters pi/2), |x| less a multiple n of pi/2 in three parts (Cody and Waite).
template <class B> [[gnu::always_inline]] inline B sine_of_near(B x, int quarters) {
  const B shift(magic<B>);
  const B shifted = fma(abs(x), B(by_width<B>(0x1.45f306p-1, 0x1.45f306dc9c883p-1)), shift);
  const B n = shifted - shift, t = fnma(n, B(by_width<B>(0x1.921fp+0, 0x1.921fb544p+0)), abs(x));
  const B w = n * B(by_width<B>(0x1.6a88p-17, 0x1.0b4611a6p-34)), u = t - w;
  const B lost = n * B(by_width<B>(0x1.0b46p-34, 0x1.3198a2ep-69)) - ((t - u) - w);
  const B r = u - lost, z = r * r;
  const auto sine = bits(sine_series(r, z)), cosine = bits(cosine_series(z));
  const auto turns = bits(shifted) + static_cast<word_of<B>>(quarters);  // in its last two bits
  const auto swapped = -(turns & 1) & (sine ^ cosine);
  return number<B>(swapped ^ sine ^ ((turns & 2) << (is_narrow<B> ? 30 : 62)));
}

template <class B> [[gnu::noinline, gnu::cold]] B sine_of_far(B x, int quarters, B near_to) {
  using T = number_of<B>;
  const auto near = abs(x) <= near_to;
  const B far = each([](T a, T b) { return sine_of_large(a, b); }, select(near, B(1e6F), abs(x)),
                     B(static_cast<T>(quarters)));
  return select(near, sine_of_near(select(near, x, B(0)), quarters), far);
}

template <class B> [[gnu::always_inline]] inline B sine_of(B x, int quarters) {
  const B near_to(by_width<B>(200, 800000));
  const auto central = [&]() COTAPE_INLINED {  // no quarter to subtract
    const B r = abs(x), z = r * r;
    return quarters == 0 ? sine_series(r, z) : cosine_series(z);
  };
  const auto near = [&]() COTAPE_INLINED { return sine_of_near(x, quarters); };
  const auto far = [&]() COTAPE_INLINED { return sine_of_far(x, quarters, near_to); };
  return either(abs(x) <= B(0.75), central,
                [&]() COTAPE_INLINED { return either(abs(x) <= near_to, near, far); });
}

// Not in the loop, where g++ 12 loads each constant by an instruction of its own: of doubles with
// AVX-512 that takes 1.2 times as long. The sine is faster there with AVX2.
template <class B> [[gnu::noinline]] B cosine_of(B x) { return sine_of(x, 1); }

}  // namespace
}  // namespace cotape

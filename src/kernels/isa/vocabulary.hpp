// The vocabulary of element-wise mathematics: kernels of primitives, and the functions under them,
// are written in these words and ask nothing else of B. B is a vector of floats or doubles, here
// xsimd's batch, or a plain number, which gives the bits of a vector's lane. Another type that has
// the words may stand for B, too.
//
//   B(c)                                the number c in each lane
//   a + b, a - b, a * b, a / b, -a, sqrt(a), abs(a)       (-a of 0 is either zero)
//   fma(a, b, c), fms, fnma             a b + c, a b - c, c - a b; rounds_once says how
//   min(a, b), max(a, b)                a if it is smaller (larger), else b: b beside a NaN
//   a < b, <=, >, >=, ==                a mask, false where a or b is NaN
//   m && n, m || n                      of masks
//   select(m, a, b)                     a where m holds, else b
//   bits(a), number<B>(w)               the lanes as unsigned words, and back
//   w + v, -, &, |, ^, w << k, w >> k   of words; v may be one word for all lanes
//   either(m, fast, general)            fast() if m holds in each lane, else general()
//   by_common(b, fits, fast, general)   fast(n) if b is n in each lane and fits(n), else general()
//   each(f, a, b)                       f of the lanes' numbers, one by one; f captures nothing
//
// Wherever fast() may be taken general() gives the same bits, so that no element's result depends
// on its neighbours. One may always take general().
#pragma once

#include <limits>
#include <type_traits>

#include "kernels/isa/batch.hpp"

// Of lambdas, so that what they capture stays in registers.
#define COTAPE_INLINED __attribute__((always_inline))

namespace cotape {
namespace {

using doubles = kernels::batch<double>;
using floats = kernels::batch<float>;

template <class B> struct traits { using number = typename B::value_type; };
template <> struct traits<float> { using number = float; };
template <> struct traits<double> { using number = double; };

template <class B> using number_of = typename traits<B>::number;
template <class B> inline constexpr bool is_narrow = sizeof(number_of<B>) == 4;
template <class B> using word_of = std::conditional_t<is_narrow<B>, std::uint32_t, std::uint64_t>;

// The one of two numbers that is for floats, or for doubles.
template <class B> constexpr number_of<B> by_width(double narrow, double wide) {
  return static_cast<number_of<B>>(is_narrow<B> ? narrow : wide);
}

#if defined(__FMA__)
inline constexpr bool rounds_once = true;
#else
inline constexpr bool rounds_once = false;
#endif

// --- Plain numbers ------------------------------------------------------------------------------

template <class T>
concept plain_number = std::is_arithmetic_v<T>;
template <class T>
concept plain_real = std::is_floating_point_v<T>;

template <plain_number T> [[gnu::always_inline]] inline T select(bool m, T a, T b) {
  return m ? a : b;
}
template <plain_number T> [[gnu::always_inline]] inline T min(T a, T b) { return a < b ? a : b; }
template <plain_number T> [[gnu::always_inline]] inline T max(T a, T b) { return a > b ? a : b; }

[[gnu::always_inline]] inline float sqrt(float a) { return __builtin_sqrtf(a); }
[[gnu::always_inline]] inline double sqrt(double a) { return __builtin_sqrt(a); }
[[gnu::always_inline]] inline float abs(float a) { return __builtin_fabsf(a); }
[[gnu::always_inline]] inline double abs(double a) { return __builtin_fabs(a); }
template <plain_real T> [[gnu::always_inline]] inline T fma(T a, T b, T c) {
  if constexpr (!rounds_once) return a * b + c;
  else if constexpr (is_narrow<T>) return __builtin_fmaf(a, b, c);
  else return __builtin_fma(a, b, c);
}

template <plain_real T> [[gnu::always_inline]] inline T fms(T a, T b, T c) { return fma(a, b, -c); }
template <plain_real T> [[gnu::always_inline]] inline T fnma(T a, T b, T c) {
  return fma(-a, b, c);
}

template <plain_real T> [[gnu::always_inline]] inline word_of<T> bits(T a) {
  return __builtin_bit_cast(word_of<T>, a);
}
template <plain_real T> [[gnu::always_inline]] inline T number(word_of<T> w) {
  return __builtin_bit_cast(T, w);
}

template <class Fast, class General>
[[gnu::always_inline]] inline auto either(bool m, Fast fast, General general) {
  return m ? fast() : general();
}

template <class F, plain_real T> [[gnu::always_inline]] inline T each(F f, T a, T b) {
  return f(a, b);
}

template <plain_real T, class Fits, class Fast, class General>
[[gnu::always_inline]] inline T by_common(T b, Fits fits, Fast fast, General general) {
  return fits(b) ? fast(b) : general();
}

// --- Vectors: what xsimd has no word for --------------------------------------------------------

template <class V> struct vector_of_words {
  using type __attribute__((vector_size(sizeof(V)))) = word_of<V>;
};
template <class V> using words_of = typename vector_of_words<V>::type;

template <class T, class A>
[[gnu::always_inline]] inline words_of<xsimd::batch<T, A>> bits(xsimd::batch<T, A> a) {
  return reinterpret_cast<words_of<xsimd::batch<T, A>>>(a.data);
}
template <class V, std::size_t = V::size> [[gnu::always_inline]] inline V number(words_of<V> w) {
  return V(reinterpret_cast<decltype(V::data)>(w));
}

template <class T, class A, class Fast, class General>
[[gnu::always_inline]] inline auto either(xsimd::batch_bool<T, A> m, Fast fast, General general) {
  return xsimd::all(m) ? fast() : general();
}

template <class F, class T, class A>
[[gnu::noinline]] xsimd::batch<T, A> each(F f, xsimd::batch<T, A> a, xsimd::batch<T, A> b) {
  using V = xsimd::batch<T, A>;
  alignas(64) T x[V::size], y[V::size];
  a.store_aligned(x);
  b.store_aligned(y);
  for (std::size_t i = 0; i < V::size; ++i) x[i] = f(x[i], y[i]);
  return V::load_aligned(x);
}

template <class T, class A, class Fits, class Fast, class General>
[[gnu::always_inline]] inline xsimd::batch<T, A> by_common(xsimd::batch<T, A> b, Fits fits,
                                                           Fast fast, General general) {
  const T n = b.data[0];
  if (!fits(n) || !xsimd::all(b == xsimd::batch<T, A>(n))) [[unlikely]]
    return general();
  return fast(n);
}

// --- Both ---------------------------------------------------------------------------------------

// NaN in x stays: see min.
template <class B> [[gnu::always_inline]] inline B within(B low, B x, B high) {
  return min(high, max(low, x));
}

// c + next x + ..., in Horner's order.
template <class B> [[gnu::always_inline]] inline B horner(B, double c) {
  return B(static_cast<number_of<B>>(c));
}
template <class B, class... Next>
[[gnu::always_inline]] inline B horner(B x, double c, Next... next) {
  return fma(x, horner(x, next...), horner(x, c));
}

// y, with the other sign where x is negative.
template <class B> [[gnu::always_inline]] inline B turned(B y, B x) {
  return number<B>(bits(y) ^ (bits(x) & (word_of<B>{1} << (8 * sizeof(word_of<B>) - 1))));
}

// Of a number's word: how many bits of it are the fraction, and the exponent of 1.
template <class B>
inline constexpr int fraction_bits = std::numeric_limits<number_of<B>>::digits - 1;
template <class B>
inline constexpr word_of<B> exponent_of_one = std::numeric_limits<number_of<B>>::max_exponent - 1;

// Whole numbers n of moderate size stand in the last bits of magic + n.
template <class B> inline constexpr auto magic = by_width<B>(0x1.8p23, 0x1.8p52);

// 2^n from magic + n.
template <class B> [[gnu::always_inline]] inline B power_of_two(B shifted) {
  return number<B>((bits(shifted) << fraction_bits<B>)+(exponent_of_one<B> << fraction_bits<B>));
}

}  // namespace
}  // namespace cotape

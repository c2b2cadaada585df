// Compiled once per instruction set.
#include "ways.hpp"

#include "kernels/isa/vocabulary.hpp"

namespace cotape {

template <int Number> struct listed;

namespace {

std::size_t refused;  // times that `either` was not let go the fast way

// A number that knows the words of the vocabulary and no other.
template <class T> struct careful {
  using value_type = T;
  using word = word_of<T>;
  struct mask {
    bool holds;
    friend mask operator&&(mask m, mask n) { return {m.holds && n.holds}; }
    friend mask operator||(mask m, mask n) { return {m.holds || n.holds}; }
    friend careful select(mask m, careful a, careful b) { return m.holds ? a : b; }
    template <class Fast, class General> friend auto either(mask m, Fast, General general) {
      refused += m.holds;
      return general();
    }
  };
  struct words {
    word w;
    words(word v) : w(v) {}
    friend words operator+(words a, words b) { return a.w + b.w; }
    friend words operator-(words a, words b) { return a.w - b.w; }
    friend words operator-(words a) { return word{0} - a.w; }
    friend words operator&(words a, words b) { return a.w & b.w; }
    friend words operator|(words a, words b) { return a.w | b.w; }
    friend words operator^(words a, words b) { return a.w ^ b.w; }
    friend words operator<<(words a, int k) { return a.w << k; }
    friend words operator>>(words a, int k) { return a.w >> k; }
    template <class B> friend B number(words a) { return B(cotape::number<T>(a.w)); }
  };

  T x;
  careful() = default;
  explicit careful(T c) : x(c) {}
  friend careful operator+(careful a, careful b) { return careful(a.x + b.x); }
  friend careful operator-(careful a, careful b) { return careful(a.x - b.x); }
  friend careful operator*(careful a, careful b) { return careful(a.x * b.x); }
  friend careful operator/(careful a, careful b) { return careful(a.x / b.x); }
  friend careful operator-(careful a) { return careful(-a.x); }
  friend mask operator<(careful a, careful b) { return {a.x < b.x}; }
  friend mask operator<=(careful a, careful b) { return {a.x <= b.x}; }
  friend mask operator>(careful a, careful b) { return {a.x > b.x}; }
  friend mask operator>=(careful a, careful b) { return {a.x >= b.x}; }
  friend mask operator==(careful a, careful b) { return {a.x == b.x}; }
  friend careful sqrt(careful a) { return careful(cotape::sqrt(a.x)); }
  friend careful abs(careful a) { return careful(cotape::abs(a.x)); }
  friend careful min(careful a, careful b) { return careful(cotape::min(a.x, b.x)); }
  friend careful max(careful a, careful b) { return careful(cotape::max(a.x, b.x)); }
  friend careful fma(careful a, careful b, careful c) {
    return careful(cotape::fma(a.x, b.x, c.x));
  }
  friend careful fms(careful a, careful b, careful c) {
    return careful(cotape::fms(a.x, b.x, c.x));
  }
  friend careful fnma(careful a, careful b, careful c) {
    return careful(cotape::fnma(a.x, b.x, c.x));
  }
  friend words bits(careful a) { return cotape::bits(a.x); }
  template <class F> friend careful each(F f, careful a, careful b) { return careful(f(a.x, b.x)); }
  template <class Fits, class Fast, class General>
  friend careful by_common(careful b, Fits fits, Fast, General general) {
    refused += fits(b.x);
    return general();
  }
};

}  // namespace
}  // namespace cotape

// The list of the primitives, by number.
#define COTAPE_UNARY(f) \
  template <> struct listed<__COUNTER__ - first_number> { using type = f##_op; };
#define COTAPE_BINARY(f) COTAPE_UNARY(f)
#define COTAPE_TERNARY(f) COTAPE_UNARY(f)
#define COTAPE_KERNELS(Op)
namespace cotape {
constexpr int first_number = __COUNTER__ + 1;
}
#include "primitives/isa/mathematics.hpp"

namespace cotape::kernels::testing {
namespace {

constexpr int listed_ones = __COUNTER__ - first_number;

// Flattened: a kernel of plain numbers has a symbol that does not say for which set it is.
template <class Op, class Load, class Store>
[[gnu::flatten]] inline void run(std::size_t n, std::size_t step, Load load, Store store) {
  for (std::size_t i = 0; i < n; i += step) {
    if constexpr (Op::arity == 1) store(i, Op::kernel(load(0, i)));
    else if constexpr (Op::arity == 2) store(i, Op::kernel(load(0, i), load(1, i)));
    else store(i, Op::kernel(load(0, i), load(1, i), load(2, i)));
  }
}

template <class Op, class T>
std::size_t by_numbers(const T* a, const T* b, const T* c, T* y, std::size_t n) {
  const T* from[] = {a, b, c};
  run<Op>(
      n, 1, [&](int k, std::size_t i) { return from[k][i]; },
      [&](std::size_t i, T result) { y[i] = result; });
  return 0;
}

template <class Op, class T>
std::size_t by_careful_numbers(const T* a, const T* b, const T* c, T* y, std::size_t n) {
  const T* from[] = {a, b, c};
  refused = 0;
  run<Op>(
      n, 1, [&](int k, std::size_t i) { return careful<T>(from[k][i]); },
      [&](std::size_t i, careful<T> result) { y[i] = result.x; });
  return refused;
}

template <class Op, class T>
std::size_t by_vectors(const T* a, const T* b, const T* c, T* y, std::size_t n) {
  const T* from[] = {a, b, c};
  run<Op>(
      n, batch<T>::size,
      [&](int k, std::size_t i) { return batch<T>::load_unaligned(from[k] + i); },
      [&](std::size_t i, batch<T> result) { result.store_unaligned(y + i); });
  return 0;
}

template <class Op, class T>
constexpr ways<T> ways_of{Op::name, &by_numbers<Op, T>, &by_careful_numbers<Op, T>,
                          &by_vectors<Op, T>};

template <class T, int... Number> list_of_ways<T> list(std::integer_sequence<int, Number...>) {
  static constexpr ways<T> all[] = {ways_of<typename listed<Number>::type, T>...};
  return {all, sizeof...(Number)};
}

}  // namespace

template <> list_of_ways<float> all_ways<current, float>() {
  return list<float>(std::make_integer_sequence<int, listed_ones>());
}
template <> list_of_ways<double> all_ways<current, double>() {
  return list<double>(std::make_integer_sequence<int, listed_ones>());
}

}  // namespace cotape::kernels::testing

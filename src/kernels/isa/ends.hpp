// How element-wise operations read the ends of their operands.
#pragma once

#include "kernels/isa/batch.hpp"

namespace cotape::kernels {
namespace {

// From element `size - n` on, the first n lanes of a vector have all bits, the others none; and the
// other way round 0 and 1/2.
template <class T> struct ends {
  using word = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;
  static constexpr std::size_t size = batch<T>::size;
  word kept[2 * size];
  T rest[2 * size];
  constexpr ends() : kept{}, rest{} {
    for (std::size_t i = 0; i < size; ++i) kept[i] = ~word{0}, rest[size + i] = T(0.5);
  }
};
template <class T> alignas(64) constexpr ends<T> table_of_ends;

// The last vector of an operand, of which `left` elements are its own. What stands behind them may
// be anything: in its place is 1/2, where every operation is a number, so that none divides by
// zero, overflows, or takes a slower way than its elements ask for. With masked loads (head.hpp)
// loops over 14 doubles took 1.13 times as long.
template <class T> [[gnu::always_inline]] inline batch<T> end_of(const T* p, std::size_t left) {
  using B = batch<T>;
  const auto& [kept, rest] = table_of_ends<T>;
  B mask;
  __builtin_memcpy(&mask, kept + B::size - left, sizeof mask);
  return (B::load_unaligned(p) & mask) | B::load_unaligned(rest + B::size - left);
}

}  // namespace
}  // namespace cotape::kernels

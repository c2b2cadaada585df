// How element-wise operations read their operands.
#pragma once

#include "kernels/isa/batch.hpp"

namespace cotape::kernels {
namespace {

template <class T>
alignas(64) constexpr T numbers_from_0[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

// The vector at p, of which `left` elements are the operand's. What stands behind them may be
// anything: in its place is 1/2, where every operation is a number, so that none divides by zero,
// overflows, or takes a slower way than its elements ask for.
template <class T> [[gnu::always_inline]] inline batch<T> operand_at(const T* p, std::size_t left) {
  using B = batch<T>;
  const B x = B::load_unaligned(p);
  if (left >= B::size) [[likely]]
    return x;
  const auto kept = B::load_aligned(numbers_from_0<T>) < B(static_cast<T>(left));
  return xsimd::select(kept, x, B(T(0.5)));
}

}  // namespace
}  // namespace cotape::kernels

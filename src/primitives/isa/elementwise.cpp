// The kernels of the element-wise primitives, compiled once per instruction set: one loop, which
// the files of primitives instantiate for each of them.
#include <cmath>

#include "kernels/isa/batch.hpp"
#include "primitives/elementwise.hpp"

namespace cotape {

template <class Op, class T, class Arch> void elementwise(const kernels::step& s) {
  auto* d = static_cast<T*>(s.d);
  const auto* a = static_cast<const T*>(s.a);
  const auto* b = static_cast<const T*>(s.b);
  const auto* c = static_cast<const T*>(s.c);
  if constexpr (std::is_same_v<T, std::int64_t>) {
    if constexpr (takes_integers<Op>) {
      for (std::uint32_t i = 0; i < s.n; ++i) {
        if constexpr (Op::arity == 1) d[i] = Op::kernel(a[i]);
        else if constexpr (Op::arity == 2) d[i] = Op::kernel(a[i], b[i]);
        else d[i] = Op::kernel(a[i], b[i], c[i]);
      }
    }
  } else {
    using B = kernels::batch<T>;
#pragma GCC unroll 2
    for (std::uint32_t i = 0; i < s.n; i += static_cast<std::uint32_t>(B::size)) {
      B y;
      if constexpr (Op::arity == 1) {
        y = Op::kernel(B::load_aligned(a + i));
      } else if constexpr (Op::arity == 2) {
        y = Op::kernel(B::load_aligned(a + i), B::load_aligned(b + i));
      } else {
        y = Op::kernel(B::load_aligned(a + i), B::load_aligned(b + i), B::load_aligned(c + i));
      }
      y.store_aligned(d + i);
    }
  }
}

// Correctly rounded operations give the same bits on a plain number; others run in a batch.
template <class Op, class T, class Arch, int Form>
T scalar(const kernels::scalar_instruction& s, T* slots, T previous) {
  using B = std::conditional_t<rounds_correctly<Op>, T, kernels::batch<T>>;
  const B a((Form & 1) != 0 ? previous : slots[s.a]);
  B y;
  if constexpr (Op::arity == 1) {
    y = Op::kernel(a);
  } else if constexpr (Op::arity == 2) {
    y = Op::kernel(a, B((Form & 2) != 0 ? previous : slots[s.b]));
  } else {
    y = Op::kernel(a, B(slots[s.b]), B(previous));
  }
  T result;
  if constexpr (rounds_correctly<Op>) result = y;
  else result = y.get(0);
  slots[s.d] = result;
  return result;
}

}  // namespace cotape

#include "primitives/binary.hpp"
#include "primitives/unary.hpp"

namespace cotape {

namespace {

// n is a whole number of moderate size: x^n is a product.
template <class T> bool is_small_whole(T n) {
  return n > -65 && n < 65 && n == static_cast<T>(static_cast<int>(n));
}

template <class B> B whole_power(B x, int n) {
  B result(1), factor = x;
  for (int k = n < 0 ? -n : n; k != 0; k /= 2) {
    if (k % 2 == 1) result = result * factor;
    factor = factor * factor;
  }
  return n < 0 ? B(1) / result : result;
}

}  // namespace

// One element's result does not depend on its neighbours: both ways multiply alike.
template <class B> B power_op::kernel(B a, B b) {
  using T = typename B::value_type;
  alignas(64) T x[B::size], n[B::size];
  b.store_aligned(n);
  bool alike = is_small_whole(n[0]);
  for (std::size_t i = 1; i < B::size; ++i) alike = alike && n[i] == n[0];
  if (alike) return whole_power(a, static_cast<int>(n[0]));
  a.store_aligned(x);
  for (std::size_t i = 0; i < B::size; ++i) {
    x[i] = is_small_whole(n[i]) ? whole_power(x[i], static_cast<int>(n[i])) : std::pow(x[i], n[i]);
  }
  return B::load_aligned(x);
}

}  // namespace cotape

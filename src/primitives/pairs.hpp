// Pairs: an element-wise operation and the one that alone uses its result, as one kernel. It gives
// the bits of the two, and saves a store and a load. Programs put them in place of the two; no tape
// holds one.
#pragma once

#include <array>
#include <span>
#include <string_view>

#include "primitives/binary.hpp"
#include "primitives/ternary.hpp"
#include "primitives/unary.hpp"

namespace cotape {

constexpr std::array<char, 32> joined(std::string_view inner, std::string_view outer) {
  std::array<char, 32> text{};
  std::size_t n = 0;
  for (char c : inner) text[n++] = c;
  text[n++] = '+';
  for (char c : outer) text[n++] = c;
  return text;
}

// Outer(Inner(a, b), c), Outer(c, Inner(a, b)) where the inner result comes second, or
// Outer(Inner(a, b)).
template <class Inner, class Outer, bool Second> struct pair_op : operation<Outer::arity + 1> {
  static constexpr auto both_names = joined(Inner::name, Outer::name);
  static constexpr const char* name = both_names.data();
  static double flops(const signature&, const value_type& output) {
    return 2 * static_cast<double>(output.shape.elements());
  }
  template <class B> [[gnu::always_inline]] static B kernel(B a, B b) {
    return Outer::kernel(Inner::kernel(a, b));
  }
  template <class B> [[gnu::always_inline]] static B kernel(B a, B b, B c) {
    if constexpr (Second) return Outer::kernel(c, Inner::kernel(a, b));
    else return Outer::kernel(Inner::kernel(a, b), c);
  }
};

// X(inner, outer, the inner result comes second). Of outer operations that commute, as `commutes`
// says, one order is enough: bits are the same.
#define COTAPE_PAIRS(X)            \
  COTAPE_PAIRS_WITHIN(X, add)      \
  COTAPE_PAIRS_WITHIN(X, multiply) \
  COTAPE_PAIRS_WITHIN(X, chain)    \
  X(difference, exp, false)        \
  X(chain, absorbing_multiply, true)
#define COTAPE_PAIRS_WITHIN(X, inner) \
  X(inner, add, false)                \
  X(inner, multiply, false)           \
  X(inner, chain, false)              \
  X(inner, chain, true)               \
  X(inner, divide, false)             \
  X(inner, divide, true)              \
  X(inner, exp, false)                \
  X(inner, reciprocal, false)         \
  X(inner, relu, false)               \
  X(inner, sigmoid, false)

#ifdef COTAPE_ISA
#define COTAPE_PAIR_KERNELS(inner, outer, second)                             \
  using inner##_##outer##_##second = pair_op<inner##_op, outer##_op, second>; \
  COTAPE_KERNELS_OF(inner##_##outer##_##second, float)                        \
  COTAPE_KERNELS_OF(inner##_##outer##_##second, double)
COTAPE_PAIRS(COTAPE_PAIR_KERNELS)
#endif

struct operation_pair {
  const primitive* inner;
  const primitive* outer;
  bool first, second;     // the inner result may be the outer operation's such operand
  const primitive* both;  // of the inner's operands, then the outer's other one
};
std::span<const operation_pair> operation_pairs();

}  // namespace cotape

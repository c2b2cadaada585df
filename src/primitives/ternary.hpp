// The element-wise primitives of three operands: y = f(a, b, c). derivative(i, ...) is the adjoint
// of operand i.
#pragma once

#include "primitives/elementwise.hpp"

namespace cotape {

using ternary = operation<3>;

struct exp_quotient_op
    : ternary {  // y = b / c, b being e^(a - constant),  dy/da = y,  dy/dc = -y/c
  static constexpr auto name = "exp_quotient";
  // Where c stays along a row, one division is enough.
  template <class B> static B kernel(B, B b, B c) { return b * (B(1) / c); }
  static variable derivative(int i, variable, variable, variable c, variable y, variable dy) {
    return i == 1 ? variable() : absorbing_multiply(dy, i == 0 ? y : -(y / c));
  }
};
COTAPE_TERNARY(exp_quotient)

struct undo_exp_quotient_op
    : ternary {  // y = ln(a b) + c,  dy/da = 1/a;  x of exp_quotient(x, e^(x - c), b)
  static constexpr auto name = "undo_exp_quotient";
  using undoes = exp_quotient_op;
  template <class B> static B kernel(B a, B b, B c);
  static variable derivative(int i, variable a, variable b, variable, variable, variable dy) {
    return i == 2 ? dy : chain(dy, reciprocal(i == 0 ? a : b));
  }
};
COTAPE_TERNARY(undo_exp_quotient)

// y = 1 where a > b or a alone is NaN, c where they are equal or both NaN, else 0
struct share_of_maximum_op : ternary {
  static constexpr auto name = "share_of_maximum";
  template <class B> static B kernel(B a, B b, B c) {
    const B beside_nan = select(a == a, B(0), select(b == b, B(1), c));
    return select(a > b, B(1), select(a == b, c, beside_nan));
  }
};
COTAPE_TERNARY(share_of_maximum)

struct select_op : ternary {  // b where a is not 0, else c: selects adjoints and multiplies nothing
  static constexpr auto name = "select";
  static constexpr bool integers = true;
  template <class B> static B kernel(B a, B b, B c) { return select(a == B(0), c, b); }
  static variable derivative(int i, variable a, variable, variable, variable, variable dy) {
    if (i == 0) return {};
    return i == 1 ? select(a, dy, 0) : select(a, 0, dy);
  }
};
COTAPE_TERNARY(select)

}  // namespace cotape

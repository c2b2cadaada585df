// The element-wise primitives of two operands, and broadcasts: y = f(a, b). derivative(i, ...) is
// the adjoint of operand i. A kernel's B is a vector or a number, also an int64 where `integers` is
// set. Where `summed` is, there is a kernel that adds up results without storing them; where
// `sums_rows` is, one that stores rows and adds them up.
#pragma once

#include "primitives/elementwise.hpp"
#include "primitives/kinks.hpp"

namespace cotape {

using binary = operation<2>;

struct kinked_where_equal : binary {
  static variable kinks(const derivation& d) { return equal(d.inputs[0], d.inputs[1]); }
};

struct add_op : binary {  // y = a + b
  static constexpr auto name = "add";
  static constexpr bool sums_rows = true, integers = true, commutes = true;
  template <class B> static B kernel(B a, B b) { return a + b; }
  static variable derivative(int, variable, variable, variable, variable dy) { return dy; }
};
COTAPE_BINARY(add)

struct multiply_op : binary {  // y = a b,  dy/da = b
  static constexpr auto name = "multiply";
  static constexpr bool summed = true, sums_rows = true, squares = true;
  static constexpr bool integers = true, commutes = true;
  static constexpr std::uint8_t drops_ones = 0b11;
  template <class B> static B kernel(B a, B b) { return a * b; }
  static variable derivative(int i, variable a, variable b, variable, variable dy) {
    return chain(dy, i == 0 ? b : a);
  }
};
COTAPE_BINARY(multiply)

struct divide_op : binary {  // y = a / b,  dy/da = 1/b,  dy/db = -y/b
  static constexpr auto name = "divide";
  template <class B> static B kernel(B a, B b) { return a / b; }
  static variable derivative(int i, variable, variable b, variable y, variable dy) {
    return i == 0 ? chain(dy, reciprocal(b)) : chain(dy, -(y / b));
  }
};
COTAPE_BINARY(divide)

struct power_op : binary {  // y = a^b,  dy/da = b a^(b-1),  dy/db = y ln a (0 where y is 0)
  static constexpr auto name = "power";
  template <class B>
  static B kernel(B a, B b);  // by repeated multiplication where b is a small whole number
  static variable derivative(int i, variable a, variable b, variable y, variable dy) {
    return absorbing_multiply(dy, i == 0 ? chain(b, power(a, b - 1)) : chain(y, log(a)));
  }
};
COTAPE_BINARY(power)

// y = a - b, and 0 where they are equal, be they infinite;  dy/da = 1,  dy/db = -1
struct difference_op : binary {
  static constexpr auto name = "difference";
  template <class B> static B kernel(B a, B b) { return select(a == b, B(0), a - b); }
  static variable derivative(int i, variable, variable, variable, variable dy) {
    return i == 0 ? dy : -dy;
  }
};
COTAPE_BINARY(difference)

struct maximum_op : kinked_where_equal {  // the larger, NaN if either is; its kinks are ties
  static constexpr auto name = "maximum";
  static constexpr bool integers = true;
  template <class B> static B kernel(B a, B b) { return select(a > b, a, select(a == a, b, a)); }
  static variable derivative(int i, variable a, variable b, variable, variable dy) {
    return absorbing_multiply(dy, share_taken(i, a, b));
  }
};
COTAPE_BINARY(maximum)

struct minimum_op : kinked_where_equal {  // the smaller, NaN if either is; its kinks are ties
  static constexpr auto name = "minimum";
  static constexpr bool integers = true;
  template <class B> static B kernel(B a, B b) { return select(a < b, a, select(a == a, b, a)); }
  static variable derivative(int i, variable a, variable b, variable, variable dy) {
    return absorbing_multiply(dy, share_taken(i, -a, -b));
  }
};
COTAPE_BINARY(minimum)

struct less_op : kinked_where_equal {  // 1 where a < b, else 0
  static constexpr auto name = "less";
  static constexpr bool integers = true;
  template <class B> static B kernel(B a, B b) { return select(a < b, B(1), B(0)); }
};
COTAPE_BINARY(less)

struct less_equal_op : kinked_where_equal {
  static constexpr auto name = "less_equal";
  static constexpr bool integers = true;
  template <class B> static B kernel(B a, B b) { return select(a <= b, B(1), B(0)); }
};
COTAPE_BINARY(less_equal)

struct equal_op : binary {
  static constexpr auto name = "equal";
  static constexpr bool integers = true;
  template <class B> static B kernel(B a, B b) { return select(a == b, B(1), B(0)); }
};
COTAPE_BINARY(equal)

struct xlogy_op : binary {  // y = a ln b, 0 where a is 0;  dy/da = ln b,  dy/db = a/b
  static constexpr auto name = "xlogy";
  template <class B> static B kernel(B a, B b);
  static variable derivative(int i, variable a, variable b, variable, variable dy) {
    return i == 0 ? chain(dy, log(b)) : chain(dy, chain(a, log_slope(b)));
  }
};
COTAPE_BINARY(xlogy)

struct sinc_derivative_op : binary {  // y = the b-th derivative of sin(pi a) / (pi a)
  static constexpr auto name = "sinc_derivative";
  template <class B> static B kernel(B a, B b);
  static variable derivative(int i, variable a, variable b, variable, variable dy) {
    return i == 0 ? chain(dy, sinc_derivative(a, b + 1)) : variable();
  }
};
COTAPE_BINARY(sinc_derivative)

struct absorbing_multiply_op : binary {  // y = a b, 0 where a is 0, b where b is,  dy/da = b
  static constexpr auto name = "absorbing_multiply";
  static constexpr std::uint8_t drops_ones = 0b01;  // a one in b would turn a's -0 into 0
  template <class B> static B kernel(B a, B b) {
    return select(a == B(0), B(0), select(b == B(0), b, a * b));  // b, sign and all, where a is 1
  }
  static variable derivative(int i, variable a, variable b, variable, variable dy) {
    return absorbing_multiply(dy, i == 0 ? b : a);
  }
};
COTAPE_BINARY(absorbing_multiply)

struct chain_op : binary {  // y = a b, 0 where a is 0,  dy/da = b,  dy/db = a
  static constexpr auto name = "chain";
  static constexpr bool summed = true, sums_rows = true;
  static constexpr std::uint8_t drops_ones = 0b01;
  template <class B> static B kernel(B a, B b) { return select(a == B(0), B(0), a * b); }
  // Both a and dy are adjoints here: either one's zeros stand against the other's infinities.
  static variable derivative(int i, variable a, variable b, variable, variable dy) {
    return i == 0 ? chain(dy, b) : absorbing_multiply(dy, a);
  }
};
COTAPE_BINARY(chain)

struct broadcast_op : operation<1> {  // the same elements in a larger shape (attributes)
  static constexpr auto name = "broadcast_to";
  static constexpr bool integers = true;
  template <class B> static B kernel(B x) { return x; }
  static value_type infer(const signature&);
  static bool shows(kernels::index_map&, std::span<const std::int64_t>, const shape&);
  static variable derivative(variable, variable, variable dy) { return dy; }
};
#ifdef COTAPE_ISA
COTAPE_KERNELS(broadcast_op)
#endif

}  // namespace cotape

// The element-wise primitives of one operand: y = f(x) with dy/dx. A kernel's B is a vector or a
// number, see kernels/isa/vocabulary.hpp.
// In derivatives x is the operand, y the output and dy the output's adjoint.
#pragma once

#include "primitives/elementwise.hpp"
#include "primitives/kinks.hpp"

namespace cotape {

using unary = operation<1>;

struct kinked_at_zero : unary {
  static variable kinks(const derivation& d) { return equal(d.inputs[0], 0); }
};

struct exp_op : unary {  // y = e^x,  dy/dx = y
  static constexpr auto name = "exp";
  template <class B> static B kernel(B x);
  static variable derivative(variable, variable y, variable dy) { return chain(dy, y); }
};
COTAPE_UNARY(exp)

struct expm1_op : unary {  // y = e^x - 1,  dy/dx = e^x, of which y + 1 loses all but 1's digits
  static constexpr auto name = "expm1";
  template <class B> static B kernel(B x);
  static variable derivative(variable x, variable, variable dy) { return chain(dy, exp(x)); }
};
COTAPE_UNARY(expm1)

struct log_op : unary {  // y = ln x,  dy/dx = 1/x
  static constexpr auto name = "log";
  template <class B> static B kernel(B x);
  static variable derivative(variable x, variable, variable dy) { return chain(dy, log_slope(x)); }
};
COTAPE_UNARY(log)

struct log1p_op : unary {  // y = ln(1 + x),  dy/dx = 1/(1 + x)
  static constexpr auto name = "log1p";
  template <class B> static B kernel(B x);
  static variable derivative(variable x, variable, variable dy) {
    return chain(dy, log_slope(1 + x));
  }
};
COTAPE_UNARY(log1p)

struct sqrt_op : kinked_at_zero {  // y = sqrt x,  dy/dx = 1/(2y)
  static constexpr auto name = "sqrt";
  template <class B> static B kernel(B x) { return sqrt(x); }
  static variable derivative(variable, variable y, variable dy) { return chain(dy, 0.5 / y); }
};
COTAPE_UNARY(sqrt)

struct sin_op : unary {  // dy/dx = cos x
  static constexpr auto name = "sin";
  template <class B> static B kernel(B x);
  static variable derivative(variable x, variable, variable dy) { return chain(dy, cos(x)); }
};
COTAPE_UNARY(sin)

struct cos_op : unary {  // dy/dx = -sin x
  static constexpr auto name = "cos";
  template <class B> static B kernel(B x);
  static variable derivative(variable x, variable, variable dy) { return chain(dy, -sin(x)); }
};
COTAPE_UNARY(cos)

struct tanh_op : unary {  // dy/dx = 1 - y^2
  static constexpr auto name = "tanh";
  template <class B> static B kernel(B x);
  static variable derivative(variable, variable y, variable dy) { return chain(dy, 1 - y * y); }
};
COTAPE_UNARY(tanh)

struct sigmoid_op : unary {  // y = 1/(1 + e^-x),  dy/dx = y (1 - y)
  static constexpr auto name = "sigmoid";
  template <class B> [[gnu::always_inline]] static B kernel(B x) {
    return B(1) / (B(1) + exp_op::kernel(-x));
  }
  static variable derivative(variable, variable y, variable dy) { return chain(dy, y * (1 - y)); }
};
COTAPE_UNARY(sigmoid)

struct logit_op : unary {  // y = ln(x / (1 - x)),  dy/dx = 1/(x (1 - x));  logit(sigmoid(x)) is x
  static constexpr auto name = "logit";
  using undoes = sigmoid_op;
  template <class B> static B kernel(B x);
  static variable derivative(variable x, variable, variable dy) {
    return chain(dy, log_slope(x * (1 - x)));
  }
};
COTAPE_UNARY(logit)

struct softplus_op : unary {  // y = ln(1 + e^x) = max(x, 0) + ln(1 + e^-|x|),  dy/dx = sigmoid x
  static constexpr auto name = "softplus";
  template <class B> static B kernel(B x) {
    return select(x > B(0), x, B(0)) + log1p_op::kernel(exp_op::kernel(select(x > B(0), -x, x)));
  }
  static variable derivative(variable x, variable, variable dy) { return chain(dy, sigmoid(x)); }
};
COTAPE_UNARY(softplus)

struct relu_op : kinked_at_zero {  // y = max(x, 0),  dy/dx = [y is not 0]
  static constexpr auto name = "relu";
  template <class B> static B kernel(B x) { return select(x <= B(0), B(0), x); }
  static variable derivative(variable x, variable y, variable dy) {
    const double at_zero = right_share(x, 0);
    return select(y, dy, at_zero == 0 ? operand(0) : chain(at_zero * equal(x, 0), dy));
  }
};
COTAPE_UNARY(relu)

struct gaussian_op : unary {  // y = e^(-x^2/2),  dy/dx = -x y
  static constexpr auto name = "gaussian";
  template <class B> static B kernel(B x);
  static variable derivative(variable x, variable y, variable dy) {
    return chain(dy, -chain(y, x));
  }
};
COTAPE_UNARY(gaussian)

struct erf_op : unary {  // dy/dx = 2/sqrt(pi) e^(-x^2)
  static constexpr auto name = "erf";
  template <class B> static B kernel(B x);
  static variable derivative(variable x, variable, variable dy) {
    return chain(dy, 1.1283791670955126 * square(gaussian(x)));
  }
};
COTAPE_UNARY(erf)

struct normal_cdf_op : unary {  // y = (1 + erf(x / sqrt 2)) / 2,  dy/dx = e^(-x^2/2) / sqrt(2 pi)
  static constexpr auto name = "normal_cdf";
  template <class B> static B kernel(B x);
  static variable derivative(variable x, variable, variable dy) {
    return chain(dy, 0.3989422804014327 * gaussian(x));
  }
};
COTAPE_UNARY(normal_cdf)

struct abs_op : kinked_at_zero {  // dy/dx = sign x
  static constexpr auto name = "abs";
  static constexpr bool integers = true;
  template <class B> static B kernel(B x) {
    return select(x < B(0), B(0) - x, select(x == B(0), B(0), x));
  }
  static variable derivative(variable x, variable, variable dy) {
    const double at_zero = 2 * right_share(x, 0.5) - 1;
    return absorbing_multiply(dy, at_zero == 0 ? sign(x) : sign(x) + at_zero * equal(x, 0));
  }
};
COTAPE_UNARY(abs)

struct sign_op : kinked_at_zero {  // -1, 0, 1 (NaN: NaN),  dy/dx = 0
  static constexpr auto name = "sign";
  static constexpr bool integers = true;
  template <class B> static B kernel(B x) {
    return select(x > B(0), B(1), select(x < B(0), B(0) - B(1), x));
  }
};
COTAPE_UNARY(sign)

struct reciprocal_op : unary {  // y = 1/x,  dy/dx = -y^2
  static constexpr auto name = "reciprocal";
  template <class B> static B kernel(B x) { return B(1) / x; }
  static variable derivative(variable, variable y, variable dy) { return chain(dy, -(y * y)); }
};
COTAPE_UNARY(reciprocal)

}  // namespace cotape

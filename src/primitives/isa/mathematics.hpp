// The kernels of element-wise primitives that are more than an expression.
#pragma once

#include "kernels/isa/error_function.hpp"
#include "kernels/isa/power.hpp"
#include "kernels/isa/sinc.hpp"
#include "kernels/isa/sine.hpp"

#include "primitives/binary.hpp"
#include "primitives/ternary.hpp"
#include "primitives/unary.hpp"

namespace cotape {

template <class B> [[gnu::always_inline]] inline B exp_op::kernel(B x) { return exp_of(x); }

template <class B> [[gnu::always_inline]] inline B tanh_op::kernel(B x) {
  if constexpr (is_narrow<B>) return tanh_of_floats(x);
  else return tanh_of_doubles(x);
}

template <class B> B sin_op::kernel(B x) { return turned(sine_of(x, 0), x); }
template <class B> B cos_op::kernel(B x) { return cosine_of(x); }
template <class B> B expm1_op::kernel(B x) { return expm1_of(x); }
template <class B> B log_op::kernel(B x) { return log_of(x); }
template <class B> B log1p_op::kernel(B x) { return log1p_of(x); }
template <class B> B gaussian_op::kernel(B x) { return gaussian_of_size(gaussian_size(x)); }
template <class B> B erf_op::kernel(B x) { return erf_of(x); }
template <class B> B normal_cdf_op::kernel(B x) { return normal_cdf_of(x); }
template <class B> B sinc_derivative_op::kernel(B a, B b) { return sinc_derivative_of(a, b); }
template <class B> B power_op::kernel(B a, B b) { return power_of(a, b); }
template <class B> B xlogy_op::kernel(B a, B b) {
  return select(a == B(0) && b == b, B(0), a * log_of(b));
}
template <class B> B undo_exp_quotient_op::kernel(B a, B b, B c) { return log_of(a * b) + c; }

// Around 1/2 from the quotient's distance to 1: 2x - 1 is exact there.
template <class B> B logit_op::kernel(B x) {
  const B rest = B(1) - x, twice = (x - B(0.5)) + (x - B(0.5));
  const auto outer = x <= B(0.25) || x >= B(0.75);
  return either(
      outer, [&]() COTAPE_INLINED { return log_of(x / rest); },
      [&]() COTAPE_INLINED { return select(outer, log_of(x / rest), log1p_of(twice / rest)); });
}

}  // namespace cotape

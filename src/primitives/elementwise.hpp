// How the built-in element-wise primitives become kernels. Each is a struct (see unary.hpp) whose
// kernel is a template over vectors and numbers; its file is compiled once by an ordinary source,
// where COTAPE_UNARY(f) defines the operation f, and once per instruction set, where it
// instantiates f's kernels.
#pragma once

#include "cotape/ops.hpp"
#include "cotape/primitive.hpp"
#include "kernels/arch.hpp"
#include "primitives/lowering.hpp"

namespace cotape {

// y[i] = Op::kernel(a[i], ...) for s.n elements, rounded up to whole vectors. Flattened: constants
// stay in registers.
template <class Op, class T, class Arch> [[gnu::flatten]] void elementwise(const kernels::step& s);

// The functions that do the same for one number, in the vectors' arithmetic.
template <class Op, class T, class Arch> kernels::scalar_functions scalar_functions();

template <class Op> inline constexpr bool takes_integers = requires { Op::integers; };

template <class Op, class Arch> kernels::kernel kernel_in(dtype d) {
  if (d == float32) return &elementwise<Op, float, Arch>;
  if (d == float64) return &elementwise<Op, double, Arch>;
  if constexpr (takes_integers<Op>) return &elementwise<Op, std::int64_t, Arch>;
  return nullptr;
}

template <class Op> void lower_builtin(lowering& l) {
  kernels::for_isa(kernels::chosen_isa(), [&]<class Arch>() {
    l.step.run = kernel_in<Op, Arch>(l.output.dtype);
    if (l.scalar == nullptr) return;
    if (l.output.dtype == float32) *l.scalar = scalar_functions<Op, float, Arch>();
    if (l.output.dtype == float64) *l.scalar = scalar_functions<Op, double, Arch>();
  });
}

namespace detail {
template <class Op> constexpr auto derive_of() -> void (*)(derivation&) {
  if constexpr (requires { &Op::derivative; }) return &derive<Op>;
  else return nullptr;
}
template <class Op> constexpr auto infer_of() -> value_type (*)(const signature&) {
  if constexpr (requires { &Op::infer; }) return &Op::infer;
  else if constexpr (takes_integers<Op>) return &infer_elementwise;
  else return &infer_floating;
}
template <class Op> constexpr const primitive* undoes_of();
}  // namespace detail

template <class Op>
inline constexpr primitive builtin{Op::name,
                                   form::elementwise,
                                   Op::arity,
                                   detail::infer_of<Op>(),
                                   detail::derive_of<Op>(),
                                   &lower_builtin<Op>,
                                   false,
                                   false,
                                   detail::undoes_of<Op>(),
                                   detail::kinks_of<Op>()};

template <class Op> constexpr const primitive* detail::undoes_of() {
  if constexpr (requires { typename Op::undoes; }) return &builtin<typename Op::undoes>;
  else return nullptr;
}

}  // namespace cotape

#if defined(COTAPE_UNARY)  // a file gives the three a meaning of its own: a list, say
#elif defined(COTAPE_ISA)
#define COTAPE_UNARY(f) COTAPE_KERNELS(f##_op)
#define COTAPE_BINARY(f) COTAPE_KERNELS(f##_op)
#define COTAPE_TERNARY(f) COTAPE_KERNELS(f##_op)
#define COTAPE_KERNELS(Op)                                                             \
  template void elementwise<Op, std::int64_t, kernels::current>(const kernels::step&); \
  COTAPE_KERNELS_OF(Op, float)                                                         \
  COTAPE_KERNELS_OF(Op, double)
#define COTAPE_KERNELS_OF(Op, T)                                            \
  template void elementwise<Op, T, kernels::current>(const kernels::step&); \
  template kernels::scalar_functions scalar_functions<Op, T, kernels::current>();
#elif defined(COTAPE_DEFINE_OPERATIONS)
#define COTAPE_UNARY(f) \
  variable f(operand x) { return record(builtin<f##_op>, {x}); }
#define COTAPE_BINARY(f) \
  variable f(operand a, operand b) { return record(builtin<f##_op>, {a, b}); }
#define COTAPE_TERNARY(f) \
  variable f(operand a, operand b, operand c) { return record(builtin<f##_op>, {a, b, c}); }
#else
#define COTAPE_UNARY(f)
#define COTAPE_BINARY(f)
#define COTAPE_TERNARY(f)
#endif

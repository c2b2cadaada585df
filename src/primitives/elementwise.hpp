// How the built-in element-wise primitives become kernels. Each is a struct (see unary.hpp) whose
// kernel is a template over vectors and numbers; its file is compiled once by an ordinary source,
// where COTAPE_UNARY(f) defines the operation f, and once per instruction set, where it
// instantiates f's kernels.
#pragma once

#include "base/for_dtype.hpp"
#include "cotape/ops.hpp"
#include "cotape/primitive.hpp"
#include "kernels/arch.hpp"
#include "primitives/lowering.hpp"

namespace cotape {

// What the structs of operations may say otherwise: see primitive.
template <std::uint8_t Arity> struct operation {
  static constexpr std::uint8_t arity = Arity, drops_ones = 0;
  static constexpr bool commutes = false;  // to the last bit
  static constexpr decltype(primitive::flops) flops = nullptr;
  static constexpr decltype(primitive::shows) shows = nullptr;
};

// y[i] = Op::kernel(a[i], ...) for s.n elements, rounded up to whole vectors. Flattened: constants
// stay in registers.
template <class Op, class T, class Arch> COTAPE_FLATTEN void elementwise(const kernels::step& s);

// The functions that do the same for one number, in the vectors' arithmetic.
template <class Op, class T, class Arch> kernels::scalar_functions scalar_functions();

template <class Op> inline constexpr bool takes_integers = requires { Op::integers; };

template <class Op> void lower_builtin(lowering& l) {
  kernels::for_isa(kernels::chosen_isa(), [&]<class Arch>() {
    for_dtype(l.output.dtype, [&]<class T>() {
      constexpr bool floating = std::is_floating_point_v<T>;
      if constexpr (floating || takes_integers<Op>) l.step.run = &elementwise<Op, T, Arch>;
      if constexpr (floating) {
        if (l.scalar != nullptr) *l.scalar = scalar_functions<Op, T, Arch>();
      }
    });
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
inline constexpr primitive builtin{.name = Op::name,
                                   .how = form::elementwise,
                                   .arity = Op::arity,
                                   .infer = detail::infer_of<Op>(),
                                   .derive = detail::derive_of<Op>(),
                                   .lower = &lower_builtin<Op>,
                                   .overwrites = 7,
                                   .drops_ones = Op::drops_ones,
                                   .flops = Op::flops,
                                   .shows = Op::shows,
                                   .undoes = detail::undoes_of<Op>(),
                                   .kinks = detail::kinks_of<Op>()};

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

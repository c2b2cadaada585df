// layer: tape
// What a primitive is: a static descriptor that nodes point to. An element-wise operation of one's
// own is a struct with a name, a kernel and a derivative, recorded by apply<Op>(x):
//
//   struct arcsinh {
//     static constexpr auto name = "arcsinh";
//     template <class T> static T kernel(T x) { return std::asinh(x); }
//     static variable derivative(variable x, variable, variable dy) {
//       return chain(dy, reciprocal(sqrt(1 + square(x))));
//     }
//   };
//   variable y = apply<arcsinh>(x);
//
// With two or three operands the derivative's first argument says for which of them it is wanted:
// derivative(int i, variable a, variable b, variable y, variable dy). A kernel is called with
// floats and doubles, maybe on several threads at once, unless there is a member `one_thread`.
// `static variable kinks(const derivation& d)`, if there is one, gives 1 where the result is on a
// kink (report::kinks). Descriptors are constants: any thread may use them.
//
// An operation over whole values is a `primitive` with a kernel of its own: see kernel.hpp.
#pragma once

#include <cstddef>
#include <span>

#include "cotape/kernel.hpp"
#include "cotape/tape.hpp"

namespace cotape {

namespace primitives {
struct collected_parts;
}
namespace kernels {
struct index_map;
}

/// How a program treats a primitive. One of your own is of the form kernel.
enum class form : std::uint8_t {
  input,        // sources: what is bound at each run,
  constant,     // a tensor,
  literal,      // a number,
  read,         // and a parameter's value
  elementwise,  // y[i] from the operands' i-th elements, broadcast; fused into loops
  reduction,    // may end a fused loop
  view,         // the first operand's data with another shape; a rule sees the others, if any
  kernel,       // a step of its own
  product,      // of matrices, with what a program folds into it
  assembly,     // parts put together, any number of them in one step
};
inline bool is_source(form f) { return f <= form::read; }

/// One node in the reverse sweep: what its derivative rule sees and fills in.
struct derivation {
  std::span<const variable> inputs;
  std::span<const std::int64_t> attributes;
  variable output;
  variable adjoint;              // of the output's type
  std::span<bool> needed;        // which inputs' adjoints are asked for
  std::span<variable> adjoints;  // filled in, in the output's or the input's shape; empty: zero
  const char* op;                // the name, for errors
  // Where the library's own rules put what covers an operand in part.
  primitives::collected_parts* parts = nullptr;
};

inline constexpr std::uint8_t any_number = 255;

struct primitive {
  const char* name;
  form how;
  std::uint8_t arity;                     // number of operands, or any_number
  value_type (*infer)(const signature&);  // the output's type; throws if the inputs do not fit
  void (*derive)(derivation&) = nullptr;  // null: the derivative is zero everywhere
  void (*lower)(lowering&) = nullptr;     // chooses the kernel and describes its geometry
  bool random = false;                    // never merged with an equal node
  bool throws = false;                    // its kernel may throw: runs before any effect commits
  bool splittable = true;       // a loop that it is in may run on several threads, each with a part
  bool picks = false;           // reads of its first operand no more than it gives
  std::uint8_t overwrites = 0;  // bit k: the result may stand in the memory of operand k
  std::uint8_t drops_ones = 0;  // bit k: if operand k of the two is 1, the result is the other one
  // Floating-point operations; null: one an element (of what is reduced), none in a kernel.
  double (*flops)(const signature&, const value_type& output) = nullptr;
  // The result shows elements of the first operand: makes of the map of where those stand that of
  // where the result's do; false if no strides say that. Null: it is computed.
  bool (*shows)(kernels::index_map&, std::span<const std::int64_t> attributes,
                const shape& result) = nullptr;
  const primitive* undoes = nullptr;  // this(undoes(x)) is x: programs and the sweep skip both
  variable (*kinks)(const derivation&) = nullptr;  // 1 where the result is on a kink, tie or jump
  // "radius=2, wrap=true"; throws if they do not fit; null: a report shows the words
  std::string (*attributes_text)(const signature&) = nullptr;
};

/// "smooth(radius=2, wrap=true)", or the name where attributes have no text.
std::string text_of(const primitive& op, std::span<const std::int64_t> attributes);

/// The shape rule of element-wise operations: one dtype, NumPy's broadcasting.
value_type infer_elementwise(const signature&);
/// The same, without int64.
value_type infer_floating(const signature&);

/// Records an operation on operands of one dtype; numbers adopt it. For tensors of several dtypes
/// (indices beside values) numbers adopt the first one's.
variable record(const primitive& op, std::initializer_list<operand> inputs,
                std::span<const std::int64_t> attributes = {});

namespace detail {

template <class Op, class T> constexpr std::uint8_t arity_of() {
  if constexpr (requires(T x) { Op::kernel(x); }) return 1;
  else if constexpr (requires(T x) { Op::kernel(x, x); }) return 2;
  else return 3;
}

// A kernel that may throw must run before any effect commits.
template <class Op> constexpr bool kernel_is_noexcept() {
  if constexpr (arity_of<Op, double>() == 1) return noexcept(Op::kernel(1.0));
  else if constexpr (arity_of<Op, double>() == 2) return noexcept(Op::kernel(1.0, 1.0));
  else return noexcept(Op::kernel(1.0, 1.0, 1.0));
}

template <class Op, class T> void loop(void* y, const void* const* operands, std::size_t n) {
  auto* out = static_cast<T*>(y);
  const auto* a = static_cast<const T*>(operands[0]);
  const auto* b = static_cast<const T*>(operands[1]);
  const auto* c = static_cast<const T*>(operands[2]);
  for (std::size_t i = 0; i < n; ++i) {
    if constexpr (arity_of<Op, T>() == 1) out[i] = Op::kernel(a[i]);
    else if constexpr (arity_of<Op, T>() == 2) out[i] = Op::kernel(a[i], b[i]);
    else out[i] = Op::kernel(a[i], b[i], c[i]);
  }
}

// Any Op::derivative in the form that nodes call.
template <class Op> void derive(derivation& d) {
  const auto& x = d.inputs;
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (!d.needed[i]) continue;
    const int which = static_cast<int>(i);
    if constexpr (requires { Op::derivative(x[0], d.output, d.adjoint); })
      d.adjoints[i] = Op::derivative(x[0], d.output, d.adjoint);
    else if constexpr (requires { Op::derivative(which, x[0], x[1], d.output, d.adjoint); })
      d.adjoints[i] = Op::derivative(which, x[0], x[1], d.output, d.adjoint);
    else d.adjoints[i] = Op::derivative(which, x[0], x[1], x[2], d.output, d.adjoint);
  }
}

template <class Op> constexpr auto kinks_of() -> variable (*)(const derivation&) {
  if constexpr (requires { &Op::kinks; }) return &Op::kinks;
  else return nullptr;
}

template <class Op> constexpr bool on_any_thread() {
  if constexpr (requires { Op::one_thread; }) return false;
  else return true;
}

template <class Op>
inline constexpr primitive own{
    .name = Op::name,
    .how = form::elementwise,
    .arity = arity_of<Op, double>(),
    .infer = &infer_floating,
    .derive = &derive<Op>,
    .lower = [](lowering& l) { lower_to_loop(l, &loop<Op, float>, &loop<Op, double>); },
    .throws = !kernel_is_noexcept<Op>(),
    .splittable = on_any_thread<Op>(),
    .overwrites = 7,
    .kinks = kinks_of<Op>()};

}  // namespace detail

/// Records the element-wise operation Op.
template <class Op> variable apply(operand a) { return record(detail::own<Op>, {a}); }
template <class Op> variable apply(operand a, operand b) { return record(detail::own<Op>, {a, b}); }
template <class Op> variable apply(operand a, operand b, operand c) {
  return record(detail::own<Op>, {a, b, c});
}

}  // namespace cotape

// The kernels of the element-wise primitives, compiled once per instruction set: the loops of
// kernels/isa/elementwise.hpp and row_sums.hpp, which the files of primitives instantiate for each
// of them.
#include "primitives/elementwise.hpp"
#include "kernels/isa/row_sums.hpp"
#include "primitives/isa/mathematics.hpp"

namespace cotape {

template <class Op, class T, class Arch> void elementwise(const kernels::step& s) {
  if constexpr (!std::is_same_v<T, std::int64_t>) {
    kernels::for_all<Op, T>(s);
  } else if constexpr (takes_integers<Op>) {
    kernels::for_integers<Op>(s);
  }
}

// Flattened as for_integers is.
template <class Op, class T, class... Operands>
[[gnu::flatten]] static inline T on_numbers(Operands... operands) {
  return Op::kernel(operands...);
}

template <int Source, class T>
[[gnu::always_inline]] static inline T from(T slot, T last, T before) {
  return Source == 0 ? slot : Source == 1 ? last : before;
}

template <class Op, class T, class Arch, int Form>
static void scalar(const kernels::scalar_instruction* i, T* slots, T last, T before,
                   const kernels::any_function* functions) {
  T y;
  const T a = from<Form % 3>(slots[i->a], last, before);
  if constexpr (Op::arity == 1) {
    y = on_numbers<Op, T>(a);
  } else {
    const T b = from<Form / 3 % 3>(slots[i->b], last, before);
    if constexpr (Op::arity == 2) y = on_numbers<Op, T>(a, b);
    else y = on_numbers<Op, T>(a, b, from<Form / 9>(slots[i->c], last, before));
  }
  slots[i->d] = y;
  const auto next = reinterpret_cast<kernels::scalar_function<T>>(functions[i[1].run]);
  COTAPE_TAIL_CALL next(i + 1, slots, y, last, functions);
}

// Not every form, which would be much code: of three operands at most two come from the results,
// and two that are the same result only in a square.
template <class Op, int Form> constexpr bool has_form() {
  constexpr int a = Form % 3, b = Form / 3 % 3, c = Form / 9;
  if constexpr (Op::arity == 1) return b == 0 && c == 0;
  if constexpr (Op::arity == 2) return c == 0 && (a == 0 || a != b || a == 1);
  const bool same = (a != 0 && (a == b || a == c)) || (b != 0 && b == c);
  return !same && (a == 0 || b == 0 || c == 0);
}

template <class Op, class T, class Arch, int Form> static kernels::any_function function_of() {
  if constexpr (has_form<Op, Form>()) {
    return reinterpret_cast<kernels::any_function>(&scalar<Op, T, Arch, Form>);
  }
  return nullptr;
}

template <class Op, class T, class Arch, int... Form>
static kernels::scalar_functions functions_of(std::integer_sequence<int, Form...>) {
  kernels::scalar_functions result{{{function_of<Op, T, Arch, Form>()...}}};
  if constexpr (Op::arity > 1) result.in_rows = &kernels::for_rows<Op, T>;
  if constexpr (requires { Op::summed; }) result.summed = &kernels::sum_of<Op, T>;
  if constexpr (requires { Op::sums_rows; }) {
    result.rows_and_sums = &kernels::for_rows_and_sums<Op, T>;
  }
  result.squares = requires { Op::squares; };
  return result;
}

template <class Op, class T, class Arch> kernels::scalar_functions scalar_functions() {
  return functions_of<Op, T, Arch>(std::make_integer_sequence<int, 27>());
}

}  // namespace cotape

#include "primitives/pairs.hpp"

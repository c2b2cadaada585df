// The kernels of the element-wise primitives, compiled once per instruction set: one loop, which
// the files of primitives instantiate for each of them.
#include <cmath>

#include "kernels/isa/ends.hpp"
#include "kernels/isa/transcendental.hpp"
#include "primitives/elementwise.hpp"

namespace cotape {

// An operand on its way: so many elements on for each vector, and at the end of a row.
template <class T> struct walker {
  const T* at;
  std::size_t step, turn;
  walker(const void* operand, std::uint32_t how, std::size_t vector, std::size_t columns)
      : at(static_cast<const T*>(operand)),
        step(how == kernels::one_line || how == kernels::line_a_row ? 0 : vector),
        turn(how == kernels::line_a_row ? kernels::alignment / sizeof(T)
             : how == kernels::same_row ? -columns
                                        : 0) {}
};

// Rows, some of whose operands stay or come again.
template <class Op, class T, class Arch> static void elementwise_in_rows(const kernels::step& s) {
  using B = kernels::batch<T>;
  auto* d = static_cast<T*>(s.d);
  const std::size_t columns = s.cols != 0 ? s.cols : s.n;
  walker<T> a(s.a, s.rows & 3, B::size, columns), b(s.b, s.rows >> 2 & 3, B::size, columns),
      c(s.c, s.rows >> 4, B::size, columns);
  const auto applied = [&](auto load) __attribute__((always_inline)) {
    if constexpr (Op::arity == 2) return Op::kernel(load(a), load(b));
    else return Op::kernel(load(a), load(b), load(c));
  };
  for (std::size_t left = s.n; left > 0; left -= columns) {
    std::size_t n = columns;
#pragma GCC unroll 2
    for (; n >= B::size; n -= B::size, d += B::size) {
      applied([](walker<T>& w) {
        const T* from = w.at;
        w.at += w.step;
        return B::load_unaligned(from);
      }).store_aligned(d);
    }
    if (n > 0) applied([&](walker<T>& w) { return kernels::end_of(w.at, n); }).store_aligned(d);
    a.at += a.turn;
    b.at += b.turn;
    c.at += c.turn;
  }
}

template <class Op, class T, class Arch> void elementwise(const kernels::step& s) {
  auto* d = static_cast<T*>(s.d);
  const auto* a = static_cast<const T*>(s.a);
  const auto* b = static_cast<const T*>(s.b);
  const auto* c = static_cast<const T*>(s.c);
  const std::size_t n = s.n;
  const auto applied = [&](auto load) __attribute__((always_inline)) {
    if constexpr (Op::arity == 1) return Op::kernel(load(a));
    else if constexpr (Op::arity == 2) return Op::kernel(load(a), load(b));
    else return Op::kernel(load(a), load(b), load(c));
  };
  if constexpr (!std::is_same_v<T, std::int64_t>) {
    using B = kernels::batch<T>;
    std::size_t i = 0;
#pragma GCC unroll 2
    for (; i + B::size <= n; i += B::size) {
      applied([&](const T* p) { return B::load_unaligned(p + i); }).store_aligned(d + i);
    }
    if (i == n) return;
    applied([&](const T* p) { return kernels::end_of(p + i, n - i); }).store_aligned(d + i);
  } else if constexpr (takes_integers<Op>) {
    for (std::size_t i = 0; i < n; ++i) d[i] = applied([&](const T* p) { return p[i]; });
  }
}

// Operations that need a batch have calls and buffers of their own, which a jump may not skip.
template <class Op, class T, class... Operands>
[[gnu::noinline]] static T in_batch(Operands... operands) {
  return Op::kernel(kernels::batch<T>(operands)...).get(0);
}

template <class Op, class T, class... Operands>
[[gnu::always_inline]] static inline T on_numbers(Operands... operands) {
  if constexpr (runs_plain<Op, T>) return Op::kernel(operands...);
  else return in_batch<Op, T>(operands...);
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
  if constexpr (Op::arity > 1) result.in_rows = &elementwise_in_rows<Op, T, Arch>;
  return result;
}

template <class Op, class T, class Arch> kernels::scalar_functions scalar_functions() {
  return functions_of<Op, T, Arch>(std::make_integer_sequence<int, 27>());
}

}  // namespace cotape

#include "primitives/pairs.hpp"

#include "kernels/isa/edges.hpp"
#include "kernels/isa/error_function.hpp"
#include "kernels/isa/power.hpp"
#include "kernels/isa/sinc.hpp"

namespace cotape {

template <class B> [[gnu::always_inline]] inline B exp_op::kernel(B x) { return exp_of(x); }

template <class B> [[gnu::always_inline]] inline B tanh_op::kernel(B x) {
  if constexpr (std::is_same_v<B, floats>) return tanh_of_floats(x);
  else return tanh(x);
}

template <class B> B sin_op::kernel(B x) { return sine_of(x, 0) ^ bitofsign(x); }
template <class B> B cos_op::kernel(B x) { return sine_of(x, 1); }
template <class B> B expm1_op::kernel(B x) { return expm1_of(x); }
template <class B> B log_op::kernel(B x) { return log_of(x); }
template <class B> B log1p_op::kernel(B x) { return log1p_of(x); }
template <class B> B logit_op::kernel(B x) { return logit_of(x); }
template <class B> B gaussian_op::kernel(B x) { return gaussian_of_size(gaussian_size(x)); }
template <class B> B erf_op::kernel(B x) { return erf_of(x); }
template <class B> B normal_cdf_op::kernel(B x) { return normal_cdf_of(x); }
template <class B> B xlogy_op::kernel(B a, B b) {
  return select(a == B(0) && b == b, B(0), a * log_of(b));
}

template <class B> B sinc_derivative_op::kernel(B a, B b) { return sinc_derivative_of(a, b); }
template <class B> B power_op::kernel(B a, B b) { return power_of(a, b); }

}  // namespace cotape

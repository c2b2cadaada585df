// The loops of element-wise operations. An Op has `arity` and `kernel(B, ...)`, B a batch or a
// number.
#pragma once

#include "kernels/isa/ends.hpp"
#include "kernels/isa/sums.hpp"

namespace cotape::kernels {
namespace {

template <class Op, class Load, class P>
[[gnu::always_inline]] inline auto applied(Load load, P& a, P& b, P& c) {
  if constexpr (Op::arity == 1) return Op::kernel(load(a));
  else if constexpr (Op::arity == 2) return Op::kernel(load(a), load(b));
  else return Op::kernel(load(a), load(b), load(c));
}

// y[i] = Op::kernel(a[i], ...) for s.n elements, rounded up to whole vectors.
template <class Op, class T> [[gnu::always_inline]] inline void for_all(const step& s) {
  using B = batch<T>;
  auto* d = static_cast<T*>(s.d);
  const auto *a = static_cast<const T*>(s.a), *b = static_cast<const T*>(s.b),
             *c = static_cast<const T*>(s.c);
  const std::size_t n = s.n;
  std::size_t i = 0;
#pragma GCC unroll 2
  for (; i + B::size <= n; i += B::size) {
    applied<Op>([&](const T* p) { return B::load_unaligned(p + i); }, a, b, c).store_aligned(d + i);
  }
  if (i == n) return;
  applied<Op>([&](const T* p) { return end_of(p + i, n - i); }, a, b, c).store_aligned(d + i);
}

template <class Op> [[gnu::always_inline]] inline void for_integers(const step& s) {
  using T = std::int64_t;
  auto* d = static_cast<T*>(s.d);
  const auto *a = static_cast<const T*>(s.a), *b = static_cast<const T*>(s.b),
             *c = static_cast<const T*>(s.c);
  for (std::size_t i = 0; i < s.n; ++i) {
    d[i] = applied<Op>([&](const T* p) { return p[i]; }, a, b, c);
  }
}

// An operand of rows on its way: so many elements on with each vector, and at the end of a row.
template <class T> struct walker {
  const T* at;
  std::size_t step, turn;
  walker(const void* operand, std::uint32_t how, std::size_t columns)
      : at(static_cast<const T*>(operand)),
        step(how == one_line || how == line_a_row ? 0 : batch<T>::size),
        turn(how == line_a_row ? alignment / sizeof(T)
             : how == same_row ? -columns
                               : 0) {}
};

// The same for rows, whose operands may stay or come again: see `walk`. Flattened: constants stay
// in registers.
template <class Op, class T> [[gnu::flatten]] void for_rows(const step& s);
template <class Op, class T> void for_rows(const step& s) {
  using B = batch<T>;
  auto* d = static_cast<T*>(s.d);
  const std::size_t columns = s.cols != 0 ? s.cols : s.n;
  walker<T> a(s.a, s.rows & 3, columns), b(s.b, s.rows >> 2 & 3, columns),
      c(s.c, s.rows >> 4, columns);
  const auto next = [](walker<T>& w) {
    const T* from = w.at;
    w.at += w.step;
    return B::load_unaligned(from);
  };
  for (std::size_t left = s.n; left > 0; left -= columns) {
    std::size_t n = columns;
#pragma GCC unroll 2
    for (; n >= B::size; n -= B::size, d += B::size) applied<Op>(next, a, b, c).store_aligned(d);
    if (n > 0) {
      applied<Op>([&](walker<T>& w) { return end_of(w.at, n); }, a, b, c).store_aligned(d);
    }
    a.at += a.turn;
    b.at += b.turn;
    c.at += c.turn;
  }
}

// What an operation gives for the elements of two operands, made where it is added up. One pointer
// moves: of two, g++ makes a vector, and waits for memory on the way.
template <class Op, class T> struct made_terms {
  const T* a;
  std::uintptr_t to_b;  // bytes
  explicit made_terms(const step& s)
      : a(static_cast<const T*>(s.a)),
        to_b(reinterpret_cast<std::uintptr_t>(s.b) - reinterpret_cast<std::uintptr_t>(s.a)) {}
  const T* b() const {
    return reinterpret_cast<const T*>(reinterpret_cast<std::uintptr_t>(a) + to_b);
  }
  made_terms& operator+=(std::int64_t n) {
    a += n;
    return *this;
  }
  made_terms operator+(std::int64_t n) const { return made_terms(*this) += n; }
  T operator[](std::int64_t i) const { return Op::kernel(a[i], b()[i]); }
};
template <class Op, class T> batch<T> load_batch(const made_terms<Op, T>& p) {
  return Op::kernel(load_batch(p.a), load_batch(p.b()));
}

template <class Op, class T> void sum_of(const step& s) { sum_run<T, made_terms<Op, T>>(s); }

}  // namespace
}  // namespace cotape::kernels

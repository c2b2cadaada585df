// The loops of element-wise operations. An Op has `arity` and `kernel(B, ...)`, B a batch or a
// number.
#pragma once

#include "kernels/isa/ends.hpp"
#include "kernels/isa/sums.hpp"

namespace cotape::kernels {
namespace {

template <class Op, class Load, class A, class B, class C>
[[gnu::always_inline]] inline auto applied(Load load, A& a, B& b, C& c) {
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

// Flattened: a kernel of plain numbers has a symbol that does not say for which set it is.
template <class Op> [[gnu::flatten]] void for_integers(const step& s);
template <class Op> void for_integers(const step& s) {
  using T = std::int64_t;
  auto* d = static_cast<T*>(s.d);
  const auto *a = static_cast<const T*>(s.a), *b = static_cast<const T*>(s.b),
             *c = static_cast<const T*>(s.c);
  for (std::size_t i = 0; i < s.n; ++i) {
    d[i] = applied<Op>([&](const T* p) { return p[i]; }, a, b, c);
  }
}

inline std::uint32_t walk_of(const step& s, int operand) { return s.rows >> 2 * operand & 3; }
inline bool stays(std::uint32_t how) { return how == one_line || how == line_a_row; }

// An operand of rows: what stays along a row is a line, which is read again and again, or kept.
template <class T, bool Kept> struct walker {
  const T* at;
  std::size_t moves, turn;  // ~0 where it moves along a row, else 0; at the end of a row so much
  batch<T> line;
  walker(const void* operand, std::uint32_t how, std::size_t columns)
      : at(static_cast<const T*>(operand)),
        moves(stays(how) ? 0 : ~std::size_t{0}),
        turn(how == along        ? columns
             : how == line_a_row ? alignment / sizeof(T)
                                 : 0) {}
  void begin_row() {
    if constexpr (Kept) line = batch<T>::load_unaligned(at);
  }
  const T* from(std::size_t i) const { return at + (i & moves); }
};

template <class Op, class T, bool KeepsB, bool KeepsC> COTAPE_FLATTEN void rows_of(const step& s);
template <class Op, class T, bool KeepsB, bool KeepsC> void rows_of(const step& s) {
  using V = batch<T>;
  auto* d = static_cast<T*>(s.d);
  const std::size_t columns = s.cols != 0 ? s.cols : s.n;
  walker<T, false> a(s.a, walk_of(s, 0), columns);
  walker<T, KeepsB> b(s.b, walk_of(s, 1), columns);
  walker<T, KeepsC> c(s.c, walk_of(s, 2), columns);
  for (std::size_t left = s.n; left > 0; left -= columns, d += columns) {
    b.begin_row();
    c.begin_row();
    std::size_t i = 0;
    const auto next = [&]<bool Kept>(const walker<T, Kept>& w) {
      if constexpr (Kept) return w.line;
      else return V::load_unaligned(w.from(i));
    };
#pragma GCC unroll 2
    for (; i + V::size <= columns; i += V::size) applied<Op>(next, a, b, c).store_aligned(d + i);
    if (i < columns) {
      const auto last = [&](const auto& w) { return end_of(w.from(i), columns - i); };
      applied<Op>(last, a, b, c).store_aligned(d + i);
    }
    a.at += a.turn;
    b.at += b.turn;
    c.at += c.turn;
  }
}

// The same for rows, whose operands may stay or come again: see `walk`. Flattened: constants stay
// in registers, and so does a line of the second operand or the third.
template <class Op, class T> void for_rows(const step& s) {
  if (stays(walk_of(s, 1))) return rows_of<Op, T, true, false>(s);
  if constexpr (Op::arity == 3) {
    if (stays(walk_of(s, 2))) return rows_of<Op, T, false, true>(s);
  }
  rows_of<Op, T, false, false>(s);
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

// Rows of an operation's results that are stored and added up at once.
#pragma once

#include "kernels/isa/elementwise.hpp"

namespace cotape::kernels {
namespace {

// The elements of a row that an operation gives, or their squares, stored where they are added up.
// Its second operand stays along the row or moves with the first.
template <class Op, class T, bool Stays, bool Squares> struct stored_terms {
  T* d;
  std::uintptr_t to_a, to_b;  // bytes; of an operand that stays none
  batch<T> stays;

  stored_terms(const T* a, const T* b, T* to)
      : d(to),
        to_a(distance(a)),
        to_b(Stays ? 0 : distance(b)),
        stays(batch<T>::load_unaligned(b)) {}
  std::uintptr_t distance(const T* p) const {
    return reinterpret_cast<std::uintptr_t>(p) - reinterpret_cast<std::uintptr_t>(d);
  }
  const T* at(std::uintptr_t far) const {
    return reinterpret_cast<const T*>(reinterpret_cast<std::uintptr_t>(d) + far);
  }
  stored_terms& operator+=(std::int64_t n) {
    d += n;
    return *this;
  }
  stored_terms operator+(std::int64_t n) const { return stored_terms(*this) += n; }
  T operator[](std::int64_t i) const {
    const T b = Stays ? stays.get(0) : at(to_b)[i];
    d[i] = Op::kernel(at(to_a)[i], b);
    return Squares ? d[i] * d[i] : d[i];
  }
};
template <class Op, class T, bool Stays, bool Squares>
[[gnu::always_inline]] inline batch<T> load_batch(const stored_terms<Op, T, Stays, Squares>& p) {
  batch<T> b = p.stays;
  if constexpr (!Stays) b = load_batch(p.at(p.to_b));
  const batch<T> made = Op::kernel(load_batch(p.at(p.to_a)), b);
  made.store_aligned(p.d);
  return Squares ? made * made : made;
}

template <class Op, class T, bool Stays, bool Squares>
[[gnu::flatten]] void sum_rows(const step& s);
template <class Op, class T, bool Stays, bool Squares> void sum_rows(const step& s) {
  using terms = stored_terms<Op, T, Stays, Squares>;
  const std::int64_t columns = s.cols;
  walker<T, Stays> b(s.b, walk_of(s, 1), s.cols);
  const auto* a = static_cast<const T*>(s.a);
  auto *d = static_cast<T*>(s.d), *sum = static_cast<T*>(const_cast<void*>(s.c));
  for (std::int64_t left = s.n; left > 0; left -= columns, a += columns, d += columns) {
    *sum++ = block_of<sum_op<T, terms>>(terms(a, b.at, d), columns).finish();
    b.at += b.turn;
  }
}

// for_rows of two operands, the first of which moves, whole lines a row; and c = the sums of the
// rows, or of their squares, as sum() gives them.
template <class Op, class T> void for_rows_and_sums(const step& s) {
  const bool squares = (s.rows & of_squares) != 0;
  if (stays(walk_of(s, 1))) {
    return squares ? sum_rows<Op, T, true, true>(s) : sum_rows<Op, T, true, false>(s);
  }
  squares ? sum_rows<Op, T, false, true>(s) : sum_rows<Op, T, false, false>(s);
}

}  // namespace
}  // namespace cotape::kernels

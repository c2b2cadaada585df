// What streaming sums, maxima and norms share, above all the walk along the last axis. Rows are cut
// where tiles end; a row's pieces are combined in the order of their positions, so
// the bits do not depend on how many tiles a call brings. An Op says how: `value`, the type of
// elements; `total`, the state of an unfinished row (start, add, finish); `segment(a, n)`, one
// piece, 0 < n <= tile; `whole(a, n, count, d)`, `count` rows of n elements inside the tile.
#pragma once

#include "kernels/isa/batch.hpp"

namespace cotape::kernels {
namespace {

template <class Op> void reduce_rows(const step& s, const reduction& g) {
  using value = typename Op::value;
  const auto* a = static_cast<const value*>(s.a);
  auto* d = static_cast<value*>(s.d);
  auto* total = static_cast<typename Op::total*>(const_cast<void*>(s.c));
  const std::int64_t reduced = g.reduced;
  std::int64_t at = 0;  // the place in the row
  if (s.base != 0) {
    const std::uint32_t row = s.base / static_cast<std::uint32_t>(reduced);
    d += row;
    at = s.base - row * reduced;
  }
  for (std::int64_t left = s.n; left > 0;) {
    std::int64_t here = left < tile ? left : tile;
    left -= here;
    while (here > 0) {
      if (at == 0 && here >= reduced) {
        // 32-bit divisions: those of 64 bits take up to 40 cycles.
        const std::int64_t count = here < 2 * reduced ? 1
                                                      : static_cast<std::uint32_t>(here) /
                                                            static_cast<std::uint32_t>(reduced);
        Op::whole(a, reduced, count, d);
        a += count * reduced;
        here -= count * reduced;
        d += count;
        continue;
      }
      const std::int64_t n = reduced - at < here ? reduced - at : here;
      const auto piece = Op::segment(a, n);
      at == 0 ? total->start(piece) : total->add(piece);
      a += n;
      here -= n;
      at += n;
      if (at == reduced) {
        *d++ = total->finish();
        at = 0;
      }
    }
  }
}

// Where element `base` stands: column, row of the reduced axis, start of its result.
struct column_place {
  std::int64_t column = 0, row = 0, result = 0;

  column_place(std::uint32_t base, const reduction& g) {
    if (base == 0) return;
    const auto inner = static_cast<std::uint32_t>(g.inner);
    const auto reduced = static_cast<std::uint32_t>(g.reduced);
    const std::uint32_t rows = base / inner, slab = rows / reduced;
    column = base - rows * inner;
    row = rows - slab * reduced;
    result = slab * g.inner;
  }
};

// Gives each of the g.outer * g.inner results the value of an empty reduction.
template <class Value> void reduce_nothing(const step& s, const reduction& g, Value empty) {
  auto* d = static_cast<Value*>(s.d);
  for (std::int64_t i = 0; i < g.outer * g.inner; ++i) d[i] = empty;
}

}  // namespace
}  // namespace cotape::kernels

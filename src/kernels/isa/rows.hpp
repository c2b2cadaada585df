// The order of summation along the last axis (see kernels.hpp). An Op says how: `value`, the type
// of elements; `terms`, where they stand, and `terms_of` a step, which may make them from several
// operands; `segment(a, n)`, one piece, 0 < n <= piece_elements, of terms or values; `total`, the
// state of a block (start and add a piece, merge the total of the next block, finish); `whole(a, n,
// count, d)`, `count` rows of one piece of n elements.
#pragma once

#include "kernels/isa/batch.hpp"
#include "kernels/isa/entries.hpp"
#include "kernels/threads.hpp"

namespace cotape::kernels {
namespace {

inline std::int64_t pieces_of(std::int64_t n, std::int64_t size) { return (n + size - 1) / size; }

// The first unit of a part, of so many parts of so many units.
inline std::int64_t first_of(int part, int parts, std::int64_t units) {
  return units * part / parts;
}

// n consecutive elements of a row that start at a piece, a block at most.
template <class Op> typename Op::total block_of(typename Op::terms a, std::int64_t n) {
  typename Op::total sum;
  sum.start(Op::segment(a, n < piece_elements ? n : piece_elements));
  std::int64_t i = piece_elements;
  for (; i + piece_elements <= n; i += piece_elements) sum.add(Op::segment(a + i, piece_elements));
  if (i < n) sum.add(Op::segment(a + i, n - i));
  return sum;
}

// Rows of one block.
template <class Op>
void block_rows_of(typename Op::terms a, std::int64_t n, std::int64_t count,
                   typename Op::value* d) {
  if (n <= piece_elements) return Op::whole(a, n, count, d);
  for (std::int64_t i = 0; i < count; ++i) d[i] = block_of<Op>(a + i * n, n).finish();
}

// Where element `base` stands: row of the result and place in that row.
struct row_place {
  std::int64_t row = 0, at = 0;

  row_place(std::uint32_t base, const reduction& g) {
    if (base == 0) return;
    // 32-bit divisions: those of 64 bits take up to 40 cycles.
    const auto reduced = static_cast<std::uint32_t>(g.reduced);
    row = base / reduced;
    at = base - row * reduced;
  }
};

// What a stream of calls keeps of the row that it is in.
template <class Op> struct row_state {
  typename Op::value begun[piece_elements];  // the elements of an unfinished piece
  typename Op::total block, blocks;          // of this block; of those before it
};

template <class Op> void stream_rows(const step& s, const reduction& g) {
  typename Op::terms a = Op::terms_of(s);
  auto* state = static_cast<row_state<Op>*>(const_cast<void*>(s.c));
  const row_place start(s.base, g);
  auto* d = static_cast<typename Op::value*>(s.d) + start.row;
  const std::int64_t reduced = g.reduced;
  auto* pieces = s.rows == in_pieces ? static_cast<typename Op::piece*>(s.d) : nullptr;
  std::int64_t at = start.at;
  for (std::int64_t left = s.n; left > 0;) {
    if (pieces == nullptr && at == 0 && left >= reduced && reduced <= block_elements) {
      const std::int64_t count = left < 2 * reduced ? 1
                                                    : static_cast<std::uint32_t>(left) /
                                                          static_cast<std::uint32_t>(reduced);
      block_rows_of<Op>(a, reduced, count, d);
      a += count * reduced;
      left -= count * reduced;
      d += count;
      continue;
    }
    const std::int64_t begun = at % piece_elements, to_end = piece_elements - begun,
                       rest = reduced - at < to_end ? reduced - at : to_end,
                       n = rest < left ? rest : left;
    const bool at_once = n == begun + rest;
    for (std::int64_t i = 0; i < n && !at_once; ++i) state->begun[begun + i] = a[i];
    if (n < rest) return;
    const typename Op::value* piece = state->begun;
    const auto sum = at_once ? Op::segment(a, n) : Op::segment(piece, begun + n);
    if (pieces != nullptr) pieces[at / piece_elements] = sum;
    else at % block_elements < piece_elements ? state->block.start(sum) : state->block.add(sum);
    a += n;
    left -= n;
    at += n;
    if (pieces != nullptr) continue;
    if (at < reduced && at % block_elements != 0) continue;
    if (at <= block_elements) state->blocks = state->block;
    else state->blocks.merge(state->block);
    if (at == reduced) {
      *d++ = state->blocks.finish();
      at = 0;
    }
  }
}

// Fewer elements are not worth asking for threads.
inline constexpr std::int64_t few = 1 << 16;

// All rows, split over threads by rows or, where a row has several, by blocks.
template <class Op> void all_rows(const step& s, const reduction& g) {
  const typename Op::terms a = Op::terms_of(s);
  auto* d = static_cast<typename Op::value*>(s.d);
  const std::int64_t n = g.reduced, blocks = pieces_of(n, block_elements);
  if (g.outer * n < few) return block_rows_of<Op>(a, n, g.outer, d);
  const int parts = reduction_parts(g.outer * n * std::int64_t{sizeof *d});
  if (blocks == 1) {
    return parallel(parts, [&](int part) {
      const std::int64_t first = first_of(part, parts, g.outer);
      block_rows_of<Op>(a + first * n, n, first_of(part + 1, parts, g.outer) - first, d + first);
    });
  }
  auto* totals = static_cast<typename Op::total*>(const_cast<void*>(s.c));
  parallel(parts, [&](int part) {
    const std::int64_t last = first_of(part + 1, parts, g.outer * blocks);
    for (std::int64_t u = first_of(part, parts, g.outer * blocks); u < last; ++u) {
      const std::int64_t row = u / blocks, at = (u - row * blocks) * block_elements;
      const std::int64_t here = n - at < block_elements ? n - at : block_elements;
      totals[u] = block_of<Op>(a + row * n + at, here);
    }
  });
  for (std::int64_t row = 0; row < g.outer; ++row, totals += blocks) {
    for (std::int64_t b = 1; b < blocks; ++b) totals[0].merge(totals[b]);
    d[row] = totals[0].finish();
  }
}

}  // namespace
}  // namespace cotape::kernels

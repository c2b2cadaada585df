// The order of summation along outer axes (see kernels.hpp). An Op says how: `value`, the type of
// elements; `piece`, the sum of a column's piece (`piece_in_result`: it is a value); `add_rows(a,
// stride, rows, width, sum, start)` adds rows of `width` elements into the sums of their columns'
// pieces, or starts them; `total` as in rows.hpp.
#pragma once

#include "kernels/isa/rows.hpp"

namespace cotape::kernels {
namespace {

// The sums of some adjacent columns.
template <class Op> struct column_sums {
  typename Op::piece* piece;
  typename Op::total* block;   // null: columns have one piece
  typename Op::total* blocks;  // of those before it; null: there are none, or they are kept apart
  typename Op::value* result;  // null: finished elsewhere
  std::int64_t apart = 0;  // from a piece's sums to the next one's, which are added up elsewhere
};

template <class Op>
void end_piece(const column_sums<Op>& sums, std::int64_t width, std::int64_t rows, bool end) {
  if (sums.block == nullptr) {
    typename Op::total sum;
    for (std::int64_t k = 0; k < width; ++k) {
      sum.start(sums.piece[k]);
      sums.result[k] = sum.finish();
    }
    return;
  }
  const bool first = (rows - 1) % block_rows < piece_rows;
  for (std::int64_t k = 0; k < width; ++k) {
    first ? sums.block[k].start(sums.piece[k]) : sums.block[k].add(sums.piece[k]);
  }
  if (sums.blocks != nullptr && (end || rows % block_rows == 0)) {
    for (std::int64_t k = 0; k < width; ++k) {
      if (rows <= block_rows) sums.blocks[k] = sums.block[k];
      else sums.blocks[k].merge(sums.block[k]);
    }
  }
  if (!end || sums.result == nullptr) return;
  const auto* total = sums.blocks != nullptr ? sums.blocks : sums.block;
  for (std::int64_t k = 0; k < width; ++k) sums.result[k] = total[k].finish();
}

// Adds `rows` rows, the first one being `row` of the reduced axis.
template <class Op>
void add_to(const column_sums<Op>& sums, typename Op::terms a, std::int64_t stride,
            std::int64_t row, std::int64_t rows, std::int64_t width, std::int64_t reduced) {
  for (const std::int64_t end = row + rows; row < end;) {
    const std::int64_t begun = row % piece_rows;
    const std::int64_t here = end - row < piece_rows - begun ? end - row : piece_rows - begun;
    Op::add_rows(a, stride, here, width, sums.piece + row / piece_rows * sums.apart, begun == 0);
    a += here * stride;
    row += here;
    const bool ends = row % piece_rows == 0 || row == reduced;
    if (ends && sums.apart == 0) end_piece(sums, width, row, row == reduced);
  }
}

// All columns, so many at a time, split over threads by columns, by blocks and by outer indices.
template <class Op> void all_columns(const step& s, const reduction& g) {
  constexpr std::int64_t most = 512;
  using value = typename Op::value;
  using total = typename Op::total;
  const typename Op::terms a = Op::terms_of(s);
  auto* d = static_cast<value*>(s.d);
  auto* totals = static_cast<total*>(const_cast<void*>(s.c));
  const std::int64_t inner = g.inner, blocks = pieces_of(g.reduced, block_rows);
  if constexpr (Op::piece_in_result) {
    const std::int64_t slabs = s.n < few && g.reduced <= piece_rows ? g.outer : 0;
    for (std::int64_t o = 0; o < slabs; ++o) {
      Op::add_rows(a + o * g.reduced * inner, inner, g.reduced, inner, d + o * inner, true);
    }
    if (slabs > 0) return;
  }
  const int parts = reduction_parts(g.outer * g.reduced * inner * std::int64_t{sizeof *d});
  std::int64_t width = inner < most ? inner : most;
  if (g.outer * blocks < parts) {
    const std::int64_t share = pieces_of(pieces_of(inner, parts), 16) * 16;
    width = share < width ? share : width;
  }
  const std::int64_t strips = pieces_of(inner, width), units = g.outer * blocks * strips;
  parallel(parts, [&](int part) {
    typename Op::piece piece[most];
    total block[most];
    const std::int64_t end = first_of(part + 1, parts, units);
    for (std::int64_t u = first_of(part, parts, units); u < end; ++u) {
      const std::int64_t slab = u / strips, k = (u - slab * strips) * width;
      const std::int64_t row = blocks == 1 ? 0 : slab % blocks * block_rows;
      const std::int64_t rows = g.reduced - row < block_rows ? g.reduced - row : block_rows;
      const std::int64_t first = blocks == 1 ? slab * g.reduced : slab / blocks * g.reduced + row;
      const column_sums<Op> sums =
          blocks == 1 ? column_sums<Op>{piece, block, nullptr, d + slab * inner + k}
                      : column_sums<Op>{piece, totals + slab * inner + k, nullptr, nullptr};
      add_to(sums, a + first * inner + k, inner, row, rows, inner - k < width ? inner - k : width,
             g.reduced);
    }
  });
  for (std::int64_t o = 0; blocks > 1 && o < g.outer; ++o, totals += blocks * inner) {
    for (std::int64_t k = 0; k < inner; ++k) {
      total sum = totals[k];
      for (std::int64_t b = 1; b < blocks; ++b) sum.merge(totals[b * inner + k]);
      d[o * inner + k] = sum.finish();
    }
  }
}

// The sums that a stream of calls keeps in the scratch buffer: as many as columns have.
template <class Op> column_sums<Op> stream_state(const step& s, const reduction& g) {
  using total = typename Op::total;
  column_sums<Op> sums{};
  if (s.rows == in_pieces) {
    sums.piece = static_cast<typename Op::piece*>(s.d);
    sums.apart = g.inner;
    return sums;
  }
  auto* free = static_cast<std::byte*>(const_cast<void*>(s.c));
  const auto take = [&](std::size_t size) {
    auto* taken = free;
    free += size * static_cast<std::size_t>(g.inner);
    return taken;
  };
  if (g.reduced > piece_rows) sums.block = reinterpret_cast<total*>(take(sizeof(total)));
  if (g.reduced > block_rows) sums.blocks = reinterpret_cast<total*>(take(sizeof(total)));
  if constexpr (Op::piece_in_result) sums.piece = static_cast<typename Op::value*>(s.d);
  else sums.piece = reinterpret_cast<typename Op::piece*>(take(sizeof(typename Op::piece)));
  return sums;
}

template <class Op> void stream_columns(const step& s, const reduction& g) {
  typename Op::terms a = Op::terms_of(s);
  const column_sums<Op> all = stream_state<Op>(s, g);
  const row_place start(s.base, {1, g.inner, 1});
  const row_place slab(static_cast<std::uint32_t>(start.row), {1, g.reduced, 1});
  std::int64_t k = start.at, row = slab.at;
  auto* d = static_cast<typename Op::value*>(s.d) + slab.row * g.inner;
  for (std::int64_t left = s.n; left > 0;) {
    const std::int64_t width = g.inner - k < left ? g.inner - k : left;
    std::int64_t rows = 1;
    if (width == g.inner && left >= 2 * width) {
      rows = static_cast<std::uint32_t>(left) / static_cast<std::uint32_t>(width);
      if (rows > g.reduced - row) rows = g.reduced - row;
    }
    column_sums<Op> sums{all.piece + k, all.block, all.blocks, d + k, all.apart};
    if constexpr (Op::piece_in_result) sums.piece = d + k;
    if (sums.block != nullptr) sums.block += k;
    if (sums.blocks != nullptr) sums.blocks += k;
    add_to(sums, a, g.inner, row, rows, width, g.reduced);
    a += rows * width;
    left -= rows * width;
    k += width;
    if (k < g.inner) continue;
    k = 0;
    row += rows;
    if (row == g.reduced) {
      row = 0;
      d += g.inner;
    }
  }
}

}  // namespace
}  // namespace cotape::kernels

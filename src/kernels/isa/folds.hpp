// The ways to call a reduction (see kernels.hpp): at once, as a stream, in pieces that are then
// folded. An Op is that of rows.hpp and columns.hpp.
#pragma once

#include "kernels/isa/columns.hpp"

namespace cotape::kernels {
namespace {

constexpr std::int64_t block_pieces = block_elements / piece_elements;

// Adds blocks of n pieces to the total of a row, side by side: no addition waits for the last one.
template <class Op, std::int64_t Count>
void add_blocks(const typename Op::piece* a, std::int64_t n, typename Op::total& all, bool start) {
  typename Op::total sum[Count];
  for (std::int64_t j = 0; j < Count; ++j) sum[j].start(a[j * block_pieces]);
  for (std::int64_t p = 1; p < n; ++p) {
    for (std::int64_t j = 0; j < Count; ++j) sum[j].add(a[j * block_pieces + p]);
  }
  if (start) all = sum[0];
  for (std::int64_t j = start ? 1 : 0; j < Count; ++j) all.merge(sum[j]);
}

template <class Op> void fold_row(const step& s, const reduction& g) {
  constexpr std::int64_t many = 8;
  const auto* a = static_cast<const typename Op::piece*>(s.c);
  typename Op::total all{};
  std::int64_t left = g.pieces();
  for (; left >= many * block_pieces; left -= many * block_pieces, a += many * block_pieces) {
    add_blocks<Op, many>(a, block_pieces, all, a == s.c);
  }
  for (; left > 0; left -= block_pieces, a += block_pieces) {
    add_blocks<Op, 1>(a, left < block_pieces ? left : block_pieces, all, a == s.c);
  }
  *static_cast<typename Op::value*>(s.d) = all.finish();
}

// So many columns at a time.
template <class Op> void fold_columns(const step& s, const reduction& g) {
  constexpr std::int64_t most = 64;
  auto* pieces = static_cast<typename Op::piece*>(const_cast<void*>(s.c));
  for (std::int64_t k = 0; k < g.inner; k += most) {
    typename Op::total block[most], blocks[most];
    column_sums<Op> sums{pieces + k, block, blocks, static_cast<typename Op::value*>(s.d) + k};
    for (std::int64_t row = 0; row < g.reduced; sums.piece += g.inner) {
      row = g.reduced - row < piece_rows ? g.reduced : row + piece_rows;
      end_piece(sums, g.inner - k < most ? g.inner - k : most, row, row == g.reduced);
    }
  }
}

template <class Op> void reduce(const step& s, const reduction& g, typename Op::value empty) {
  if (s.rows == folding) return g.inner == 1 ? fold_row<Op>(s, g) : fold_columns<Op>(s, g);
  if (s.n == 0) {
    auto* d = static_cast<typename Op::value*>(s.d);
    for (std::int64_t i = 0; i < g.outer * g.inner; ++i) d[i] = empty;
    return;
  }
  const bool all = s.rows == one_stream && s.base == 0 && s.n == g.outer * g.reduced * g.inner;
  if (g.inner == 1) return all ? all_rows<Op>(s, g) : stream_rows<Op>(s, g);
  all ? all_columns<Op>(s, g) : stream_columns<Op>(s, g);
}

}  // namespace
}  // namespace cotape::kernels

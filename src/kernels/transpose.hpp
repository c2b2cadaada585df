// Matrices whose rows become columns, as words of 4 or 8 bytes.
#pragma once

#include <cstdint>
#include <cstring>

#include "kernels/words.hpp"

namespace cotape::kernels {

// The rows of a square of 4 by 4 words of 4 bytes, or 2 by 2 of 8, become columns of d.
inline void transpose_square(const word4* const (&a)[4], word4* d, std::int64_t d_stride) {
  using row = float __attribute__((vector_size(16)));
  row r[4];
  for (std::int64_t i = 0; i < 4; ++i) std::memcpy(&r[i], a[i], 16);
  const row x = __builtin_shufflevector(r[0], r[1], 0, 4, 1, 5);
  const row y = __builtin_shufflevector(r[2], r[3], 0, 4, 1, 5);
  const row z = __builtin_shufflevector(r[0], r[1], 2, 6, 3, 7);
  const row w = __builtin_shufflevector(r[2], r[3], 2, 6, 3, 7);
  r[0] = __builtin_shufflevector(x, y, 0, 1, 4, 5);
  r[1] = __builtin_shufflevector(x, y, 2, 3, 6, 7);
  r[2] = __builtin_shufflevector(z, w, 0, 1, 4, 5);
  r[3] = __builtin_shufflevector(z, w, 2, 3, 6, 7);
  for (std::int64_t i = 0; i < 4; ++i) std::memcpy(d + i * d_stride, &r[i], 16);
}
inline void transpose_square(const word8* const (&a)[2], word8* d, std::int64_t d_stride) {
  using row = double __attribute__((vector_size(16)));
  row r[2];
  std::memcpy(&r[0], a[0], 16);
  std::memcpy(&r[1], a[1], 16);
  const row x = __builtin_shufflevector(r[0], r[1], 0, 2);
  const row y = __builtin_shufflevector(r[0], r[1], 1, 3);
  std::memcpy(d, &x, 16);
  std::memcpy(d + d_stride, &y, 16);
}

// d[x, y] = a[x, y] with a's consecutive elements along x and d's along y: blocks of a line by a
// line keep both in the first-level cache.
template <class W>
void transpose(const W* a, std::int64_t a_stride, W* d, std::int64_t d_stride, std::int64_t rows,
               std::int64_t cols) {
  constexpr std::int64_t block = 64 / sizeof(W), square = 16 / sizeof(W);
  const std::int64_t whole_rows = rows / square * square, whole_cols = cols / square * square;
  for (std::int64_t i = 0; i < whole_rows; i += block) {
    const std::int64_t i_end = whole_rows - i < block ? whole_rows : i + block;
    for (std::int64_t j = 0; j < whole_cols; j += block) {
      const std::int64_t j_end = whole_cols - j < block ? whole_cols : j + block;
      for (std::int64_t x = i; x < i_end; x += square) {
        for (std::int64_t y = j; y < j_end; y += square) {
          const W* from[square];
          for (std::int64_t k = 0; k < square; ++k) from[k] = a + (y + k) * a_stride + x;
          transpose_square(from, d + x * d_stride + y, d_stride);
        }
      }
    }
  }
  for (std::int64_t x = 0; x < rows; ++x) {
    const std::int64_t first = x < whole_rows ? whole_cols : 0;
    for (std::int64_t y = first; y < cols; ++y) d[x * d_stride + y] = a[y * a_stride + x];
  }
}

}  // namespace cotape::kernels

// How the ways to make a convolution split it over threads, and sums over windows into pieces.
#pragma once

#include <algorithm>

#include "kernels/convolution.hpp"
#include "kernels/threads.hpp"

namespace cotape::kernels {

inline std::int64_t ceil_div(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

// In how many parts its multiply-adds pay.
inline int parts_that_pay(const convolution& c) {
  constexpr std::int64_t least_share = 2'000'000;  // of a thread
  return parts_of(c.batch * c.places() * c.patch() * c.filters, least_share);
}

// Sums of `size` elements over units of work are made in so many pieces, one a thread at most, and
// then added in order: their bits do not depend on the number of threads.
inline std::int64_t pieces_of(std::int64_t units, std::int64_t size) {
  constexpr std::int64_t most = 16, most_elements = std::int64_t{1} << 21;
  const std::int64_t fit = most_elements / std::max<std::int64_t>(1, size);
  return std::clamp<std::int64_t>(std::min(fit, units), 1, most);
}

// Adds up pieces of (rows, width), which stand `next` from each other; writes rows that stand
// `apart`.
template <class T>
void add_pieces(const T* pieces, std::int64_t count, std::int64_t next, std::int64_t rows,
                std::int64_t width, T* y, std::int64_t apart) {
  for (std::int64_t row = 0; row < rows; ++row, y += apart, pieces += width) {
    std::copy_n(pieces, width, y);
    for (std::int64_t piece = 1; piece < count; ++piece) {
      const T* from = pieces + piece * next;
      for (std::int64_t i = 0; i < width; ++i) y[i] += from[i];
    }
  }
}

}  // namespace cotape::kernels

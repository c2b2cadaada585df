// The general walk through an index map, row by row.
#pragma once

#include "kernels/kernels.hpp"

namespace cotape::kernels {

// Consecutive elements, or a single one.
inline bool is_run(const index_map& map) {
  return map.rank == 0 || (map.rank == 1 && map.stride[0] == 1);
}

// Where element `base` of a walk over the first `rank` axes stands.
struct place {
  std::array<std::int64_t, shape::max_rank> index{};
  std::int64_t at = 0;

  place(const index_map& map, std::uint32_t rank, std::int64_t base) {
    for (std::uint32_t axis = rank; base != 0 && axis-- > 0;) {
      index[axis] = base % map.size[axis];
      base /= map.size[axis];
      at += index[axis] * map.stride[axis];
    }
  }
  // To the start of the next row of the last of these axes.
  void next_row(const index_map& map, std::uint32_t last) {
    at -= index[last] * map.stride[last];
    index[last] = 0;
    for (std::uint32_t axis = last; axis-- > 0;) {
      at += map.stride[axis];
      if (++index[axis] < map.size[axis]) return;
      at -= map.size[axis] * map.stride[axis];
      index[axis] = 0;
    }
  }
};

// Calls piece(place, length) for rows and parts of rows of the last of the first `rank` axes, in
// order: n elements from `base` on.
template <class Piece>
void walk(const index_map& map, std::uint32_t rank, std::int64_t base, std::int64_t n,
          Piece piece) {
  if (n == 0) return;
  if (rank == 0) return piece(std::int64_t{0}, n);
  place p(map, rank, base);
  const std::uint32_t last = rank - 1;
  while (n > 0) {
    const std::int64_t rest = map.size[last] - p.index[last];
    const std::int64_t length = rest < n ? rest : n;
    piece(p.at, length);
    n -= length;
    if (n > 0) p.next_row(map, last);
  }
}
template <class Piece>
void walk(const index_map& map, std::int64_t base, std::int64_t n, Piece piece) {
  walk(map, map.rank, base, n, piece);
}

}  // namespace cotape::kernels

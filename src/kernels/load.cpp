// Moving elements through an index map: broadcasts, transposes and slices. Elements are words of 4
// or 8 bytes whose type does not matter. `load` picks the kernel when the program is built.
#include "kernels/copy.hpp"
#include "kernels/isa/entries.hpp"
#include "kernels/transpose.hpp"
#include "kernels/walk.hpp"

namespace cotape::kernels {
namespace {

const index_map& map_of(const step& s) { return *static_cast<const index_map*>(s.side); }

template <class W> const W* source(const step& s) {
  return static_cast<const W*>(s.a) + map_of(s).offset;
}

// --- Kernels for frequent maps ------------------------------------------------------------------

// Consecutive elements.
template <class W> void load_run(const step& s) {
  copy_elements(static_cast<W*>(s.d), source<W>(s) + s.base, s.n);
}

// A row of `size` elements, repeated (a bias): of 8-byte words as of twice as many of 4.
template <class W, class Arch> void load_rows(const step& s) {
  constexpr std::int64_t parts = sizeof(W) / sizeof(word4);
  const std::int64_t size = map_of(s).size[1];
  repeat_row<Arch>(static_cast<word4*>(s.d), reinterpret_cast<const word4*>(source<W>(s)),
                   size * parts, s.base % size * parts, s.n * parts);
}

// Each element repeated `size` times: the last axis has the stride 0.
template <class W, class Arch> void load_columns(const step& s) {
  const index_map& map = map_of(s);
  if (s.n == 0) return;
  const std::uint32_t last = map.rank - 1;
  const std::int64_t size = map.size[last], stride = last == 0 ? 0 : map.stride[last - 1];
  const std::int64_t first = s.base / size;
  const W* a = source<W>(s);
  W* d = static_cast<W*>(s.d);
  std::int64_t at = s.base - first * size, left = s.n;
  if (last == 1) return spread_column<Arch>(d, a + first * stride, stride, size, at, left);
  walk(map, last, first, (at + left - 1) / size + 1, [&](std::int64_t row, std::int64_t rows) {
    const std::int64_t n = rows * size - at < left ? rows * size - at : left;
    spread_column<Arch>(d, a + row, stride, size, at, n);
    d += n;
    left -= n;
    at = 0;
  });
}

// --- The general walk ---------------------------------------------------------------------------

template <class W> void load_walk(const step& s) {
  const index_map& map = map_of(s);
  const std::int64_t stride = map.rank == 0 ? 1 : map.stride[map.rank - 1];
  const W* a = source<W>(s);
  W* d = static_cast<W*>(s.d);
  walk(map, s.base, s.n, [&](std::int64_t at, std::int64_t n) {
    const W* from = a + at;
    if (stride == 1) {
      copy_elements(d, from, n);
    } else {
      for (std::int64_t i = 0; i < n; ++i) d[i] = from[i * stride];
    }
    d += n;
  });
}

// --- Transposes ---------------------------------------------------------------------------------

// The axis whose elements are consecutive in `a`; rank if there is none, or only the last.
std::uint32_t consecutive_axis(const index_map& map) {
  for (std::uint32_t axis = 0; axis + 1 < map.rank; ++axis) {
    if (map.stride[axis] == 1 && map.stride[map.rank - 1] != 0) return axis;
  }
  return map.rank;
}

// Any whole transpose: the consecutive axis of `a` against the last one, for all other indices.
// d_stride: those of the axes in `d`.
template <class W>
void transpose_all(const index_map& map, const W* a, W* d,
                   const std::array<std::int64_t, shape::max_rank>& d_stride) {
  const std::uint32_t last = map.rank - 1, axis = consecutive_axis(map);
  std::array<std::int64_t, shape::max_rank> index{};
  while (true) {
    transpose(a, map.stride[last], d, d_stride[axis], map.size[axis], map.size[last]);
    std::uint32_t i = last;
    while (i-- > 0) {
      if (i == axis) continue;
      a += map.stride[i];
      d += d_stride[i];
      if (++index[i] < map.size[i]) break;
      a -= map.size[i] * map.stride[i];
      d -= map.size[i] * d_stride[i];
      index[i] = 0;
    }
    if (i > last) return;  // every index went round
  }
}

// Threads share the longest axis but the last.
template <class W> void load_transposed(const step& s) {
  const index_map& map = map_of(s);
  if (s.n == 0) return;
  std::array<std::int64_t, shape::max_rank> d_stride{};
  std::uint32_t longest = 0;
  for (std::uint32_t i = map.rank; i-- > 0;) {
    d_stride[i] = i + 1 == map.rank ? 1 : d_stride[i + 1] * map.size[i + 1];
    if (i + 1 < map.rank && map.size[i] > map.size[longest]) longest = i;
  }
  const std::int64_t size = map.size[longest];
  const std::int64_t grain = size >= 64 ? 16 : 1;
  split_move(size, s.n / size * std::int64_t{sizeof(W)}, grain,
             [&](std::int64_t first, std::int64_t end) {
               index_map part = map;
               part.size[longest] = end - first;
               transpose_all(part, source<W>(s) + first * map.stride[longest],
                             static_cast<W*>(s.d) + first * d_stride[longest], d_stride);
             });
}

// A move of whole tensors, shared by threads.
template <class W, kernel Run> void load_split(const step& s) {
  split_move(s.n, sizeof(W), 64, [&](std::int64_t first, std::int64_t end) {
    step part = s;
    part.base = static_cast<std::uint32_t>(first);
    part.n = static_cast<std::uint32_t>(end - first);
    part.d = static_cast<W*>(s.d) + first;
    Run(part);
  });
}

template <class W, class Arch> kernel choose_load(const index_map& map, bool whole) {
  const auto either = [&]<kernel Run>() { return whole ? &load_split<W, Run> : Run; };
  if (map.rank == 1 && map.stride[0] == 1) return either.template operator()<&load_run<W>>();
  if (map.repeats_row()) {
    return either.template operator()<&load_rows<W, Arch>>();
  }
  if (map.rank > 0 && map.stride[map.rank - 1] == 0) {
    return either.template operator()<&load_columns<W, Arch>>();
  }
  if (whole && consecutive_axis(map) < map.rank) return &load_transposed<W>;
  return either.template operator()<&load_walk<W>>();
}

}  // namespace

kernel load(const index_map& map, std::size_t element_size, bool whole, isa i) {
  return for_isa(i, [&]<class Arch>() {
    return element_size == 4 ? choose_load<word4, Arch>(map, whole)
                             : choose_load<word8, Arch>(map, whole);
  });
}

}  // namespace cotape::kernels

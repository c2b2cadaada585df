// Moving elements through an index map: broadcasts, transposes and slices. Elements are words of 4
// or 8 bytes whose type does not matter. `load` picks the kernel when the program is built.
#include "kernels/copy.hpp"
#include "kernels/transpose.hpp"
#include "kernels/walk.hpp"

namespace cotape::kernels {
namespace {

const index_map& map_of(const step& s) { return *static_cast<const index_map*>(s.side); }

template <class W> const W* source(const step& s) {
  return static_cast<const W*>(s.a) + map_of(s).offset;
}

// 16 bytes of one word. Plain loops over words are not vectorised here.
auto splat(word4 w) {
  using words = std::uint32_t __attribute__((vector_size(16)));
  return words{w.bits, w.bits, w.bits, w.bits};
}
auto splat(word8 w) {
  using words = std::uint64_t __attribute__((vector_size(16)));
  return words{w.bits, w.bits};
}

template <class W> constexpr std::int64_t splat_size = 16 / sizeof(W);

// d[i] = value for i < n; may write up to 16 bytes behind that, but not beyond `end`.
template <class W> void fill_words(W* d, W value, std::int64_t n, const W* end) {
  const auto words = splat(value);
  std::int64_t i = 0;
  for (; i + 4 * splat_size<W> <= n; i += 4 * splat_size<W>) {
    for (std::int64_t j = 0; j < 4; ++j) std::memcpy(d + i + j * splat_size<W>, &words, 16);
  }
  for (; i < n && end - d - i >= splat_size<W>; i += splat_size<W>) {
    std::memcpy(d + i, &words, 16);
  }
  for (; i < n; ++i) d[i] = value;
}

// --- Kernels for frequent maps ------------------------------------------------------------------

// Consecutive elements.
template <class W> void load_run(const step& s) {
  copy_elements(static_cast<W*>(s.d), source<W>(s) + s.base, s.n);
}

// A row of `size` elements, repeated (a bias): the first period, then ever longer copies of it.
template <class W> void load_rows(const step& s) {
  const std::int64_t size = map_of(s).size[1], n = s.n;
  const W* a = source<W>(s);
  W* d = static_cast<W*>(s.d);
  const std::int64_t at = s.base == 0 ? 0 : s.base % size;
  const std::int64_t first = size - at < n ? size - at : n;
  copy_elements(d, a + at, first);
  if (first == n) return;
  const std::int64_t second = size < n ? at : n - first;
  copy_elements(d + first, a, second);
  for (std::int64_t done = first + second; done < n;) {
    const std::int64_t more = done / size * size < n - done ? done / size * size : n - done;
    copy_elements(d + done, d, more);
    done += more;
  }
}

// Each element of a column repeated `size` times.
template <class W> void load_columns(const step& s) {
  if (s.n == 0) return;
  const std::int64_t size = map_of(s).size[1], stride = map_of(s).stride[0];
  const std::int64_t row = s.base == 0 ? 0 : s.base / size;
  const W* a = source<W>(s) + row * stride;
  W* d = static_cast<W*>(s.d);
  const W* end = d + s.n;
  for (std::int64_t n = (row + 1) * size - s.base; d < end; d += n, n = size, a += stride) {
    if (n > end - d) n = end - d;
    fill_words(d, *a, n, end);
  }
}

// --- The general walk ---------------------------------------------------------------------------

template <class W> void load_walk(const step& s) {
  const index_map& map = map_of(s);
  const std::int64_t stride = map.rank == 0 ? 0 : map.stride[map.rank - 1];
  const W* a = source<W>(s);
  W* d = static_cast<W*>(s.d);
  const W* end = d + s.n;
  walk(map, s.base, s.n, [&](std::int64_t at, std::int64_t n) {
    const W* from = a + at;
    if (stride == 1) {
      copy_elements(d, from, n);
    } else if (stride == 0) {
      fill_words(d, *from, n, end);
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
template <class W> kernel choose_load(const index_map& map, bool whole) {
  const auto either = [&]<kernel Run>() { return whole ? &load_split<W, Run> : Run; };
  if (map.rank == 1 && map.stride[0] == 1) return either.template operator()<&load_run<W>>();
  if (map.rank == 2 && map.stride[0] == 0 && map.stride[1] == 1) {
    return either.template operator()<&load_rows<W>>();
  }
  if (map.rank == 2 && map.stride[1] == 0) return either.template operator()<&load_columns<W>>();
  if (whole && consecutive_axis(map) < map.rank) return &load_transposed<W>;
  return either.template operator()<&load_walk<W>>();
}

}  // namespace

kernel load(const index_map& map, std::size_t element_size, bool whole) {
  return element_size == 4 ? choose_load<word4>(map, whole) : choose_load<word8>(map, whole);
}

}  // namespace cotape::kernels

// Assemblies: the parts of a value go to their places, or are added there. Where parts lie between
// each other they do so block by block of the result, each of which stays in the first cache
// meanwhile. Threads take ranges of the result, so that each element is added up by one of them, in
// the order of the parts.
#include <algorithm>

#include "kernels/copy.hpp"
#include "kernels/isa/entries.hpp"
#include "kernels/transpose.hpp"
#include "kernels/walk.hpp"

namespace cotape::kernels {
namespace {

using part = puts::part;

template <class T> void add_run(T* d, const T* a, std::int64_t n) {
  using run = void (*)(T*, const T*, std::int64_t);
  static const run chosen =
      for_isa(chosen_isa(), []<class Arch>() -> run { return &add_elements<Arch>; });
  chosen(d, a, n);
}

// The elements first .. end - 1 of a part.
template <class T>
void put_part(const puts& all, const part& p, T* d, std::int64_t first, std::int64_t end) {
  if (first >= end) return;
  const T* a = static_cast<const T*>(p.from) + first;
  d += p.offset;
  if (p.map == puts::side_by_side) {
    if (p.adds) add_run(d + first, a, end - first);
    else copy_elements(d + first, a, end - first);
    return;
  }
  const index_map& map = all.maps[p.map];
  const std::int64_t stride = map.stride[map.rank - 1];
  walk(map, first, end - first, [&](std::int64_t at, std::int64_t n) {
    T* to = d + at;
    if (p.adds && stride == 1) {
      add_run(to, a, n);
    } else if (p.adds) {
      for (std::int64_t i = 0; i < n; ++i) to[i * stride] += a[i];
    } else if (stride == 1) {
      copy_elements(to, a, n);
    } else {
      for (std::int64_t i = 0; i < n; ++i) to[i * stride] = a[i];
    }
    a += n;
  });
}

// How many elements of a part stand before a place of the result.
std::int64_t before(const puts& all, const part& p, std::int64_t place) {
  std::int64_t left = place - p.offset, count = 0, inner = p.n;
  if (left <= 0) return 0;
  if (p.map == puts::side_by_side) return std::min<std::int64_t>(left, p.n);
  const index_map& map = all.maps[p.map];
  for (std::uint32_t axis = 0; axis < map.rank; ++axis) {
    inner /= map.size[axis];
    const std::int64_t index = left / map.stride[axis];
    if (index >= map.size[axis]) return count + map.size[axis] * inner;
    count += index * inner;
    left -= index * map.stride[axis];
  }
  return count + (left > 0 ? 1 : 0);
}

// Columns side by side, one a part: row by row, in squares of so many.
template <class T> inline constexpr std::uint32_t square = 16 / sizeof(T);

template <class T>
void put_columns(const puts& all, const part* p, T* d, std::int64_t at, std::int64_t next) {
  using word = std::conditional_t<sizeof(T) == 4, word4, word8>;
  constexpr std::uint32_t n = square<T>;
  std::int64_t first[n], end[n], low = 0, high = p->n;
  for (std::uint32_t k = 0; k < n; ++k) {
    first[k] = before(all, p[k], at);
    end[k] = before(all, p[k], next);
    low = std::max(low, first[k]);
    high = std::min(high, end[k]);
  }
  high = std::max(low, high - (high - low) % n);
  const std::int64_t stride = all.maps[p->map].stride[0];
  for (std::int64_t i = low; i < high; i += n) {
    const word* rows[n];
    for (std::uint32_t k = 0; k < n; ++k) rows[k] = static_cast<const word*>(p[k].from) + i;
    transpose_square(rows, reinterpret_cast<word*>(d + p->offset + i * stride), stride);
  }
  for (std::uint32_t k = 0; k < n; ++k) {
    put_part(all, p[k], d, first[k], std::min(low, end[k]));
    put_part(all, p[k], d, std::max(high, first[k]), end[k]);
  }
}

// Whether as many parts as a square has rows are columns side by side.
template <class T> bool are_columns(const puts& all, std::size_t first) {
  if (all.parts.size() < first + square<T>) return false;
  const part* p = all.parts.data() + first;
  for (std::uint32_t k = 0; k < square<T>; ++k) {
    if (p[k].adds || p[k].map == puts::side_by_side || p[k].n != p->n) return false;
    const index_map& map = all.maps[p[k].map];
    if (map.rank != 1 || map.stride[0] != all.maps[p->map].stride[0]) return false;
    if (p[k].offset != p->offset + k) return false;
  }
  return true;
}

// Fills the elements first .. end - 1 but where the first part is about to be stored in one run.
template <class T> void fill_rest(const puts& a, T* d, std::int64_t first, std::int64_t end) {
  T rest;
  std::memcpy(&rest, a.rest.data(), sizeof rest);
  std::int64_t from = end, to = end;
  if (!a.parts.empty() && a.parts[0].map == puts::side_by_side && !a.parts[0].adds) {
    from = std::clamp<std::int64_t>(a.parts[0].offset, first, end);
    to = std::clamp<std::int64_t>(std::int64_t{a.parts[0].offset} + a.parts[0].n, first, end);
  }
  std::fill(d + first, d + from, rest);
  std::fill(d + to, d + end, rest);
}

// All parts at the places first .. end - 1.
template <class T> void put_all(const puts& a, T* d, std::int64_t first, std::int64_t end) {
  if (a.fills) fill_rest(a, d, first, end);
  for (std::size_t k = 0; k < a.parts.size(); ++k) {
    const part& p = a.parts[k];
    if (p.columns) {
      put_columns(a, &p, d, first, end);
      k += square<T> - 1;
    } else {
      put_part(a, p, d, before(a, p, first), before(a, p, end));
    }
  }
}

template <class T> void run(const step& s) {
  const auto& a = *static_cast<const puts*>(s.side);
  auto* d = static_cast<T*>(s.d);
  const std::int64_t size = s.n, bytes = (a.moved / size + 1) * std::int64_t{sizeof(T)};
  if (a.block == 0) {
    if (a.fills) fill_rest(a, d, 0, size);
    for (const part& p : a.parts) {
      if (p.n < 4096) put_part(a, p, d, 0, p.n);
      else
        split_move(p.n, sizeof(T), 64,
                   [&](auto first, auto end) { put_part(a, p, d, first, end); });
    }
    return;
  }
  split_move(size, bytes, 64, [&](std::int64_t first, std::int64_t end) {
    for (std::int64_t at = first; at < end; at += a.block) {
      put_all(a, d, at, std::min(at + a.block, end));
    }
  });
}

// The places from the first to the last of a map whose strides are positive.
std::int64_t extent(const index_map& map) {
  std::int64_t places = 1;
  for (std::uint32_t k = 0; k < map.rank; ++k) places += (map.size[k] - 1) * map.stride[k];
  return places;
}

template <class T> void choose_block(puts& a, std::int64_t size) {
  constexpr std::int64_t block = (std::int64_t{1} << 14) / sizeof(T);
  std::int64_t places = a.fills ? size : 0;
  bool in_order = true;
  a.moved = places;
  for (const part& p : a.parts) {
    a.moved += p.n;
    places += p.map == puts::side_by_side ? p.n : extent(a.maps[p.map]);
  }
  for (const index_map& m : a.maps) {
    for (std::uint32_t k = 0; k < m.rank; ++k) in_order = in_order && m.stride[k] > 0;
  }
  // Blocks are worth their while where parts lie between each other, with enough elements of each
  // in a block. One part is split by its own elements, and so are those that do not come in order.
  const auto parts = static_cast<std::int64_t>(a.parts.size());
  const bool alone = parts == 1 && !a.fills;
  const bool blocks = places > size && size > block && a.moved >= 16 * parts * (size / block + 1);
  const bool little = a.moved * std::int64_t{sizeof(T)} < 2 * least_bytes;
  if (alone || !in_order || (little && !blocks)) a.block = 0;
  else a.block = blocks ? block : size;
  const auto by_place = [](const part& p, const part& q) { return p.offset < q.offset; };
  const auto adding = std::find_if(a.parts.begin(), a.parts.end(), [](auto& p) { return p.adds; });
  if (a.block == block) std::sort(a.parts.begin(), adding, by_place);
  for (std::size_t k = 0; a.block == block && k < a.parts.size(); ++k) {
    a.parts[k].columns = are_columns<T>(a, k);
    if (a.parts[k].columns) k += square<T> - 1;
  }
}

template <class T> kernel choose(puts& a, std::int64_t size) {
  choose_block<T>(a, size);
  return &run<T>;
}

}  // namespace

void puts::add(const index_map& map, const void* at, bool adds) {
  const auto number = is_run(map) ? side_by_side : static_cast<std::uint32_t>(maps.size());
  parts.push_back({at, static_cast<std::uint32_t>(map.offset),
                   static_cast<std::uint32_t>(map.elements()), number, adds, false});
  if (!is_run(map)) maps.push_back(map);
}

kernel put(dtype type, std::int64_t n, puts& a) {
  if (type == int64) return choose<std::int64_t>(a, n);
  return type == float32 ? choose<float>(a, n) : choose<double>(a, n);
}

}  // namespace cotape::kernels

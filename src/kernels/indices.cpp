// gather and scatter_add: rows picked from and added into a tensor seen as (outer, reduced, inner).
// Indices are checked before anything is written. Rows of few elements have loops of their own: a
// copy whose size is known only at run time takes 3.7 ns for 24 bytes. Elements are moved as words.
#include <fmt/format.h>

#include <cstring>
#include <utility>

#include "base/telling.hpp"
#include "kernels/copy.hpp"
#include "kernels/kernels.hpp"

namespace cotape::kernels {
namespace {

void check(const picking& p, const std::int64_t* index, std::uint32_t rows) {
  const std::int64_t size = p.seen.reduced;
  std::uint64_t largest = 0;
  for (std::uint32_t i = 0; i < rows; ++i) {
    const auto at = static_cast<std::uint64_t>(index[i]);  // a negative index becomes a huge one
    largest = at > largest ? at : largest;
  }
  if (rows == 0 || largest < static_cast<std::uint64_t>(size)) return;
  for (std::uint32_t i = 0; i < rows; ++i) {
    if (index[i] >= 0 && index[i] < size) continue;
    const std::string what =
        p.labels ? fmt::format("label {} in row {} is none of the {} classes,", index[i], i, size)
                 : fmt::format("index {}, element {} of the indices, is outside", index[i], i);
    throw value_error(fmt::format("{}: {} 0..{}{}", p.where.operation_or(p.op), what, size - 1,
                                  at_line(p.where)));
  }
}

// Rows of so many bytes; 0: of any size.
template <std::size_t Bytes>
void pick(std::byte* d, const std::byte* a, const std::int64_t* index, std::int64_t rows,
          [[maybe_unused]] std::size_t bytes) {
  // Large tables stand in memory: a row is asked for before its turn (4096 rows of 256 bytes of
  // 50,000: 33 us in place of 42, workloads --case lookup).
  constexpr std::int64_t ahead = 16;
  for (std::int64_t i = 0; i < rows; ++i) {
    if (Bytes >= 64 && i + ahead < rows) {
      const std::byte* next = a + static_cast<std::size_t>(index[i + ahead]) * Bytes;
      for (std::size_t line = 0; line < Bytes; line += 64) __builtin_prefetch(next + line);
    }
    if constexpr (Bytes == 0) {
      copy_bytes(d, a + static_cast<std::size_t>(index[i]) * bytes, bytes);
      d += bytes;
    } else {
      std::memcpy(d, a + static_cast<std::size_t>(index[i]) * Bytes, Bytes);
      d += Bytes;
    }
  }
}

// By fours of bytes, up to 64; then by powers of two, up to 512.
using picker = decltype(&pick<0>);
template <std::size_t... Fours> picker picker_of(std::size_t bytes, std::index_sequence<Fours...>) {
  static constexpr picker small[] = {&pick<4 * Fours>...};
  if (bytes < 4 * sizeof...(Fours)) return small[bytes / 4];
  if (bytes == 128) return &pick<128>;
  if (bytes == 256) return &pick<256>;
  return bytes == 512 ? &pick<512> : &pick<0>;
}

template <class T> void gather_run(const step& s) {
  const auto& p = *static_cast<const picking*>(s.side);
  const reduction& g = p.seen;
  const auto* index = static_cast<const std::int64_t*>(s.b);
  check(p, index, s.rows);
  const std::size_t bytes = static_cast<std::size_t>(g.inner) * sizeof(T);
  const std::int64_t size = g.inner * std::int64_t{sizeof(T)}, rows = s.rows;
  if (bytes == 0) return;
  const picker run = picker_of(bytes, std::make_index_sequence<17>());
  for (std::int64_t o = 0; o < g.outer; ++o) {
    const auto* a = static_cast<const std::byte*>(s.a) + o * g.reduced * size;
    auto* d = static_cast<std::byte*>(s.d) + o * rows * size;
    split_move(rows, size, 64, [&](std::int64_t first, std::int64_t end) {
      run(d + first * size, a, index + first, end - first, bytes);
    });
  }
}

// Adds rows of so many elements; 0: of any number.
template <class T, int Inner>
void add_at(T* d, const T* a, const std::int64_t* index, std::int64_t rows, std::int64_t inner) {
  if (Inner != 0) inner = Inner;
  for (std::int64_t i = 0; i < rows; ++i, a += inner) {
    T* row = d + index[i] * inner;
    for (std::int64_t k = 0; k < inner; ++k) row[k] += a[k];
  }
}

template <class T> void scatter_add_run(const step& s) {
  const auto& p = *static_cast<const picking*>(s.side);
  const reduction& g = p.seen;
  const auto* a = static_cast<const T*>(s.a);
  const auto* index = static_cast<const std::int64_t*>(s.b);
  auto* d = static_cast<T*>(s.d);
  check(p, index, s.rows);
  const std::int64_t slab = g.reduced * g.inner;
  const auto run = g.inner == 1   ? &add_at<T, 1>
                   : g.inner == 2 ? &add_at<T, 2>
                   : g.inner == 3 ? &add_at<T, 3>
                   : g.inner == 4 ? &add_at<T, 4>
                   : g.inner == 8 ? &add_at<T, 8>
                                  : &add_at<T, 0>;
  for (std::int64_t o = 0; o < g.outer; ++o, d += slab, a += s.rows * g.inner) {
    run(d, a, index, s.rows, g.inner);
  }
}

}  // namespace

kernel gather(dtype type) {
  if (type == int64) return &gather_run<std::int64_t>;
  return type == float32 ? &gather_run<float> : &gather_run<double>;
}

kernel scatter_add(dtype type) {
  if (type == int64) return &scatter_add_run<std::int64_t>;
  return type == float32 ? &scatter_add_run<float> : &scatter_add_run<double>;
}

}  // namespace cotape::kernels

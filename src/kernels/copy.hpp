// Copies of our own, and moves of elements split over threads.
#pragma once

#include <cstddef>
#include <cstring>

#include "kernels/step.hpp"
#include "kernels/threads.hpp"

namespace cotape::kernels {

// Copies bytes between places that do not overlap; from 64 of them on by vectors.
void copy_bytes(void* d, const void* a, std::size_t n);

// Copies n elements; short copies in steps of 16 bytes: a call takes as long as 20 elements.
template <class W> void copy_elements(W* d, const W* a, std::int64_t n) {
  constexpr std::int64_t chunk = 16 / sizeof(W);
  if (n >= 64) {
    copy_bytes(d, a, static_cast<std::size_t>(n) * sizeof(W));
    return;
  }
  std::int64_t i = 0;
  for (; i + chunk <= n; i += chunk) std::memcpy(d + i, a + i, 16);
  for (; i < n; ++i) d[i] = a[i];
}

// Below so many bytes a thread's share of a move takes less time than to wake it.
inline constexpr std::int64_t least_bytes = std::int64_t{1} << 19;

// Calls f(first, end) for each thread's share of n units of so many bytes; a share begins at a
// multiple of `grain`.
template <class F> void split_move(std::int64_t n, std::int64_t bytes, std::int64_t grain, F f) {
  const int parts = parts_of(n * bytes, least_bytes);
  const std::int64_t grains = (n + grain - 1) / grain;
  parallel(parts, [&](int part) {
    const std::int64_t first = grains * part / parts * grain;
    const std::int64_t end = part + 1 == parts ? n : grains * (part + 1) / parts * grain;
    if (first < end) f(first, end);
  });
}

}  // namespace cotape::kernels

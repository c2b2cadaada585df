// Bytes from one place to another, and elements added to others, by vectors: the C library's memcpy
// takes `rep movsb` from some 2 kB on, which is up to ten times slower at some distances modulo a
// page (2.4 us for 8 kB on an AMD EPYC).
#include "kernels/isa/batch.hpp"
#include "kernels/isa/entries.hpp"

namespace cotape::kernels {

// The last line is copied from the end, over some bytes that are there already.
template <> void copy_lines<current>(std::byte* d, const std::byte* a, std::size_t n) {
  constexpr std::size_t line = 64;
  std::size_t i = 0;
  for (; i + 2 * line <= n; i += 2 * line) {
    __builtin_memcpy(d + i, a + i, line);
    __builtin_memcpy(d + i + line, a + i + line, line);
  }
  if (i + line <= n) __builtin_memcpy(d + i, a + i, line);
  __builtin_memcpy(d + n - line, a + n - line, line);
}

template <class T> static void add(T* __restrict d, const T* __restrict a, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) d[i] += a[i];
}
template <> void add_elements<current>(float* d, const float* a, std::int64_t n) { add(d, a, n); }
template <> void add_elements<current>(double* d, const double* a, std::int64_t n) { add(d, a, n); }
template <> void add_elements<current>(std::int64_t* d, const std::int64_t* a, std::int64_t n) {
  add(d, a, n);
}

}  // namespace cotape::kernels

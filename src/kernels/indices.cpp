// gather and scatter_add: rows picked from and added into a tensor seen as (outer, reduced, inner).
// Indices are checked before anything is written.
#include <cstring>

#include "cotape/error.hpp"
#include "kernels/kernels.hpp"

namespace cotape::kernels {
namespace {

void check(const char* name, const std::int64_t* index, std::uint32_t rows, std::int64_t size) {
  std::uint64_t largest = 0;
  for (std::uint32_t i = 0; i < rows; ++i) {
    const auto at = static_cast<std::uint64_t>(index[i]);  // a negative index becomes a huge one
    largest = at > largest ? at : largest;
  }
  if (rows == 0 || largest < static_cast<std::uint64_t>(size)) return;
  for (std::uint32_t i = 0; i < rows; ++i) {
    if (index[i] >= 0 && index[i] < size) continue;
    throw value_error(std::string(name) + ": index " + std::to_string(index[i]) + " at place " +
                      std::to_string(i) + " is outside 0.." + std::to_string(size - 1));
  }
}

template <class T> void gather_run(const step& s) {
  const auto& g = *static_cast<const reduction*>(s.side);
  const auto* a = static_cast<const T*>(s.a);
  const auto* index = static_cast<const std::int64_t*>(s.b);
  auto* d = static_cast<T*>(s.d);
  check("gather", index, s.rows, g.reduced);
  for (std::int64_t o = 0; o < g.outer; ++o, a += g.reduced * g.inner) {
    if (g.inner == 1) {
      for (std::uint32_t i = 0; i < s.rows; ++i) *d++ = a[index[i]];
      continue;
    }
    const auto bytes = static_cast<std::size_t>(g.inner) * sizeof(T);
    for (std::uint32_t i = 0; i < s.rows; ++i, d += g.inner) {
      if (bytes != 0) std::memcpy(d, a + index[i] * g.inner, bytes);
    }
  }
}

template <class T> void scatter_add_run(const step& s) {
  const auto& g = *static_cast<const reduction*>(s.side);
  const auto* a = static_cast<const T*>(s.a);
  const auto* index = static_cast<const std::int64_t*>(s.b);
  auto* d = static_cast<T*>(s.d);
  check("scatter_add", index, s.rows, g.reduced);
  const std::int64_t slab = g.reduced * g.inner;
  for (std::int64_t i = 0; i < g.outer * slab; ++i) d[i] = T(0);
  for (std::int64_t o = 0; o < g.outer; ++o, d += slab) {
    for (std::uint32_t i = 0; i < s.rows; ++i, a += g.inner) {
      T* row = d + index[i] * g.inner;
      for (std::int64_t k = 0; k < g.inner; ++k) row[k] += a[k];
    }
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

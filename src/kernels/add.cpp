// Adding through an index map: what several parts give to one buffer, one part after the other.
#include "kernels/walk.hpp"

namespace cotape::kernels {
namespace {

template <class T> void add_walk(const step& s) {
  const auto& map = *static_cast<const index_map*>(s.side);
  const std::int64_t stride = map.rank == 0 ? 0 : map.stride[map.rank - 1];
  const T* a = static_cast<const T*>(s.a);
  T* d = static_cast<T*>(s.d) + map.offset;
  walk(map, s.base, s.n, [&](std::int64_t at, std::int64_t n) {
    T* to = d + at;
    if (stride == 1) {
      for (std::int64_t i = 0; i < n; ++i) to[i] += a[i];
    } else {
      for (std::int64_t i = 0; i < n; ++i) to[i * stride] += a[i];
    }
    a += n;
  });
}

template <class T> void add_run(const step& s) {
  const T* a = static_cast<const T*>(s.a);
  T* d = static_cast<T*>(s.d) + static_cast<const index_map*>(s.side)->offset + s.base;
  for (std::uint32_t i = 0; i < s.n; ++i) d[i] += a[i];
}

template <class T> kernel choose(const index_map& map) {
  return is_run(map) ? &add_run<T> : &add_walk<T>;
}

}  // namespace

kernel add(const index_map& map, dtype type) {
  if (type == int64) return choose<std::int64_t>(map);
  return type == float32 ? choose<float>(map) : choose<double>(map);
}

}  // namespace cotape::kernels

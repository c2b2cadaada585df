// Memory for values: whole 64-byte lines, and one more behind them, as whole vectors are read from
// any element on. Any thread may call.
#pragma once

#include <cstddef>

namespace cotape {

inline constexpr std::size_t cache_line = 64;

// In whole lines, at least one.
constexpr std::size_t padded(std::size_t bytes) {
  return bytes == 0 ? cache_line : (bytes + cache_line - 1) / cache_line * cache_line;
}

// Never null, also for 0 bytes; throws std::bad_alloc. Large blocks are made of huge pages where
// the system gives them on request: a run over 50 MB takes a twentieth less time.
void* allocate(std::size_t bytes);
void* allocate_zeros(std::size_t bytes);  // the padding, too
void release(void* p);

template <class T> struct line_allocator {
  using value_type = T;
  line_allocator() = default;
  template <class U> line_allocator(const line_allocator<U>&) {}
  T* allocate(std::size_t n) { return static_cast<T*>(cotape::allocate(n * sizeof(T))); }
  void deallocate(T* p, std::size_t) { release(p); }
  friend bool operator==(const line_allocator&, const line_allocator&) { return true; }
};

}  // namespace cotape

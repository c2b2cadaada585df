// Memory for values: whole 64-byte lines, and one more behind them, as whole vectors are read from
// any element on. Any thread may call.
#pragma once

#include <cstddef>
#include <cstdint>

namespace cotape {

inline constexpr std::size_t cache_line = 64;

// In whole lines, at least one.
constexpr std::size_t padded(std::size_t bytes) {
  return bytes == 0 ? cache_line : (bytes + cache_line - 1) / cache_line * cache_line;
}

// Buffers that loops walk side by side must not stand at equal distances modulo 4096: a load then
// waits for an unrelated store whose address ends in the same 12 bits. Chains of 1000 floats take
// 1.95 us in place of 2.3 (an AMD EPYC, train_step --case chain_1e3).
inline std::uint64_t staggered(std::uint64_t bytes) { return bytes < 1024 ? bytes : bytes + 192; }

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

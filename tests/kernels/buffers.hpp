// What the kernel tests share: aligned buffers padded to whole 64-byte lines and no further (so
// AddressSanitizer sees every access beyond), calls of a kernel tile by tile, the processor's
// instruction sets, and comparison by bits.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <memory>
#include <random>
#include <vector>

#include "cotape/threads.hpp"
#include "kernels/kernels.hpp"

namespace cotape::kernels::testing {

template <class T> class buffer {
 public:
  explicit buffer(std::size_t n, T value = T(-77))
      : size_(n), data_(static_cast<T*>(std::aligned_alloc(64, bytes())), &std::free) {
    for (std::size_t i = 0; i < bytes() / sizeof(T); ++i) data()[i] = value;
  }
  buffer(std::initializer_list<T> values) : buffer(values.size()) {
    std::copy(values.begin(), values.end(), data());
  }

  T* data() const { return data_.get(); }
  std::size_t size() const { return size_; }
  T& operator[](std::size_t i) const { return data()[i]; }
  T* begin() const { return data(); }
  T* end() const { return data() + size_; }

 private:
  std::size_t bytes() const { return (size_ * sizeof(T) + 63) / 64 * 64 + (size_ == 0 ? 64 : 0); }

  std::size_t size_;
  std::unique_ptr<T[], void (*)(void*)> data_;
};

template <class T>
buffer<T> random_buffer(std::size_t n, T low = T(-1), T high = T(1), unsigned seed = 1) {
  std::mt19937 engine(seed);
  std::uniform_real_distribution<T> distribution(low, high);
  buffer<T> b(n);
  for (T& x : b) x = distribution(engine);
  return b;
}

inline std::vector<isa> usable_sets() {
  std::vector<isa> sets;
  for (isa i : {isa::baseline, isa::avx2, isa::avx512}) {
    if (runs(i)) sets.push_back(i);
  }
  return sets;
}

template <class T> bool same_bits(const buffer<T>& a, const buffer<T>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0;
}

// Runs s with its base, n and a moved, so many elements at a time (0: all in one call). The first
// of them is element `first`, at s.a.
template <class T> void stream(step s, std::size_t n, std::size_t most, std::size_t first = 0) {
  if (most == 0) most = n;
  std::size_t base = 0;
  do {
    step part = s;
    part.base = static_cast<std::uint32_t>(first + base);
    part.n = static_cast<std::uint32_t>(n - base < most ? n - base : most);
    part.a = static_cast<const T*>(s.a) + base;
    part.run(part);
    base += part.n;
  } while (base < n);
}

// So many threads for the rest of a scope.
class threads {
 public:
  explicit threads(int n) : before_(num_threads()) { set_num_threads(n); }
  ~threads() { set_num_threads(before_); }
  threads(const threads&) = delete;
  threads& operator=(const threads&) = delete;

 private:
  int before_;
};

inline step make_step(kernel run, void* d, const void* a, const void* b, const void* c,
                      std::size_t n, const void* side) {
  return {run, d, a, b, c, static_cast<std::uint32_t>(n), 0, 0, 0, side};
}

}  // namespace cotape::kernels::testing

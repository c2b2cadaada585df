// Index maps as lists of axes, which tell where each element stands.
#pragma once

#include "kernels/buffers.hpp"

namespace cotape::kernels::testing {

// Axes as the program gives them: (size, stride) outermost first.
struct axes {
  std::vector<std::pair<std::int64_t, std::int64_t>> list;
  std::int64_t offset = 0;

  index_map map() const {
    index_map m;
    m.offset = offset;
    for (auto [size, stride] : list) m.append(size, stride);
    return m;
  }
  std::size_t elements() const {
    std::int64_t n = 1;
    for (auto [size, stride] : list) n *= size;
    return static_cast<std::size_t>(n);
  }
  std::size_t place(std::size_t i) const {
    auto rest = static_cast<std::int64_t>(i);
    std::int64_t at = offset;
    for (auto axis = list.rbegin(); axis != list.rend(); ++axis) {
      at += rest % axis->first * axis->second;
      rest /= axis->first;
    }
    return static_cast<std::size_t>(at);
  }
  std::size_t source_size() const {
    std::size_t size = 0;
    for (std::size_t i = 0; i < elements(); ++i) size = std::max(size, place(i) + 1);
    return size;
  }
};

template <class T> buffer<T> counting(std::size_t n) {
  buffer<T> b(n);
  for (std::size_t i = 0; i < n; ++i) b[i] = static_cast<T>(i + 1);
  return b;
}

}  // namespace cotape::kernels::testing

// The kernels of the element-wise primitives as loops, in three ways that must give the same bits.
#pragma once

#include <cstddef>

#include "kernels/arch.hpp"

namespace cotape::kernels::testing {

// y[i] = f(a[i], b[i], c[i]) for i < n, a multiple of 16; b and c only if f has so many operands.
// How often `either` would have gone the fast way, and was not let.
template <class T>
using way = std::size_t (*)(const T* a, const T* b, const T* c, T* y, std::size_t n);

template <class T> struct ways {
  const char* name;
  way<T> numbers;  // plain numbers, which go the fast way wherever they may
  way<T> general;  // numbers that always go the general way, and know the vocabulary alone
  way<T> vectors;  // where one element sends its neighbours the general way
};

template <class T> struct list_of_ways {
  const ways<T>* first;
  std::size_t size;
  const ways<T>* begin() const { return first; }
  const ways<T>* end() const { return first + size; }
};

// Of all element-wise primitives.
template <class Arch, class T> list_of_ways<T> all_ways();

}  // namespace cotape::kernels::testing

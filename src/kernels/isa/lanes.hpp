// 64 bytes of elements as one value: 16 floats or 8 doubles for every instruction set, in as many
// batches as it takes, so reductions give the same bits on all of them. An Op has `combine(m, x)`
// for batches and for scalars, and `neutral()`, whose combination with x is x, bit for bit.
#pragma once

#include "kernels/isa/head.hpp"

namespace cotape::kernels {
namespace {

template <class T> batch<T> load_batch(const T* p) { return batch<T>::load_unaligned(p); }

template <class T> batch<T> load_first(const head<T>& first, const T* p, batch<T> rest) {
  return first.load(p, rest);
}
template <class T, class Terms> batch<T> load_first(const head<T>& first, Terms p, batch<T> rest) {
  alignas(64) T copy[batch<T>::size];
  rest.store_aligned(copy);
  for (std::int64_t i = 0; i < first.count(); ++i) copy[i] = p[i];
  return batch<T>::load_aligned(copy);
}

template <class T> struct lanes {
  static constexpr std::int64_t size = 64 / sizeof(T);
  static constexpr std::int64_t width = batch<T>::size;
  static constexpr std::int64_t parts = size / width;
  batch<T> part[parts];

  template <class Terms> static lanes load(Terms p) {
    lanes v;
    for (std::int64_t j = 0; j < parts; ++j) v.part[j] = load_batch(p + j * width);
    return v;
  }
  // The first `count` elements, 0 <= count < size, and `rest` behind them.
  template <class Terms> static lanes load_first(Terms p, std::int64_t count, T rest) {
    alignas(64) T copy[size];
    for (std::int64_t i = 0; i < size; ++i) copy[i] = i < count ? p[i] : rest;
    return load(copy);
  }
  static lanes load_first(const T* p, std::int64_t count, T rest) {
    lanes v;
    for (std::int64_t j = 0; j < parts; ++j, p += width, count -= width) {
      if (count >= width) {
        v.part[j] = batch<T>::load_unaligned(p);
      } else {
        v.part[j] = count > 0 ? head<T>(count).load(p, batch<T>(rest)) : batch<T>(rest);
      }
    }
    return v;
  }
};

template <class Op, class T> lanes<T> combine(const lanes<T>& m, const lanes<T>& x) {
  lanes<T> r;
  for (std::int64_t j = 0; j < lanes<T>::parts; ++j) {
    r.part[j] = Op::combine(m.part[j], x.part[j]);
  }
  return r;
}

// The upper half of a batch onto its lower half, until one number is left.
template <class Op, class T, class Arch> T reduce_batch(xsimd::batch<T, Arch> b) {
  const auto v = b.data;
  constexpr std::size_t size = xsimd::batch<T, Arch>::size;
  if constexpr (size == 2) {
    const xsimd::batch<T, Arch> upper = decltype(v)(__builtin_shufflevector(v, v, 1, 1));
    return Op::combine(b, upper).data[0];
  } else if constexpr (sizeof v == 16) {
    const xsimd::batch<T, Arch> upper = decltype(v)(__builtin_shufflevector(v, v, 2, 3, 2, 3));
    const auto both = Op::combine(b, upper).data;
    const xsimd::batch<T, Arch> second =
        decltype(v)(__builtin_shufflevector(both, both, 1, 1, 1, 1));
    return Op::combine(xsimd::batch<T, Arch>(both), second).data[0];
#if defined(__AVX2__)
  } else if constexpr (sizeof v == 32) {
    using half = xsimd::batch<T, xsimd::sse2>;
    if constexpr (size == 8) {
      return reduce_batch<Op>(Op::combine(half(__builtin_shufflevector(v, v, 0, 1, 2, 3)),
                                          half(__builtin_shufflevector(v, v, 4, 5, 6, 7))));
    } else {
      return reduce_batch<Op>(Op::combine(half(__builtin_shufflevector(v, v, 0, 1)),
                                          half(__builtin_shufflevector(v, v, 2, 3))));
    }
  } else {
    using half = xsimd::batch<T, xsimd::fma3<xsimd::avx2>>;
    if constexpr (size == 16) {
      return reduce_batch<Op>(
          Op::combine(half(__builtin_shufflevector(v, v, 0, 1, 2, 3, 4, 5, 6, 7)),
                      half(__builtin_shufflevector(v, v, 8, 9, 10, 11, 12, 13, 14, 15))));
    } else {
      return reduce_batch<Op>(Op::combine(half(__builtin_shufflevector(v, v, 0, 1, 2, 3)),
                                          half(__builtin_shufflevector(v, v, 4, 5, 6, 7))));
    }
#endif
  }
}

// The fixed tree: lane i takes lane i + 8, then i + 4, i + 2, i + 1. Only the first Parts batches
// are looked at; the others are neutral, which changes no bit.
template <class Op, std::int64_t Parts, class T> T reduce_parts(const lanes<T>& v) {
  if constexpr (Parts == 1) {
    return reduce_batch<Op>(v.part[0]);
  } else if constexpr (Parts == 2) {
    return reduce_batch<Op>(Op::combine(v.part[0], v.part[1]));
  } else {
    static_assert(lanes<T>::parts == 4);
    batch<T> odd = v.part[1];
    if constexpr (Parts == 4) odd = Op::combine(v.part[1], v.part[3]);
    return reduce_batch<Op>(Op::combine(Op::combine(v.part[0], v.part[2]), odd));
  }
}

template <class Op, class T> T reduce_lanes(const lanes<T>& v) {
  return reduce_parts<Op, lanes<T>::parts>(v);
}

}  // namespace
}  // namespace cotape::kernels

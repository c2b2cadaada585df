// The first elements of a batch: loads and stores that touch nothing behind them, for the ends of
// rows. Faster than scalar loops, whose stores a following vector load would have to wait for.
#pragma once

#include "kernels/isa/batch.hpp"

namespace cotape::kernels {
namespace {

// The first `count` elements at a place, 0 <= count < a batch's size.
template <class T> class head {
 public:
  explicit head(std::int64_t count) : count_(count) {}
  // Those elements, and `rest` in the other lanes.
  batch<T> load(const T* p, batch<T> rest) const;
  void store(T* p, batch<T> v) const;
  std::int64_t count() const { return count_; }

 private:
  std::int64_t count_;
};

#if defined(__AVX512F__)

template <class T> batch<T> head<T>::load(const T* p, batch<T> rest) const {
  const unsigned keep = (1U << count_) - 1U;
  if constexpr (sizeof(T) == 4) {
    return _mm512_mask_loadu_ps(rest, static_cast<__mmask16>(keep), p);
  } else {
    return _mm512_mask_loadu_pd(rest, static_cast<__mmask8>(keep), p);
  }
}

template <class T> void head<T>::store(T* p, batch<T> v) const {
  const unsigned keep = (1U << count_) - 1U;
  if constexpr (sizeof(T) == 4) {
    _mm512_mask_storeu_ps(p, static_cast<__mmask16>(keep), v);
  } else {
    _mm512_mask_storeu_pd(p, static_cast<__mmask8>(keep), v);
  }
}

#elif defined(__SSE2__)

// The first count floats of v (count < 4), then the first count doubles (count < 2).
inline void store_small(float* p, __m128 v, std::int64_t count) {
  if (count & 2) {
    _mm_storel_pi(reinterpret_cast<__m64*>(p), v);
    p += 2;
    v = _mm_movehl_ps(v, v);
  }
  if (count & 1) _mm_store_ss(p, v);
}
inline void store_small(double* p, __m128d v, std::int64_t count) {
  if (count & 1) _mm_store_sd(p, v);
}

#if defined(__AVX2__)

template <class T> batch<T> head<T>::load(const T* p, batch<T> rest) const {
  static constexpr std::int32_t window[16] = {-1, -1, -1, -1, -1, -1, -1, -1};
  const auto* from = window + 8 - count_ * static_cast<std::int64_t>(sizeof(T) / 4);
  const __m256i keep = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
  if constexpr (sizeof(T) == 4) {
    return _mm256_blendv_ps(rest, _mm256_maskload_ps(p, keep), _mm256_castsi256_ps(keep));
  } else {
    return _mm256_blendv_pd(rest, _mm256_maskload_pd(p, keep), _mm256_castsi256_pd(keep));
  }
}

// In halves: a masked store takes up to 40 cycles on AMD's Zen 2 and 3.
template <class T> void head<T>::store(T* p, batch<T> v) const {
  if constexpr (sizeof(T) == 4) {
    __m128 part = _mm256_castps256_ps128(v);
    if (count_ & 4) {
      _mm_storeu_ps(p, part);
      p += 4;
      part = _mm256_extractf128_ps(v, 1);
    }
    store_small(p, part, count_);
  } else {
    __m128d part = _mm256_castpd256_pd128(v);
    if (count_ & 2) {
      _mm_storeu_pd(p, part);
      p += 2;
      part = _mm256_extractf128_pd(v, 1);
    }
    store_small(p, part, count_);
  }
}

#else

template <class T> batch<T> head<T>::load(const T* p, batch<T> rest) const {
  if constexpr (sizeof(T) == 4) {
    const auto half = [&] { return _mm_loadl_pi(rest, reinterpret_cast<const __m64*>(p)); };
    if (count_ == 0) return rest;
    if (count_ == 1) return _mm_move_ss(rest, _mm_load_ss(p));
    if (count_ == 2) return half();
    const __m128 third = _mm_move_ss(_mm_movehl_ps(rest, rest), _mm_load_ss(p + 2));
    return _mm_movelh_ps(half(), third);
  } else {
    return count_ == 0 ? rest : batch<T>(_mm_loadl_pd(rest, p));
  }
}

template <class T> void head<T>::store(T* p, batch<T> v) const { store_small(p, v, count_); }

#endif
#else

template <class T> batch<T> head<T>::load(const T* p, batch<T> rest) const {
  alignas(64) T copy[batch<T>::size];
  rest.store_aligned(copy);
  for (std::int64_t i = 0; i < count_; ++i) copy[i] = p[i];
  return batch<T>::load_aligned(copy);
}

template <class T> void head<T>::store(T* p, batch<T> v) const {
  alignas(64) T copy[batch<T>::size];
  v.store_aligned(copy);
  for (std::int64_t i = 0; i < count_; ++i) p[i] = copy[i];
}

#endif

}  // namespace
}  // namespace cotape::kernels

// Pooling: of each window and channel the largest element or the mean, channels by vectors.
#include <limits>

#include "kernels/isa/entries.hpp"
#include "kernels/isa/taps.hpp"

namespace cotape::kernels {
namespace {

// Which elements are the largest one, y: where that is NaN, those that are NaN.
template <class T> auto is_top(batch<T> x, batch<T> y) {
  return (x == y) | (xsimd::isnan(x) & xsimd::isnan(y));
}

template <class T>
void largest(const windows& w, const T* x, T* y, std::int64_t first, std::int64_t images) {
  for_windows(w, first, images, [&](const window_at& at, std::int64_t number) {
    for_channels<T>(w, [&](const auto& lanes, std::int64_t c) {
      batch<T> top(-std::numeric_limits<T>::infinity());
      for_taps(w, at, [&](std::int64_t place, std::int64_t) {
        const batch<T> v = lanes.load(x + place + c);
        top = xsimd::select((v > top) | xsimd::isnan(v), v, top);
      });
      lanes.store(y + number * w.channels + c, top);
    });
  });
}

// The number of elements that are the largest one.
template <class T, class Lanes>
batch<T> ties(const windows& w, const window_at& at, const Lanes& lanes, const T* x, batch<T> top) {
  batch<T> n(T(0));
  for_taps(w, at, [&](std::int64_t place, std::int64_t) {
    n += xsimd::select(is_top(lanes.load(x + place), top), batch<T>(T(1)), batch<T>(T(0)));
  });
  return n;
}

template <class T>
void largest_to_images(const windows& w, const T* x, const T* y, const T* dy, T* dx,
                       std::int64_t first, std::int64_t images) {
  for_windows(w, first, images, [&](const window_at& at, std::int64_t number) {
    for_channels<T>(w, [&](const auto& lanes, std::int64_t c) {
      const std::int64_t here = number * w.channels + c;
      const batch<T> top = lanes.load(y + here);
      const batch<T> share = lanes.load(dy + here) / ties(w, at, lanes, x + c, top);
      for_taps(w, at, [&](std::int64_t place, std::int64_t) {
        T* to = dx + place + c;
        const batch<T> old = lanes.load(to);
        lanes.store(to, xsimd::select(is_top(lanes.load(x + place + c), top), old + share, old));
      });
    });
  });
}

template <class T>
void largest_to_values(const windows& w, const T* x, const T* y, const T* u, T* d,
                       std::int64_t first, std::int64_t images) {
  for_windows(w, first, images, [&](const window_at& at, std::int64_t number) {
    for_channels<T>(w, [&](const auto& lanes, std::int64_t c) {
      const std::int64_t here = number * w.channels + c;
      const batch<T> top = lanes.load(y + here);
      batch<T> sum(T(0));
      for_taps(w, at, [&](std::int64_t place, std::int64_t) {
        const batch<T> part = lanes.load(u + place + c);
        sum = xsimd::select(is_top(lanes.load(x + place + c), top), sum + part, sum);
      });
      lanes.store(d + here, sum / ties(w, at, lanes, x + c, top));
    });
  });
}

template <class T>
void mean(const windows& w, const T* x, T* y, std::int64_t first, std::int64_t images) {
  for_windows(w, first, images, [&](const window_at& at, std::int64_t number) {
    for_channels<T>(w, [&](const auto& lanes, std::int64_t c) {
      batch<T> sum(T(0));
      for_taps(w, at, [&](std::int64_t place, std::int64_t) { sum += lanes.load(x + place + c); });
      lanes.store(y + number * w.channels + c, sum / batch<T>(static_cast<T>(at.count())));
    });
  });
}

template <class T>
void mean_to_images(const windows& w, const T* dy, T* dx, std::int64_t first, std::int64_t images) {
  for_windows(w, first, images, [&](const window_at& at, std::int64_t number) {
    for_channels<T>(w, [&](const auto& lanes, std::int64_t c) {
      const batch<T> share =
          lanes.load(dy + number * w.channels + c) / batch<T>(static_cast<T>(at.count()));
      for_taps(w, at, [&](std::int64_t place, std::int64_t) {
        lanes.store(dx + place + c, lanes.load(dx + place + c) + share);
      });
    });
  });
}

}  // namespace

template <> pooling_functions<float> pooling_of<current>(float) {
  return {&largest<float>, &largest_to_images<float>, &largest_to_values<float>, &mean<float>,
          &mean_to_images<float>};
}
template <> pooling_functions<double> pooling_of<current>(double) {
  return {&largest<double>, &largest_to_images<double>, &largest_to_values<double>, &mean<double>,
          &mean_to_images<double>};
}

}  // namespace cotape::kernels

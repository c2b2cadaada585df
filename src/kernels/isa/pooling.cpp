// Pooling: of each window and channel the largest element or the mean, channels by vectors.
#include "kernels/isa/entries.hpp"
#include "kernels/isa/taps.hpp"

namespace cotape::kernels {
namespace {

// A window: where its image and its taps stand.
struct window_at {
  std::int64_t image;  // its first element
  tap_range z, y, x;
  std::int64_t count() const { return z.count() * y.count() * x.count(); }
};

// Calls f(window, its number) for all windows of some images.
template <class F>
void for_windows(const windows& w, std::int64_t first, std::int64_t images, const F& f) {
  const windows::axis &z = w.axes[0], &y = w.axes[1], &x = w.axes[2];
  std::int64_t number = first * w.places();
  for (std::int64_t i = first; i < first + images; ++i) {
    for (std::int64_t a = 0; a < z.out; ++a) {
      for (std::int64_t b = 0; b < y.out; ++b) {
        for (std::int64_t c = 0; c < x.out; ++c) {
          f(window_at{i * w.pixels() * w.channels, {z, a}, {y, b}, {x, c}}, number++);
        }
      }
    }
  }
}

// Calls f(place) for each element of a window's first channel.
template <class F> void for_taps(const windows& w, const window_at& at, const F& f) {
  const windows::axis &z = w.axes[0], &y = w.axes[1], &x = w.axes[2];
  for (std::int64_t k = at.z.first; k < at.z.end; ++k) {
    for (std::int64_t j = at.y.first; j < at.y.end; ++j) {
      const std::int64_t rows = (at.z.start + k * z.dilation) * y.in + at.y.start + j * y.dilation;
      const std::int64_t row = at.image + (rows * x.in + at.x.start) * w.channels;
      for (std::int64_t i = at.x.first; i < at.x.end; ++i) f(row + i * x.dilation * w.channels);
    }
  }
}

// A whole vector of channels, or the first ones.
template <class T> struct all_lanes {
  batch<T> load(const T* p) const { return batch<T>::load_unaligned(p); }
  void store(T* p, batch<T> v) const { v.store_unaligned(p); }
};
template <class T> struct some_lanes {
  head<T> lanes;
  batch<T> load(const T* p) const { return lanes.load(p, batch<T>(T(0))); }
  void store(T* p, batch<T> v) const { lanes.store(p, v); }
};

// Calls f(lanes, c) for the channels, vector by vector.
template <class T, class F> void for_channels(const windows& w, const F& f) {
  by_vectors<T>(
      w.channels, [&](std::int64_t c) { f(all_lanes<T>{}, c); },
      [&](std::int64_t c, const head<T>& rest) { f(some_lanes<T>{rest}, c); });
}

// Which elements are the largest one, y: where that is NaN, those that are NaN.
template <class T> auto is_top(batch<T> x, batch<T> y) {
  return (x == y) | (xsimd::isnan(x) & xsimd::isnan(y));
}

template <class T>
void largest(const windows& w, const T* x, T* y, std::int64_t first, std::int64_t images) {
  for_windows(w, first, images, [&](const window_at& at, std::int64_t number) {
    for_channels<T>(w, [&](const auto& lanes, std::int64_t c) {
      batch<T> top(-std::numeric_limits<T>::infinity());
      for_taps(w, at, [&](std::int64_t place) {
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
  for_taps(w, at, [&](std::int64_t place) {
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
      for_taps(w, at, [&](std::int64_t place) {
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
      for_taps(w, at, [&](std::int64_t place) {
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
      for_taps(w, at, [&](std::int64_t place) { sum += lanes.load(x + place + c); });
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
      for_taps(w, at, [&](std::int64_t place) {
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

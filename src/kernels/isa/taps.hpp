// Windows and their taps, for the files of this folder that walk over them.
#pragma once

#include "kernels/isa/head.hpp"
#include "kernels/windows.hpp"

namespace cotape::kernels {
namespace {

inline std::int64_t smaller(std::int64_t a, std::int64_t b) { return a < b ? a : b; }

// Where a window stands along an axis: its tap 0, maybe in the padding, and those of its taps that
// show an element, from `first` on, before `end`.
struct tap_range {
  tap_range(const windows::axis& a, std::int64_t window)
      : start(window * a.stride - a.before), end(a.size) {
    if (start >= 0 && start + (a.size - 1) * a.dilation < a.in) return;  // most: no division
    if (start < 0) first = smaller(a.size, (a.dilation - 1 - start) / a.dilation);
    end = start >= a.in ? first : smaller(a.size, (a.in - 1 - start) / a.dilation + 1);
    if (end < first) end = first;
  }
  bool has(std::int64_t tap) const { return tap >= first && tap < end; }
  std::int64_t count() const { return end - first; }
  std::int64_t start, end, first = 0;
};

// The windows along an axis whose tap shows an element.
struct tap_windows {
  tap_windows(const windows::axis& a, std::int64_t tap) {
    const std::int64_t before = a.before - tap * a.dilation, shown = a.in + before;
    if (before > 0) first = (before + a.stride - 1) / a.stride;
    if (shown > 0) end = smaller(a.out, (shown + a.stride - 1) / a.stride);
  }
  std::int64_t first = 0, end = 0;
};

// Calls whole(i) for each whole vector of n elements and part(i, rest) for what is left.
template <class T, class Whole, class Part>
void by_vectors(std::int64_t n, const Whole& whole, const Part& part) {
  constexpr std::int64_t width = batch<T>::size;
  std::int64_t i = 0;
  for (; i + width <= n; i += width) whole(i);
  if (i < n) part(i, head<T>(n - i));
}

template <class T> void copy(T* d, const T* a, std::int64_t n) {
  by_vectors<T>(
      n, [&](std::int64_t i) { batch<T>::load_unaligned(a + i).store_unaligned(d + i); },
      [&](std::int64_t i, const head<T>& rest) {
        rest.store(d + i, rest.load(a + i, batch<T>(T(0))));
      });
}
template <class T> void clear(T* d, std::int64_t n) {
  const batch<T> zero(T(0));
  by_vectors<T>(
      n, [&](std::int64_t i) { zero.store_unaligned(d + i); },
      [&](std::int64_t i, const head<T>& rest) { rest.store(d + i, zero); });
}

// A window: where its image and its taps stand.
struct window_at {
  std::int64_t image;  // its first element
  tap_range z, y, x;
  std::int64_t count() const { return z.count() * y.count() * x.count(); }
};

// Calls f(first window, its number) for rows of windows, which are counted through all images.
template <class F>
void for_rows(const windows& w, std::int64_t first, std::int64_t rows, const F& f) {
  if (rows == 0) return;  // also where there are no windows
  const windows::axis &z = w.axes[0], &y = w.axes[1], &x = w.axes[2];
  std::int64_t image = first / (z.out * y.out), a = first / y.out % z.out, b = first % y.out;
  for (std::int64_t row = first; row < first + rows; ++row) {
    f(window_at{image * w.pixels() * w.channels, {z, a}, {y, b}, {x, 0}}, row * x.out);
    if (++b < y.out) continue;
    b = 0;
    if (++a < z.out) continue;
    a = 0;
    ++image;
  }
}

// Calls f(window, its number) for all windows of some images.
template <class F>
void for_windows(const windows& w, std::int64_t first, std::int64_t images, const F& f) {
  const std::int64_t rows = w.axes[0].out * w.axes[1].out;
  for_rows(w, first * rows, images * rows, [&](window_at at, std::int64_t number) {
    for (std::int64_t i = 0; i < w.axes[2].out; ++i) {
      at.x = tap_range(w.axes[2], i);
      f(at, number + i);
    }
  });
}

// Calls f(place, tap) for each element of a window's first channel, and the tap that shows it.
template <class F> void for_taps(const windows& w, const window_at& at, const F& f) {
  const windows::axis &z = w.axes[0], &y = w.axes[1], &x = w.axes[2];
  for (std::int64_t k = at.z.first; k < at.z.end; ++k) {
    for (std::int64_t j = at.y.first; j < at.y.end; ++j) {
      const std::int64_t rows = (at.z.start + k * z.dilation) * y.in + at.y.start + j * y.dilation;
      const std::int64_t row = at.image + (rows * x.in + at.x.start) * w.channels;
      const std::int64_t tap = (k * y.size + j) * x.size;
      for (std::int64_t i = at.x.first; i < at.x.end; ++i) {
        f(row + i * x.dilation * w.channels, tap + i);
      }
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

}  // namespace
}  // namespace cotape::kernels

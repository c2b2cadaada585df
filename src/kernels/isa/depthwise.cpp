// Convolutions of each channel with one filter of its own, channels by vectors.
#include "kernels/isa/entries.hpp"
#include "kernels/isa/taps.hpp"

namespace cotape::kernels {
namespace {

// Windows, or products, that are added up side by side, so that no sum waits for itself.
constexpr std::int64_t side_by_side = 4;

// Writes N values of a row, whose windows show the same taps, for some channels.
template <std::int64_t N, class T, class Lanes>
void write_values(const windows& w, const window_at& at, const Lanes& lanes, const T* x, const T* f,
                  std::int64_t next_tap, T* y) {
  batch<T> sums[N];
  for (auto& sum : sums) sum = batch<T>(T(0));
  const std::int64_t next = w.axes[2].stride * w.channels;
  for_taps(w, at, [&](std::int64_t place, std::int64_t tap) {
    const batch<T> factor = lanes.load(f + tap * next_tap);
    for (std::int64_t n = 0; n < N; ++n) {
      sums[n] = xsimd::fma(lanes.load(x + place + n * next), factor, sums[n]);
    }
  });
  for (std::int64_t n = 0; n < N; ++n) lanes.store(y + n * w.channels, sums[n]);
}

template <class T>
void values(const windows& w, const T* x, const T* f, std::int64_t next_tap, T* y,
            std::int64_t first, std::int64_t images) {
  const windows::axis& a = w.axes[2];
  const auto whole = [&](std::int64_t i) { return tap_range(a, i).count() == a.size; };
  const std::int64_t rows = w.axes[0].out * w.axes[1].out;
  for_rows(w, first * rows, images * rows, [&](window_at at, std::int64_t number) {
    for (std::int64_t i = 0; i < a.out;) {
      const std::int64_t last = i + side_by_side - 1;
      const bool many = last < a.out && whole(i) && whole(last);
      at.x = tap_range(a, i);
      for_channels<T>(w, [&](const auto& lanes, std::int64_t c) {
        T* to = y + (number + i) * w.channels + c;
        if (many) write_values<side_by_side>(w, at, lanes, x + c, f + c, next_tap, to);
        else write_values<1>(w, at, lanes, x + c, f + c, next_tap, to);
      });
      i += many ? side_by_side : 1;
    }
  });
}

template <class T>
void to_images(const windows& w, const T* dy, const T* f, T* dx, std::int64_t first,
               std::int64_t images) {
  const std::int64_t image = w.pixels() * w.channels;
  clear(dx + first * image, images * image);
  for_windows(w, first, images, [&](const window_at& at, std::int64_t number) {
    for_channels<T>(w, [&](const auto& lanes, std::int64_t c) {
      const batch<T> adjoint = lanes.load(dy + number * w.channels + c);
      for_taps(w, at, [&](std::int64_t place, std::int64_t tap) {
        T* to = dx + place + c;
        lanes.store(to, xsimd::fma(lanes.load(f + tap * w.channels + c), adjoint, lanes.load(to)));
      });
    });
  });
}

// The sum of products of n pairs, which stand `x_next` and `y_next` apart.
template <class T, class Lanes>
batch<T> dot(const Lanes& lanes, const T* x, std::int64_t x_next, const T* y, std::int64_t y_next,
             std::int64_t n) {
  batch<T> sums[side_by_side];
  for (auto& sum : sums) sum = batch<T>(T(0));
  std::int64_t i = 0;
  for (; i + side_by_side <= n; i += side_by_side) {
    for (auto& sum : sums) {
      sum = xsimd::fma(lanes.load(x), lanes.load(y), sum);
      x += x_next;
      y += y_next;
    }
  }
  for (; i < n; ++i, x += x_next, y += y_next) {
    sums[0] = xsimd::fma(lanes.load(x), lanes.load(y), sums[0]);
  }
  return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

// Row by row of windows and tap by tap: a tap's elements in a row stand at equal distances.
template <class T>
void to_filters(const windows& w, const T* x, const T* dy, T* df, std::int64_t first,
                std::int64_t images) {
  clear(df, w.taps() * w.channels);
  const windows::axis& a = w.axes[2];
  const std::int64_t rows = w.axes[0].out * w.axes[1].out;
  for_rows(w, first * rows, images * rows, [&](window_at at, std::int64_t number) {
    for (std::int64_t i = 0; i < a.size; ++i) {
      const tap_windows shown(a, i);
      if (shown.first >= shown.end) continue;
      at.x = tap_range(a, shown.first);
      at.x.first = i;
      at.x.end = i + 1;
      for_taps(w, at, [&](std::int64_t place, std::int64_t tap) {
        for_channels<T>(w, [&](const auto& lanes, std::int64_t c) {
          T* to = df + tap * w.channels + c;
          const T* adjoint = dy + (number + shown.first) * w.channels + c;
          lanes.store(to, lanes.load(to) + dot(lanes, x + place + c, a.stride * w.channels, adjoint,
                                               w.channels, shown.end - shown.first));
        });
      });
    }
  });
}

}  // namespace

template <> depthwise_functions<float> depthwise_of<current>(float) {
  return {&values<float>, &to_images<float>, &to_filters<float>};
}
template <> depthwise_functions<double> depthwise_of<current>(double) {
  return {&values<double>, &to_images<double>, &to_filters<double>};
}

}  // namespace cotape::kernels

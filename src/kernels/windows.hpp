// How windows walk over the spatial axes of (batch, sizes..., channels), as convolutions and
// pooling see them, and the patches that they show.
#pragma once

#include <array>
#include <cstdint>

#include "kernels/threads.hpp"

namespace cotape::kernels {

struct windows {
  struct axis {
    std::int64_t in = 1, out = 1;  // elements, and windows
    std::int64_t size = 1, stride = 1, dilation = 1;
    std::int64_t before = 0;  // elements of padding in front of the first one
  };
  std::int64_t batch = 1, channels = 1;
  std::array<axis, 3> axes{};  // the first ones are of size 1 where there are fewer

  std::int64_t taps() const { return axes[0].size * axes[1].size * axes[2].size; }
  std::int64_t places() const { return axes[0].out * axes[1].out * axes[2].out; }  // in an image
  std::int64_t pixels() const { return axes[0].in * axes[1].in * axes[2].in; }
};

// Some of the channels.
struct channel_range {
  std::int64_t first, count;
};

// Patches are rows of (taps, channels), one a window, of `count` windows from the first on: all
// images' places are counted through. T is float or double.
template <class T> struct patch_functions {
  // Writes them.
  void (*read)(const windows&, const T* images, std::int64_t first, std::int64_t count,
               channel_range, T* patches);
  // The same of one channel, tap by tap: a row of `count` windows for each of them. Where windows
  // move by one element these stand side by side.
  void (*read_by_tap)(const windows&, const T* images, std::int64_t first, std::int64_t count,
                      T* patches);
  // Adds them to the images that they show, window by window.
  void (*add)(const windows&, const T* patches, std::int64_t first, std::int64_t count,
              channel_range, T* images);
};
template <class T> patch_functions<T> chosen_patch_functions();

// Convolutions of each channel with one filter, of (taps, channels), for some images from the first
// on; filters that are a result are the sum over these images. T is float or double.
template <class T> struct depthwise_functions {
  // The filter of the first tap, and how far from it the next one's stands.
  void (*values)(const windows&, const T* x, const T* filter, std::int64_t next_tap, T* y,
                 std::int64_t first, std::int64_t images);
  void (*to_images)(const windows&, const T* dy, const T* filters, T* dx, std::int64_t first,
                    std::int64_t images);
  void (*to_filters)(const windows&, const T* x, const T* dy, T* filters, std::int64_t first,
                     std::int64_t images);
};
template <class T> depthwise_functions<T> chosen_depthwise_functions();

// Of some images, from the first on: of each window and channel the largest element, NaN if one is,
// and the mean of those that are no padding. T is float or double. Each window shows an element.
template <class T> struct pooling_functions {
  void (*largest)(const windows&, const T* x, T* y, std::int64_t first, std::int64_t images);
  // Each window's dy, shared by the elements that are its largest one, is added to dx ...
  void (*largest_to_images)(const windows&, const T* x, const T* y, const T* dy, T* dx,
                            std::int64_t first, std::int64_t images);
  // ... and of u the mean of the places of these elements.
  void (*largest_to_values)(const windows&, const T* x, const T* y, const T* u, T* d,
                            std::int64_t first, std::int64_t images);
  void (*mean)(const windows&, const T* x, T* y, std::int64_t first, std::int64_t images);
  void (*mean_to_images)(const windows&, const T* dy, T* dx, std::int64_t first,
                         std::int64_t images);
};
template <class T> pooling_functions<T> chosen_pooling_functions();

// Calls f(first, images) for parts of the images, on several threads where it pays.
template <class F> void for_images(const windows& w, const F& f) {
  constexpr std::int64_t least_share = 200'000;  // elements that a thread reads
  // Windows of a pool may be far larger than any value: too large to be counted in whole numbers.
  double work = static_cast<double>(w.batch * w.channels);
  for (const windows::axis& a : w.axes)
    work *= static_cast<double>(a.out) * static_cast<double>(a.size);
  const auto counted = static_cast<std::int64_t>(std::min(work, 1e18));
  const auto parts =
      static_cast<int>(std::clamp<std::int64_t>(w.batch, 1, parts_of(counted, least_share)));
  parallel(parts, [&](int part) {
    const std::int64_t first = w.batch * part / parts, end = w.batch * (part + 1) / parts;
    f(first, end - first);
  });
}

}  // namespace cotape::kernels

// How windows walk over the spatial axes of (batch, sizes..., channels), as convolutions and
// pooling see them, and the patches that they show.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

namespace cotape::kernels {

struct windows {
  struct axis {
    std::int64_t in = 1, out = 1;  // elements, and windows
    std::int64_t size = 1, stride = 1, dilation = 1;
    std::int64_t before = 0;  // elements of padding in front of the first one
    // Where tap 0 of a window stands; it may stand in the padding.
    std::int64_t start(std::int64_t window) const { return window * stride - before; }
  };
  std::int64_t batch = 1, channels = 1;
  std::array<axis, 3> axes{};  // the first ones are of size 1 where there are fewer

  std::int64_t taps() const { return axes[0].size * axes[1].size * axes[2].size; }
  std::int64_t places() const { return axes[0].out * axes[1].out * axes[2].out; }  // in an image
  std::int64_t pixels() const { return axes[0].in * axes[1].in * axes[2].in; }
};

// Of a window's taps along an axis those that show an element: from `first` on, before `end`.
struct tap_range {
  std::int64_t first, end;
  tap_range(const windows::axis& a, std::int64_t start)
      : first(start >= 0 ? 0 : std::min(a.size, (a.dilation - 1 - start) / a.dilation)),
        end(start >= a.in
                ? first
                : std::max(first, std::min(a.size, (a.in - 1 - start) / a.dilation + 1))) {}
};

// Some of the channels.
struct channel_range {
  std::int64_t first, count;
};

// Patches are rows of (taps, channels), one a window, of `count` windows from the first on: all
// images' places are counted through. Calls shown(at, to, n) for n elements in a row that stand at
// `at` of the images and at `to` of the patches, and padding(to, n) for those of the padding.
template <class Shown, class Padding>
void walk_patches(const windows& w, std::int64_t first, std::int64_t count, channel_range c,
                  const Shown& shown, const Padding& padding) {
  const auto& [z, y, x] = w.axes;
  // Taps side by side whose elements are, too.
  const bool joined = x.dilation == 1 && c.count == w.channels;
  const std::int64_t line = x.size * c.count, plane = y.size * line;
  std::int64_t to = 0;
  for (std::int64_t p = first; p < first + count; ++p) {
    const std::int64_t x0 = x.start(p % x.out), y0 = y.start(p / x.out % y.out),
                       z0 = z.start(p / (x.out * y.out) % z.out);
    const std::int64_t image = p / w.places() * w.pixels();
    const tap_range along_x(x, x0), along_y(y, y0), along_z(z, z0);
    for (std::int64_t k = 0; k < z.size; ++k) {
      if (k < along_z.first || k >= along_z.end) {
        padding(to, plane);
        to += plane;
        continue;
      }
      for (std::int64_t j = 0; j < y.size; ++j, to += line) {
        if (j < along_y.first || j >= along_y.end || along_x.first == along_x.end) {
          padding(to, line);
          continue;
        }
        const std::int64_t row =
            (image + ((z0 + k * z.dilation) * y.in + y0 + j * y.dilation) * x.in) * w.channels +
            c.first;
        if (along_x.first > 0) padding(to, along_x.first * c.count);
        if (joined) {
          shown(row + (x0 + along_x.first) * w.channels, to + along_x.first * c.count,
                (along_x.end - along_x.first) * c.count);
        } else {
          for (std::int64_t i = along_x.first; i < along_x.end; ++i) {
            shown(row + (x0 + i * x.dilation) * w.channels, to + i * c.count, c.count);
          }
        }
        if (along_x.end < x.size)
          padding(to + along_x.end * c.count, (x.size - along_x.end) * c.count);
      }
    }
  }
}

// Writes them.
template <class T>
void read_patches(const windows& w, const T* images, std::int64_t first, std::int64_t count,
                  channel_range c, T* patches) {
  walk_patches(
      w, first, count, c,
      [=](std::int64_t at, std::int64_t to, std::int64_t n) {
        std::copy_n(images + at, n, patches + to);
      },
      [=](std::int64_t to, std::int64_t n) { std::fill_n(patches + to, n, T(0)); });
}

// Adds them to the images that they show, window by window.
template <class T>
void add_patches(const windows& w, const T* patches, std::int64_t first, std::int64_t count,
                 channel_range c, T* images) {
  walk_patches(
      w, first, count, c,
      [=](std::int64_t at, std::int64_t to, std::int64_t n) {
        for (std::int64_t i = 0; i < n; ++i) images[at + i] += patches[to + i];
      },
      [](std::int64_t, std::int64_t) {});
}

}  // namespace cotape::kernels

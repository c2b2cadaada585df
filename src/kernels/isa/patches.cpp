// Patches of windows: elements side by side are moved and added by vectors.
#include "kernels/isa/entries.hpp"
#include "kernels/isa/taps.hpp"

namespace cotape::kernels {
namespace {

// Calls shown(at, to, n) for n elements in a row that stand at `at` of the images and at `to` of
// the patches, and padding(to, n) for those of the padding.
template <class Shown, class Padding>
void walk(const windows& w, std::int64_t from, std::int64_t count, channel_range c,
          const Shown& shown, const Padding& padding) {
  const windows::axis &z = w.axes[0], &y = w.axes[1], &x = w.axes[2];
  // Taps side by side whose elements are, too.
  const bool joined = x.dilation == 1 && c.count == w.channels;
  const std::int64_t line = x.size * c.count, plane = y.size * line;
  std::int64_t to = 0, image = from / w.places() * w.pixels();
  std::int64_t at_x = from % x.out, at_y = from / x.out % y.out,
               at_z = from / (x.out * y.out) % z.out;
  for (std::int64_t p = 0; p < count; ++p) {
    const tap_range along_x(x, at_x), along_y(y, at_y), along_z(z, at_z);
    for (std::int64_t k = 0; k < z.size; ++k) {
      if (!along_z.has(k)) {
        padding(to, plane);
        to += plane;
        continue;
      }
      for (std::int64_t j = 0; j < y.size; ++j, to += line) {
        if (!along_y.has(j) || along_x.first == along_x.end) {
          padding(to, line);
          continue;
        }
        const std::int64_t rows =
            (along_z.start + k * z.dilation) * y.in + along_y.start + j * y.dilation;
        const std::int64_t row = (image + rows * x.in + along_x.start) * w.channels + c.first;
        if (along_x.first > 0) padding(to, along_x.first * c.count);
        if (joined) {
          shown(row + along_x.first * w.channels, to + along_x.first * c.count,
                (along_x.end - along_x.first) * c.count);
        } else {
          for (std::int64_t i = along_x.first; i < along_x.end; ++i) {
            shown(row + i * x.dilation * w.channels, to + i * c.count, c.count);
          }
        }
        if (along_x.end < x.size) {
          padding(to + along_x.end * c.count, (x.size - along_x.end) * c.count);
        }
      }
    }
    if (++at_x < x.out) continue;
    at_x = 0;
    if (++at_y < y.out) continue;
    at_y = 0;
    if (++at_z < z.out) continue;
    at_z = 0;
    image += w.pixels();
  }
}

template <class T>
void read(const windows& w, const T* images, std::int64_t first, std::int64_t count,
          channel_range c, T* patches) {
  walk(
      w, first, count, c,
      [=](std::int64_t at, std::int64_t to, std::int64_t n) { copy(patches + to, images + at, n); },
      [=](std::int64_t to, std::int64_t n) { clear(patches + to, n); });
}

// Of some windows side by side along the last axis, from one at `start` on, tap by tap.
template <class T>
void read_taps(const windows::axis& x, const T* row, std::int64_t start, std::int64_t n,
               std::int64_t apart, T* d) {
  for (std::int64_t i = 0; i < x.size; ++i, d += apart, start += x.dilation) {
    const std::int64_t before = start >= 0 ? 0 : smaller(n, -start);
    const std::int64_t end = x.in - start < n ? (x.in > start ? x.in - start : 0) : n;
    const std::int64_t shown = end > before ? end - before : 0;
    if (before > 0) clear(d, before);
    if (shown > 0) copy(d + before, row + start + before, shown);
    if (before + shown < n) clear(d + before + shown, n - before - shown);
  }
}

template <class T>
void read_by_tap(const windows& w, const T* images, std::int64_t first, std::int64_t count,
                 T* patches) {
  const windows::axis &z = w.axes[0], &y = w.axes[1], &x = w.axes[2];
  for (std::int64_t done = 0, n = 0; done < count; done += n) {
    const std::int64_t p = first + done, at_x = p % x.out;
    n = smaller(x.out - at_x, count - done);
    const tap_range along_z(z, p / (x.out * y.out) % z.out), along_y(y, p / x.out % y.out);
    T* d = patches + done;
    for (std::int64_t k = 0; k < z.size; ++k) {
      for (std::int64_t j = 0; j < y.size; ++j, d += x.size * count) {
        if (!along_z.has(k) || !along_y.has(j)) {
          for (std::int64_t i = 0; i < x.size; ++i) clear(d + i * count, n);
          continue;
        }
        const std::int64_t rows =
            (along_z.start + k * z.dilation) * y.in + along_y.start + j * y.dilation;
        const T* row = images + p / w.places() * w.pixels() + rows * x.in;
        read_taps(x, row, at_x - x.before, n, count, d);
      }
    }
  }
}

template <class T>
void add(const windows& w, const T* patches, std::int64_t first, std::int64_t count,
         channel_range c, T* images) {
  const batch<T> zero(T(0));
  walk(
      w, first, count, c,
      [&](std::int64_t at, std::int64_t from, std::int64_t n) {
        T* d = images + at;
        const T* a = patches + from;
        by_vectors<T>(
            n,
            [&](std::int64_t i) {
              (batch<T>::load_unaligned(d + i) + batch<T>::load_unaligned(a + i))
                  .store_unaligned(d + i);
            },
            [&](std::int64_t i, const head<T>& rest) {
              rest.store(d + i, rest.load(d + i, zero) + rest.load(a + i, zero));
            });
      },
      [](std::int64_t, std::int64_t) {});
}

}  // namespace

template <> patch_functions<float> patches_of<current>(float) {
  return {&read<float>, &read_by_tap<float>, &add<float>};
}
template <> patch_functions<double> patches_of<current>(double) {
  return {&read<double>, &read_by_tap<double>, &add<double>};
}

}  // namespace cotape::kernels

// Convolutions of `window` x `window` by hand, forward and backward: patches of some rows of one
// image at a time, which stay in the second cache; one filter a channel by plain loops.
#include <algorithm>

#include "blas.hpp"
#include "hand.hpp"

namespace bench::HAND {
namespace {

struct sizes {
  std::size_t batch, side, channels, filters, window;
  explicit sizes(const hand_buffers& b, bool one_filter = false)
      : batch(b["batch"]),
        side(b["side"]),
        channels(b["channels"]),
        filters(one_filter ? b["channels"] : b["filters"]),
        window(b["window"]) {}
  std::size_t image() const { return side * side * channels; }
  std::size_t values() const { return side * side * filters; }
  std::size_t patch() const { return window * window * channels; }
  // Rows of windows whose patches are a quarter of a second cache.
  std::size_t rows() const { return std::clamp<std::size_t>(65536 / (side * patch()), 1, side); }
  // The taps along an axis that show an element, for the window at `at`: first, and behind.
  std::size_t first(std::size_t at) const { return at < before() ? before() - at : 0; }
  std::size_t end(std::size_t at) const { return std::min(window, side + before() - at); }
  std::size_t before() const { return (window - 1) / 2; }
};

struct convolution {
  sizes s;
  const float *x, *w, *dy;
  float *y, *dx, *dw, *patches;

  // Calls f(place in the image, place in the patches, elements) for the rows of taps of a block's
  // windows that show elements.
  template <class F> void walk(std::size_t row, std::size_t rows, const F& f) const {
    for (std::size_t i = row; i < row + rows; ++i) {
      for (std::size_t j = 0; j < s.side; ++j) {
        const std::size_t at = ((i - row) * s.side + j) * s.patch(), from = s.first(j);
        const std::size_t n = (s.end(j) - from) * s.channels;
        for (std::size_t k = s.first(i); k < s.end(i); ++k) {
          f(((i + k - s.before()) * s.side + j + from - s.before()) * s.channels,
            at + (k * s.window + from) * s.channels, n);
        }
      }
    }
  }
  void take(const float* __restrict image, std::size_t row, std::size_t rows) const {
    float* __restrict to = patches;
    std::fill_n(to, rows * s.side * s.patch(), 0.0F);
    walk(row, rows, [=](std::size_t a, std::size_t b, std::size_t n) {
      for (std::size_t c = 0; c < n; ++c) to[b + c] = image[a + c];
    });
  }
  void add(float* __restrict image, std::size_t row, std::size_t rows) const {
    const float* __restrict from = patches;
    walk(row, rows, [=](std::size_t a, std::size_t b, std::size_t n) {
      for (std::size_t c = 0; c < n; ++c) image[a + c] += from[b + c];
    });
  }
  template <class F> void for_blocks(const F& f) const {
    for (std::size_t i = 0; i < s.batch; ++i) {
      for (std::size_t row = 0; row < s.side; row += s.rows()) {
        const std::size_t rows = std::min(s.rows(), s.side - row);
        f(i * s.image(), i * s.values() + row * s.side * s.filters, row, rows);
      }
    }
  }

  void operator()() const {
    for_blocks([&](std::size_t image, std::size_t value, std::size_t row, std::size_t rows) {
      take(x + image, row, rows);
      multiply({rows * s.side, s.filters, s.patch()}, patches, w, y + value);
    });
    std::fill_n(dx, s.batch * s.image(), 0.0F);
    std::fill_n(dw, s.patch() * s.filters, 0.0F);
    for_blocks([&](std::size_t image, std::size_t value, std::size_t row, std::size_t rows) {
      const std::size_t n = rows * s.side;
      take(x + image, row, rows);
      multiply({s.patch(), s.filters, n, true, false, 1, 1}, patches, dy + value, dw);
      multiply({n, s.patch(), s.filters, false, true}, dy + value, w, patches);
      add(dx + image, row, rows);
    });
  }
};

convolution convolution_of(hand_buffers& b, const sizes& s) {
  return {.s = s,
          .x = b.in<float>(0),
          .w = b.in<float>(1),
          .dy = b.in<float>(2),
          .y = b.out<float>(s.batch * s.values()),
          .dx = b.out<float>(s.batch * s.image()),
          .dw = b.out<float>(s.patch() * s.filters),
          .patches = b.scratch<float>(s.rows() * s.side * s.patch())};
}
std::function<void()> convolution_grad(hand_buffers& b) { return convolution_of(b, sizes(b)); }

// Its three products of one block, whose operands stay in the second cache, as many times as there
// are blocks.
std::function<void()> convolution_products(hand_buffers& b) {
  const sizes s(b);
  const std::size_t n = s.rows() * s.side;
  const auto all = static_cast<double>(s.batch * s.side) / static_cast<double>(s.rows());
  return [s, n, times = static_cast<std::size_t>(all + 0.5), w = b.in<float>(1),
          patches = b.scratch<float>(n * s.patch()), y = b.scratch<float>(n * s.filters),
          dw = b.scratch<float>(s.patch() * s.filters)] {
    for (std::size_t i = 0; i < times; ++i) {
      multiply({n, s.filters, s.patch()}, patches, w, y);
    }
    for (std::size_t i = 0; i < times; ++i) {
      multiply({s.patch(), s.filters, n, true, false, 1, 1}, patches, y, dw);
    }
    for (std::size_t i = 0; i < times; ++i) {
      multiply({n, s.patch(), s.filters, false, true}, y, w, patches);
    }
  };
}

// One filter a channel: each tap's loop over the channels is by vectors.
struct depthwise {
  sizes s;
  const float *x, *w, *dy;
  float *y, *dx, *dw;

  // Calls f(place in the image, place in the filters, place in the values) for all products.
  template <class F> void walk(const F& f) const {
    for (std::size_t b = 0; b < s.batch; ++b) {
      for (std::size_t i = 0; i < s.side; ++i) {
        for (std::size_t j = 0; j < s.side; ++j) {
          const std::size_t value = ((b * s.side + i) * s.side + j) * s.channels;
          for (std::size_t k = s.first(i); k < s.end(i); ++k) {
            for (std::size_t l = s.first(j); l < s.end(j); ++l) {
              const std::size_t row = b * s.side + i + k - s.before();
              f((row * s.side + j + l - s.before()) * s.channels, (k * s.window + l) * s.channels,
                value);
            }
          }
        }
      }
    }
  }
  // to[c] += a[c] b[c] for all channels.
  void add(float* __restrict to, const float* __restrict a, const float* __restrict b) const {
    for (std::size_t c = 0; c < s.channels; ++c) to[c] += a[c] * b[c];
  }
  void operator()() const {
    std::fill_n(y, s.batch * s.values(), 0.0F);
    std::fill_n(dx, s.batch * s.image(), 0.0F);
    std::fill_n(dw, s.window * s.window * s.channels, 0.0F);
    walk([&](std::size_t at, std::size_t tap, std::size_t v) { add(y + v, x + at, w + tap); });
    walk([&](std::size_t at, std::size_t tap, std::size_t v) {
      add(dw + tap, x + at, dy + v);
      add(dx + at, dy + v, w + tap);
    });
  }
};

std::function<void()> depthwise_grad(hand_buffers& b) {
  const sizes s(b, true);
  return depthwise{.s = s,
                   .x = b.in<float>(0),
                   .w = b.in<float>(1),
                   .dy = b.in<float>(2),
                   .y = b.out<float>(s.batch * s.values()),
                   .dx = b.out<float>(s.batch * s.image()),
                   .dw = b.out<float>(s.window * s.window * s.channels)};
}

}  // namespace

hand_table convolutions() {
  return {{"convolution_grad", &convolution_grad}, {"depthwise_grad", &depthwise_grad}};
}
hand_table bare_products() { return {{"convolution_grad", &convolution_products}}; }

}  // namespace bench::HAND

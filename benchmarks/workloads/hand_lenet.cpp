// The LeNet-like network by hand: patches of one image at a time, which stay in the second cache;
// the dense layers over the whole batch.
#include <algorithm>
#include <cmath>

#include "blas.hpp"
#include "fast_exp.hpp"
#include "hand.hpp"

namespace bench::HAND {
namespace {

constexpr std::size_t window = 5, classes = 10;

// A convolution with relu and maxima of 2 x 2, and its buffers for one batch.
struct convolution {
  std::size_t side, channels, units;  // side of the input
  const float *kernel, *bias;
  float *dkernel, *dbias;
  float* patches;     // of one image
  float* full;        // one image's values before the maxima, then their adjoints
  float* y;           // the maxima, image after image
  unsigned char* at;  // which of four each is

  std::size_t wide() const { return side - window + 1; }
  std::size_t half() const { return wide() / 2; }
  std::size_t length() const { return window * window * channels; }
  std::size_t in_size() const { return side * side * channels; }
  std::size_t out_size() const { return half() * half() * units; }

  void take_patches(const float* x, float* to) const {
    if (channels == 1) take_rows<window>(window, x, to);
    else take_rows<0>(window * channels, x, to);
  }

  // Each patch's rows stand together in the image; N is their length where it is known when this is
  // compiled: memcpy of a few floats takes longer than they do.
  template <std::size_t N>
  void take_rows(std::size_t row, const float* __restrict x, float* __restrict to) const {
    if (N != 0) row = N;
    for (std::size_t i = 0; i < wide(); ++i) {
      for (std::size_t j = 0; j < wide(); ++j) {
        for (std::size_t k = 0; k < window; ++k, to += row) {
          const float* from = x + ((i + k) * side + j) * channels;
          for (std::size_t c = 0; c < row; ++c) to[c] = from[c];
        }
      }
    }
  }

  void add_patches(const float* __restrict from, float* __restrict dx) const {
    const std::size_t row = window * channels;
    for (std::size_t i = 0; i < wide(); ++i) {
      for (std::size_t j = 0; j < wide(); ++j) {
        for (std::size_t k = 0; k < window; ++k, from += row) {
          float* __restrict to = dx + ((i + k) * side + j) * channels;
          for (std::size_t c = 0; c < row; ++c) to[c] += from[c];
        }
      }
    }
  }

  // Where the four values of a maximum stand.
  std::size_t corner(std::size_t i, std::size_t j, std::size_t k) const {
    return ((2 * i + k / 2) * wide() + 2 * j + k % 2) * units;
  }

  void pool(float* __restrict to, unsigned char* __restrict which) const {
    for (std::size_t i = 0; i < half(); ++i) {
      for (std::size_t j = 0; j < half(); ++j, to += units, which += units) {
        const float *a = full + corner(i, j, 0), *b = full + corner(i, j, 1),
                    *c = full + corner(i, j, 2), *d = full + corner(i, j, 3);
        for (std::size_t u = 0; u < units; ++u) {
          const float top = std::max(std::max(a[u], b[u]), std::max(c[u], d[u])), z = top + bias[u];
          const int lower = c[u] == top ? 2 : 3, upper = a[u] == top ? 0 : 1;
          which[u] = static_cast<unsigned char>(a[u] == top || b[u] == top ? upper : lower);
          to[u] = std::max(z, 0.0F);
        }
      }
    }
  }

  void forward(const float* x, std::size_t image) const {
    take_patches(x + image * in_size(), patches);
    multiply({wide() * wide(), units, length()}, patches, kernel, full);
    pool(y + image * out_size(), at + image * out_size());
  }

  void spread(const float* __restrict dy, std::size_t image) const {
    const float* top = y + image * out_size();
    const unsigned char* which = at + image * out_size();
    for (std::size_t i = 0; i < half(); ++i) {
      for (std::size_t j = 0; j < half(); ++j, dy += units, top += units, which += units) {
        for (std::size_t k = 0; k < 4; ++k) {
          float* __restrict to = full + corner(i, j, k);
          for (std::size_t u = 0; u < units; ++u) {
            to[u] = top[u] > 0 && which[u] == k ? dy[u] : 0.0F;
          }
        }
        for (std::size_t u = 0; u < units; ++u) dbias[u] += top[u] > 0 ? dy[u] : 0.0F;
      }
    }
  }

  // Adds to the gradients; dx is null where nobody asks for the input's.
  void backward(const float* x, const float* dy, std::size_t image, float* dx) const {
    spread(dy + image * out_size(), image);
    take_patches(x + image * in_size(), patches);
    multiply({length(), units, wide() * wide(), true, false, 1, 1}, patches, full, dkernel);
    if (dx == nullptr) return;
    multiply({wide() * wide(), length(), units, false, true}, full, kernel, patches);
    std::fill_n(dx + image * in_size(), in_size(), 0.0F);
    add_patches(patches, dx + image * in_size());
  }

  void clear() const {
    std::fill_n(dkernel, length() * units, 0.0F);
    std::fill_n(dbias, units, 0.0F);
  }
};

struct dense {
  std::size_t inputs, units;
  const float *w, *bias;
  float *dw, *dbias, *z, *dz;

  void forward(std::size_t batch, const float* x) const {
    for (std::size_t i = 0; i < batch; ++i) std::copy_n(bias, units, z + i * units);
    multiply({batch, units, inputs, false, false, 1, 1}, x, w, z);
  }
  void backward(std::size_t batch, const float* x, float* dx) const {
    std::fill_n(dbias, units, 0.0F);
    for (std::size_t i = 0; i < batch; ++i) {
      for (std::size_t j = 0; j < units; ++j) dbias[j] += dz[i * units + j];
    }
    multiply({inputs, units, batch, true}, x, dz, dw);
    multiply({batch, inputs, units, false, true}, dz, w, dx);
  }
};

struct lenet_buffers {
  std::size_t batch;
  const float* images;
  const std::int64_t* labels;
  float* loss;
  convolution first, second;
  dense hidden, last;
  float *dfirst, *dsecond;  // adjoints of the convolutions' results

  void operator()() const {
    for (std::size_t i = 0; i < batch; ++i) {
      first.forward(images, i);
      second.forward(first.y, i);
    }
    hidden.forward(batch, second.y);
    for (std::size_t i = 0; i < batch * hidden.units; ++i)
      hidden.z[i] = std::max(hidden.z[i], 0.0F);
    last.forward(batch, hidden.z);
    *loss = entropy();
    last.backward(batch, hidden.z, hidden.dz);
    for (std::size_t i = 0; i < batch * hidden.units; ++i) {
      hidden.dz[i] = hidden.z[i] > 0 ? hidden.dz[i] : 0.0F;
    }
    hidden.backward(batch, second.y, dsecond);
    first.clear();
    second.clear();
    for (std::size_t i = 0; i < batch; ++i) {
      second.backward(first.y, dsecond, i, dfirst);
      first.backward(images, dfirst, i, nullptr);
    }
  }

  float entropy() const {
    const float share = 1 / static_cast<float>(batch);
    float total = 0;
    for (std::size_t i = 0; i < batch; ++i) {
      const float* z = last.z + i * classes;
      float *dz = last.dz + i * classes, top = z[0], sum = 0;
      for (std::size_t j = 1; j < classes; ++j) top = std::max(top, z[j]);
      for (std::size_t j = 0; j < classes; ++j) sum += dz[j] = fast_exp(z[j] - top);
      for (std::size_t j = 0; j < classes; ++j) dz[j] *= share / sum;
      dz[labels[i]] -= share;
      total += std::log(sum) - (z[labels[i]] - top);
    }
    return total * share;
  }
};

std::function<void()> lenet(hand_buffers& b) {
  const std::size_t batch = b["batch"];
  lenet_buffers l{};
  l.batch = batch;
  l.images = b.in<float>(0);
  l.labels = b.in<std::int64_t>(1);
  l.loss = b.out<float>(1);
  std::size_t next = 2;  // of the parameters
  const auto convolve = [&](std::size_t side, std::size_t channels, std::size_t units) {
    convolution c{};
    c.side = side, c.channels = channels, c.units = units;
    c.kernel = b.in<float>(next++), c.bias = b.in<float>(next++);
    c.dkernel = b.out<float>(c.length() * units), c.dbias = b.out<float>(units);
    c.patches = b.scratch<float>(c.wide() * c.wide() * c.length());
    c.full = b.scratch<float>(c.wide() * c.wide() * units);
    c.y = b.scratch<float>(batch * c.out_size());
    c.at = reinterpret_cast<unsigned char*>(b.scratch<float>(batch * c.out_size()));
    return c;
  };
  const auto connect = [&](std::size_t inputs, std::size_t units) {
    dense d{};
    d.inputs = inputs, d.units = units;
    d.w = b.in<float>(next++), d.bias = b.in<float>(next++);
    d.dw = b.out<float>(inputs * units), d.dbias = b.out<float>(units);
    d.z = b.scratch<float>(batch * units), d.dz = b.scratch<float>(batch * units);
    return d;
  };
  l.first = convolve(28, 1, b["first"]);
  l.second = convolve(l.first.half(), b["first"], b["second"]);
  l.hidden = connect(l.second.out_size(), b["hidden"]);
  l.last = connect(b["hidden"], classes);
  l.dfirst = b.scratch<float>(batch * l.first.out_size());
  l.dsecond = b.scratch<float>(batch * l.second.out_size());
  return l;
}

}  // namespace

hand_table lenets() { return {{"lenet", &lenet}}; }

}  // namespace bench::HAND

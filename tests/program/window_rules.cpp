// Windows as their attributes say them: the number of spatial axes, of groups, and for each axis
// its elements, its windows, their size, stride, dilation and the padding before.
#include "window_rules.hpp"

#include <algorithm>
#include <cmath>
#include <string_view>

namespace cotape::tests {

namespace {

using words = std::vector<std::int64_t>;
constexpr double unknown = std::numeric_limits<double>::infinity();

std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }

struct windows {
  struct axis {
    std::int64_t in, out, size, stride, dilation, before;
  };
  std::vector<axis> axes;
  std::int64_t groups;

  explicit windows(std::span<const std::int64_t> a) : groups(a[1]) {
    for (std::int64_t i = 0; i < a[0]; ++i) {
      const auto n = a.subspan(at(2 + 6 * i), 6);
      axes.push_back({n[0], n[1], n[2], n[3], n[4], n[5]});
    }
  }
  std::int64_t all(std::int64_t axis::*what) const {
    std::int64_t product = 1;
    for (const axis& a : axes) product *= a.*what;
    return product;
  }
  // Calls f(element, tap), each counted through in row-major order, for those elements of a window
  // that are no padding.
  template <class F> void for_taps(std::int64_t window, F f) const {
    const std::int64_t taps = all(&axis::size);
    for (std::int64_t tap = 0; tap < taps; ++tap) {
      std::int64_t element = 0, unit = 1, w = window, t = tap;
      bool within = true;
      for (std::size_t i = axes.size(); i-- > 0;) {
        const axis& a = axes[i];
        const std::int64_t k = w % a.out * a.stride + t % a.size * a.dilation - a.before;
        within = within && k >= 0 && k < a.in;
        element += k * unit;
        unit *= a.in;
        w /= a.out;
        t /= a.size;
      }
      if (within) f(element, tap);
    }
  }
};

std::int64_t channels_of(const value_type* type) { return type->shape[type->shape.rank() - 1]; }

number_array totals(const std::vector<number_array>& terms, double u) {
  number_array y;
  for (const number_array& list : terms) y.push_back(total(list, u));
  return y;
}

number divided(number x, std::int64_t n, double u) {
  const auto by = static_cast<long double>(n);
  return {x.x / by, x.slope / by,
          x.error / static_cast<double>(n) + u * static_cast<double>(std::abs(x.x / by))};
}

// Calls f(place of the window's value, places of its elements) for each window and channel.
template <class F> void for_windows(const task& t, const value_type* images, F f) {
  const windows w(t.attributes);
  const std::int64_t channels = channels_of(images), out = w.all(&windows::axis::out),
                     in = w.all(&windows::axis::in);
  for (std::int64_t b = 0; b < images->shape[0]; ++b) {
    for (std::int64_t window = 0; window < out; ++window) {
      for (std::int64_t c = 0; c < channels; ++c) {
        std::vector<std::size_t> places;
        w.for_taps(window, [&](std::int64_t element, std::int64_t) {
          places.push_back(at((b * in + element) * channels + c));
        });
        f(at((b * out + window) * channels + c), places);
      }
    }
  }
}

// Of a window's elements those that are its largest one; `sure` if no rounding can change that.
std::vector<std::size_t> tops(const number_array& x, const number& y,
                              const std::vector<std::size_t>& places, bool& sure) {
  std::vector<std::size_t> found;
  int candidates = 0;
  double errors = 0;
  for (std::size_t p : places) {
    if (x[p].x == y.x) found.push_back(p);
    candidates += !(y.x - x[p].x > 8 * (y.error + x[p].error));
    errors += x[p].error;
  }
  sure = candidates <= 1 || errors + y.error == 0;
  return found;
}

}  // namespace

number_array convolution(const task& t) {
  const std::string_view name = t.op->name;
  const bool to_images = name == "conv_to_images", to_filters = name == "conv_to_filters";
  const value_type *images = to_images ? t.type : t.in_type[0],
                   *filters = to_filters ? t.type : t.in_type[1];
  const windows w(t.attributes);
  const std::int64_t channels = channels_of(images), count = channels_of(filters),
                     depth = channels / w.groups, own = count / w.groups,
                     out = w.all(&windows::axis::out), in = w.all(&windows::axis::in);
  const double u = unit_of(t.type->dtype);
  std::vector<number_array> terms(at(t.type->shape.elements()));
  for (std::int64_t b = 0; b < images->shape[0]; ++b) {
    for (std::int64_t window = 0; window < out; ++window) {
      w.for_taps(window, [&](std::int64_t element, std::int64_t tap) {
        for (std::int64_t f = 0; f < count; ++f) {
          for (std::int64_t c = 0; c < depth; ++c) {
            const std::size_t image = at((b * in + element) * channels + f / own * depth + c),
                              filter = at((tap * depth + c) * count + f),
                              value = at((b * out + window) * count + f);
            const std::size_t p = to_images ? value : image, q = to_filters ? value : filter;
            terms[to_images    ? image
                  : to_filters ? filter
                               : value]
                .push_back(product_of((*t.in[0])[p], (*t.in[1])[q], u));
          }
        }
      });
    }
  }
  return totals(terms, u);
}

namespace {

// Calls f(place in the patches, place in the images).
template <class F> void for_patches(const task& t, const value_type* images, F f) {
  const windows w(t.attributes);
  const std::int64_t channels = channels_of(images), out = w.all(&windows::axis::out),
                     in = w.all(&windows::axis::in), taps = w.all(&windows::axis::size);
  for (std::int64_t row = 0; row < images->shape[0] * out; ++row) {
    w.for_taps(row % out, [&](std::int64_t element, std::int64_t tap) {
      for (std::int64_t c = 0; c < channels; ++c) {
        f(at((row * taps + tap) * channels + c), at((row / out * in + element) * channels + c));
      }
    });
  }
}

}  // namespace

number_array unfolded(const task& t) {
  number_array y(at(t.type->shape.elements()));
  for_patches(t, t.in_type[0],
              [&](std::size_t patch, std::size_t image) { y[patch] = (*t.in[0])[image]; });
  return y;
}

number_array folded(const task& t) {
  std::vector<number_array> terms(at(t.type->shape.elements()));
  for_patches(t, t.type, [&](std::size_t patch, std::size_t image) {
    terms[image].push_back((*t.in[0])[patch]);
  });
  return totals(terms, unit_of(t.type->dtype));
}

number_array largest_of_windows(const task& t) {
  number_array y(at(t.type->shape.elements()));
  for_windows(t, t.in_type[0], [&](std::size_t value, const std::vector<std::size_t>& places) {
    number_array seen;
    for (std::size_t p : places) seen.push_back((*t.in[0])[p]);
    y[value] = maximum_of(seen);
  });
  return y;
}

number_array largest_to_images(const task& t) {
  const double u = unit_of(t.type->dtype);
  std::vector<number_array> terms(at(t.type->shape.elements()));
  for_windows(t, t.in_type[0], [&](std::size_t value, const std::vector<std::size_t>& places) {
    bool sure = true;
    const auto found = tops(*t.in[0], (*t.in[1])[value], places, sure);
    for (std::size_t p : found) {
      terms[p].push_back(divided((*t.in[2])[value], static_cast<std::int64_t>(found.size()), u));
    }
    if (sure) return;
    for (std::size_t p : places) terms[p].push_back({0, 0, unknown});
  });
  return totals(terms, u);
}

number_array largest_picks(const task& t) {
  const double u = unit_of(t.type->dtype);
  number_array y(at(t.type->shape.elements()));
  for_windows(t, t.in_type[0], [&](std::size_t value, const std::vector<std::size_t>& places) {
    bool sure = true;
    const auto found = tops(*t.in[0], (*t.in[1])[value], places, sure);
    number_array picked;
    for (std::size_t p : found) picked.push_back((*t.in[2])[p]);
    y[value] = divided(total(picked, u),
                       std::max<std::int64_t>(1, static_cast<std::int64_t>(found.size())), u);
    if (!sure) y[value].error = unknown;
  });
  return y;
}

number_array means_of_windows(const task& t) {
  const double u = unit_of(t.type->dtype);
  number_array y(at(t.type->shape.elements()));
  for_windows(t, t.in_type[0], [&](std::size_t value, const std::vector<std::size_t>& places) {
    number_array seen;
    for (std::size_t p : places) seen.push_back((*t.in[0])[p]);
    y[value] = divided(total(seen, u), static_cast<std::int64_t>(places.size()), u);
  });
  return y;
}

number_array means_to_images(const task& t) {
  const double u = unit_of(t.type->dtype);
  std::vector<number_array> terms(at(t.type->shape.elements()));
  for_windows(t, t.type, [&](std::size_t value, const std::vector<std::size_t>& places) {
    for (std::size_t p : places) {
      terms[p].push_back(divided((*t.in[0])[value], static_cast<std::int64_t>(places.size()), u));
    }
  });
  return totals(terms, u);
}

}  // namespace cotape::tests

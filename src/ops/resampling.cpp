// Resizing and adaptive pooling: compositions of gathers, slices and reductions.
#include <fmt/format.h>

#include <algorithm>

#include "cotape/xtensor.hpp"
#include "ops/windows.hpp"
#include "primitives/primitives.hpp"

namespace cotape {

namespace {

using vision::number_of, vision::words;

// The spatial axes of x, from 1 on.
std::size_t spatial_axes(const composition& c) {
  const std::size_t rank = c[0].shape().rank(), axes = rank < 2 ? 0 : rank - 2;
  if (axes < 1 || axes > 3) {
    c.fail<shape_error>(fmt::format(
        "{} spatial axes, it takes 1 to 3: data are (batch, sizes..., channels)", axes));
  }
  return axes;
}

// The sizes that are asked for, of x with elements along these axes.
words sizes_along(const composition& c, const per_axis& given) {
  words sizes(c[0].shape().begin(), c[0].shape().end());
  const std::size_t axes = spatial_axes(c);
  for (std::size_t i = 0; i < axes; ++i) {
    if (sizes[i + 1] == 0) c.fail<shape_error>(fmt::format("spatial axis {} is empty", i));
    sizes[i + 1] = number_of(c, given, i, axes, "the size");
  }
  c.shape_of(sizes);
  return sizes;
}

variable taken(const composition& c, const variable& x, std::size_t axis, const words& from) {
  tensor indices({int64, {static_cast<std::int64_t>(from.size())}});
  std::copy(from.begin(), from.end(), indices.data_as<std::int64_t>());
  return gather(x, c.on().constant(indices), static_cast<std::int64_t>(axis));
}

variable nearest(const composition& c, const variable& x, std::size_t axis, std::int64_t m) {
  const std::int64_t n = x.shape()[axis];
  words from;
  for (std::int64_t i = 0; i < m; ++i) from.push_back((2 * i + 1) * n / (2 * m));
  return taken(c, x, axis, from);
}

variable between_two(const composition& c, const variable& x, std::size_t axis, std::int64_t m) {
  const std::int64_t n = x.shape()[axis];
  words low, high, sizes(x.shape().rank() - axis, 1);
  sizes[0] = m;
  tensor share({float64, shape(sizes)});
  for (std::int64_t i = 0; i < m; ++i) {  // p + 1 = over / 2m
    const std::int64_t over = (2 * i + 1) * n + m, k = over / (2 * m) - 1;
    low.push_back(std::max<std::int64_t>(k, 0));
    high.push_back(std::min(k + 1, n - 1));
    share.data_as<double>()[i] = static_cast<double>(over % (2 * m)) / static_cast<double>(2 * m);
  }
  const variable a = taken(c, x, axis, low), b = taken(c, x, axis, high);
  return a + cast(c.on().constant(share), x.dtype()) * (b - a);
}

// The result of f for each window along the axes from `axis` on.
template <class Reduction>
variable of_each_window(const variable& x, const words& sizes, std::size_t axis, Reduction f) {
  if (axis + 1 == sizes.size()) return f(x);
  const std::int64_t n = x.shape()[axis], m = sizes[axis];
  const std::size_t rank = sizes.size();
  std::vector<operand> parts;
  for (std::int64_t i = 0; i < m; ++i) {
    const std::int64_t first = i * n / m, end = ((i + 1) * n + m - 1) / m;
    words attributes(x.shape().begin(), x.shape().end());
    attributes[axis] = end - first;
    attributes.resize(2 * rank, 0);
    attributes[rank + axis] = first;
    attributes.resize(3 * rank, 1);
    const variable window = record(primitives::slice, {x}, attributes);
    parts.emplace_back(of_each_window(window, sizes, axis + 1, f));
  }
  return concatenate(parts, static_cast<std::int64_t>(axis));
}

using pooling = variable (*)(operand, const per_axis&, const pool_options&);
using reduction = variable (*)(operand, const axes&, dims);

variable adaptive(const composition& c, const per_axis& given, pooling pool, reduction reduce) {
  c.demand_floating();
  const words sizes = sizes_along(c, given);
  const shape& in = c[0].shape();
  words windows, spatial;
  bool alike = true;
  for (std::size_t i = 1; i + 1 < sizes.size(); ++i) {
    alike = alike && in[i] % sizes[i] == 0;
    windows.push_back(in[i] / sizes[i]);
    spatial.push_back(static_cast<std::int64_t>(i));
  }
  if (alike) return pool(c[0], windows, {});
  return of_each_window(c[0], sizes, 1,
                        [&](const variable& x) { return reduce(x, axes(spatial), keep_dims); });
}

}  // namespace

variable adaptive_max_pool(operand x, const per_axis& sizes) {
  return adaptive(composition("adaptive_max_pool", {x}), sizes, max_pool, max);
}

variable adaptive_average_pool(operand x, const per_axis& sizes) {
  return adaptive(composition("adaptive_average_pool", {x}), sizes, average_pool, mean);
}

variable resize(operand x, const per_axis& sizes, const std::string& method) {
  const composition c("resize", {x});
  const bool mixes = method == "bilinear";
  if (!mixes && method != "nearest") {
    c.fail<value_error>(fmt::format("no method '{}': \"nearest\" or \"bilinear\"", method));
  }
  if (mixes) c.demand_floating();
  const words to = sizes_along(c, sizes);
  variable y = c[0];
  for (std::size_t i = 1; i + 1 < to.size(); ++i) {
    if (y.shape()[i] != to[i]) y = mixes ? between_two(c, y, i, to[i]) : nearest(c, y, i, to[i]);
  }
  return y;
}

}  // namespace cotape

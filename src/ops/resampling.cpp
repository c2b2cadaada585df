// Resizing and adaptive pooling: compositions of gathers and reductions.
#include <fmt/format.h>

#include <limits>
#include <numeric>

#include "ops/numbers.hpp"
#include "ops/windows.hpp"
#include "primitives/primitives.hpp"

namespace cotape {

namespace {

using primitives::word;
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

// Numbers along an axis of x, to be broadcast with it.
variable along(const variable& line, const variable& x, std::size_t axis) {
  words sizes(line.shape().begin(), line.shape().end());
  sizes.resize(sizes.size() + x.shape().rank() - axis - 1, 1);
  return reshape(line, shape(sizes));
}

variable nearest(const composition& c, const variable& x, std::size_t axis, std::int64_t m) {
  const std::int64_t n = x.shape()[axis];
  return gather(x, numbers(c, m, {2 * n, n, 2 * m}), word(axis));
}

variable between_two(const composition& c, const variable& x, std::size_t axis, std::int64_t m) {
  const std::int64_t n = x.shape()[axis];  // p + 1 in 2m-th parts, and as a whole number
  const variable parts = numbers(c, m, {2 * n, n + m}), next = numbers(c, m, {2 * n, n + m, 2 * m});
  const double of_all = 2 * static_cast<double>(m);
  const variable share = cast(cast(parts - of_all * next, float64) / of_all, x.dtype());
  const variable a = gather(x, maximum(next - 1, 0), word(axis)),
                 b = gather(x, minimum(next, static_cast<double>(n - 1)), word(axis));
  return a + along(share, x, axis) * (b - a);
}

// The m windows along an axis, on the axis and the next; where one has fewer elements than another,
// its last ones are `none`. How many it has. The i-th begins at a fraction of a place which is a
// multiple of common / m: those that span rest / m more than that end one place further.
struct windows_of {
  variable elements, count;
};
windows_of windows(const composition& c, const variable& x, std::size_t axis, std::int64_t m,
                   double none) {
  const std::int64_t n = x.shape()[axis], rest = n % m, common = std::gcd(n, m);
  const std::int64_t most = n / m + (rest > 0) + (rest > common);
  const variable first = numbers(c, m, {n, 0, m}), end = numbers(c, m, {n, n + m - 1, m});
  const variable at = expand_dims(first, 1) + numbers(c, most), stop = expand_dims(end, 1);
  const variable count = along(cast(end - first, x.dtype()), x, axis);
  if (rest <= common) return {gather(x, at, word(axis)), count};  // all are as long
  const variable is_one = along(cast(less(at, stop), x.dtype()), x, axis);
  return {select(is_one, gather(x, minimum(at, stop - 1), word(axis)), none), count};
}

variable largest(const composition& c, const variable& x, std::size_t axis, std::int64_t m) {
  const double none = -std::numeric_limits<double>::infinity();
  return max(windows(c, x, axis, m, none).elements, word(axis) + 1);
}

variable average(const composition& c, const variable& x, std::size_t axis, std::int64_t m) {
  const windows_of w = windows(c, x, axis, m, 0);
  return sum(w.elements, word(axis) + 1) / w.count;
}

using pooling = variable (*)(operand, const per_axis&, const pool_options&);
using resampling = variable (*)(const composition&, const variable&, std::size_t, std::int64_t);

// What f makes along each axis in turn whose size is to be another.
variable resampled(const composition& c, const words& sizes, resampling f) {
  variable y = c[0];
  for (std::size_t i = 1; i + 1 < sizes.size(); ++i) {
    if (y.shape()[i] != sizes[i]) y = f(c, y, i, sizes[i]);
  }
  return y;
}

variable adaptive(const composition& c, const per_axis& given, pooling pool, resampling f) {
  c.demand_floating();
  const words sizes = sizes_along(c, given);
  words windows;
  bool alike = true;
  for (std::size_t i = 1; i + 1 < sizes.size(); ++i) {
    alike = alike && c[0].shape()[i] % sizes[i] == 0;
    windows.push_back(c[0].shape()[i] / sizes[i]);
  }
  return alike ? pool(c[0], windows, {}) : resampled(c, sizes, f);
}

}  // namespace

variable adaptive_max_pool(operand x, const per_axis& sizes) {
  return adaptive(composition("adaptive_max_pool", {x}), sizes, max_pool, largest);
}

variable adaptive_average_pool(operand x, const per_axis& sizes) {
  return adaptive(composition("adaptive_average_pool", {x}), sizes, average_pool, average);
}

variable resize(operand x, const per_axis& sizes, const std::string& method) {
  const composition c("resize", {x});
  const bool mixes = method == "bilinear";
  if (!mixes && method != "nearest") {
    c.fail<value_error>(fmt::format("no method '{}': \"nearest\" or \"bilinear\"", method));
  }
  if (mixes) c.demand_floating();
  return resampled(c, sizes_along(c, sizes), mixes ? between_two : nearest);
}

}  // namespace cotape

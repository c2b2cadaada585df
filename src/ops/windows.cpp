// The sizes of windows, and the attributes that tell them.
#include "ops/windows.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "primitives/primitives.hpp"

namespace cotape {

window_padding::window_padding(const char* name) : same_(std::string(name) == "same") {
  if (same_ || std::string(name) == "valid") return;
  throw value_error(
      fmt::format("padding: '{}' is none: \"valid\", \"same\", or numbers of elements", name));
}

window_padding window_padding::of_each(std::span<const std::int64_t> axes) {
  window_padding result;
  result.symmetric_ = true;
  for (const std::int64_t n : axes) result.sides_.emplace_back(n, n);
  return result;
}

std::vector<window_padding::sides> window_padding::along(std::size_t axes) const {
  if (symmetric_ && axes == 1 && sides_.size() == 2) return {{sides_[0].first, sides_[1].first}};
  return sides_.size() == 1 ? std::vector(axes, sides_[0]) : sides_;
}

namespace vision {

kernels::windows windows_in(std::span<const std::int64_t> attributes) {
  kernels::windows w;
  const auto rank = static_cast<std::size_t>(attributes[0]);
  for (std::size_t i = 0; i < rank; ++i) {
    const auto a = attributes.subspan(2 + 6 * i, 6);
    w.axes[3 - rank + i] = {a[0], a[1], a[2], a[3], a[4], a[5]};
  }
  return w;
}

words words_of(std::span<const axis> axes, std::int64_t groups) {
  words w{static_cast<std::int64_t>(axes.size()), groups};
  for (const axis& a : axes) {
    w.insert(w.end(), {a.in, a.out, a.size, a.stride, a.dilation, a.before});
  }
  return w;
}

static words numbers_of(const signature& s, std::int64_t axis::*member) {
  words list;
  const kernels::windows w = windows_in(s.attributes);
  for (std::size_t i = 3 - static_cast<std::size_t>(s.attributes[0]); i < 3; ++i) {
    list.push_back(w.axes[i].*member);
  }
  return list;
}

std::string text_of(const signature& s) {
  const auto list = [&](std::int64_t axis::*member) {
    return fmt::format("{}", fmt::join(numbers_of(s, member), "x"));
  };
  std::string text =
      fmt::format("size {}, strides {}, dilation {}, padding before {}", list(&axis::size),
                  list(&axis::stride), list(&axis::dilation), list(&axis::before));
  return s.attributes[1] == 1 ? text : fmt::format("{}, {} groups", text, s.attributes[1]);
}

shape shaped(const signature& s, std::int64_t batch,
             std::initializer_list<std::int64_t axis::*> members,
             std::initializer_list<std::int64_t> last) {
  words sizes;
  if (batch != no_batch) sizes.push_back(batch);
  for (const auto member : members) {
    const words list = numbers_of(s, member);
    sizes.insert(sizes.end(), list.begin(), list.end());
  }
  sizes.insert(sizes.end(), last);
  return shape(sizes);
}

namespace {

variable with_axis_at(const variable& x, std::size_t from, std::size_t to) {
  words order(x.shape().rank());
  std::iota(order.begin(), order.end(), 0);
  order.erase(order.begin() + static_cast<std::ptrdiff_t>(from));
  order.insert(order.begin() + static_cast<std::ptrdiff_t>(to), static_cast<std::int64_t>(from));
  return record(primitives::transpose, {x}, order);
}

}  // namespace

variable with_channels_last(const variable& x) {
  const std::size_t rank = x.shape().rank();
  return rank < 3 ? x : with_axis_at(x, 1, rank - 1);
}

variable with_channels_first(const variable& x) {
  const std::size_t rank = x.shape().rank();
  return rank < 3 ? x : with_axis_at(x, rank - 1, 1);
}

std::int64_t number_of(const composition& c, const per_axis& given, std::size_t which,
                       std::size_t axes, const char* what, std::int64_t least) {
  const words& v = given.values();
  if (v.size() != 1 && v.size() != axes) {
    c.fail<value_error>(fmt::format("{} numbers of {} for {} spatial axes", v.size(), what, axes));
  }
  const std::int64_t n = v[v.size() == 1 ? 0 : which];
  if (n < least)
    c.fail<value_error>(fmt::format("{} is {}, at least {} is needed", what, n, least));
  if (n <= shape::max_elements) return n;  // a product of two stays a number
  c.fail<value_error>(fmt::format("{} is {}, no more than 2^31 is possible", what, n));
}

axes_of_windows::axes_of_windows(const composition& c, const window_options& o, std::size_t axes)
    : c_(c), o_(o), axes_(axes) {
  if (axes < 1 || axes > 3) {
    c.fail<shape_error>(fmt::format(
        "{} spatial axes, it takes 1 to 3: data are (batch, sizes..., channels)", axes));
  }
  sides_ = o.padding.along(axes);
  if (!sides_.empty() && sides_.size() != axes) {
    c.fail<value_error>(
        fmt::format("{} pairs of padding for {} spatial axes", sides_.size(), axes));
  }
}

axis axes_of_windows::over(std::size_t which, std::int64_t in, std::int64_t size) const {
  axis a = numbers(which, size);
  a.in = in;
  const std::int64_t span = (size - 1) * a.dilation + 1;
  if (o_.padding.same()) {
    a.out = (in + a.stride - 1) / a.stride;  // none over no elements
    a.before = std::max<std::int64_t>(0, (a.out - 1) * a.stride + span - in) / 2;
    return a;
  }
  const auto [before, after] = sides(which);
  a.before = before;
  const std::int64_t padding = before + after;
  if (in + padding < span) {
    c_.fail<shape_error>(fmt::format(
        "a window of {} elements along spatial axis {} does not fit in {}, padding included", span,
        which, in + padding));
  }
  a.out = (in + padding - span) / a.stride + 1;
  return a;
}

axis axes_of_windows::under(std::size_t which, std::int64_t out, std::int64_t size) const {
  axis a = numbers(which, size);
  a.out = out;
  const std::int64_t all = (out - 1) * a.stride + (size - 1) * a.dilation + 1;
  if (o_.padding.same()) {
    a.in = out * a.stride;  // none under no windows
    a.before = std::max<std::int64_t>(0, all - a.in) / 2;
    return a;
  }
  const auto [before, after] = sides(which);
  a.before = before;
  a.in = std::max(all, sides_.empty() ? out * a.stride : all) - before - after;
  if (a.in >= 1) return a;
  c_.fail<shape_error>(
      fmt::format("of {} elements along spatial axis {} the padding leaves none", all, which));
}

axis axes_of_windows::numbers(std::size_t which, std::int64_t size) const {
  axis a;
  a.size = size;
  a.stride = number_of(c_, o_.strides, which, axes_, "strides");
  a.dilation = number_of(c_, o_.dilation, which, axes_, "dilation");
  return a;
}

window_padding::sides axes_of_windows::sides(std::size_t which) const {
  if (sides_.empty()) return {0, 0};
  const auto pair = sides_[which];
  constexpr std::int64_t most = shape::max_elements;
  if (std::min(pair.first, pair.second) >= 0 && std::max(pair.first, pair.second) <= most) {
    return pair;
  }
  c_.fail<value_error>(fmt::format("padding of {} and {} elements", pair.first, pair.second));
}

}  // namespace vision
}  // namespace cotape

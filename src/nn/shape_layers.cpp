// Layers that change shapes: padding, cropping, sizes, order of axes.
#include "cotape/shape_layers.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "cotape/ops.hpp"
#include "nn/layer_parts.hpp"
#include "nn/options.hpp"
#include "primitives/primitives.hpp"

namespace cotape {

namespace {

using detail::demand_axes, detail::made_of, detail::told;
using sizes = std::vector<std::int64_t>;
using sides = window_padding::sides;
constexpr std::int64_t too_many = shape::max_elements + 1;

// What stands before and after each axis.
std::vector<sides> sides_of(const char* kind, const window_padding& given, std::size_t axes) {
  std::vector<sides> list = given.along(axes);
  const auto negative = [](const sides& s) { return s.first < 0 || s.second < 0; };
  if (given.same()) throw value_error(fmt::format("{}: give numbers of elements", kind));
  if (list.empty()) list.resize(axes);
  if (list.size() != axes) {
    throw value_error(fmt::format("{}: {} pairs for {} spatial axes", kind, list.size(), axes));
  }
  if (std::any_of(list.begin(), list.end(), negative)) {
    throw value_error(fmt::format("{}: a number of elements is negative", kind));
  }
  return list;
}

variable padded(const variable& x, const std::vector<sides>& s) {
  const sides &i = s[0], &j = s[s.size() == 1 ? 0 : 1], &k = s.back();
  if (s.size() == 1) return pad(x, {0, i.first, 0}, {0, i.second, 0});
  if (s.size() == 2) return pad(x, {0, i.first, j.first, 0}, {0, i.second, j.second, 0});
  return pad(x, {0, i.first, j.first, k.first, 0}, {0, i.second, j.second, k.second, 0});
}

variable cropped(const char* kind, const variable& x, const std::vector<sides>& s) {
  std::vector<range> kept;
  for (std::size_t i = 0; i < s.size(); ++i) {
    const std::int64_t n = x.shape()[i + 1];
    if (s[i].first >= n || s[i].second >= n - s[i].first) {
      throw shape_error(
          fmt::format("{}: {} and {} of the {} elements of spatial axis {} leave none", kind,
                      s[i].first, s[i].second, n, i));
    }
    kept.emplace_back(s[i].first, n - s[i].second);
  }
  if (s.size() == 1) return slice(x, {all, kept[0]});
  if (s.size() == 2) return slice(x, {all, kept[0], kept[1]});
  return slice(x, {all, kept[0], kept[1], kept[2]});
}

std::shared_ptr<layer_body> padding(const char* kind, std::size_t axes, const window_padding& p) {
  const auto f = [=, s = sides_of(kind, p, axes)](variable x) {
    demand_axes(kind, x, axes);
    return padded(x, s);
  };
  return made_of(kind, f, told("zeros", p));
}

std::shared_ptr<layer_body> cropping(const char* kind, std::size_t axes, const window_padding& p) {
  const auto f = [=, s = sides_of(kind, p, axes)](variable x) {
    demand_axes(kind, x, axes);
    return cropped(kind, x, s);
  };
  return made_of(kind, f, told("elements", p));
}

void demand_method(const char* kind, const std::string& method) {
  if (method == "nearest" || method == "bilinear") return;
  throw value_error(fmt::format("{}: no method '{}': \"nearest\" or \"bilinear\"", kind, method));
}

std::shared_ptr<layer_body> up_sampling(const char* kind, std::size_t axes, const per_axis& size,
                                        const std::string& method) {
  const sizes& given = size.values();
  const bool positive = std::all_of(given.begin(), given.end(),
                                    [](std::int64_t n) { return n >= 1 && n < too_many; });
  if (!positive || (given.size() != 1 && given.size() != axes)) {
    throw value_error(fmt::format("{}: {} are not {} sizes of at least 1", kind, given, axes));
  }
  demand_method(kind, method);
  const auto f = [=](variable x) {
    demand_axes(kind, x, axes);
    sizes to;
    for (std::size_t i = 0; i < axes; ++i) {
      to.push_back(x.shape()[i + 1] * size.values()[size.values().size() == 1 ? 0 : i]);
    }
    return resize(x, to, method);
  };
  detail::option_writer options;
  options("size", size);
  if (axes == 2) options("method", method);
  return made_of(kind, f, options.texts);
}

std::shared_ptr<layer_body> resized(const per_axis& to, const std::string& method) {
  demand_method("resizing", method);
  detail::option_writer options;
  options("sizes", to);
  options("method", method);
  return made_of(
      "resizing", [=](variable x) { return resize(x, to, method); }, options.texts);
}

// The sizes after the batch, without -1.
sizes resolved(const variable& x, sizes row) {
  std::int64_t elements = 1, others = 1;
  const shape& s = x.shape();
  for (std::size_t i = 1; i < s.rank(); ++i) elements *= s[i];
  for (std::int64_t n : row) {  // beyond every shape it stays there
    others = std::min(others * (n == -1 ? 1 : std::min(n, too_many)), too_many);
  }
  const auto open = std::find(row.begin(), row.end(), -1);
  const bool fits = open == row.end() ? others == elements : elements % others == 0;
  if (s.rank() == 0 || !fits) {
    throw shape_error(
        fmt::format("to_shape: the rows of {} are not ({})", s.text(), fmt::join(row, ", ")));
  }
  if (open != row.end()) *open = elements / others;
  return row;
}

variable with_rows(const variable& x, const sizes& row) {
  sizes to = resolved(x, row);
  to.insert(to.begin(), x.shape()[0]);
  return reshape(x, shape(to));
}

variable permuted(const variable& x, const sizes& order) {
  const std::size_t rank = x.shape().rank();
  if (rank != order.size() + 1) {
    throw shape_error(
        fmt::format("permute: {} has no rows of {} axes", x.shape().text(), order.size()));
  }
  sizes with_batch{0};
  with_batch.insert(with_batch.end(), order.begin(), order.end());
  return record(primitives::transpose, {x}, with_batch);
}

}  // namespace

zero_padding1d::zero_padding1d(window_padding zeros) : layer(padding("zero_padding1d", 1, zeros)) {}
zero_padding2d::zero_padding2d(window_padding zeros) : layer(padding("zero_padding2d", 2, zeros)) {}
zero_padding3d::zero_padding3d(window_padding zeros) : layer(padding("zero_padding3d", 3, zeros)) {}
cropping1d::cropping1d(window_padding elements) : layer(cropping("cropping1d", 1, elements)) {}
cropping2d::cropping2d(window_padding elements) : layer(cropping("cropping2d", 2, elements)) {}
cropping3d::cropping3d(window_padding elements) : layer(cropping("cropping3d", 3, elements)) {}

up_sampling1d::up_sampling1d(std::int64_t size)
    : layer(up_sampling("up_sampling1d", 1, size, "nearest")) {}
up_sampling2d::up_sampling2d(per_axis size, std::string method)
    : layer(up_sampling("up_sampling2d", 2, size, method)) {}
up_sampling3d::up_sampling3d(per_axis size)
    : layer(up_sampling("up_sampling3d", 3, size, "nearest")) {}

resizing::resizing(per_axis sizes, std::string method) : layer(resized(sizes, method)) {}

to_shape::to_shape(std::vector<std::int64_t> row)
    : layer(made_of(
          "to_shape", [row](variable x) { return with_rows(x, row); }, told("row", row))) {
  body().keeps_steps = false;
  const auto wrong = [](std::int64_t n) { return n != -1 && n < 1; };
  if (std::count(row.begin(), row.end(), -1) > 1 || std::any_of(row.begin(), row.end(), wrong)) {
    throw value_error(
        fmt::format("to_shape: ({}) are not sizes, of which one may be -1", fmt::join(row, ", ")));
  }
}

permute::permute(std::vector<std::int64_t> order)
    : layer(made_of(
          "permute", [order](variable x) { return permuted(x, order); }, told("order", order))) {
  body().keeps_steps = false;
  sizes sorted = order;
  std::sort(sorted.begin(), sorted.end());
  for (std::size_t i = 0; i < sorted.size(); ++i) {
    if (sorted[i] == static_cast<std::int64_t>(i) + 1) continue;
    throw value_error(fmt::format("permute: ({}) does not name each axis of a row, from 1 on, once",
                                  fmt::join(order, ", ")));
  }
}

}  // namespace cotape

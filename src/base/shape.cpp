// Shapes: validation, text and NumPy's broadcasting.
#include "cotape/shape.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <vector>

#include "cotape/error.hpp"

namespace cotape {

const char* name_of(dtype d) {
  switch (d) {
    case dtype::float32: return "float32";
    case dtype::float64: return "float64";
    case dtype::int64: return "int64";
  }
  return "?";
}

shape::shape(std::initializer_list<std::int64_t> sizes)
    : shape(std::span<const std::int64_t>(sizes.begin(), sizes.size())) {}

shape::shape(std::span<const std::int64_t> sizes) {
  const auto fail = [&](const char* why) {
    throw size_error(fmt::format("shape ({}): {}", fmt::join(sizes, ", "), why));
  };
  if (sizes.size() > max_rank) fail("more than 8 axes");
  rank_ = static_cast<std::uint32_t>(sizes.size());
  const auto too_many = [&] {
    const bool empty = std::find(sizes.begin(), sizes.end(), 0) != sizes.end();
    fail(empty ? "more than 2^31 elements without its sizes of 0" : "more than 2^31 elements");
  };
  std::int64_t nonzero = 1;
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    if (sizes[i] < 0) fail("a size is negative");
    sizes_[i] = sizes[i];
    elements_ = sizes[i] == 0 ? 0 : elements_;
    if (sizes[i] > max_elements) too_many();
    nonzero *= std::max<std::int64_t>(sizes[i], 1);
    if (nonzero > max_elements) too_many();
  }
  if (elements_ != 0) elements_ = nonzero;
}

std::string shape::text() const {
  return fmt::format("({}{})", fmt::join(begin(), end(), ", "), rank_ == 1 ? "," : "");
}

std::string value_type::text() const { return fmt::format("{} {}", name_of(dtype), shape.text()); }

std::string text_of(std::span<const value_type* const> types) {
  std::string text;
  for (const value_type* t : types) text += (text.empty() ? "" : ", ") + t->text();
  return text.empty() ? "no operand" : text;
}

bool broadcast(const shape& a, const shape& b, shape& result) {
  const std::size_t rank = std::max(a.rank(), b.rank());
  std::array<std::int64_t, shape::max_rank> sizes{};
  for (std::size_t i = 1; i <= rank; ++i) {
    const std::int64_t p = i <= a.rank() ? a[a.rank() - i] : 1;
    const std::int64_t q = i <= b.rank() ? b[b.rank() - i] : 1;
    if (p != q && p != 1 && q != 1) return false;
    sizes[rank - i] = p == 1 ? q : p;
  }
  result = shape(std::span<const std::int64_t>(sizes.data(), rank));
  return true;
}

std::vector<std::int64_t> repeated_axes(const shape& x, const shape& result) {
  const std::size_t extra = result.rank() - x.rank();
  std::vector<std::int64_t> axes;
  for (std::size_t i = 0; i < result.rank(); ++i) {
    const bool repeated = i < extra || (x[i - extra] == 1 && result[i] != 1);
    if (repeated) axes.push_back(static_cast<std::int64_t>(i));
  }
  return axes;
}

shape without_axes(const shape& x, std::int64_t first, std::int64_t count) {
  std::vector<std::int64_t> sizes(x.begin(), x.end());
  sizes.erase(sizes.begin() + first, sizes.begin() + first + count);
  return shape(sizes);
}

std::vector<std::int64_t> unravel_index(std::int64_t element, const shape& s) {
  std::vector<std::int64_t> at(s.rank());
  for (std::size_t k = s.rank(); k-- > 0; element /= s[k]) at[k] = element % s[k];
  return at;
}

shape joined(const shape& a, const shape& b) {
  std::vector<std::int64_t> sizes(a.begin(), a.end());
  sizes.insert(sizes.end(), b.begin(), b.end());
  return shape(sizes);
}

std::size_t normalize_axis(const char* op, std::int64_t axis, std::size_t rank) {
  const auto signed_rank = static_cast<std::int64_t>(rank);
  if (axis < -signed_rank || axis >= signed_rank) {
    throw value_error(fmt::format("{}: axis {} is outside a tensor of {} axes", op, axis, rank));
  }
  return static_cast<std::size_t>(axis < 0 ? axis + signed_rank : axis);
}

}  // namespace cotape

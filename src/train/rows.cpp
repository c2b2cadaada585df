// Rows of arrays: some of them, in another order, in three sets; labels as rows.
#include "train/rows.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>

#include "cotape/data.hpp"

namespace cotape {

namespace detail {

row_generator::row_generator(std::initializer_list<std::uint64_t> seeds) {
  std::vector<std::uint32_t> words;
  for (const std::uint64_t s : seeds) {
    words.push_back(static_cast<std::uint32_t>(s));
    words.push_back(static_cast<std::uint32_t>(s >> 32));
  }
  std::seed_seq sequence(words.begin(), words.end());
  random_.seed(sequence);
}

std::size_t bytes_of_row(const value_type& type) {
  const std::int64_t rows = type.shape[0];
  return rows == 0 ? 0 : type.bytes() / static_cast<std::size_t>(rows);
}

value_type with_rows(const value_type& type, std::int64_t rows) {
  std::array<std::int64_t, shape::max_rank> sizes{};
  std::copy(type.shape.begin(), type.shape.end(), sizes.begin());
  sizes[0] = rows;
  return {type.dtype, shape(std::span<const std::int64_t>(sizes.data(), type.shape.rank()))};
}

void demand_rows(const char* name, const array_view& array) {
  if (array.shape().rank() == 0) {
    throw shape_error(fmt::format("{}: a value of shape () has no rows", name));
  }
}

}  // namespace detail

using detail::bytes_of_row;
using detail::demand_rows;
using detail::with_rows;

array_view rows_of(array_view array, std::int64_t first, std::int64_t last) {
  demand_rows("rows_of", array);
  if (first < 0 || last < first || last > array.shape()[0]) {
    throw value_error(
        fmt::format("rows_of: no rows {} to {} in {}", first, last, array.shape().text()));
  }
  const auto offset = static_cast<std::size_t>(first) * bytes_of_row(array.type());
  return {with_rows(array.type(), last - first),
          static_cast<const std::byte*>(array.data()) + offset};
}

tensor take_rows(const array_argument& given, std::span<const std::int64_t> rows) {
  const array_view array = given.view();
  demand_rows("take_rows", array);
  for (const std::int64_t r : rows) {
    if (r >= 0 && r < array.shape()[0]) continue;
    throw value_error(fmt::format("take_rows: no row {} in {}", r, array.shape().text()));
  }
  tensor result(with_rows(array.type(), static_cast<std::int64_t>(rows.size())));
  const std::size_t row = bytes_of_row(array.type());
  const auto* from = static_cast<const std::byte*>(array.data());
  auto* to = static_cast<std::byte*>(result.data());
  for (std::size_t i = 0; i < rows.size() && row != 0; ++i) {
    std::memcpy(to + i * row, from + static_cast<std::size_t>(rows[i]) * row, row);
  }
  return result;
}

namespace {

// 0 .. n - 1
std::vector<std::int64_t> all_rows(const char* name, std::int64_t n) {
  if (n < 0 || n > shape::max_elements) {
    throw value_error(fmt::format("{}: {} rows, it takes 0 to {}", name, n, shape::max_elements));
  }
  std::vector<std::int64_t> rows(static_cast<std::size_t>(n));
  std::iota(rows.begin(), rows.end(), 0);
  return rows;
}

}  // namespace

std::vector<std::int64_t> shuffled_rows(std::int64_t n, std::uint64_t seed) {
  std::vector<std::int64_t> rows = all_rows("shuffled_rows", n);
  detail::row_generator({seed}).shuffle(rows);
  return rows;
}

std::int64_t detail::share_of(std::int64_t rows, double fraction) {
  const double product = static_cast<double>(rows) * fraction, whole = std::round(product);
  const bool meant = std::abs(product - whole) <= 1e-12 * product;
  return static_cast<std::int64_t>(meant ? whole : std::ceil(product));
}

row_split split_rows(std::int64_t n, const split_options& options) {
  const auto share = [](std::int64_t rows, double fraction) {
    if (fraction >= 0 && fraction < 1) return detail::share_of(rows, fraction);
    throw value_error(fmt::format("split_rows: a fraction of {}, it must be in [0, 1)", fraction));
  };
  const std::int64_t test = share(n, options.test);
  const std::int64_t validation = share(n - test, options.validation);
  const std::int64_t train = n - test - validation;
  if (train <= 0) {
    throw value_error(
        fmt::format("split_rows: {} rows leave none to train on: {} for validation, {} to test", n,
                    validation, test));
  }
  std::vector<std::int64_t> rows = all_rows("split_rows", n);
  if (options.shuffle) detail::row_generator({options.seed}).shuffle(rows);
  const auto first = rows.begin() + train, second = first + validation;
  return {{rows.begin(), first}, {first, second}, {second, rows.end()}};
}

namespace detail {

tensor one_hot(array_view labels, std::int64_t classes, dtype as) {
  if (labels.shape().rank() != 1) {
    throw shape_error(
        fmt::format("one_hot: labels of shape {} have not one axis", labels.shape().text()));
  }
  tensor result({as, {labels.shape()[0], classes}});
  const auto fill = [&](const auto* label, auto* to) {
    for (std::int64_t i = 0; i < labels.shape()[0]; ++i, to += classes) {
      const auto value = static_cast<double>(label[i]);
      if (!(value >= 0 && value < static_cast<double>(classes)) || value != std::floor(value)) {
        throw value_error(fmt::format("one_hot: the label {} in row {} is none of {} classes",
                                      label[i], i, classes));
      }
      to[static_cast<std::int64_t>(value)] = 1;
    }
  };
  const auto fill_from = [&](const auto* label) {
    if (as == float64) fill(label, result.data_as<double>());
    else fill(label, result.data_as<float>());
  };
  switch (labels.dtype()) {
    case float32: fill_from(labels.data_as<float>()); break;
    case float64: fill_from(labels.data_as<double>()); break;
    case int64: fill_from(labels.data_as<std::int64_t>()); break;
  }
  return result;
}

}  // namespace detail

}  // namespace cotape

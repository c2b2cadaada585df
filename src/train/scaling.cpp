// Scaling of columns, computed in double whatever the dtype.
#include "cotape/scaling.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace cotape {

namespace {

// An array as (rows, columns).
struct matrix {
  array_view view;
  std::size_t rows, columns;

  double operator()(std::size_t row, std::size_t column) const {
    const std::size_t i = row * columns + column;
    return view.dtype() == float32 ? static_cast<double>(view.data_as<float>()[i])
                                   : view.data_as<double>()[i];
  }
};

std::string name_of_column(const std::vector<std::string>& names, std::size_t column) {
  return column < names.size() ? fmt::format("column '{}'", names[column])
                               : fmt::format("column {}", column);
}

matrix matrix_of(const char* name, array_view x) {
  const std::size_t rank = x.shape().rank();
  if (rank != 1 && rank != 2) {
    throw shape_error(
        fmt::format("{}: an array of shape {} has not rows and columns", name, x.shape().text()));
  }
  if (x.dtype() == int64) {
    throw dtype_error(fmt::format("{}: int64 cannot be scaled; give float32 or float64", name));
  }
  return {x, static_cast<std::size_t>(x.shape()[0]),
          rank == 1 ? 1 : static_cast<std::size_t>(x.shape()[1])};
}

void demand_finite(const char* name, const matrix& x, const std::vector<std::string>& names) {
  for (std::size_t row = 0; row < x.rows; ++row) {
    for (std::size_t column = 0; column < x.columns; ++column) {
      if (std::isfinite(x(row, column))) continue;
      throw value_error(fmt::format("{}: {} in row {}, {}", name, x(row, column), row,
                                    name_of_column(names, column)));
    }
  }
}

// f(element, column) for each element, in x's dtype.
template <class F>
tensor mapped(const char* name, const matrix& x, const std::vector<double>& offset, F f) {
  if (offset.empty()) {
    throw value_error(
        fmt::format("{}: nothing is fitted yet; call fit with the training part", name));
  }
  if (x.columns != offset.size()) {
    throw shape_error(
        fmt::format("{}: {} columns, but {} were fitted", name, x.columns, offset.size()));
  }
  tensor result(x.view.type());
  const auto fill = [&](auto* to) {
    for (std::size_t row = 0; row < x.rows; ++row) {
      for (std::size_t column = 0; column < x.columns; ++column) {
        *to++ = static_cast<std::decay_t<decltype(*to)>>(f(x(row, column), column));
      }
    }
  };
  if (x.view.dtype() == float32) fill(result.data_as<float>());
  else fill(result.data_as<double>());
  return result;
}

}  // namespace

tensor scaler::transform(const array_argument& given) const {
  const matrix x = matrix_of("transform", given.view());
  demand_finite("transform", x, options_.names);
  return mapped("transform", x, offset_, [&](double v, std::size_t column) {
    return scale_[column] == 0 ? 0 : (v - offset_[column]) / scale_[column];
  });
}

tensor scaler::inverse_transform(const array_argument& given) const {
  const matrix x = matrix_of("inverse_transform", given.view());
  demand_finite("inverse_transform", x, options_.names);
  return mapped("inverse_transform", x, offset_,
                [&](double v, std::size_t column) { return v * scale_[column] + offset_[column]; });
}

void scaler::restore(std::vector<double> offset, std::vector<double> scale) {
  const auto finite = [](const std::vector<double>& x) {
    return std::all_of(x.begin(), x.end(), [](double v) { return std::isfinite(v); });
  };
  if (offset.size() != scale.size() || !finite(offset) || !finite(scale)) {
    throw value_error(fmt::format("restore: {} offsets and {} scales are not finite pairs",
                                  offset.size(), scale.size()));
  }
  offset_ = std::move(offset);
  scale_ = std::move(scale);
}

template <class F>
void scaler::fit_columns(const char* name, const array_argument& given, F line_of) {
  const matrix x = matrix_of(name, given.view());
  if (x.rows == 0 || x.columns == 0) throw value_error(fmt::format("{}: the set is empty", name));
  demand_finite(name, x, options_.names);
  std::vector<double> offset, scale, values(x.rows);
  for (std::size_t column = 0; column < x.columns; ++column) {
    for (std::size_t row = 0; row < x.rows; ++row) values[row] = x(row, column);
    const auto [min, max] = std::minmax_element(values.begin(), values.end());
    // Told from the range, exactly: the deviation of a constant may be a rounding error.
    const line l = *min == *max ? line{*min, 0} : line_of(values, *min, *max);
    if (l.scale == 0 && options_.constant == constant_column::refuse) {
      throw value_error(
          fmt::format("{}: {} is constant ({}) and cannot be scaled; drop it, or "
                      "choose constant_column::zero",
                      name, name_of_column(options_.names, column), *min));
    }
    if (!std::isfinite(l.scale)) {
      throw value_error(fmt::format("{}: {} has a range beyond float64: {} to {}", name,
                                    name_of_column(options_.names, column), *min, *max));
    }
    offset.push_back(l.offset);
    scale.push_back(l.scale);
  }
  offset_ = std::move(offset);
  scale_ = std::move(scale);
}

void min_max_scaler::fit(const array_argument& training) {
  fit_columns("min_max_scaler", training, [](const std::vector<double>&, double min, double max) {
    return line{min, max - min};
  });
}

void standard_scaler::fit(const array_argument& training) {
  fit_columns("standard_scaler", training,
              [&](const std::vector<double>& x, double min, double max) {
                const double range = max - min, n = static_cast<double>(x.size());
                // In parts of the range, whose squares neither overflow nor vanish.
                double sum = 0, squares = 0;
                for (const double v : x) sum += (v - min) / range;
                const double mean = sum / n;
                for (const double v : x) squares += std::pow((v - min) / range - mean, 2);
                const double divisor = kind_ == deviation::sample ? n - 1 : n;
                return line{min + mean * range, range * std::sqrt(squares / divisor)};
              });
}

}  // namespace cotape

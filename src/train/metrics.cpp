// Losses and metrics by name, each a line of a table; the confusion matrix.
#include "cotape/metrics.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "cotape/losses.hpp"

namespace cotape {

namespace {

struct named_loss {
  const char* name;
  const char* short_name;
  variable (*record)(operand prediction, operand target);
};

constexpr std::array named_losses{
    named_loss{"mean_squared_error", "mse", mean_squared_error},
    named_loss{"mean_absolute_error", "mae", mean_absolute_error},
    named_loss{"mean_absolute_percentage_error", "mape", mean_absolute_percentage_error},
    named_loss{"mean_squared_logarithmic_error", "msle", mean_squared_logarithmic_error},
    named_loss{"sum_squared_error", "sse", sum_squared_error},
    named_loss{"sum_squared_error", "rss", sum_squared_error},
    named_loss{"half_squared_error", "", half_squared_error},
    named_loss{"sum_absolute_error", "", sum_absolute_error},
    named_loss{"huber", "", [](operand p, operand t) { return huber(p, t); }},
    named_loss{"binary_crossentropy", "", binary_crossentropy},
    named_loss{"binary_crossentropy_from_logits", "", binary_crossentropy_from_logits},
    named_loss{"categorical_crossentropy", "", categorical_crossentropy},
    named_loss{"categorical_crossentropy_from_logits", "", categorical_crossentropy_from_logits},
    named_loss{"sparse_categorical_crossentropy", "", sparse_categorical_crossentropy},
    named_loss{"sparse_categorical_crossentropy_from_logits", "",
               sparse_categorical_crossentropy_from_logits},
};

const named_loss* find_loss(const std::string& name) {
  for (const named_loss& l : named_losses) {
    if (name == l.name || (*l.short_name != 0 && name == l.short_name)) return &l;
  }
  return nullptr;
}

std::string known_losses() {
  std::string known;
  for (const named_loss& l : named_losses) {
    if (known.find(l.name) == std::string::npos || *l.short_name == 0) {
      known += fmt::format("{}{}", known.empty() ? "" : ", ", l.name);
    }
    if (*l.short_name != 0) known += fmt::format(", {}", l.short_name);
  }
  return known;
}

double rows_of(const variable& v) {
  return v.shape().rank() == 0 ? 1 : static_cast<double>(v.shape()[0]);
}

// A mean over a batch as a float64 sum over its rows (1).
variable summed(const variable& mean, const variable& prediction) {
  return reshape(cast(mean, float64), {1}) * rows_of(prediction);
}

double mean_of_sums(std::span<const double> sums, double rows) { return sums[0] / rows; }

variable binary_accuracy(const variable& p, const variable& t) {
  return mean(equal(p > 0.5, t) * equal(p, p));  // NaN equals nothing
}

// The mean of hits (rows), none where a row's prediction is not a number.
variable mean_of_hits(const variable& hits, const variable& p) {
  const variable largest = max(p, -1);
  return mean(cast(hits, p.dtype()) * equal(largest, largest));
}

variable categorical_accuracy(const variable& p, const variable& t) {
  return mean_of_hits(equal(argmax(p), argmax(t)), p);
}

variable sparse_categorical_accuracy(const variable& p, const variable& t) {
  return mean_of_hits(equal(argmax(p), t), p);
}

variable accuracy_by_shapes(const variable& p, const variable& t) {
  const shape& s = p.shape();
  if (t.dtype() == int64 && t.shape() != s) return sparse_categorical_accuracy(p, t);
  const bool one_unit = s.rank() < 2 || s[s.rank() - 1] == 1;
  return one_unit ? binary_accuracy(p, t) : categorical_accuracy(p, t);
}

struct named_metric {
  const char* name;
  const char* other_name;
  variable (*record)(const variable& prediction, const variable& target);
};

constexpr std::array named_means{
    named_metric{"accuracy", "acc", accuracy_by_shapes},
    named_metric{"binary_accuracy", "", binary_accuracy},
    named_metric{"categorical_accuracy", "", categorical_accuracy},
    named_metric{"sparse_categorical_accuracy", "", sparse_categorical_accuracy},
};

// (rows, columns) in float64.
variable as_columns(const variable& x) {
  const std::int64_t rows = x.shape().rank() == 0 ? 1 : x.shape()[0];
  return reshape(cast(x, float64), {rows, x.shape().elements() / std::max<std::int64_t>(rows, 1)});
}

// For each column: squared residuals, targets, squared targets.
variable sums_for_r2(const variable& prediction, const variable& target) {
  const variable p = as_columns(prediction), t = as_columns(target);
  return concatenate({sum(square(t - p), 0), sum(t, 0), sum(square(t), 0)});
}

double r2_of_sums(std::span<const double> sums, double rows) {
  const std::size_t columns = sums.size() / 3;
  double total = 0;
  for (std::size_t c = 0; c < columns; ++c) {
    const double residual = sums[c], sum = sums[columns + c];
    const double squares = sums[2 * columns + c], spread = squares - sum * sum / rows;
    // Below that the difference is rounding: the targets are one number.
    if (spread > std::numeric_limits<double>::epsilon() * rows * squares)
      total += 1 - residual / spread;
    else total += residual == 0 ? 1 : 0;
  }
  return total / static_cast<double>(columns);
}

}  // namespace

loss_function::loss_function(const std::string& name) {
  const named_loss* l = find_loss(name);
  if (l == nullptr) {
    throw value_error(fmt::format("loss: no loss '{}'; there are: {}", name, known_losses()));
  }
  name_ = l->name;
  record_ = [f = l->record](variable p, variable t) { return f(p, t); };
}

metric::metric(const std::string& name) : name_(name) {
  for (const named_metric& m : named_means) {
    if (name == m.name || (*m.other_name != 0 && name == m.other_name)) {
      use_mean_of([f = m.record](variable p, variable t) { return f(p, t); });
      return;
    }
  }
  if (name == "rmse" || name == "root_mean_squared_error") {
    use_mean_of([](variable p, variable t) { return mean_squared_error(p, t); });
    value_ = [](std::span<const double> sums, double rows) {
      return std::sqrt(mean_of_sums(sums, rows));
    };
  } else if (name == "r2" || name == "r2_score") {
    sums_ = [](variable p, variable t) { return sums_for_r2(p, t); };
    value_ = r2_of_sums;
  } else if (const named_loss* l = find_loss(name)) {
    use_mean_of([f = l->record](variable p, variable t) { return f(p, t); });
  } else {
    throw value_error(fmt::format(
        "metric: no metric '{}'; there are: accuracy, acc, binary_accuracy, categorical_accuracy, "
        "sparse_categorical_accuracy, rmse, root_mean_squared_error, r2, r2_score, {}",
        name, known_losses()));
  }
}

void metric::use_mean_of(std::function<variable(variable, variable)> f) {
  sums_ = [f = std::move(f), name = name_](variable p, variable t) {
    const variable mean = f(p, t);
    if (mean.shape().elements() != 1) {
      throw shape_error(fmt::format("metric '{}': it has shape {}, not one number: take its mean",
                                    name, mean.shape().text()));
    }
    return summed(mean, p);
  };
  value_ = mean_of_sums;
}

namespace {

// What an array says of each row: labels as they are, the largest of several, p > 0.5.
std::vector<std::int64_t> classes_of(const char* what, array_view v) {
  const shape& s = v.shape();
  const bool one_axis = s.rank() == 1, one_column = s.rank() == 2 && s[1] == 1;
  if (!one_axis && s.rank() != 2) {
    throw shape_error(
        fmt::format("confusion_matrix: {} of shape {} have no rows of classes", what, s.text()));
  }
  const std::int64_t rows = s[0], columns = one_axis ? 1 : s[1];
  std::vector<std::int64_t> result;
  const auto read = [&](const auto* row) {
    for (std::int64_t i = 0; i < rows; ++i, row += columns) {
      if (std::any_of(row, row + columns, [](auto x) { return x != x; })) {
        throw value_error(fmt::format("confusion_matrix: row {} of the {} is NaN", i, what));
      }
      if (v.dtype() == int64 && columns == 1) result.push_back(static_cast<std::int64_t>(*row));
      else if (one_axis || one_column) result.push_back(static_cast<double>(*row) > 0.5 ? 1 : 0);
      else result.push_back(std::max_element(row, row + columns) - row);
    }
  };
  if (v.dtype() == int64) read(v.data_as<std::int64_t>());
  else if (v.dtype() == float64) read(v.data_as<double>());
  else read(v.data_as<float>());
  return result;
}

}  // namespace

xt::xarray<std::int64_t> confusion_matrix(const array_argument& prediction,
                                          const array_argument& target, std::int64_t classes) {
  const auto p = classes_of("predictions", prediction.view());
  const auto t = classes_of("targets", target.view());
  if (p.size() != t.size()) {
    throw shape_error(
        fmt::format("confusion_matrix: {} predictions and {} targets", p.size(), t.size()));
  }
  if (classes == 0) {
    for (const auto& v : {prediction.view(), target.view()}) {
      const std::int64_t columns = v.shape().rank() == 2 ? v.shape()[1] : 1;
      if (v.dtype() != int64) classes = std::max({classes, columns, std::int64_t{2}});
    }
    for (const auto* list : {&p, &t}) {
      for (const std::int64_t c : *list) classes = std::max(classes, c + 1);
    }
  }
  constexpr std::int64_t most = 10'000;
  if (classes < 0 || classes > most) {
    throw value_error(fmt::format("confusion_matrix: {} classes, it takes 0 to {}", classes, most));
  }
  xt::xarray<std::int64_t> counts = xt::zeros<std::int64_t>({classes, classes});
  for (std::size_t i = 0; i < p.size(); ++i) {
    for (const std::int64_t c : {p[i], t[i]}) {
      if (c >= 0 && c < classes) continue;
      throw value_error(
          fmt::format("confusion_matrix: row {}: {} is none of {} classes", i, c, classes));
    }
    ++counts(static_cast<std::size_t>(t[i]), static_cast<std::size_t>(p[i]));
  }
  return counts;
}

}  // namespace cotape

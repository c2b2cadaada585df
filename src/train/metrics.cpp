// Losses and metrics by name, each a line of a table; the confusion matrix.
#include "cotape/metrics.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "cotape/losses.hpp"
#include "train/named_loss.hpp"
#include "train/targets.hpp"

namespace cotape {

namespace {

using detail::find_loss;
using detail::named_loss;
using detail::numbers;

constexpr std::array table{
    named_loss{"mean_squared_error", "mse", mean_squared_error, mse},
    named_loss{"mean_absolute_error", "mae", mean_absolute_error, mae},
    named_loss{"mean_absolute_percentage_error", "mape", mean_absolute_percentage_error, mape,
               numbers::any, numbers::not_zero},
    named_loss{"mean_squared_logarithmic_error", "msle", mean_squared_logarithmic_error, msle,
               numbers::above_minus_one, numbers::above_minus_one},
    named_loss{"sum_squared_error", "sse", sum_squared_error, sse},
    named_loss{"sum_squared_error", "rss", sum_squared_error, rss},
    named_loss{"half_squared_error", "", half_squared_error},
    named_loss{"sum_absolute_error", "", sum_absolute_error},
    named_loss{"huber", "", huber},
    named_loss{"log_cosh", "", log_cosh},
    named_loss{"cosine_similarity", "", cosine_similarity},
    named_loss{"hinge", "", hinge},
    named_loss{"squared_hinge", "", squared_hinge},
    named_loss{"kl_divergence", "", kl_divergence, nullptr, numbers::probabilities,
               numbers::probabilities, "softmax"},
    named_loss{"binary_focal_crossentropy", "", binary_focal_crossentropy, nullptr,
               numbers::probabilities, numbers::probabilities, "sigmoid"},
    named_loss{"categorical_focal_crossentropy", "", categorical_focal_crossentropy, nullptr,
               numbers::probabilities, numbers::probabilities, "softmax"},
    named_loss{"binary_crossentropy", "", binary_crossentropy, nullptr, numbers::probabilities,
               numbers::probabilities, "sigmoid", "binary_crossentropy_from_logits"},
    named_loss{"binary_crossentropy_from_logits", "", binary_crossentropy_from_logits, nullptr,
               numbers::logits, numbers::probabilities, "sigmoid", "binary_crossentropy"},
    named_loss{"categorical_crossentropy", "", categorical_crossentropy, nullptr,
               numbers::probabilities, numbers::probabilities, "softmax",
               "categorical_crossentropy_from_logits"},
    named_loss{"categorical_crossentropy_from_logits", "", categorical_crossentropy_from_logits,
               nullptr, numbers::logits, numbers::probabilities, "softmax",
               "categorical_crossentropy"},
    named_loss{"sparse_categorical_crossentropy", "", sparse_categorical_crossentropy, nullptr,
               numbers::probabilities, numbers::labels, "softmax",
               "sparse_categorical_crossentropy_from_logits"},
    named_loss{"sparse_categorical_crossentropy_from_logits", "",
               sparse_categorical_crossentropy_from_logits, nullptr, numbers::logits,
               numbers::labels, "softmax", "sparse_categorical_crossentropy"},
};

std::string known_losses() {
  std::string known;
  for (const named_loss& l : table) {
    if (known.find(l.name) == std::string::npos || *l.short_name == 0) {
      known += fmt::format("{}{}", known.empty() ? "" : ", ", l.name);
    }
    if (*l.short_name != 0) known += fmt::format(", {}", l.short_name);
  }
  return known;
}

std::int64_t rows_of(const variable& v) { return v.shape().rank() == 0 ? 1 : v.shape()[0]; }

void add_sums(std::span<double> total, double, std::span<const double> batch, double) {
  for (std::size_t i = 0; i < total.size(); ++i) total[i] += batch[i];
}

double mean_of_sums(std::span<const double> sums, double rows) { return sums[0] / rows; }

// How many of the hits (rows, ...), 0 or 1, there are; of several in a row their share. Counted in
// float64, which no set is too large for.
variable sum_of_hits(const variable& hits) {
  const variable sum_of_all = reshape(sum(cast(hits, float64)), {1});
  const std::int64_t in_a_row = hits.shape().elements() / rows_of(hits);
  return in_a_row == 1 ? sum_of_all : sum_of_all / in_a_row;
}

// The target in the shape of what it is compared with: broadcasting would compare it with others.
variable matching(const variable& target, const variable& with) {
  const variable result = detail::fitted(target, with);
  if (result.shape() == with.shape()) return result;
  throw shape_error(fmt::format("metric: targets of shape {} do not fit {}", target.shape().text(),
                                with.shape().text()));
}

variable binary_accuracy(const variable& p, const variable& t) {
  const variable right = matching(t.dtype() == int64 ? cast(t, p.dtype()) : t, p);
  return sum_of_hits(equal(p > 0.5, right) * equal(p, p));  // NaN equals nothing
}

// Those of hits (rows, ...) where the row's prediction is a number.
variable sum_of_sane_hits(const variable& hits, const variable& p) {
  const variable largest = max(p, -1);
  return sum_of_hits(cast(hits, p.dtype()) * equal(largest, largest));
}

variable categorical_accuracy(const variable& p, const variable& t) {
  return sum_of_sane_hits(equal(argmax(p), argmax(matching(t, p))), p);
}

variable sparse_categorical_accuracy(const variable& p, const variable& t) {
  const variable taken = argmax(p);
  return sum_of_sane_hits(equal(taken, matching(t, taken)), p);
}

// Fewer than k entries are above that of the right class.
variable sparse_top_k(const variable& p, const variable& t, std::int64_t k) {
  const shape& s = p.shape();
  const variable hot = one_hot(matching(t, argmax(p)), s[s.rank() - 1], p.dtype());
  const variable own = sum(where(hot, p, 0.0), -1, keep_dims);  // of a label that is no class 0
  const variable above = sum(p > own, -1);
  return sum_of_sane_hits((above < static_cast<double>(k)) * sum(hot, -1), p);
}

variable top_k(const variable& p, const variable& t, std::int64_t k) {
  return sparse_top_k(p, argmax(matching(t, p)), k);
}

// Labels, not a number for each class.
bool are_labels(const variable& t, const variable& p) {
  return t.dtype() == int64 && t.shape() != p.shape();
}

variable accuracy_by_shapes(const variable& p, const variable& t) {
  const shape& s = p.shape();
  const bool one_unit = s.rank() < 2 || s[s.rank() - 1] == 1;
  if (one_unit) return binary_accuracy(p, t);
  return are_labels(t, p) ? sparse_categorical_accuracy(p, t) : categorical_accuracy(p, t);
}

struct named_metric {
  const char* name;
  const char* other_name;
  variable (*sums)(const variable& prediction, const variable& target);
};

constexpr std::array named_hits{
    named_metric{"accuracy", "acc", accuracy_by_shapes},
    named_metric{"binary_accuracy", "", binary_accuracy},
    named_metric{"categorical_accuracy", "", categorical_accuracy},
    named_metric{"sparse_categorical_accuracy", "", sparse_categorical_accuracy},
};

constexpr std::int64_t usual_k = 5;

// By its name a metric is found again, with its k.
std::string name_of_top_k(const char* sparse, std::int64_t k) {
  if (k < 1) throw value_error(fmt::format("{}top_k_categorical_accuracy: k is {}", sparse, k));
  const std::string number = k == usual_k ? "k" : fmt::format("{}", k);
  return fmt::format("{}top_{}_categorical_accuracy", sparse, number);
}

// What stands for k in a name of these: none in another name.
std::optional<std::int64_t> k_in(const std::string& name, const char* sparse) {
  const std::string before = fmt::format("{}top_", sparse);
  if (!name.starts_with(before)) return {};
  std::int64_t k = usual_k;
  std::from_chars(name.data() + before.size(), name.data() + name.size(), k);
  if (k < 1 || name_of_top_k(sparse, k) != name) return {};
  return k;
}

// The mean cross-entropies that a perplexity is of.
variable cross_entropy(const variable& p, const variable& t) {
  return are_labels(t, p) ? sparse_categorical_crossentropy(p, t) : categorical_crossentropy(p, t);
}

variable cross_entropy_from_logits(const variable& p, const variable& t) {
  return are_labels(t, p) ? sparse_categorical_crossentropy_from_logits(p, t)
                          : categorical_crossentropy_from_logits(p, t);
}

double perplexity_of_sums(std::span<const double> sums, double rows) {
  return std::exp(mean_of_sums(sums, rows));
}

// (rows, columns) in float64, where no square of a float32 is infinite.
variable as_columns(const variable& x) {
  return reshape(cast(x, float64), {rows_of(x), x.shape().elements() / rows_of(x)});
}

variable sum_for_rmse(const variable& prediction, const variable& target) {
  const variable p = as_columns(prediction), t = as_columns(matching(target, prediction));
  return reshape(sum(square(t - p)), {1}) / static_cast<double>(p.shape()[1]);
}

double rmse_of_sums(std::span<const double> sums, double rows) {
  return std::sqrt(mean_of_sums(sums, rows));
}

// For each column: squared residuals, then of the targets the first, how far their mean is above
// it, and their squared deviations from the mean. Numbers about the first target do not lose the
// digits in which targets with a large mean differ.
variable sums_for_r2(const variable& prediction, const variable& target) {
  const variable p = as_columns(prediction), t = as_columns(matching(target, prediction));
  const variable first = slice(t, {{0, 1}, all}), beyond = t - first;
  const variable above = mean(beyond, 0, keep_dims);
  const shape columns{t.shape()[1]};
  return concatenate({sum(square(t - p), 0), reshape(first, columns), reshape(above, columns),
                      sum(square(beyond - above), 0)});
}

// The mean and the squared deviations of two sets together (Chan, Golub and LeVeque, 1979, equation
// 2.1).
void merge_for_r2(std::span<double> total, double rows_before, std::span<const double> batch,
                  double rows) {
  if (rows_before == 0) {
    std::copy(batch.begin(), batch.end(), total.begin());
    return;
  }
  const std::size_t columns = total.size() / 4;
  const auto part = [&](auto sums, std::size_t k) { return sums.subspan(k * columns, columns); };
  const double share = rows / (rows_before + rows);
  for (std::size_t c = 0; c < columns; ++c) {
    const double apart =
        (part(batch, 1)[c] - part(total, 1)[c]) + (part(batch, 2)[c] - part(total, 2)[c]);
    part(total, 0)[c] += part(batch, 0)[c];
    part(total, 2)[c] += apart * share;
    part(total, 3)[c] += part(batch, 3)[c] + apart * apart * rows_before * share;
  }
}

double r2_of_sums(std::span<const double> sums, double) {
  const std::size_t columns = sums.size() / 4;
  double total = 0;
  for (std::size_t c = 0; c < columns; ++c) {
    const double residual = sums[c], spread = sums[3 * columns + c];
    const bool one_number = spread == 0 && !std::isnan(residual);  // all targets are
    if (one_number) total += residual == 0 ? 1 : 0;
    else total += 1 - residual / spread;
  }
  return total / static_cast<double>(columns);
}

}  // namespace

std::span<const named_loss> detail::named_losses() { return table; }

const named_loss* detail::find_loss(const std::string& name) {
  for (const named_loss& l : table) {
    if (name == l.name || (*l.short_name != 0 && name == l.short_name)) return &l;
  }
  return nullptr;
}

loss_function::loss_function(const std::string& name) {
  const named_loss* l = find_loss(name);
  if (l == nullptr) {
    throw value_error(fmt::format("loss: no loss '{}'; there are: {}", name, known_losses()));
  }
  known_ = l;
  record_ = l->record;
}

std::string loss_function::name() const { return known_ == nullptr ? "" : known_->name; }

void loss_function::demand_function() const {
  if (!record_) throw value_error("loss: the function is empty");
}

loss_function::loss_function(variable (*f)(operand, operand), targets taken)
    : taken_(taken), record_(f) {
  demand_function();
  if (taken == targets::as_given) return;
  for (const named_loss& l : table) {
    if (f == l.record || f == l.short_function) known_ = &l;
  }
}

metric::metric(const std::string& name)
    : name_(name),
      known_(true),
      direction_(better::higher),
      merge_(add_sums),
      value_(mean_of_sums) {
  for (const named_metric& m : named_hits) {
    if (name == m.name || (*m.other_name != 0 && name == m.other_name)) {
      sums_ = m.sums;
      return;
    }
  }
  if (name == "rmse" || name == "root_mean_squared_error") {
    direction_ = better::lower;
    sums_ = sum_for_rmse;
    value_ = rmse_of_sums;
  } else if (name == "r2" || name == "r2_score") {
    sums_ = sums_for_r2;
    merge_ = merge_for_r2;
    value_ = r2_of_sums;
  } else if (const auto k = k_in(name, "")) {
    sums_ = [k = *k](const variable& p, const variable& t) { return top_k(p, t, k); };
  } else if (const auto of_labels = k_in(name, "sparse_")) {
    sums_ = [k = *of_labels](const variable& p, const variable& t) {
      return sparse_top_k(p, t, k);
    };
  } else if (name == "perplexity" || name == "perplexity_from_logits") {
    const bool logits = name != "perplexity";
    *this = metric(name, logits ? cross_entropy_from_logits : cross_entropy, better::lower);
    known_ = true;
    value_ = perplexity_of_sums;
  } else if (find_loss(name) != nullptr) {
    *this = metric(name, loss_function(name));
    known_ = true;
  } else {
    throw value_error(fmt::format(
        "metric: no metric '{}'; there are: accuracy, acc, binary_accuracy, categorical_accuracy, "
        "sparse_categorical_accuracy, top_k_categorical_accuracy, "
        "sparse_top_k_categorical_accuracy (k is 5, or a number in its place), perplexity, "
        "perplexity_from_logits, rmse, root_mean_squared_error, r2, r2_score, {}",
        name, known_losses()));
  }
}

metric top_k_categorical_accuracy(std::int64_t k) { return {name_of_top_k("", k)}; }
metric sparse_top_k_categorical_accuracy(std::int64_t k) { return {name_of_top_k("sparse_", k)}; }

metric::metric(std::string name, const loss_function& f, std::optional<better> direction)
    : name_(std::move(name)),
      direction_(direction),
      taken_(f.taken()),
      merge_(add_sums),
      value_(mean_of_sums) {
  if (!direction && f.known() != nullptr) direction_ = better::lower;
  sums_ = [f, of = name_](variable p, variable t) {
    const variable mean = f(p, t);
    if (mean.shape().elements() != 1) {
      throw shape_error(fmt::format("metric '{}': it has shape {}, not one number: take its mean",
                                    of, mean.shape().text()));
    }
    return reshape(cast(mean, float64), {1}) * rows_of(p);
  };
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

// What fit, evaluate and predict refuse before the first step, and the conversions they make.
#include "train/dataset.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include "cotape/data.hpp"
#include "train/named_loss.hpp"
#include "train/rows.hpp"
#include "train/targets.hpp"

namespace cotape {

namespace detail {

namespace {

template <class T> std::string text(T number) { return fmt::format("{}", number); }

// f(elements) with their type known.
template <class F> auto with_elements(array_view v, F f) {
  switch (v.dtype()) {
    case float32: return f(v.data_as<float>());
    case float64: return f(v.data_as<double>());
    default: return f(v.data_as<std::int64_t>());
  }
}

tensor converted_to(dtype to, array_view v) {
  tensor result({to, v.shape()});
  const auto n = v.shape().elements();
  with_elements(v, [&](const auto* from) {
    const auto fill = [&]<class T>(T* out) {
      std::transform(from, from + n, out, [](auto e) { return static_cast<T>(e); });
    };
    if (to == float32) fill(result.data_as<float>());
    else if (to == float64) fill(result.data_as<double>());
    else fill(result.data_as<std::int64_t>());
  });
  return result;
}

/// Throws for the first element that `fits` does not hold for: "who: row 3 of the targets: ...".
template <class F>
void demand(const char* who, const char* what, array_view v, F fits, const std::string& wanted) {
  const std::int64_t n = v.shape().elements();
  with_elements(v, [&](const auto* x) {
    for (std::int64_t i = 0; i < n; ++i) {
      if (fits(static_cast<double>(x[i]))) continue;
      const std::int64_t row = i / (n / v.shape()[0]);
      throw value_error(
          fmt::format("{}: row {} of the {}: {} {}", who, row, what, text(x[i]), wanted));
    }
  });
}

// Whether all exponents are those of numbers: whole data sets are read here at each fit, so the
// loop is one that compilers vectorise.
template <class Word, class T> bool all_finite(const T* x, std::int64_t n) {
  constexpr Word exponent = std::bit_cast<Word>(std::numeric_limits<T>::infinity());
  Word bad = 0;
  for (std::int64_t i = 0; i < n; ++i) {
    Word bits;
    std::memcpy(&bits, x + i, sizeof bits);
    bad |= static_cast<Word>((bits & exponent) == exponent);
  }
  return bad == 0;
}

void demand_finite(const char* who, const char* what, array_view v) {
  const std::int64_t n = v.shape().elements();
  if (v.dtype() == int64) return;
  if (v.dtype() == float32 ? all_finite<std::uint32_t>(v.data_as<float>(), n)
                           : all_finite<std::uint64_t>(v.data_as<double>(), n)) {
    return;
  }
  demand(
      who, what, v, [](double x) { return std::isfinite(x); }, "is not finite");
}

// `what` is finite, and must be so in the dtype of the model.
array_view in_dtype(const char* who, const char* what, dataset& set, array_view v, dtype to) {
  if (v.dtype() == to) return v;
  const tensor& result = set.converted.emplace_back(converted_to(to, v));
  if (to == float32 && !all_finite<std::uint32_t>(result.data_as<float>(), v.shape().elements())) {
    demand(
        who, what, v, [](double x) { return std::isfinite(static_cast<float>(x)); },
        "is beyond the model's float32");
  }
  return result;
}

// The row type that data tells a model without an input: of the weights' dtype, if there are any,
// as of layers that another model has used.
value_type told_by(const char* who, array_view x, const network& net) {
  if (x.shape().rank() == 0) {
    throw shape_error(fmt::format("{}: an input of shape () has no rows", who));
  }
  dtype d = x.dtype() == float64 ? float64 : float32;
  for (const parameter& p : net.parameters()) {
    if (p.dtype() != int64) d = p.dtype();
  }
  return {d, x.shape().rank() == 1 ? shape{1} : without_batch(x.shape())};
}

// x as (rows, row...), if it has that shape, is (rows) for rows of one element, or one row.
array_view as_rows(const char* who, array_view x, const shape& row, bool one_row) {
  const shape& s = x.shape();
  if (s.rank() == row.rank() + 1 && without_batch(s) == row) return x;
  if (s.rank() == 1 && row == shape{1}) return {{x.dtype(), {s[0], 1}}, x.data()};
  if (one_row && s == row) return {{x.dtype(), with_batch(1, row)}, x.data()};
  throw shape_error(fmt::format("{}: the input has shape {}, the model takes {}", who, s.text(),
                                text_with_none(row)));
}

// Integer labels as they are; of floating ones those that are whole.
array_view as_labels(const char* who, dataset& set, array_view y, const shape& output) {
  const shape wanted(std::span(output.begin(), output.rank() - 1));
  const std::int64_t classes = output[output.rank() - 1];
  const bool column = y.shape().rank() == output.rank() && y.shape()[y.shape().rank() - 1] == 1 &&
                      shape(std::span(y.shape().begin(), wanted.rank())) == wanted;
  if (y.shape() != wanted && !column) {
    throw shape_error(
        fmt::format("{}: labels of shape {} do not fit the output {}: they have no "
                    "class axis",
                    who, y.shape().text(), text_with_none(without_batch(output))));
  }
  demand(
      who, "targets", y,
      [&](double x) { return x >= 0 && x < static_cast<double>(classes) && x == std::floor(x); },
      fmt::format("is none of the labels 0 to {}", classes - 1));
  const array_view labels = in_dtype(who, "targets", set, y, int64);
  return {{int64, wanted}, labels.data()};
}

void demand_range(const char* who, const detail::named_loss& loss, array_view y) {
  const auto check = [&](auto fits, const char* wanted) {
    demand(who, "targets", y, fits, fmt::format("{}, {}", wanted, loss.name));
  };
  switch (loss.target) {
    case detail::numbers::probabilities:
      return check([](double t) { return t >= 0 && t <= 1; }, "is not in [0, 1]");
    case detail::numbers::not_zero:
      return check([](double t) { return t != 0; }, "cannot be divided by");
    case detail::numbers::above_minus_one:
      return check([](double t) { return t > -1; }, "is not above -1");
    default: return;
  }
}

// The targets of one output, of as many rows and in a shape that fits it if the loss demands that.
array_view targets_for(const char* who, dataset& set, const loss_function& loss, array_view y,
                       const value_type& row, const std::string& output_name) {
  const shape output = with_batch(set.rows, row.shape);
  if (y.shape().rank() == 0 || y.shape()[0] != set.rows) {
    throw shape_error(fmt::format("{}: {} rows of inputs, but the targets have shape {}", who,
                                  set.rows, y.shape().text()));
  }
  demand_finite(who, "targets", y);
  const detail::named_loss* known = loss.known();
  if (known != nullptr && known->target == detail::numbers::labels) {
    return as_labels(who, set, y, output);
  }
  const dtype floating = row.dtype == int64 ? float32 : row.dtype;
  const bool own = known == nullptr, as_given = loss.taken() == targets::as_given;
  if (own && y.dtype() == int64 && (as_given || y.shape() != output)) return y;  // labels
  if (!as_given && !fits(y.shape(), output)) {
    throw shape_error(
        fmt::format("{}: the targets have shape {}, the model's output '{}' is {}{}", who,
                    y.shape().text(), output_name, text_with_none(row.shape),
                    own ? ": a loss of your own that takes them so is given as loss_function{f, "
                          "targets::as_given}"
                        : ""));
  }
  if (known != nullptr) demand_range(who, *known, y);
  return in_dtype(who, "targets", set, y, floating);
}

}  // namespace

std::vector<array_view> dataset::all() const {
  std::vector<array_view> result = inputs;
  result.insert(result.end(), targets.begin(), targets.end());
  return result;
}

std::vector<array_view> dataset::first(std::int64_t most) const {
  std::vector<array_view> result = all();
  for (array_view& v : result) v = rows_of(v, 0, std::min(most, rows));
  return result;
}

dataset inputs_for(const char* who, network& net, const std::vector<array_view>& x, bool one_row) {
  net.demand_layers();
  dataset set;
  if (x.size() != net.inputs()) {
    throw value_error(
        fmt::format("{}: {} arrays for the {} inputs of the model", who, x.size(), net.inputs()));
  }
  std::vector<value_type> rows;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const array_view& v = x[i];
    if (one_row && v.shape().rank() == 1 && !net.input(i).row) {
      throw shape_error(fmt::format(
          "{}: an array of shape {} may be one row or many: begin the model with an input, or give "
          "(rows, features)",
          who, v.shape().text()));
    }
    rows.push_back(told_by(who, v, net));
  }
  net.build_for(rows);
  for (std::size_t i = 0; i < x.size(); ++i) {
    const value_type& row = *net.input(i).row;
    const array_view v = as_rows(who, x[i], row.shape, one_row);
    if (v.shape()[0] == 0) throw value_error(fmt::format("{}: the set is empty", who));
    if (row.dtype == int64 && v.dtype() != int64) {
      throw dtype_error(
          fmt::format("{}: the input is {}, the model takes int64", who, name_of(v.dtype())));
    }
    demand_finite(who, "inputs", v);
    set.inputs.push_back(in_dtype(who, "inputs", set, v, row.dtype));
    if (v.shape()[0] != set.inputs[0].shape()[0]) {
      throw shape_error(fmt::format("{}: inputs of {} and of {} rows", who,
                                    set.inputs[0].shape()[0], v.shape()[0]));
    }
  }
  set.rows = set.inputs[0].shape()[0];
  return set;
}

dataset examples_for(const char* who, network& net, const std::vector<loss_function>& losses,
                     const std::vector<array_view>& x, const std::vector<array_view>& y) {
  dataset set = inputs_for(who, net, x, false);
  if (y.size() != net.outputs()) {
    throw value_error(fmt::format("{}: {} arrays of targets for the {} outputs of the model", who,
                                  y.size(), net.outputs()));
  }
  for (std::size_t i = 0; i < y.size(); ++i) {
    const loss_function& loss = losses[losses.size() == 1 ? 0 : i];
    set.targets.push_back(
        targets_for(who, set, loss, y[i], *net.output(i).row, net.name_of_output(i)));
  }
  return set;
}

}  // namespace detail

}  // namespace cotape

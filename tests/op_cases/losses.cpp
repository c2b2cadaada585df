// Op cases: losses, each from its definition.
#include "op_cases.hpp"

namespace cotape::tests {

namespace {

using loss = variable (*)(operand, operand);
using term = real (*)(real, real);

// A loss that is `factor` times the sum or the mean of a term for each element.
op_case each_element_loss(std::string name, std::string variant, loss f, term each_loss,
                          domain prediction, domain target, double factor, bool mean) {
  op_case c{std::move(name), std::move(variant), {{{4, 3}, prediction}, {{4, 3}, target}}, {}, {}};
  c.apply = [f](const variables& v) { return f(v[0], v[1]); };
  c.grows = true;
  c.reference = [=](const arrays& x) {
    const std::size_t n = x[0].data.size();
    real total = 0;
    for (std::size_t i = 0; i < n; ++i) total += each_loss(x[0].data[i], x[1].data[i]);
    return array({}, static_cast<double>(factor * total / (mean ? static_cast<real>(n) : 1)));
  };
  return c;
}

op_case mean_loss(std::string name, std::string variant, loss f, term each_loss,
                  domain prediction = {}, domain target = {}, double factor = 1) {
  return each_element_loss(std::move(name), std::move(variant), f, each_loss, prediction, target,
                           factor, true);
}

op_case sum_loss(std::string name, loss f, term each_loss, domain prediction = {},
                 domain target = {}, double factor = 1) {
  return each_element_loss(std::move(name), "", f, each_loss, prediction, target, factor, false);
}

real squared(real p, real t) { return (p - t) * (p - t); }
real absolute(real p, real t) { return std::abs(p - t); }
real relative(real p, real t) { return std::abs((t - p) / t); }
real logarithmic(real p, real t) { return squared(std::log1p(t), std::log1p(p)); }
// Of the logarithms, whose difference cancels.
real logarithmic_magnitude(real p, real t) {
  return squared(std::abs(std::log1p(t)), -std::abs(std::log1p(p)));
}
template <int HalfDelta> real huber_of(real p, real t) {
  const real r = std::abs(p - t), delta = HalfDelta / 2.0L;
  return r <= delta ? r * r / 2 : delta * (r - delta / 2);
}
real cross_entropy(real p, real t) { return -(t * std::log(p) + (1 - t) * std::log1p(-p)); }
real softplus_of(real z) { return std::fmax(z, 0.0L) + std::log1p(std::exp(-std::abs(z))); }
real logit_cross_entropy(real z, real t) { return t * softplus_of(-z) + (1 - t) * softplus_of(z); }

void append_regression(std::vector<op_case>& rows) {
  const auto add = [&](op_case c) { rows.push_back(std::move(c)); };
  add(sum_loss("sum_squared_error", sum_squared_error, squared));
  add(sum_loss("half_squared_error", half_squared_error, squared, {}, {}, 0.5));
  add(mean_loss("mean_squared_error", "", mean_squared_error, squared));
  add(sum_loss("sum_absolute_error", sum_absolute_error, absolute, comb(0), comb(0.5)));
  add(mean_loss("mean_absolute_error", "", mean_absolute_error, absolute, comb(0), comb(0.5)));
  add(mean_loss("mean_absolute_percentage_error", "", mean_absolute_percentage_error, relative,
                comb(0), {1, 3, domain::kind::comb, 0.5}, 100));
  add(mean_loss("mean_squared_logarithmic_error", "", mean_squared_logarithmic_error, logarithmic,
                interval(-0.5, 3), interval(-0.5, 3)));
  rows.back().magnitude =
      mean_loss("", "", mean_squared_logarithmic_error, logarithmic_magnitude).reference;
  // Differences stay off the kinks at 1 and 2.5.
  const auto one = [](operand p, operand t) { return huber(p, t); };
  const auto other = [](operand p, operand t) { return huber(p, t, 2.5); };
  add(mean_loss("huber", "delta 1", one, huber_of<2>, comb(0), comb(0.5)));
  add(mean_loss("huber", "delta 2.5", other, huber_of<5>, comb(0), comb(0.75)));
}

void append_binary(std::vector<op_case>& rows) {
  rows.push_back(mean_loss("binary_crossentropy", "of probabilities", binary_crossentropy,
                           cross_entropy, interval(0.1, 0.9), interval(0, 1)));
  const auto of_sigmoid = [](operand z, operand t) { return binary_crossentropy(sigmoid(z), t); };
  rows.push_back(mean_loss("binary_crossentropy", "of a sigmoid", of_sigmoid, logit_cross_entropy,
                           away_from_zero(), interval(0, 1)));
  rows.push_back(mean_loss("binary_crossentropy_from_logits", "", binary_crossentropy_from_logits,
                           logit_cross_entropy, away_from_zero(), interval(0, 1)));
}

// Mean over rows of sum_k t_k of_log(log p_k).
double class_loss(const std::vector<std::vector<real>>& log_p, const array& t,
                  real (*of_log)(real)) {
  real total = 0;
  const bool sparse = t.shape.rank() == 1;
  for (std::size_t i = 0; i < log_p.size(); ++i) {
    for (std::size_t k = 0; k < log_p[i].size(); ++k) {
      const real weight =
          !sparse ? t.data[i * log_p[i].size() + k] : t.data[i] == static_cast<double>(k);
      total += weight * of_log(log_p[i][k]);
    }
  }
  return static_cast<double>(total / static_cast<real>(log_p.size()));
}

using row_function = std::vector<real> (*)(const numbers&);
std::vector<std::vector<real>> each_row(const array& x, row_function f) {
  std::vector<std::vector<real>> y;
  const auto n = static_cast<std::ptrdiff_t>(x.shape[1]);
  for (auto row = x.data.begin(); row != x.data.end(); row += n) y.push_back(f({row, row + n}));
  return y;
}

std::vector<real> log_of(const numbers& p) {
  std::vector<real> y;
  for (real e : p) y.push_back(std::log(e));
  return y;
}
std::vector<real> log_sigmoid_of(const numbers& z) {
  std::vector<real> y;
  for (real e : z) y.push_back(-softplus_of(-e));
  return y;
}

// The loss f of an input, of which the reference takes logarithms.
void append_classes(std::vector<op_case>& rows, const char* name, const char* variant, loss f,
                    row_function logarithms, domain from) {
  const bool sparse = std::string(name).starts_with("sparse");
  op_case c{
      name,
      variant,
      {{{4, 3}, from}, sparse ? argument{{4}, indices(3)} : argument{{4, 3}, interval(0.1, 1)}},
      {},
      {}};
  c.apply = [=](const variables& v) { return f(v[0], v[1]); };
  c.grows = true;
  c.reference = [=](const arrays& x) {
    const auto of_log = [](real log_p) { return -log_p; };
    return array({}, class_loss(each_row(x[0], logarithms), x[1], of_log));
  };
  c.magnitude = [=](const arrays& x) {  // log p is off by so much, whatever its size
    const auto of_log = [](real log_p) { return 1 - log_p; };
    return array({}, class_loss(each_row(x[0], logarithms), x[1], of_log));
  };
  rows.push_back(std::move(c));
}

void append_classes(std::vector<op_case>& rows) {
  const char *dense = "categorical_crossentropy", *sparse = "sparse_categorical_crossentropy";
  const domain p = interval(0.1, 0.9);
  const auto add = [&](const char* name, const char* variant, loss f, row_function logarithms,
                       domain from = {}) {
    append_classes(rows, name, variant, f, logarithms, from);
  };
  add(dense, "of probabilities", categorical_crossentropy, log_of, p);
  add(sparse, "of probabilities", sparse_categorical_crossentropy, log_of, p);
  add(
      dense, "of a softmax",
      [](operand z, operand t) { return categorical_crossentropy(softmax(z), t); },
      log_probabilities);
  add(
      sparse, "of a softmax",
      [](operand z, operand t) { return sparse_categorical_crossentropy(softmax(z), t); },
      log_probabilities);
  add(
      dense, "of a sigmoid",
      [](operand z, operand t) { return categorical_crossentropy(sigmoid(z), t); }, log_sigmoid_of);
  add("categorical_crossentropy_from_logits", "", categorical_crossentropy_from_logits,
      log_probabilities);
  add("sparse_categorical_crossentropy_from_logits", "",
      sparse_categorical_crossentropy_from_logits, log_probabilities);
}

}  // namespace

std::vector<op_case> loss_cases() {
  std::vector<op_case> rows;
  append_regression(rows);
  append_binary(rows);
  append_classes(rows);
  return rows;
}

}  // namespace cotape::tests

// Op cases: losses, each from its definition.
#include "op_cases.hpp"

namespace cotape::tests {

namespace {

using loss = variable (*)(operand, operand);
using term = double (*)(double, double);

// A loss that is `factor` times the sum or the mean of a term for each element.
op_case each_element_loss(std::string name, std::string variant, loss f, term each_loss,
                          domain prediction, domain target, double factor, bool mean) {
  op_case c{std::move(name), std::move(variant), {{{4, 3}, prediction}, {{4, 3}, target}}, {}, {}};
  c.apply = [f](const variables& v) { return f(v[0], v[1]); };
  c.reference = [=](const arrays& x) {
    double total = 0;
    for (std::size_t i = 0; i < 12; ++i) total += each_loss(x[0].data[i], x[1].data[i]);
    return array({}, factor * total / (mean ? 12 : 1));
  };
  c.scale = 4;
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

double squared(double p, double t) { return (p - t) * (p - t); }
double absolute(double p, double t) { return std::abs(p - t); }
double relative(double p, double t) { return std::abs((t - p) / t); }
double logarithmic(double p, double t) {
  const double d = std::log(1 + t) - std::log(1 + p);
  return d * d;
}
double huber_of(double r, double delta) {
  return std::abs(r) <= delta ? r * r / 2 : delta * (std::abs(r) - delta / 2);
}
double logistic(double z) { return 1 / (1 + std::exp(-z)); }
double cross_entropy(double p, double t) { return -(t * std::log(p) + (1 - t) * std::log(1 - p)); }
double logit_cross_entropy(double z, double t) { return cross_entropy(logistic(z), t); }

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
  // Differences stay off the kinks at 1 and 2.5.
  const auto one = [](operand p, operand t) { return huber(p, t); };
  const auto other = [](operand p, operand t) { return huber(p, t, 2.5); };
  add(mean_loss(
      "huber", "delta 1", one, [](double p, double t) { return huber_of(p - t, 1); }, comb(0),
      comb(0.5)));
  add(mean_loss(
      "huber", "delta 2.5", other, [](double p, double t) { return huber_of(p - t, 2.5); }, comb(0),
      comb(0.75)));
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

// Mean over rows of -sum_k t_k log p_k.
double class_loss(const array& p, const std::function<double(std::int64_t, std::int64_t)>& t) {
  double total = 0;
  each(p.shape, [&](const index& i) { total -= t(i[0], i[1]) * std::log(p[i]); });
  return total / static_cast<double>(p.shape[0]);
}

array softmax_of(const array& z) {
  return along(z, 1, [](const numbers& row) {
    double total = 0;
    numbers p;
    for (double e : row) total += std::exp(e);
    for (double e : row) p.push_back(std::exp(e) / total);
    return p;
  });
}
array sigmoid_of(const array& z) {
  return each_element([](const numbers& e) { return logistic(e[0]); }, {z});
}
array same(const array& p) { return p; }

// The loss f of an input, of which the reference takes p = probabilities(input).
void append_classes(std::vector<op_case>& rows, const char* name, const char* variant, loss f,
                    array (*probabilities)(const array&), domain from) {
  const bool sparse = std::string(name).starts_with("sparse");
  op_case c{
      name,
      variant,
      {{{4, 3}, from}, sparse ? argument{{4}, indices(3)} : argument{{4, 3}, interval(0.1, 1)}},
      {},
      {}};
  c.apply = [=](const variables& v) { return f(v[0], v[1]); };
  c.reference = [=](const arrays& x) {
    const auto t = [&](std::int64_t i, std::int64_t k) {
      return !sparse ? x[1][{i, k}] : x[1][{i}] == static_cast<double>(k) ? 1.0 : 0;
    };
    return array({}, class_loss(probabilities(x[0]), t));
  };
  c.scale = 4;
  rows.push_back(std::move(c));
}

void append_classes(std::vector<op_case>& rows) {
  const char *dense = "categorical_crossentropy", *sparse = "sparse_categorical_crossentropy";
  const domain p = interval(0.1, 0.9);
  const auto add = [&](const char* name, const char* variant, loss f,
                       array (*probabilities)(const array&), domain from = {}) {
    append_classes(rows, name, variant, f, probabilities, from);
  };
  add(dense, "of probabilities", categorical_crossentropy, same, p);
  add(sparse, "of probabilities", sparse_categorical_crossentropy, same, p);
  add(
      dense, "of a softmax",
      [](operand z, operand t) { return categorical_crossentropy(softmax(z), t); }, softmax_of);
  add(
      sparse, "of a softmax",
      [](operand z, operand t) { return sparse_categorical_crossentropy(softmax(z), t); },
      softmax_of);
  add(
      dense, "of a sigmoid",
      [](operand z, operand t) { return categorical_crossentropy(sigmoid(z), t); }, sigmoid_of);
  add("categorical_crossentropy_from_logits", "", categorical_crossentropy_from_logits, softmax_of);
  add("sparse_categorical_crossentropy_from_logits", "",
      sparse_categorical_crossentropy_from_logits, softmax_of);
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

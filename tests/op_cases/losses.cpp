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

std::vector<real> log_of(const numbers& p) {
  std::vector<real> y;
  for (real e : p) y.push_back(std::log(e));
  return y;
}

// A loss that is the mean over rows of a term of the row.
using row_term = real (*)(const numbers& p, const numbers& t);
op_case row_loss(std::string name, std::string variant, loss f, row_term each_row,
                 domain prediction, domain target) {
  op_case c{std::move(name), std::move(variant), {{{4, 3}, prediction}, {{4, 3}, target}}, {}, {}};
  c.apply = [f](const variables& v) { return f(v[0], v[1]); };
  c.grows = true;
  c.reference = [=](const arrays& x) {
    const auto n = static_cast<std::ptrdiff_t>(x[0].shape[x[0].shape.rank() - 1]);
    real total = 0, rows = 0;
    auto t = x[1].data.begin();
    for (auto p = x[0].data.begin(); p != x[0].data.end(); p += n, t += n, ++rows) {
      total += each_row({p, p + n}, {t, t + n});
    }
    return array({}, static_cast<double>(total / rows));
  };
  return c;
}

real log_cosh_of(real p, real t) {
  const real r = std::abs(p - t), s = std::sinh(r / 2);
  return r < 1 ? std::log1p(2 * s * s) : r + std::log1p(std::exp(-2 * r)) - std::log(2.0L);
}
real hinge_of(real p, real t) { return std::fmax(1 - (t == 0 ? -1 : t) * p, 0.0L); }
real squared_hinge_of(real p, real t) { return hinge_of(p, t) * hinge_of(p, t); }
real focal_of(real p, real t) {
  const real missed = t * (1 - p) + (1 - t) * p;
  return missed * missed * cross_entropy(p, t);
}
real balanced_focal_of(real p, real t) {
  const real missed = t * (1 - p) + (1 - t) * p;
  return (0.75L * t + 0.25L * (1 - t)) * std::pow(missed, 1.5L) * cross_entropy(p, t);
}
real focal_of_logit(real z, real t) {
  const real missed = t / (1 + std::exp(z)) + (1 - t) / (1 + std::exp(-z));
  return missed * missed * logit_cross_entropy(z, t);
}
real cosine_of(const numbers& p, const numbers& t) {
  real both = 0, of_p = 0, of_t = 0;
  for (std::size_t i = 0; i < p.size(); ++i) {
    both += static_cast<real>(p[i]) * t[i];
    of_p += static_cast<real>(p[i]) * p[i];
    of_t += static_cast<real>(t[i]) * t[i];
  }
  return -both / std::sqrt(of_p * of_t);
}
real cosine_magnitude(const numbers& p, const numbers& t) {
  const auto sizes = [](numbers x) {
    for (double& e : x) e = std::abs(e);
    return x;
  };
  return -cosine_of(sizes(p), sizes(t));
}
// The sum over the classes of a term of log p and t.
template <class F> real class_terms(const std::vector<real>& log_p, const numbers& t, F f) {
  real total = 0;
  for (std::size_t i = 0; i < t.size(); ++i) total += f(log_p[i], static_cast<real>(t[i]));
  return total;
}
real focal_term(real log_p, real t) {
  const real missed = -std::expm1(log_p);
  return -0.25L * t * missed * missed * log_p;
}
real categorical_focal_of(const numbers& p, const numbers& t) {
  return class_terms(log_of(p), t, focal_term);
}
real categorical_focal_of_softmax(const numbers& z, const numbers& t) {
  return class_terms(log_probabilities(z), t, focal_term);
}
real divergence_term(real log_p, real t) { return t * (std::log(t) - log_p); }
real divergence_size(real log_p, real t) { return t * (1 + std::abs(std::log(t)) - log_p); }
real divergence_of(const numbers& p, const numbers& t) {
  return class_terms(log_of(p), t, divergence_term);
}
real divergence_of_softmax(const numbers& z, const numbers& t) {
  return class_terms(log_probabilities(z), t, divergence_term);
}
real divergence_magnitude(const numbers& p, const numbers& t) {
  return class_terms(log_of(p), t, divergence_size);
}
real divergence_magnitude_of_softmax(const numbers& z, const numbers& t) {
  return class_terms(log_probabilities(z), t, divergence_size);
}

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
  add(mean_loss("log_cosh", "", log_cosh, log_cosh_of));
  add(row_loss("cosine_similarity", "", cosine_similarity, cosine_of, away_from_zero(),
               away_from_zero()));
  rows.back().magnitude = row_loss("", "", cosine_similarity, cosine_magnitude, {}, {}).reference;
}

void append_margins(std::vector<op_case>& rows) {
  // Margins t p stay off the kink at 1.
  const domain spread = comb(0.5), one_size{0.8, 0.95, domain::kind::two_sided};
  rows.push_back(mean_loss("hinge", "", hinge, hinge_of, spread, one_size));
  rows.push_back(mean_loss("squared_hinge", "", squared_hinge, squared_hinge_of, spread, one_size));
}

void append_focal(std::vector<op_case>& rows) {
  const domain p = interval(0.1, 0.9), t = interval(0, 1);
  const auto plain = [](operand a, operand b) { return binary_focal_crossentropy(a, b); };
  const auto balanced = [](operand a, operand b) {
    return binary_focal_crossentropy(a, b, {.alpha = 0.75, .gamma = 1.5}, true);
  };
  const auto of_sigmoid = [](operand z, operand b) {
    return binary_focal_crossentropy(sigmoid(z), b);
  };
  rows.push_back(mean_loss("binary_focal_crossentropy", "of probabilities", plain, focal_of, p, t));
  rows.push_back(
      mean_loss("binary_focal_crossentropy", "balanced", balanced, balanced_focal_of, p, t));
  rows.push_back(mean_loss("binary_focal_crossentropy", "of a sigmoid", of_sigmoid, focal_of_logit,
                           away_from_zero(), t));
  const auto of_classes = [](operand a, operand b) { return categorical_focal_crossentropy(a, b); };
  const auto of_softmax = [](operand z, operand b) {
    return categorical_focal_crossentropy(softmax(z), b);
  };
  rows.push_back(row_loss("categorical_focal_crossentropy", "of probabilities", of_classes,
                          categorical_focal_of, p, t));
  rows.push_back(row_loss("categorical_focal_crossentropy", "of a softmax", of_softmax,
                          categorical_focal_of_softmax, {}, t));
}

void append_divergences(std::vector<op_case>& rows) {
  const auto of_softmax = [](operand z, operand t) { return kl_divergence(softmax(z), t); };
  rows.push_back(row_loss("kl_divergence", "of probabilities", kl_divergence, divergence_of,
                          interval(0.1, 0.9), interval(0.1, 0.9)));
  rows.back().magnitude = row_loss("", "", kl_divergence, divergence_magnitude, {}, {}).reference;
  rows.push_back(row_loss("kl_divergence", "of a softmax", of_softmax, divergence_of_softmax, {},
                          interval(0.1, 0.9)));
  rows.back().magnitude =
      row_loss("", "", kl_divergence, divergence_magnitude_of_softmax, {}, {}).reference;
}

op_case smoothing() {
  op_case c{"smoothed_labels", "", {{{4, 3}, interval(0, 1)}}, {}, {}};
  c.apply = [](const variables& v) { return smoothed_labels(v[0], 0.25, 3); };
  c.reference = [](const arrays& x) {
    array y = x[0];
    for (double& e : y.data) e = static_cast<double>(0.75L * e + 0.25L / 3);
    return y;
  };
  c.grows = true;
  return c;
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
  append_margins(rows);
  append_focal(rows);
  append_divergences(rows);
  rows.push_back(smoothing());
  return rows;
}

}  // namespace cotape::tests

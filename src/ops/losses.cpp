// Losses. Of a sigmoid's or a softmax's output the form in the logits is evaluated, which cannot
// overflow.
#include "cotape/losses.hpp"

#include <fmt/format.h>

#include <cmath>
#include <numbers>

#include "cotape/activations.hpp"
#include "ops/numbers.hpp"
#include "ops/softmax.hpp"
#include "primitives/primitives.hpp"
#include "primitives/unary.hpp"

namespace cotape {

namespace {

// The operands of a loss; throws if their shapes differ.
class pair_of_equals : public composition {
 public:
  pair_of_equals(const char* name, operand prediction, operand target)
      : composition(name, {prediction, target}) {
    if ((*this)[0].shape() == (*this)[1].shape()) return;
    fail<shape_error>(fmt::format("the prediction is {}, the target {}: they must be equal",
                                  (*this)[0].shape().text(), (*this)[1].shape().text()));
  }
  variable residuals() const { return (*this)[0] - (*this)[1]; }
};

template <class Op> bool made_by(const variable& v) {
  return v.owner().nodes()[v.index()].op == &builtin<Op>;
}

variable clipped(const variable& p) { return clamp(p, 1e-7, 1 - 1e-7); }

// In the logits, if p is recorded as a softmax or a sigmoid; else empty.
variable log_by_logits(const variable& p) {
  if (const variable y = log_of_softmax(p); !y.empty()) return y;
  return made_by<sigmoid_op>(p) ? log_sigmoid(logit(p)) : variable();
}

variable log_of_probability(const variable& p) {
  const variable y = log_by_logits(p);
  return y.empty() ? log(clipped(p)) : y;
}

// softplus(z) - t z where z <= 0, else softplus(-z) + (1 - t) z, which is the same: both terms
// have one sign, so a right and certain prediction has its small loss and not a rounding error.
variable each_from_logits(const variable& z, const variable& t) {
  const variable positive = stop_gradient(less(0, z));
  const variable rest = select(positive, 1 - t, -t);
  return softplus(select(positive, -z, z)) + chain(rest, z);
}

// Mean over rows of -sum(t log p); a class with t = 0 counts nothing, whatever its log p is.
variable cross_entropy(const variable& log_p, const variable& t) {
  return -mean(sum(chain(t, log_p), -1));
}

void demand_labels_fit(const composition& c, const char* what) {
  const shape& s = c[0].shape();
  const bool fits = s.rank() >= 1 && c[1].shape() == shape(std::span(s.begin(), s.rank() - 1));
  if (fits) return;
  c.fail<shape_error>(fmt::format("labels of shape {} do not fit {} of shape {}",
                                  c[1].shape().text(), what, s.text()));
}

// Each row's entry of x, which is of the first operand's shape, at its label.
variable picked(const composition& c, const variable& x) {
  const shape& s = x.shape();
  const std::int64_t classes = s[s.rank() - 1];
  // Picked from 0, 1, ..., a label stays what it is, and one that is no class stops the run.
  const primitives::words as_labels{0, 1};
  const variable row = numbers(c, c[1].shape().elements(), {.factor = classes});
  const variable at = record(primitives::gather, {numbers(c, classes), c[1]}, as_labels) +
                      reshape(row, c[1].shape());
  return record(primitives::gather, {x, at}, {&primitives::all_axes, 1});
}

}  // namespace

variable sum_squared_error(operand prediction, operand target) {
  const pair_of_equals c("sum_squared_error", prediction, target);
  return sum(square(c.residuals()));
}

variable half_squared_error(operand prediction, operand target) {
  const pair_of_equals c("half_squared_error", prediction, target);
  return 0.5 * sum(square(c.residuals()));
}

variable mean_squared_error(operand prediction, operand target) {
  const pair_of_equals c("mean_squared_error", prediction, target);
  return mean(square(c.residuals()));
}

variable sum_absolute_error(operand prediction, operand target) {
  const pair_of_equals c("sum_absolute_error", prediction, target);
  return sum(abs(c.residuals()));
}

variable mean_absolute_error(operand prediction, operand target) {
  const pair_of_equals c("mean_absolute_error", prediction, target);
  return mean(abs(c.residuals()));
}

variable mean_absolute_percentage_error(operand prediction, operand target) {
  const pair_of_equals c("mean_absolute_percentage_error", prediction, target);
  return 100 * mean(abs(c.residuals() / c[1]));
}

variable mean_squared_logarithmic_error(operand prediction, operand target) {
  const pair_of_equals c("mean_squared_logarithmic_error", prediction, target);
  return mean(square(log1p(c[0]) - log1p(c[1])));
}

variable huber(operand prediction, operand target, double delta) {
  const pair_of_equals c("huber", prediction, target);
  if (!(delta > 0)) c.fail<value_error>(fmt::format("delta {} is not above 0", delta));
  const variable r = c.residuals(), bounded = clamp(r, -delta, delta);
  return mean(bounded * (r - 0.5 * bounded));
}

variable binary_crossentropy(operand prediction, operand target) {
  const pair_of_equals c("binary_crossentropy", prediction, target);
  if (made_by<sigmoid_op>(c[0])) return binary_crossentropy_from_logits(logit(c[0]), c[1]);
  const variable p = clipped(c[0]);
  return -mean(c[1] * log(p) + (1 - c[1]) * log1p(-p));
}

variable binary_crossentropy_from_logits(operand logits, operand target) {
  const pair_of_equals c("binary_crossentropy_from_logits", logits, target);
  return mean(each_from_logits(c[0], c[1]));
}

variable log_cosh(operand prediction, operand target) {
  const pair_of_equals c("log_cosh", prediction, target);
  // Near 0 the sum of the other form would be its rounding error.
  const variable r = c.residuals(), size = abs(r), near = less(size, 1);
  const variable inner = log1p(-square(tanh(select(near, r, 0))));
  return mean(select(near, -0.5 * inner, size + (softplus(-2 * size) - std::numbers::ln2)));
}

namespace {

// Rows of norm 1, or 0.
variable directions(const variable& x) {
  const variable size = norm(x, -1, keep_dims);
  return x / select(equal(size, 0), 1, size);
}

}  // namespace

variable cosine_similarity(operand prediction, operand target) {
  const pair_of_equals c("cosine_similarity", prediction, target);
  return -mean(sum(directions(c[0]) * directions(c[1]), -1));
}

variable kl_divergence(operand prediction, operand target) {
  const pair_of_equals c("kl_divergence", prediction, target);
  if (const variable log_p = log_by_logits(c[0]); !log_p.empty()) {
    return mean(sum(xlogy(c[1], c[1]) - chain(c[1], log_p), -1));
  }
  const variable p = clamp(c[0], 1e-7, 1), t = clamp(c[1], 1e-7, 1);
  return mean(sum(t * log(t / p), -1));
}

namespace {

variable hinges(const pair_of_equals& c) {
  const variable t = select(equal(c[1], 0), -1, c[1]);
  return relu(1 - t * c[0]);
}

void demand_options(const composition& c, const focal_options& o) {
  if (!(o.alpha >= 0 && o.alpha <= 1)) {
    c.fail<value_error>(fmt::format("alpha {} is not in [0, 1]", o.alpha));
  }
  if (!(o.gamma >= 0 && std::isfinite(o.gamma))) {
    c.fail<value_error>(fmt::format("gamma {} is not a finite number from 0 on", o.gamma));
  }
}

}  // namespace

variable hinge(operand prediction, operand target) {
  const pair_of_equals c("hinge", prediction, target);
  return mean(hinges(c));
}

variable squared_hinge(operand prediction, operand target) {
  const pair_of_equals c("squared_hinge", prediction, target);
  return mean(square(hinges(c)));
}

variable binary_focal_crossentropy(operand prediction, operand target, focal_options options,
                                   bool balanced) {
  const pair_of_equals c("binary_focal_crossentropy", prediction, target);
  demand_options(c, options);
  const variable t = c[1];
  variable loss, p, other;
  if (made_by<sigmoid_op>(c[0])) {
    const variable z = logit(c[0]);
    loss = each_from_logits(z, t);
    p = c[0];
    other = sigmoid(-z);
  } else {
    p = clipped(c[0]);
    other = 1 - p;
    loss = -(t * log(p) + (1 - t) * log1p(-p));
  }
  const variable missed = power(t * other + (1 - t) * p, options.gamma);
  if (!balanced) return mean(missed * loss);
  return mean((t * options.alpha + (1 - t) * (1 - options.alpha)) * missed * loss);
}

variable categorical_focal_crossentropy(operand prediction, operand target, focal_options options) {
  const pair_of_equals c("categorical_focal_crossentropy", prediction, target);
  demand_options(c, options);
  const variable by_logits = log_by_logits(c[0]);
  const variable p = by_logits.empty() ? clipped(c[0]) : c[0];
  const variable log_p = by_logits.empty() ? log(p) : by_logits;
  const variable missed = by_logits.empty() ? 1 - p : -expm1(log_p);
  return options.alpha * cross_entropy(log_p, c[1] * power(missed, options.gamma));
}

variable smoothed_labels(operand target, double amount, std::int64_t classes) {
  const composition c("smoothed_labels", {target});
  c.demand_floating();
  if (!(amount >= 0 && amount <= 1)) {
    c.fail<value_error>(fmt::format("amount {} is not in [0, 1]", amount));
  }
  if (classes < 1) c.fail<value_error>(fmt::format("{} classes, it takes at least 1", classes));
  return (1 - amount) * c[0] + amount / static_cast<double>(classes);
}

variable categorical_crossentropy(operand prediction, operand target) {
  const pair_of_equals c("categorical_crossentropy", prediction, target);
  return cross_entropy(log_of_probability(c[0]), c[1]);
}

variable categorical_crossentropy_from_logits(operand logits, operand target) {
  const pair_of_equals c("categorical_crossentropy_from_logits", logits, target);
  return cross_entropy(log_softmax(c[0]), c[1]);
}

variable sparse_categorical_crossentropy(operand prediction, operand labels) {
  const composition c("sparse_categorical_crossentropy", {prediction, labels});
  demand_labels_fit(c, "predictions");
  return -mean(picked(c, log_of_probability(c[0])));
}

variable sparse_categorical_crossentropy_from_logits(operand logits, operand labels) {
  const composition c("sparse_categorical_crossentropy_from_logits", {logits, labels});
  demand_labels_fit(c, "logits");
  const softmax_terms t = terms_of_softmax(c[0], -1);
  return mean(reshape(t.log_total, c[1].shape()) - picked(c, t.distance));
}

}  // namespace cotape

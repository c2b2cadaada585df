// Losses. Of a sigmoid's output the logits form is evaluated, which cannot overflow.
#include <fmt/format.h>

#include "ops/compose.hpp"
#include "primitives/unary.hpp"

namespace cotape {

namespace {

void demand_equal_shapes(const composition& c) {
  if (c[0].shape() != c[1].shape()) {
    c.fail<shape_error>(fmt::format("the prediction is {}, the target {}: they must be equal",
                                    c[0].shape().text(), c[1].shape().text()));
  }
}

// The operand of the sigmoid that made v, or an empty variable.
variable logits_behind(const variable& v) {
  const node& n = v.owner().nodes()[v.index()];
  return n.op == &builtin<sigmoid_op> ? v.owner().at(n.in[0]) : variable();
}

}  // namespace

variable mean_squared_error(operand prediction, operand target) {
  const composition c("mean_squared_error", {prediction, target});
  demand_equal_shapes(c);
  return mean(square(c[0] - c[1]));
}

variable binary_crossentropy(operand prediction, operand target) {
  const composition c("binary_crossentropy", {prediction, target});
  demand_equal_shapes(c);
  const variable logits = logits_behind(c[0]);
  if (!logits.empty()) return binary_crossentropy_from_logits(logits, c[1]);
  const variable p = clamp(c[0], 1e-7, 1 - 1e-7);
  return -mean(c[1] * log(p) + (1 - c[1]) * log1p(-p));
}

variable binary_crossentropy_from_logits(operand logits, operand target) {
  const composition c("binary_crossentropy_from_logits", {logits, target});  // softplus(z) - t z
  demand_equal_shapes(c);
  return mean(softplus(c[0]) - c[1] * c[0]);
}

variable categorical_crossentropy_from_logits(operand logits, operand target) {
  const composition c("categorical_crossentropy_from_logits", {logits, target});
  demand_equal_shapes(c);
  return -mean(sum(chain(c[1], log_softmax(c[0])), -1));
}

variable sparse_categorical_crossentropy_from_logits(operand logits, operand labels) {
  const composition c("sparse_categorical_crossentropy_from_logits", {logits, labels});
  const shape& s = c[0].shape();
  const bool fits = s.rank() >= 1 && c[1].shape() == shape(std::span(s.begin(), s.rank() - 1));
  if (!fits) {
    c.fail<shape_error>(
        fmt::format("labels of shape {} "
                    "do not fit logits of shape {}",
                    c[1].shape().text(), s.text()));
  }
  return categorical_crossentropy_from_logits(c[0], one_hot(c[1], s[s.rank() - 1], c[0].dtype()));
}

}  // namespace cotape

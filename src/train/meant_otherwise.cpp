// What fit refuses, or warns of, because something else was meant. The graph of the step tells it,
// by what stands at the model's outputs: a softmax further inside (attention, a gate) is nobody's
// mistake.
#include <fmt/format.h>

#include "cotape/primitive.hpp"
#include "primitives/ternary.hpp"
#include "primitives/unary.hpp"
#include "train/model_body.hpp"

namespace cotape {

namespace {

const std::string from_logits = "_from_logits";

bool is(const variable& v, const primitive& op) { return v.owner().nodes()[v.index()].op == &op; }
bool is_softmax(const variable& v) { return is(v, builtin<exp_quotient_op>); }
bool is_sigmoid(const variable& v) { return is(v, builtin<sigmoid_op>); }

variable operand_of(const variable& v, std::size_t k) {
  return v.owner().at(v.owner().operands_of(v.index())[k]);
}

bool takes_probabilities(const loss_function& loss) {
  return loss.name().ends_with("_crossentropy");
}

// A softmax divides exponentials by their sum: over one unit the sum has the output's shape.
bool is_over_one_unit(const variable& softmax) {
  return operand_of(softmax, 2).shape() == softmax.shape() &&
         softmax.shape()[softmax.shape().rank() - 1] == 1;
}

// What is wrong with an output, or nothing.
std::string mistake_of(const variable& p, const loss_function& loss) {
  if (is_softmax(p) && is_softmax(operand_of(p, 0))) {
    return "is a softmax of a softmax: leave one of them out";
  }
  if (is_softmax(p) && is_over_one_unit(p)) {
    return "is a softmax over one unit, which is always 1: use a sigmoid, or a unit for each class";
  }
  if (!loss.name().ends_with(from_logits) || (!is_softmax(p) && !is_sigmoid(p))) return "";
  const char* activation = is_softmax(p) ? "softmax" : "sigmoid";
  return fmt::format("is a {0}, but {1} takes logits: use {2}, or leave the {0} out", activation,
                     loss.name(), loss.name().substr(0, loss.name().size() - from_logits.size()));
}

// By more than rounding, as of a mean of probabilities.
template <class T> std::int64_t first_outside(const T* p, std::int64_t n) {
  constexpr T rounding = T(1e-5);
  for (std::int64_t i = 0; i < n; ++i) {
    if (p[i] < -rounding || p[i] > 1 + rounding) return i;
  }
  return n;
}

}  // namespace

void model::body::examine(std::span<const variable> predictions) {
  may_stray.clear();
  for (std::size_t i = 0; i < predictions.size(); ++i) {
    const variable& p = predictions[i];
    const std::string mistake = mistake_of(p, loss_of(i));
    if (!mistake.empty()) {
      throw value_error(
          fmt::format("fit: the model's output '{}' {}", net.name_of_output(i), mistake));
    }
    const bool probability = is_softmax(p) || is_sigmoid(p);
    if (takes_probabilities(loss_of(i)) && !probability) may_stray.insert(i);
  }
}

std::vector<std::string> model::body::strays(std::span<const array_view> inputs) {
  std::vector<std::string> warnings;
  if (may_stray.empty()) return warnings;
  const results outputs = prediction->run(inputs);
  for (const std::size_t i : may_stray) {
    const array_view p = outputs[i].view();
    const std::int64_t n = p.shape().elements();
    const std::int64_t at = p.dtype() == float32 ? first_outside(p.data_as<float>(), n)
                                                 : first_outside(p.data_as<double>(), n);
    if (at == n) continue;
    const double value = p.dtype() == float32 ? p.data_as<float>()[at] : p.data_as<double>()[at];
    const std::string& loss = loss_of(i).name();
    warnings.push_back(fmt::format(
        "the prediction of row {} for the output '{}' is {}, but {} takes probabilities, 0 to 1: "
        "end the model with a {}, or use {}{}",
        at / (n / p.shape()[0]), net.name_of_output(i), value, loss,
        loss == "binary_crossentropy" ? "sigmoid" : "softmax", loss, from_logits));
  }
  return warnings;
}

}  // namespace cotape

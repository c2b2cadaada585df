// What fit refuses, or warns of, because something else was meant. The graph of the step tells it,
// by what stands at the model's outputs: a softmax further inside (attention, a gate) is nobody's
// mistake.
#include <fmt/format.h>

#include <algorithm>
#include <bit>

#include "cotape/primitive.hpp"
#include "primitives/binary.hpp"
#include "primitives/ternary.hpp"
#include "primitives/unary.hpp"
#include "tape/rewinding.hpp"
#include "tape/sources.hpp"
#include "train/model_body.hpp"
#include "train/named_loss.hpp"

namespace cotape {

namespace {

using detail::named_loss;
using detail::numbers;

bool is(const variable& v, const primitive& op) { return v.owner().nodes()[v.index()].op == &op; }
bool is_softmax(const variable& v) { return is(v, builtin<exp_quotient_op>); }
bool is_sigmoid(const variable& v) { return is(v, builtin<sigmoid_op>); }

variable operand_of(const variable& v, std::size_t k) {
  return v.owner().at(v.owner().operands_of(v.index())[k]);
}

// The value behind what changes no number: reshapes and products with 1.
variable behind_views(variable v) {
  const auto is_one = [](const variable& x) {
    return is(x, sources::literal) && x.dtype() != int64 &&
           std::bit_cast<double>(x.owner().attributes_of(x.index())[0]) == 1;
  };
  for (;;) {
    const primitive& op = *v.owner().nodes()[v.index()].op;
    const bool product = &op == &builtin<multiply_op>;
    if (op.how == form::view || (product && is_one(operand_of(v, 1)))) v = operand_of(v, 0);
    else if (product && is_one(operand_of(v, 0))) v = operand_of(v, 1);
    else return v;
  }
}

// A softmax divides exponentials by their sum: over one unit the sum has the output's shape.
bool is_over_one_unit(const variable& softmax) {
  return operand_of(softmax, 2).shape() == softmax.shape() &&
         softmax.shape()[softmax.shape().rank() - 1] == 1;
}

// What is wrong with an output, or nothing.
std::string mistake_of(const variable& p, const named_loss* loss) {
  if (is_softmax(p) && is_softmax(operand_of(p, 0))) {
    return "is a softmax of a softmax: leave one of them out";
  }
  if (is_softmax(p) && is_over_one_unit(p)) {
    return "is a softmax over one unit, which is always 1: use a sigmoid, or a unit for each class";
  }
  const bool logits = loss != nullptr && loss->prediction == numbers::logits;
  if (!logits || (!is_softmax(p) && !is_sigmoid(p))) return "";
  const char* activation = is_softmax(p) ? "softmax" : "sigmoid";
  return fmt::format("is a {0}, but {1} takes logits: use {2}, or leave the {0} out", activation,
                     loss->name, loss->counterpart);
}

// Whether the nodes from `second` on are those from `first` on once more.
bool is_repeated(const tape& t, std::uint32_t first, std::uint32_t second) {
  const std::uint32_t distance = second - first;
  if (t.size() - second != distance) return false;
  for (std::uint32_t i = first; i < second; ++i) {
    const node &x = t.nodes()[i], &y = t.nodes()[i + distance];
    if (x.op != y.op || x.type != y.type) return false;
    const auto in = t.operands_of(i), other = t.operands_of(i + distance);
    const auto same = [&](std::uint32_t k, std::uint32_t l) {
      return l == (k >= first ? k + distance : k);
    };
    if (!std::equal(in.begin(), in.end(), other.begin(), other.end(), same)) return false;
    const auto a = t.attributes_of(i), b = t.attributes_of(i + distance);
    // A constant's tells where it is kept.
    if (x.op != &sources::constant && !std::equal(a.begin(), a.end(), b.begin(), b.end())) {
      return false;
    }
  }
  return true;
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

const named_loss* detail::crossentropy_since(std::uint32_t first, const variable& prediction,
                                             const variable& target) {
  tape& t = prediction.owner();
  const auto second = static_cast<std::uint32_t>(t.size());
  for (const named_loss& loss : named_losses()) {
    if (loss.activation == nullptr) continue;
    const rewinding afterwards(t);
    try {
      loss.record(prediction, target);
    } catch (const error&) {  // it does not take these
      continue;
    }
    if (is_repeated(t, first, second)) return &loss;
  }
  return nullptr;
}

void model::body::examine(std::span<const variable> predictions) {
  may_stray.clear();
  for (std::size_t i = 0; i < predictions.size(); ++i) {
    const variable p = behind_views(predictions[i]);
    const std::string mistake = mistake_of(p, recorded_losses[i]);
    if (!mistake.empty()) {
      throw value_error(
          fmt::format("{}: the model's output '{}' {}", at_work, net.name_of_output(i), mistake));
    }
    const bool probability = is_softmax(p) || is_sigmoid(p);
    const named_loss* loss = recorded_losses[i];
    const bool wanted = loss != nullptr && loss->prediction == numbers::probabilities;
    if (wanted && !probability) may_stray.insert(i);
  }
}

std::vector<std::string> model::body::strays(std::span<const array_view> inputs) {
  std::vector<std::string> warnings;
  if (may_stray.empty()) return warnings;
  const detail::pass from_zero(net);
  const results outputs = prediction.run(inputs);
  for (const std::size_t i : may_stray) {
    const array_view p = outputs[i].view();
    const std::int64_t n = p.shape().elements();
    const std::int64_t at = p.dtype() == float32 ? first_outside(p.data_as<float>(), n)
                                                 : first_outside(p.data_as<double>(), n);
    if (at == n) continue;
    const double value = p.dtype() == float32 ? p.data_as<float>()[at] : p.data_as<double>()[at];
    const named_loss& loss = *recorded_losses[i];
    const std::string other =
        loss.counterpart == nullptr ? "" : fmt::format(", or use {}", loss.counterpart);
    warnings.push_back(fmt::format(
        "the prediction of row {} for the output '{}' is {}, but {} takes probabilities, 0 to 1: "
        "end the model with a {}{}",
        at / (n / p.shape()[0]), net.name_of_output(i), value, loss.name, loss.activation, other));
  }
  return warnings;
}

}  // namespace cotape

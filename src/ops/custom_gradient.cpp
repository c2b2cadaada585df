// A derivative of one's own: a view of the value, whose further operands are the inputs of a rule
// that the tape keeps.
#include "cotape/ops.hpp"
#include "tape/sources.hpp"

#include <fmt/format.h>

namespace cotape {

namespace {

value_type infer_custom(const signature& s) { return *s.inputs[0]; }

// An adjoint's shape is one that the input broadcasts to: the sweep sums it back.
void check_adjoint(const derivation& d, std::size_t k, const std::string& made) {
  const variable &x = d.inputs[k], &dx = d.adjoints[k];
  if (&dx.owner() != &x.owner()) {
    throw tape_error("custom_gradient: the rule's adjoint lives on another tape");
  }
  shape joint;
  if (dx.dtype() == x.dtype() && broadcast(dx.shape(), x.shape(), joint) && joint == dx.shape()) {
    return;
  }
  throw shape_error(fmt::format("custom_gradient: the rule's adjoint {} is {}, the input {}", k,
                                dx.type().text(), x.type().text()) +
                    made);
}

void derive_custom(derivation& d) {
  const tape& t = d.output.owner();
  const std::string made = fmt::format(" [output made at {}]", t.place_of(d.output.index()).text());
  const auto& rule = t.rule_at(static_cast<std::size_t>(d.attributes[0])).rule;
  const std::vector<variable> adjoints =
      rule({d.inputs.begin(), d.inputs.end()}, d.output, d.adjoint);
  if (adjoints.size() != d.inputs.size()) {
    throw value_error(fmt::format("custom_gradient: the rule gave {} adjoints for {} inputs",
                                  adjoints.size(), d.inputs.size()) +
                      made);
  }
  for (std::size_t k = 0; k < adjoints.size(); ++k) {
    if (!d.needed[k] || adjoints[k].empty()) continue;
    d.adjoints[k] = adjoints[k];
    check_adjoint(d, k, made);
  }
}

}  // namespace

const primitive sources::custom{"custom", form::view, any_number, infer_custom, derive_custom};

variable custom_gradient(const std::function<variable(const std::vector<variable>&)>& f,
                         const std::vector<variable>& inputs, derivative_rule rule) {
  if (inputs.empty()) throw value_error("custom_gradient: it needs at least one input");
  if (!f || !rule) throw value_error("custom_gradient: the function or its rule is empty");
  tape& t = inputs[0].owner();
  std::vector<variable> operands{f(inputs)};
  const variable y = operands[0];
  operands.insert(operands.end(), inputs.begin(), inputs.end());
  for (const variable& x : operands) {
    if (&x.owner() == &t) continue;
    throw tape_error("custom_gradient: inputs and output must live on one tape");
  }
  const std::int64_t number = t.keep(std::make_shared<custom_rule>(custom_rule{std::move(rule)}));
  return t.record(sources::custom, operands, {&number, 1}, t.place_of(y.index()));
}

}  // namespace cotape

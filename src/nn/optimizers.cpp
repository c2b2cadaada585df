// Update rules, and the recording of a step over all parameters.
#include "cotape/optimizers.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "cotape/derivatives.hpp"
#include "cotape/ops.hpp"
#include "cotape/xtensor.hpp"
#include "tape/sources.hpp"

namespace cotape {

namespace {

// The trainable parameters whose current value on the tape the loss depends on.
std::vector<parameter> trainable_inputs(variable loss) {
  tape& t = loss.owner();
  std::vector<bool> needed(loss.index() + 1, false);
  needed[loss.index()] = true;
  for (std::uint32_t i = loss.index() + 1; i-- > 0;) {
    if (!needed[i]) continue;
    for (std::uint32_t k : t.nodes()[i].in) {
      if (k != no_node) needed[k] = true;
    }
    if (t.nodes()[i].op != &sources::custom) continue;
    const auto& rule = t.rule_at(static_cast<std::size_t>(t.attributes_of(i)[0]));
    for (const variable& x : rule.inputs) needed[x.index()] = true;
  }
  std::vector<parameter> result;
  for (const auto& [p, value] : t.current_parameters()) {
    const bool floating = p.dtype() != int64;
    if (p.trainable() && floating && value <= loss.index() && needed[value]) result.push_back(p);
  }
  if (result.empty()) throw value_error("minimize: the loss depends on no trainable parameter");
  return result;
}

std::vector<variable> gradients_of(variable loss, const std::vector<parameter>& parameters) {
  std::vector<variable> weights;
  for (const parameter& p : parameters) weights.push_back(loss.owner().read(p));
  return gradient(loss, weights);
}

}  // namespace

updated sgd_update(variable w, variable g, const std::vector<variable>& state, variable rate,
                   operand momentum) {
  if (state.empty()) return {w + (-rate) * g, {}};
  const variable v = momentum * state[0] + (-rate) * g;
  return {w + v, {v}};
}

updated adam_update(variable w, variable g, const std::vector<variable>& state, variable rate,
                    variable step, operand beta1, operand beta2, operand epsilon) {
  tape& t = w.owner();
  const variable b1 = t.resolve(beta1, w.dtype()), b2 = t.resolve(beta2, w.dtype());
  const variable m = b1 * state[0] + (1 - b1) * g;
  const variable v = b2 * state[1] + (1 - b2) * square(g);
  const variable size = cast(reciprocal(1 - power(beta1, step)), w.dtype()) * rate;
  const variable scale = cast(reciprocal(sqrt(1 - power(beta2, step))), w.dtype());
  return {w + (-size) * (m / (sqrt(v) * scale + epsilon)), {m, v}};
}

optimizer::optimizer(double rate, std::size_t slot_count)
    : rate_("rate", rate, false), slot_count_(slot_count) {
  if (!(rate >= 0)) throw value_error(fmt::format("optimizer: the rate {} is negative", rate));
}

optimizer::slots& optimizer::slots_of(const parameter& p) {
  const auto it =
      std::find_if(slots_.begin(), slots_.end(), [&](const slots& s) { return s.weight == p; });
  if (it != slots_.end()) return *it;
  slots s{p, {}, {}};
  for (std::size_t i = 0; i < slot_count_; ++i) {
    s.state.emplace_back(fmt::format("{}/state{}", p.name(), i), tensor(p.type()), false);
  }
  slots_.push_back(std::move(s));
  return slots_.back();
}

void optimizer::minimize(operand loss) {
  const tape::scope here(loss.as_variable().owner(), loss.where());
  minimize(loss, trainable_inputs(loss.as_variable()));
}

void optimizer::minimize(operand loss, const std::vector<parameter>& parameters) {
  const tape::scope here(loss.as_variable().owner(), loss.where());
  apply(parameters, gradients_of(loss.as_variable(), parameters));
}

void optimizer::apply(const std::vector<parameter>& parameters,
                      const std::vector<variable>& gradients) {
  if (parameters.size() != gradients.size() || parameters.empty()) {
    throw value_error(fmt::format("optimizer: {} parameters and {} gradients", parameters.size(),
                                  gradients.size()));
  }
  tape& t = gradients[0].owner();
  begin_step(t);
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    const parameter& p = parameters[i];
    slots& s = slots_of(p);
    const variable w = t.read(p);
    std::vector<variable> state;
    for (const parameter& q : s.state) state.push_back(t.read(q));
    const variable rate = t.read(rate_);
    const updated next =
        update(w, gradients[i], state, w.dtype() == float64 ? rate : cast(rate, w.dtype()));
    t.assign(p, next.weight);
    for (std::size_t k = 0; k < s.state.size(); ++k) t.assign(s.state[k], next.state[k]);
  }
}

void optimizer::accumulate(variable loss) {
  tape& t = loss.owner();
  const std::vector<parameter> parameters = trainable_inputs(loss);
  const std::vector<variable> gradients = gradients_of(loss, parameters);
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    slots& s = slots_of(parameters[i]);
    if (s.accumulator.empty()) {
      s.accumulator.emplace_back(parameters[i].name() + "/gradient", tensor(parameters[i].type()),
                                 false);
    }
    t.assign(s.accumulator[0], t.read(s.accumulator[0]) + gradients[i]);
  }
}

void optimizer::apply_accumulated(tape& t, double scale) {
  std::vector<parameter> parameters;
  std::vector<variable> gradients;
  for (slots& s : slots_) {
    if (s.accumulator.empty()) continue;
    parameters.push_back(s.weight);
    const variable total = t.read(s.accumulator[0]);
    gradients.push_back(total * scale);
    t.assign(s.accumulator[0], t.constant(tensor(total.type())));
  }
  if (parameters.empty()) throw value_error("apply_accumulated: nothing was accumulated");
  apply(parameters, gradients);
}

std::vector<parameter> optimizer::state() const {
  std::vector<parameter> result{rate_};
  for (const slots& s : slots_) {
    result.insert(result.end(), s.state.begin(), s.state.end());
    result.insert(result.end(), s.accumulator.begin(), s.accumulator.end());
  }
  return result;
}

sgd::sgd(sgd_options options)
    : optimizer(options.rate, options.momentum == 0 ? 0 : 1), options_(options) {}

updated sgd::update(variable w, variable g, const std::vector<variable>& state, variable rate) {
  return sgd_update(w, g, state, rate, options_.momentum);
}

adam::adam(adam_options options)
    : optimizer(options.rate, 2), options_(options), step_("step", 0.0, false) {}

std::vector<parameter> adam::state() const {
  std::vector<parameter> result = optimizer::state();
  result.push_back(step_);
  return result;
}

void adam::begin_step(tape& t) {
  now_ = t.read(step_) + 1;
  t.assign(step_, now_);
}

updated adam::update(variable w, variable g, const std::vector<variable>& state, variable rate) {
  return adam_update(w, g, state, rate, now_, options_.beta1, options_.beta2, options_.epsilon);
}

}  // namespace cotape

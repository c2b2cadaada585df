// The recording of a step over all parameters, and the optimizers by name.
#include "cotape/optimizers.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "cotape/derivatives.hpp"
#include "cotape/ops.hpp"
#include "cotape/primitive.hpp"
#include "cotape/xtensor.hpp"
#include "nn/fields.hpp"
#include "nn/trainable.hpp"

namespace cotape {

namespace {

// Which nodes the gradient of the loss reaches: a custom gradient's rule says how it goes on, and
// it goes through nothing whose derivative is zero everywhere, nor through integers.
std::vector<bool> behind(variable loss) {
  tape& t = loss.owner();
  std::vector<bool> reached(loss.index() + 1, false);
  reached[loss.index()] = true;
  for (std::uint32_t i = loss.index() + 1; i-- > 0;) {
    if (!reached[i] || t.type_of(i).dtype == int64) continue;
    if (t.nodes()[i].op->derive == nullptr) continue;
    for (std::uint32_t k : t.rule_operands_of(i)) reached[k] = true;
  }
  return reached;
}

// Whether the gradient reaches p's current value. Throws if it reaches an earlier one alone: it
// would be 0.
bool depends_on(const tape& t, const std::vector<bool>& reached, const parameter& p,
                std::uint32_t current, const std::string& who) {
  if (current < reached.size() && reached[current]) return true;
  for (const effect& e : t.effects()) {
    const bool of_p = e.parameter != no_node && t.parameter_at(e.parameter) == p;
    if (of_p && e.previous < reached.size() && reached[e.previous]) {
      throw value_error(
          fmt::format("{}: '{}' was assigned after the loss was recorded: record the loss anew",
                      who, p.name()));
    }
  }
  return false;
}

constexpr const char* minimizing = "minimize";

std::vector<variable> gradients_of(variable loss, const std::vector<parameter>& parameters) {
  const std::vector<bool> reached = behind(loss);
  std::vector<variable> weights;
  for (const parameter& p : parameters) {
    weights.push_back(loss.owner().read(p));
    depends_on(loss.owner(), reached, p, weights.back().index(), minimizing);
  }
  return gradient(loss, weights);
}

// The parameter's value, after a look at its gradient.
variable weight_for(const parameter& p, const variable& gradient, tape& t) {
  if (&gradient.owner() != &t) throw tape_error("optimizer: gradients of several tapes");
  const variable w = t.read(p);
  if (gradient.type() != w.type()) {
    throw shape_error(fmt::format("optimizer: parameter '{}' is {}, its gradient {}", p.name(),
                                  w.type().text(), gradient.type().text()));
  }
  return w;
}

void demand_groups(const std::vector<parameter_group>& groups) {
  for (std::size_t i = 0; i < groups.size(); ++i) {
    const auto refuse = [i](const std::string& why) {
      throw value_error(fmt::format("optimizer: group {}: {}", i, why));
    };
    const parameter_group& g = groups[i];
    if (g.names.empty()) refuse("it has no names");
    for (const std::string& name : g.names) {
      if (name.empty()) refuse("a name is empty");
      if (name.find_first_of("|;") == std::string::npos) continue;
      refuse(fmt::format("the name '{}' has one of '|;'", name));
    }
    if (!(g.rate_factor >= 0)) refuse(fmt::format("rate_factor is {}", g.rate_factor));
    if (!(g.decay_factor >= 0)) refuse(fmt::format("decay_factor is {}", g.decay_factor));
  }
}

bool is_in(const std::string& name, const parameter& p) {
  return p.name().find(name) != std::string::npos;
}

// A name that fits no parameter is a mistake. Those that are not trained count too: they may be
// later.
void demand_used(const std::vector<parameter_group>& groups, const tape& t) {
  if (groups.empty()) return;
  const auto read = t.current_parameters();
  for (const parameter_group& g : groups) {
    for (const std::string& name : g.names) {
      const auto fits = [&](const auto& one) { return is_in(name, one.first); };
      if (std::any_of(read.begin(), read.end(), fits)) continue;
      throw value_error(
          fmt::format("optimizer: a group has the name '{}', which no parameter of the step has in "
                      "its own",
                      name));
    }
  }
}

parameter_group group_of(const parameter& p, const std::vector<parameter_group>& groups) {
  for (const parameter_group& g : groups) {
    for (const std::string& name : g.names) {
      if (is_in(name, p)) return g;
    }
  }
  return {};
}

// The gradients as the options have it, each with its own weight decay.
std::vector<variable> treated_by_group(const gradient_options& options,
                                       const std::vector<parameter>& parameters,
                                       const std::vector<variable>& weights,
                                       const std::vector<variable>& gradients) {
  if (options.groups.empty()) return treat(options, weights, gradients);
  gradient_options clipping = options;
  clipping.weight_decay = 0;
  std::vector<variable> result = treat(clipping, weights, gradients);
  for (std::size_t i = 0; i < result.size(); ++i) {
    const double factor = group_of(parameters[i], options.groups).decay_factor;
    result[i] =
        treat({.weight_decay = factor * options.weight_decay}, {weights[i]}, {result[i]})[0];
  }
  return result;
}

void demand_fraction(const char* optimizer, const char* what, double value) {
  if (!(value >= 0 && value < 1)) {
    throw value_error(fmt::format("{}: {} {} not in [0, 1)", optimizer, what, value));
  }
}

}  // namespace

std::vector<parameter> detail::trainable_inputs(const variable& loss, const std::string& who) {
  tape& t = loss.owner();
  const std::vector<bool> reached = behind(loss);
  std::vector<parameter> result;
  for (const auto& [p, value] : t.current_parameters()) {
    const bool wanted = p.trainable() && p.dtype() != int64;
    if (wanted && depends_on(t, reached, p, value, who)) result.push_back(p);
  }
  if (!result.empty()) return result;
  throw value_error(
      who +
      ": the gradient of the loss reaches no trainable parameter: the loss depends on none, or "
      "only through a comparison, sign, argmax or stop_gradient");
}

optimizer::optimizer(double rate, std::size_t slot_count, const gradient_options& gradients)
    : rate_("rate", rate, false), slot_count_(slot_count), gradients_(gradients) {
  if (!(rate >= 0)) throw value_error(fmt::format("optimizer: {} is no learning rate", rate));
  treat(gradients, {}, {});
  demand_groups(gradients.groups);
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
  minimize(loss, detail::trainable_inputs(loss.as_variable(), minimizing));
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
  std::vector<variable> weights;
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    weights.push_back(weight_for(parameters[i], gradients[i], t));
  }
  demand_used(gradients_.groups, t);
  const std::vector<variable> treated =
      treated_by_group(gradients_, parameters, weights, gradients);
  begin_step(t);
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    const slots& s = slots_of(parameters[i]);
    std::vector<variable> state;
    for (const parameter& q : s.state) state.push_back(t.read(q));
    const parameter_group group = group_of(parameters[i], gradients_.groups);
    decay_factor_ = group.decay_factor;
    const variable& w = weights[i];
    const variable shared = t.read(rate_),
                   rate = group.rate_factor == 1 ? shared : group.rate_factor * shared;
    const updated next = update(w, treated[i], state, cast(rate, w.dtype()));
    t.assign(parameters[i], next.weight);
    for (std::size_t k = 0; k < s.state.size(); ++k) t.assign(s.state[k], next.state[k]);
  }
}

void optimizer::accumulate(variable loss) {
  tape& t = loss.owner();
  const std::vector<parameter> parameters = detail::trainable_inputs(loss, minimizing);
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

std::vector<parameter> optimizer::served() const {
  std::vector<parameter> result;
  for (const slots& s : slots_) {
    if (s.holds()) result.push_back(s.weight);
  }
  return result;
}

void optimizer::serve(const std::vector<parameter>& parameters) {
  for (const parameter& p : parameters) slots_of(p);
}

void optimizer::forget(const parameter& p) {
  std::erase_if(slots_, [&](const slots& s) { return s.weight == p; });
}

std::vector<parameter> optimizer::state() const {
  std::vector<parameter> result{rate_};
  for (const slots& s : slots_) {
    result.insert(result.end(), s.state.begin(), s.state.end());
    result.insert(result.end(), s.accumulator.begin(), s.accumulator.end());
  }
  return result;
}

named_texts optimizer::description() const { return detail::texts_of(gradients_); }

sgd::sgd(sgd_options options)
    : optimizer(options.rate, options.momentum == 0 ? 0 : 1, options.gradients),
      options_(options) {}

named_texts sgd::description() const { return detail::texts_of(options_); }

updated sgd::update(variable w, variable g, const std::vector<variable>& state, variable rate) {
  const bool nesterov = options_.nesterov && !state.empty();
  return (nesterov ? nesterov_update : sgd_update)(w, g, state, rate, options_.momentum);
}

adagrad::adagrad(adagrad_options options)
    : optimizer(options.rate, 1, options.gradients), options_(options) {}

named_texts adagrad::description() const { return detail::texts_of(options_); }

updated adagrad::update(variable w, variable g, const std::vector<variable>& state, variable rate) {
  return adagrad_update(w, g, state, rate, options_.epsilon);
}

rmsprop::rmsprop(rmsprop_options options)
    : optimizer(options.rate, 1, options.gradients), options_(options) {
  demand_fraction("rmsprop", "rho", options.rho);
}

named_texts rmsprop::description() const { return detail::texts_of(options_); }

updated rmsprop::update(variable w, variable g, const std::vector<variable>& state, variable rate) {
  return rmsprop_update(w, g, state, rate, options_.rho, options_.epsilon);
}

adam::adam(adam_options options)
    : optimizer(options.rate, 2, options.gradients), options_(options), step_("step", 0.0, false) {
  for (double beta : {options.beta1, options.beta2}) demand_fraction("adam", "beta", beta);
}

std::vector<parameter> adam::state() const {
  std::vector<parameter> result = optimizer::state();
  result.push_back(step_);
  return result;
}

named_texts adam::description() const { return detail::texts_of(options_); }

void adam::begin_step(tape& t) {
  now_ = t.read(step_) + 1;
  t.assign(step_, now_);
}

updated adam::update(variable w, variable g, const std::vector<variable>& state, variable rate) {
  return adam_update(w, g, state, rate, now_, options_.beta1, options_.beta2, options_.epsilon);
}

adamw::adamw(adamw_options o)
    : adam({o.rate, o.beta1, o.beta2, o.epsilon, o.gradients}), weight_decay_(o.weight_decay) {
  if (!(o.weight_decay >= 0)) {
    throw value_error(fmt::format("adamw: {} is no weight decay", o.weight_decay));
  }
}

named_texts adamw::description() const {
  const adam_options& o = options();
  return detail::texts_of(
      adamw_options{o.rate, o.beta1, o.beta2, o.epsilon, weight_decay_, o.gradients});
}

updated adamw::update(variable w, variable g, const std::vector<variable>& state, variable rate) {
  if (decay_factor() == 0) return adam::update(w, g, state, rate);
  return adamw_update(w, g, state, rate, now(), options().beta1, options().beta2, options().epsilon,
                      decay_factor() * weight_decay_);
}

updated adamax::update(variable w, variable g, const std::vector<variable>& state, variable rate) {
  const adam_options& o = options();
  return adamax_update(w, g, state, rate, now(), o.beta1, o.beta2, o.epsilon);
}

nadam::nadam(nadam_options o) : adam(o), product_("product", 1.0, false) {}

std::vector<parameter> nadam::state() const {
  std::vector<parameter> result = adam::state();
  result.push_back(product_);
  return result;
}

void nadam::begin_step(tape& t) {
  adam::begin_step(t);
  product_now_ = t.read(product_) * nadam_momentum(options().beta1, now());
  t.assign(product_, product_now_);
}

updated nadam::update(variable w, variable g, const std::vector<variable>& state, variable rate) {
  const adam_options& o = options();
  return nadam_update(w, g, state, rate, now(), product_now_, o.beta1, o.beta2, o.epsilon);
}

adadelta::adadelta(adadelta_options options)
    : optimizer(options.rate, 2, options.gradients), options_(options) {
  demand_fraction("adadelta", "rho", options.rho);
}

named_texts adadelta::description() const { return detail::texts_of(options_); }

updated adadelta::update(variable w, variable g, const std::vector<variable>& state,
                         variable rate) {
  return adadelta_update(w, g, state, rate, options_.rho, options_.epsilon);
}

lion::lion(lion_options options)
    : optimizer(options.rate, 1, options.gradients), options_(options) {
  for (double beta : {options.beta1, options.beta2}) demand_fraction("lion", "beta", beta);
}

named_texts lion::description() const { return detail::texts_of(options_); }

updated lion::update(variable w, variable g, const std::vector<variable>& state, variable rate) {
  return lion_update(w, g, state, rate, options_.beta1, options_.beta2);
}

}  // namespace cotape

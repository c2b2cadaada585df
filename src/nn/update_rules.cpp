// Update rules and what is done to gradients before them.
#include "cotape/update_rules.hpp"

#include <fmt/format.h>

#include "cotape/ops.hpp"
#include "cotape/primitive.hpp"
#include "primitives/assemble.hpp"

namespace cotape {

namespace {

using primitives::collected_parts;

// factor g in parts, of a gradient that is 0 but for rows at indices: that of a table which was
// only gathered from, most of whose rows then need not be touched. None for any other.
collected_parts scaled_rows(const variable& g, const variable& factor) {
  tape& t = g.owner();
  if (t.nodes()[g.index()].op != &primitives::assemble) return {};
  bool indexed = true;
  primitives::assembly(t.attributes_of(g.index())).for_each_part([&](const auto& part) {
    indexed = indexed && part.indexed();
  });
  if (!indexed) return {};
  collected_parts rows = primitives::parts_of(t, g.index());
  for (variable& x : rows.operands) {
    if (x.dtype() != int64) x = factor * x;
  }
  rows.node = no_node;
  return rows;
}

variable scaled(const variable& g, const variable& factor) {
  collected_parts rows = scaled_rows(g, factor);
  if (rows.operands.empty()) return factor * g;
  return primitives::put_together(g.owner(), g.shape(), {}, std::move(rows));
}

variable plus_scaled(const variable& w, const variable& g, const variable& factor) {
  collected_parts rows = scaled_rows(g, factor);
  if (rows.operands.empty()) return w + factor * g;
  return primitives::put_together(w.owner(), w.shape(), w, std::move(rows));
}

}  // namespace

updated sgd_update(variable w, variable g, const std::vector<variable>& state, variable rate,
                   operand momentum) {
  if (state.empty()) return {plus_scaled(w, g, -rate), {}};
  const variable v = momentum * state[0] + (-rate) * g;
  return {w + v, {v}};
}

updated nesterov_update(variable w, variable g, const std::vector<variable>& state, variable rate,
                        operand momentum) {
  const variable step = (-rate) * g, v = momentum * state[0] + step;
  return {w + (momentum * v + step), {v}};
}

updated adagrad_update(variable w, variable g, const std::vector<variable>& state, variable rate,
                       operand epsilon) {
  const variable s = state[0] + square(g);
  return {w + (-rate) * (g / (sqrt(s) + epsilon)), {s}};
}

updated rmsprop_update(variable w, variable g, const std::vector<variable>& state, variable rate,
                       operand rho, operand epsilon) {
  const variable decay = w.owner().resolve(rho, w.dtype());
  const variable s = decay * state[0] + (1 - decay) * square(g);
  return {w + (-rate) * (g / (sqrt(s) + epsilon)), {s}};
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

updated adamw_update(variable w, variable g, const std::vector<variable>& state, variable rate,
                     variable step, operand beta1, operand beta2, operand epsilon, operand decay) {
  updated next = adam_update(w, g, state, rate, step, beta1, beta2, epsilon);
  next.weight = next.weight + (-rate * decay) * w;
  return next;
}

namespace {

// decay * old + (1 - decay) * sample.
variable averaged(operand decay, const variable& old, const variable& sample) {
  const variable d = old.owner().resolve(decay, old.dtype());
  return d * old + (1 - d) * sample;
}

}  // namespace

variable nadam_momentum(operand beta1, variable step) {
  return step.owner().resolve(beta1, float64) * (1 - 0.5 * power(0.96, step));
}

updated nadam_update(variable w, variable g, const std::vector<variable>& state, variable rate,
                     variable step, variable product, operand beta1, operand beta2,
                     operand epsilon) {
  const dtype d = w.dtype();
  const variable now = nadam_momentum(beta1, step), next = nadam_momentum(beta1, step + 1);
  const variable m = averaged(beta1, state[0], g), v = averaged(beta2, state[1], square(g));
  const variable ahead = cast(next / (1 - product * next), d) * rate;
  const variable here = cast((1 - now) / (1 - product), d) * rate;
  const variable scale = cast(reciprocal(sqrt(1 - power(beta2, step))), d);
  return {w - (ahead * m + here * g) / (sqrt(v) * scale + epsilon), {m, v}};
}

updated adamax_update(variable w, variable g, const std::vector<variable>& state, variable rate,
                      variable step, operand beta1, operand beta2, operand epsilon) {
  const variable m = averaged(beta1, state[0], g);
  const variable u = maximum(w.owner().resolve(beta2, w.dtype()) * state[1], abs(g));
  const variable size = cast(reciprocal(1 - power(beta1, step)), w.dtype()) * rate;
  return {w + (-size) * (m / (u + epsilon)), {m, u}};
}

updated adadelta_update(variable w, variable g, const std::vector<variable>& state, variable rate,
                        operand rho, operand epsilon) {
  const variable s = averaged(rho, state[0], square(g));
  const variable x = sqrt(state[1] + epsilon) / sqrt(s + epsilon) * g;
  return {w + (-rate) * x, {s, averaged(rho, state[1], square(x))}};
}

updated lion_update(variable w, variable g, const std::vector<variable>& state, variable rate,
                    operand beta1, operand beta2) {
  return {w + (-rate) * sign(averaged(beta1, state[0], g)), {averaged(beta2, state[0], g)}};
}

namespace {

void demand_none_negative(const gradient_options& options) {
  for (const auto& [name, value] : {std::pair{"clip_value", options.clip_value},
                                    {"clip_norm", options.clip_norm},
                                    {"weight_decay", options.weight_decay}}) {
    if (!(value >= 0)) throw value_error(fmt::format("gradients: {} is {}", name, value));
  }
}

}  // namespace

std::vector<variable> clip_by_global_norm(std::vector<variable> gradients, double limit) {
  if (!(limit > 0)) {
    throw value_error(fmt::format("clip_by_global_norm: the limit {} is not above 0", limit));
  }
  if (gradients.empty()) return gradients;
  std::vector<operand> norms;
  for (const variable& g : gradients) norms.emplace_back(norm(cast(g, float64)));
  const variable factor = limit / maximum(norm(stack(norms)), limit);
  for (variable& g : gradients) g = scaled(g, cast(factor, g.dtype()));
  return gradients;
}

std::vector<variable> treat(const gradient_options& options, const std::vector<variable>& weights,
                            std::vector<variable> gradients) {
  demand_none_negative(options);
  if (options.clip_value > 0) {
    for (variable& g : gradients) g = clamp(g, -options.clip_value, options.clip_value);
  }
  if (options.clip_norm > 0)
    gradients = clip_by_global_norm(std::move(gradients), options.clip_norm);
  if (options.weight_decay > 0) {
    for (std::size_t i = 0; i < gradients.size(); ++i) {
      gradients[i] = gradients[i] + options.weight_decay * weights[i];
    }
  }
  return gradients;
}

}  // namespace cotape

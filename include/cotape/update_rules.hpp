// layer: nn
// Update rules: pure functions over variables, (weight, gradient, state, rate) to (new weight, new
// state), so that an update can be differentiated like anything else. Weight, gradient and state
// have one type; the rate is a scalar of its dtype. State starts at 0. Each names the publication
// whose formula it is; with g the gradient at the old weight and everything element-wise.
#pragma once

#include <string>
#include <vector>

#include "cotape/tape.hpp"

namespace cotape {

/// A weight's new value and its new state.
struct updated {
  variable weight;
  std::vector<variable> state;
};

/// Without state gradient descent (Cauchy, 1847; stochastic: Robbins and Monro, 1951):
/// w' = w - rate g. With state v: v' = momentum v - rate g, w' = w + v' (Polyak, 1964).
updated sgd_update(variable w, variable g, const std::vector<variable>& state, variable rate,
                   operand momentum);

/// Nesterov's momentum (1983), as Sutskever et al. (2013) write it, for weights that stand where
/// the momentum has carried them already: v' = momentum v - rate g, w' = w + momentum v' - rate g.
updated nesterov_update(variable w, variable g, const std::vector<variable>& state, variable rate,
                        operand momentum);

/// AdaGrad (Duchi, Hazan and Singer, 2011): s' = s + g^2, w' = w - rate g / (sqrt(s') + epsilon).
updated adagrad_update(variable w, variable g, const std::vector<variable>& state, variable rate,
                       operand epsilon);

/// RMSProp (Tieleman and Hinton, 2012): s' = rho s + (1 - rho) g^2,
/// w' = w - rate g / (sqrt(s') + epsilon).
updated rmsprop_update(variable w, variable g, const std::vector<variable>& state, variable rate,
                       operand rho, operand epsilon);

/// Adam, algorithm 1 of Kingma and Ba (2015). State: m, v; `step` counts from 1 (float64 scalar).
updated adam_update(variable w, variable g, const std::vector<variable>& state, variable rate,
                    variable step, operand beta1, operand beta2, operand epsilon);

/// AdamW, algorithm 2 of Loshchilov and Hutter (2019): Adam's w' less rate * decay * w. The paper's
/// lambda is decay times the rate it starts with.
updated adamw_update(variable w, variable g, const std::vector<variable>& state, variable rate,
                     variable step, operand beta1, operand beta2, operand epsilon, operand decay);

/// NAdam (Dozat, 2016), with the paper's schedule mu_t = beta1 (1 - 0.96^t / 2) and with p = mu_1
/// mu_2 ... mu_t: with Adam's state and step, w' = w - rate (mu_(t+1) m' / (1 - p mu_(t+1)) +
/// (1 - mu_t) g / (1 - p)) / (sqrt(v' / (1 - beta2^t)) + epsilon).
updated nadam_update(variable w, variable g, const std::vector<variable>& state, variable rate,
                     variable step, variable product, operand beta1, operand beta2,
                     operand epsilon);
/// Its mu_t (float64 scalar).
variable nadam_momentum(operand beta1, variable step);

/// AdaMax, algorithm 2 of Kingma and Ba (2015). State: m, u; u' = max(beta2 u, |g|), and
/// w' = w - rate m' / ((1 - beta1^step) (u' + epsilon)), the epsilon being Keras's.
updated adamax_update(variable w, variable g, const std::vector<variable>& state, variable rate,
                      variable step, operand beta1, operand beta2, operand epsilon);

/// Adadelta, algorithm 1 of Zeiler (2012), its steps times the rate. State: s, d;
/// s' = rho s + (1 - rho) g^2, x = g sqrt(d + epsilon) / sqrt(s' + epsilon),
/// d' = rho d + (1 - rho) x^2, w' = w - rate x.
updated adadelta_update(variable w, variable g, const std::vector<variable>& state, variable rate,
                        operand rho, operand epsilon);

/// Lion (Chen et al., 2023): w' = w - rate sign(beta1 m + (1 - beta1) g),
/// m' = beta2 m + (1 - beta2) g.
updated lion_update(variable w, variable g, const std::vector<variable>& state, variable rate,
                    operand beta1, operand beta2);

/// Parameters that an optimizer treats otherwise: those that have one of `names` in theirs.
struct parameter_group {
  std::vector<std::string> names;
  double rate_factor = 1;   // times the optimizer's rate
  double decay_factor = 1;  // times its weight decay, also that of adamw; 0 for none
};

/// What is done to the gradients of a step before a rule sees them, in this order; 0 for nothing.
struct gradient_options {
  double clip_value = 0;    // each element to [-clip_value, clip_value]
  double clip_norm = 0;     // all of them together to this norm: see clip_by_global_norm
  double weight_decay = 0;  // then adds weight_decay * w, the gradient of weight_decay / 2 |w|^2
                            // (Krogh and Hertz, 1992)
  // A parameter is of the first group that it fits. Of optimizers: treat takes no notice.
  std::vector<parameter_group> groups = {};
};
/// The gradients so treated; `weights` are the parameters' values, in the same order. Throws
/// value_error for a negative option or NaN.
std::vector<variable> treat(const gradient_options& options, const std::vector<variable>& weights,
                            std::vector<variable> gradients);

/// The gradients times min(1, limit / their norm), the norm being taken over all elements of all
/// gradients, in float64 (Pascanu, Mikolov and Bengio, 2013).
std::vector<variable> clip_by_global_norm(std::vector<variable> gradients, double limit);

}  // namespace cotape

// layer: ops
// Units and activations: compositions of the operations of ops.hpp, for float32 and float64, with
// any shape. sigmoid, tanh, relu, softplus and sign are primitives and stand in ops.hpp beside
// softmax, log_softmax and argmax; `activate` (layers.hpp) finds all of them by name.
#pragma once

#include "cotape/ops.hpp"

namespace cotape {

// --- Threshold units ----------------------------------------------------------------------------

/// 0 below zero, 1 above, `at_zero` at zero: textbooks differ there. The derivative is 0.
variable heaviside(operand x, double at_zero = 0);
/// A layer of threshold logic units (McCulloch and Pitts, 1943; Rosenblatt, 1958):
/// heaviside(x W + b), x (..., inputs), W (inputs, units), b (units) or a number. The derivative
/// is 0: such units do not learn by gradients.
variable perceptron(operand x, operand weights, operand bias, double at_zero = 0);
/// x (..., n) as (..., n + 1), with a last input of 1: a bias is then one more row of the weights.
variable append_ones(operand x);

// --- Activations --------------------------------------------------------------------------------

/// x itself, the same variable.
variable identity(operand x);
/// x above zero, else slope x (Maas, Hannun and Ng, 2013); the derivative at 0 is the slope. Slopes
/// that are learned make it PReLU (He et al., 2015), the layer prelu.
variable leaky_relu(operand x, operand slope = 0.01);
/// x between 0 and 6, else the nearer of these (Howard et al., 2017); at 0 and 6 it has the
/// derivatives of relu and minimum.
variable relu6(operand x);
/// x above zero, else alpha (e^x - 1) (Clevert, Unterthiner and Hochreiter, 2016); the derivative
/// at 0 is alpha.
variable elu(operand x, double alpha = 1);
/// scale times elu(x, alpha), alpha 1.67326..., scale 1.05070...: layers of it keep the mean 0 and
/// the variance 1 (Klambauer et al., 2017). The derivative at 0 is scale alpha.
variable selu(operand x);
/// x above zero, else alpha (e^(x / alpha) - 1), whose derivative at 0 is 1 for every alpha
/// (Barron, 2017). Throws value_error unless alpha is above 0.
variable celu(operand x, double alpha = 1);
/// x sigmoid(x) (Elfwing, Uchibe and Doya, 2018).
variable silu(operand x);
/// x normal_cdf(x) (Hendrycks and Gimpel, 2016).
variable gelu(operand x);
/// Its approximation x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2, from the same paper.
variable gelu_tanh(operand x);
/// x tanh(softplus(x)) (Misra, 2019).
variable mish(operand x);
/// log(sigmoid(x)), without overflow: -1000 at -1000.
variable log_sigmoid(operand x);
/// x / (1 + |x|), 1 at infinity (Bergstra et al., 2009).
variable softsign(operand x);
/// Of straight lines (Courbariaux, Bengio and David, 2015; Howard et al., 2019): relu6(x + 3) / 6,
/// x times that, and x between -1 and 1, else the nearer of these. At their corners they have the
/// derivatives of relu, minimum and maximum.
variable hard_sigmoid(operand x);
variable hard_silu(operand x);
variable hard_tanh(operand x);
/// e^x: exp, under Keras's name.
variable exponential(operand x);
/// a sigmoid(b), a and b being the first and the second half along the axis (Dauphin et al., 2017),
/// whose size is halved; throws shape_error if that is odd.
variable glu(operand x, std::int64_t axis = -1);
/// The largest of each `pieces` neighbours along the axis (Goodfellow et al., 2013), whose size
/// becomes size / pieces; throws shape_error if that leaves a rest. Ties share the adjoint evenly.
variable maxout(operand x, std::int64_t pieces = 2, std::int64_t axis = -1);

}  // namespace cotape

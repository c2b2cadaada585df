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
/// x above zero, else slope x (Maas, Hannun and Ng, 2013); the derivative at 0 is the slope.
variable leaky_relu(operand x, double slope = 0.01);
/// x above zero, else alpha (e^x - 1) (Clevert, Unterthiner and Hochreiter, 2016); the derivative
/// at 0 is alpha.
variable elu(operand x, double alpha = 1);
/// x sigmoid(x) (Elfwing, Uchibe and Doya, 2018).
variable silu(operand x);
/// x normal_cdf(x) (Hendrycks and Gimpel, 2016).
variable gelu(operand x);
/// Its approximation x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2, from the same paper.
variable gelu_tanh(operand x);
/// log(sigmoid(x)), without overflow: -1000 at -1000.
variable log_sigmoid(operand x);
/// The largest of each `pieces` neighbours along the axis (Goodfellow et al., 2013), whose size
/// becomes size / pieces; throws shape_error if that leaves a rest. Ties share the adjoint evenly.
variable maxout(operand x, std::int64_t pieces = 2, std::int64_t axis = -1);

}  // namespace cotape

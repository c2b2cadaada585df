// The operations of random programs. Expressions keep arguments within domains and values near 1.
#include "recipe.hpp"
#include "weave.hpp"

namespace cotape::tests {

namespace {

// What is printed is what is compiled.
#define COTAPE_ROW(names, takes, ...)                                                              \
  operation {                                                                                      \
    names, pattern::takes,                                                                         \
        [](const place_holders& p) -> variable {                                                   \
          [[maybe_unused]] const variable &a = p.x[0], &b = p.x[p.x.size() > 1],                   \
                                          &c = p.x[p.x.size() > 2 ? 2 : 0];                        \
          [[maybe_unused]] const auto& [axis, i, j, m, k, over, listed, every, keep, to] = p.with; \
          [[maybe_unused]] tape& t = p.t;                                                          \
          [[maybe_unused]] generator& random = p.random;                                           \
          return __VA_ARGS__;                                                                      \
        },                                                                                         \
        #__VA_ARGS__                                                                               \
  }

std::vector<operation> functions() {
  return {
      COTAPE_ROW("exp tanh", one, exp(tanh(a))),
      COTAPE_ROW("expm1 sin", one, expm1(sin(a))),
      COTAPE_ROW("log cos", one, log(1.5 + cos(a))),
      COTAPE_ROW("log1p", one, log1p(0.5 * sin(a))),
      COTAPE_ROW("sqrt square", one, sqrt(0.5 + square(a))),
      COTAPE_ROW("sin", one, sin(a)),
      COTAPE_ROW("cos", one, cos(a)),
      COTAPE_ROW("tanh", one, tanh(a)),
      COTAPE_ROW("sigmoid", one, sigmoid(a)),
      COTAPE_ROW("relu", one, relu(a)),
      COTAPE_ROW("relu", one, relu(1 + a)),
      COTAPE_ROW("softplus", one, softplus(a)),
      COTAPE_ROW("logit", one, logit(0.5 + 0.4 * sin(a))),
      COTAPE_ROW("logit sigmoid", one, logit(sigmoid(a))),
      COTAPE_ROW("gaussian", one, gaussian(a)),
      COTAPE_ROW("erf", one, erf(a)),
      COTAPE_ROW("normal_cdf", one, normal_cdf(a)),
      COTAPE_ROW("sinc", one, sinc(a)),
      COTAPE_ROW("sinc_derivative", one, 0.1 * sinc_derivative(a, 2)),
      COTAPE_ROW("abs", one, abs(a)),
      COTAPE_ROW("sign", one, sign(a) * a),
      COTAPE_ROW("reciprocal", one, reciprocal(2 + sin(a))),
      COTAPE_ROW("negate", one, -a),
      COTAPE_ROW("negate", one, negate(a)),
      COTAPE_ROW("square", one, square(a)),
      COTAPE_ROW("power", one, power(a, 2)),
      COTAPE_ROW("power", one, power(tanh(a), 3)),
      COTAPE_ROW("power", one, power(1.5 + sin(a), -2)),
      COTAPE_ROW("power", one, power(1.5 + sin(a), k)),
      COTAPE_ROW("stop_gradient", one, stop_gradient(a)),
      COTAPE_ROW("identity", one, identity(a)),
      COTAPE_ROW("heaviside", one, heaviside(a, 0.5) - a),
      COTAPE_ROW("leaky_relu", one, leaky_relu(a, 0.1)),
      COTAPE_ROW("elu", one, elu(a, 0.5)),
      COTAPE_ROW("silu", one, silu(a)),
      COTAPE_ROW("gelu", one, gelu(a)),
      COTAPE_ROW("gelu_tanh", one, gelu_tanh(a)),
      COTAPE_ROW("log_sigmoid", one, log_sigmoid(a)),
      COTAPE_ROW("relu6", one, relu6(3 * a)),
      COTAPE_ROW("selu", one, selu(a)),
      COTAPE_ROW("celu", one, celu(a, 0.5)),
      COTAPE_ROW("mish", one, mish(a)),
      COTAPE_ROW("softsign", one, softsign(a)),
      COTAPE_ROW("hard_sigmoid", one, hard_sigmoid(a)),
      COTAPE_ROW("hard_silu", one, hard_silu(a)),
      COTAPE_ROW("hard_tanh", one, hard_tanh(a)),
      COTAPE_ROW("exponential sin", one, exponential(sin(a))),
      COTAPE_ROW("", one, 1 * a),
      COTAPE_ROW("", one, a * 1),
      COTAPE_ROW("", one, a * 0),
      COTAPE_ROW("", one, a * -1),
      COTAPE_ROW("", one, k * a),
      COTAPE_ROW("", one, a - k),
      COTAPE_ROW("", one, k / (2 + sin(a))),
      COTAPE_ROW("cast", one, cast(cast(a, float64), a.dtype())),
      COTAPE_ROW("cast", one, cast(cast(3 * a, int64), a.dtype()) * a),
      COTAPE_ROW("cast abs sign negate square", one,
                 cast(square(abs(cast(2 * a, int64)) - 3) + sign(-cast(a, int64)), a.dtype())),
      COTAPE_ROW("uniform", one, a + random.uniform(t, a.shape(), -1, 1, a.dtype())),
      COTAPE_ROW("", one, a * random.normal(t, a.shape(), 0, 1, a.dtype())),
      COTAPE_ROW("custom_gradient", one,
                 custom_gradient(
                     [](const std::vector<variable>& v) { return 1 / (1 + exp(-tanh(v[0]))); }, {a},
                     [](const std::vector<variable>& v, variable y, variable dy) {
                       return std::vector<variable>{
                           chain(dy, y * (1 - y) * (1 - square(tanh(v[0]))))};
                     })),
  };
}

std::vector<operation> of_two() {
  return {
      COTAPE_ROW("add", two, a + b),
      COTAPE_ROW("add", two, add(a, b)),
      COTAPE_ROW("subtract", two, a - b),
      COTAPE_ROW("subtract", two, a - 0.1 * b),
      COTAPE_ROW("subtract", two, subtract(a, b)),
      COTAPE_ROW("multiply", two, a * b),
      COTAPE_ROW("multiply", two, multiply(tanh(a), b)),
      COTAPE_ROW("", two, a * sigmoid(b) + b),
      COTAPE_ROW("divide", two, a / (2 + sin(b))),
      COTAPE_ROW("divide", two, divide(a, 1.5 + tanh(b))),
      COTAPE_ROW("maximum", two, maximum(a, b)),
      COTAPE_ROW("minimum", two, minimum(a, b)),
      COTAPE_ROW("share_of_maximum", two, share_of_maximum(a, b, 0.5) * a),
      COTAPE_ROW("difference", two, cotape::difference(a, b)),
      COTAPE_ROW("power", two, power(1.5 + sin(a), tanh(b))),
      COTAPE_ROW("xlogy", two, xlogy(a, 1.5 + sin(b))),
      COTAPE_ROW("chain less", two, chain(less(a, 0), b)),
      COTAPE_ROW("chain", two, chain(a, b)),
      COTAPE_ROW("absorbing_multiply relu", two, absorbing_multiply(relu(a), b)),
      COTAPE_ROW("less", two, less(a, b) + b),
      COTAPE_ROW("less_equal", two, less_equal(a, b) * a),
      COTAPE_ROW("greater", two, greater(a, b) - a),
      COTAPE_ROW("greater_equal", two, greater_equal(a, b) * b),
      COTAPE_ROW("equal", two, equal(sign(a), sign(b)) * a),
      COTAPE_ROW("not_equal", two, not_equal(sign(a), sign(b)) + b),
      COTAPE_ROW("", two, (a < b) + (a <= 0.5) * (b > 0) - (a >= b)),
      COTAPE_ROW("select less", two, select(less(a, b), a, b * 0.5)),
      COTAPE_ROW("where", two, where(a > 0, sin(a), b)),
      COTAPE_ROW("where sqrt", two, where(a > 0, sqrt(a), b)),
      COTAPE_ROW("clamp", two, clamp(a, b - 1, b + 0.5)),
      COTAPE_ROW("exp_quotient", two, exp_quotient(tanh(a), exp(tanh(a)), 2 + sin(b))),
      COTAPE_ROW("undo_exp_quotient", two, undo_exp_quotient(1.5 + sin(a), 1.5 + cos(b), a)),
      COTAPE_ROW("", equal, tests::weave({a, tanh(b), sin(a), b, a}, {i, k, axis < 0})),
      COTAPE_ROW("select", three, select(greater(a, b), c, a)),
      COTAPE_ROW("", three, a * tanh(b) + c),
      COTAPE_ROW("", three, c / (a + square(b) + 5) - b),
      COTAPE_ROW("clamp", three, clamp(a, minimum(b, c), maximum(b, c))),
      COTAPE_ROW("sum_squared_error", equal, sum_squared_error(a, b) * 0.1),
      COTAPE_ROW("half_squared_error", equal, half_squared_error(a, b)),
      COTAPE_ROW("mean_squared_error", along, mean_squared_error(a, tanh(a))),
      COTAPE_ROW("mean_squared_error", equal, mean_squared_error(a, b)),
      COTAPE_ROW("sum_absolute_error", equal, sum_absolute_error(a, b)),
      COTAPE_ROW("mean_absolute_error", equal, mean_absolute_error(a, b)),
      COTAPE_ROW("mean_absolute_percentage_error", equal,
                 0.01 * mean_absolute_percentage_error(a, 2 + sin(b))),
      COTAPE_ROW("mean_squared_logarithmic_error", equal,
                 mean_squared_logarithmic_error(0.5 * sin(a), 0.5 * cos(b))),
      COTAPE_ROW("huber", equal, huber(a, b, 0.5)),
      COTAPE_ROW("log_cosh", equal, log_cosh(a, b)),
      COTAPE_ROW("cosine_similarity", equal, cosine_similarity(2 + sin(a), 2 + sin(b))),
      COTAPE_ROW("hinge", equal, hinge(a, sign(b))),
      COTAPE_ROW("squared_hinge", equal, squared_hinge(a, sign(b))),
      COTAPE_ROW("kl_divergence", equal, kl_divergence(0.5 + 0.4 * sin(a), sigmoid(b))),
      COTAPE_ROW("kl_divergence", equal, kl_divergence(softmax(a), softmax(b))),
      COTAPE_ROW("binary_focal_crossentropy", equal,
                 binary_focal_crossentropy(0.5 + 0.4 * sin(a), sigmoid(b))),
      COTAPE_ROW("binary_focal_crossentropy", equal,
                 binary_focal_crossentropy(sigmoid(a), sigmoid(b))),
      COTAPE_ROW("categorical_focal_crossentropy", equal,
                 categorical_focal_crossentropy(softmax(a), softmax(b))),
      COTAPE_ROW("smoothed_labels", equal, smoothed_labels(sigmoid(a), 0.1, 3) * b),
      COTAPE_ROW("binary_crossentropy", equal, binary_crossentropy(0.5 + 0.4 * sin(a), sigmoid(b))),
      COTAPE_ROW("binary_crossentropy", equal, binary_crossentropy(sigmoid(a), sigmoid(b))),
      COTAPE_ROW("binary_crossentropy_from_logits", equal,
                 binary_crossentropy_from_logits(a, sigmoid(b))),
      COTAPE_ROW("categorical_crossentropy", equal,
                 categorical_crossentropy(0.5 + 0.4 * sin(a), sigmoid(b))),
      COTAPE_ROW("categorical_crossentropy", equal,
                 categorical_crossentropy(softmax(a), softmax(b))),
      COTAPE_ROW("categorical_crossentropy", equal,
                 categorical_crossentropy(sigmoid(a), sigmoid(b))),
      COTAPE_ROW("categorical_crossentropy_from_logits", equal,
                 categorical_crossentropy_from_logits(a, softmax(b))),
      COTAPE_ROW("sparse_categorical_crossentropy argmax", equal,
                 sparse_categorical_crossentropy(softmax(a), argmax(b))),
      COTAPE_ROW("sparse_categorical_crossentropy", equal,
                 sparse_categorical_crossentropy(0.5 + 0.4 * sin(a), argmax(b))),
      COTAPE_ROW("sparse_categorical_crossentropy_from_logits", equal,
                 sparse_categorical_crossentropy_from_logits(a, argmax(b))),
  };
}

std::vector<operation> reductions() {
  return {
      COTAPE_ROW("sum", reduce, sum(a, over, keep)),
      COTAPE_ROW("sum", one, sum(a)),
      COTAPE_ROW("sum", reduce, 0.1 * sum(a * tanh(a), over, keep)),
      COTAPE_ROW("mean", reduce, mean(a, over, keep)),
      COTAPE_ROW("mean", reduce, a - mean(a, over, keep_dims)),
      COTAPE_ROW("var", reduce, var(a, over, keep)),
      COTAPE_ROW("stddev", reduce, stddev(a, over, keep)),
      COTAPE_ROW("max", reduce, max(a, over, keep)),
      COTAPE_ROW("min", reduce, min(a, over, keep)),
      COTAPE_ROW("prod", reduce, prod(tanh(a), over, keep)),
      COTAPE_ROW("prod", one, prod(sin(a))),
      COTAPE_ROW("norm", reduce, norm(a, over, keep)),
      COTAPE_ROW("norm", one, norm(2 + sin(a)) * 0.1),
      COTAPE_ROW("logsumexp", reduce, logsumexp(a, over, keep)),
      COTAPE_ROW("argmax one_hot", along, one_hot(argmax(a, axis), m, a.dtype()) + 0.5),
      COTAPE_ROW("argmax gather", along, gather(a, argmax(a, axis), axis)),
      COTAPE_ROW("softmax", along, softmax(a, axis)),
      COTAPE_ROW("log_softmax", along, log_softmax(a, axis)),
      COTAPE_ROW("softmax", along, a / norm(softmax(a, axis), axis, keep_dims)),
      COTAPE_ROW("cumsum", along, cumsum(a, axis)),
      COTAPE_ROW("glu concatenate", axis, glu(concatenate({a, sin(a)}, axis), axis)),
      COTAPE_ROW("layer_norm", reduce, layer_norm(a, 2, k, over, 0.5)),
      COTAPE_ROW("layer_norm sin", reduce, layer_norm(a, sin(a), a, over, 0.5)),
      COTAPE_ROW("rms_norm", reduce, rms_norm(a, k, over, 0.5)),
      COTAPE_ROW("rms_norm", reduce, rms_norm(a, tanh(a), over, 0.5)),
      COTAPE_ROW("normalize", reduce,
                 normalize(a, mean(a, over, keep_dims), var(a, over, keep_dims), k, 1, 0.5)),
      // Padded, since the mean of nothing is refused.
      COTAPE_ROW("batch_norm pad", matrix, batch_norm(pad(a, {1, 0}, {0, 1}, k), k, 1, 0.5).y),
      COTAPE_ROW("batch_norm sum", matrix,
                 batch_norm(pad(a, {1, 0}, {0, 1}), sum(pad(a, {0, 0}, {0, 1}), 0), 0, 0.5).y),
      COTAPE_ROW("batch_norm", cube, batch_norm(pad(a, {1, 1, 0}, {0, 0, 1}, k), 1, 0, 0.5).y),
      COTAPE_ROW("batch_norm", cube, batch_norm(pad(a, {1, 1, 0}, {0, 0, 1}, k)).mean),
      COTAPE_ROW("batch_norm", cube, batch_norm(pad(a, {1, 1, 0}, {0, 0, 1}, k)).variance),
      COTAPE_ROW("group_norm", matrix, group_norm(pad(a, {1, 0}, {0, 1}, k), 1, k, 0, 0.5)),
      COTAPE_ROW("group_norm", cube,
                 group_norm(pad(a, {1, 1, 0}, {0, 0, 1}, k), a.shape()[2] + 1, 2, 0, 0.5)),
      COTAPE_ROW(
          "group_norm concatenate", cube,
          group_norm(pad(concatenate({a, sin(a)}, 2), {1, 1, 0}, {0, 0, 2}, k), 2, 1, 0, 0.5)),
      COTAPE_ROW("attention", matrix, attention(a, sin(a), pad(a, {0, 0}, {0, 1}, k))),
      COTAPE_ROW("attention", cube, attention(tanh(a), a, a, {.causal = true})),
      COTAPE_ROW("attention", matrix,
                 attention(a, a, tanh(a), {.mask = greater(sum(a, 1), 0), .scale = k})),
      COTAPE_ROW("sinusoidal_positions", cube, a * sinusoidal_positions(a)),
      COTAPE_ROW("rotary concatenate", matrix, rotary(concatenate({a, tanh(a)}, 1))),
      COTAPE_ROW("maxout concatenate", axis, maxout(concatenate({a, sin(a)}, axis), 2, axis)),
  };
}

std::vector<operation> moves() {
  return {
      COTAPE_ROW("reshape", resize, reshape(a, to)),
      COTAPE_ROW("reshape", along, reshape(a, {-1})),
      COTAPE_ROW("reshape", along, reshape(a, {1, -1, 1})),
      COTAPE_ROW("broadcast_to", widen, broadcast_to(a, to)),
      COTAPE_ROW("transpose", one, transpose(a)),
      COTAPE_ROW("transpose", matrix, transpose(a)),
      COTAPE_ROW("transpose", cube, transpose(a, {1, 2, 0})),
      COTAPE_ROW("transpose", cube, transpose(a, {0, 2, 1})),
      COTAPE_ROW("transpose", cube, transpose(a, {1, 0, -1})),
      COTAPE_ROW("expand_dims", grow, expand_dims(a, axis)),
      COTAPE_ROW("squeeze", one, squeeze(a)),
      COTAPE_ROW("squeeze expand_dims", grow, squeeze(expand_dims(a, axis), axis)),
      COTAPE_ROW("slice", pick, slice(a, {i})),
      COTAPE_ROW("slice", cut, slice(a, {{i, j, m}})),
      COTAPE_ROW("slice", cut_second, slice(a, {all, {i, j, m}})),
      COTAPE_ROW("slice", axis, slice(a, {{std::nullopt, std::nullopt, -1}})),
      COTAPE_ROW("slice", axis, slice(a, {{std::nullopt, std::nullopt, 2}})),
      COTAPE_ROW("concatenate", join, concatenate({a, b}, axis)),
      COTAPE_ROW("concatenate", join, concatenate({a, tanh(b), b}, axis)),
      COTAPE_ROW("stack", equal, stack({a, b}, 0)),
      COTAPE_ROW("stack", equal, stack({a, b}, -1)),
      COTAPE_ROW("split stack", equal, split(stack({a, sin(b)}, -1), 2, -1)[1]),
      COTAPE_ROW("split", axis, split(concatenate({a, tanh(a)}, axis), 2, axis)[1]),
      COTAPE_ROW("append_ones", axis, append_ones(a)),
      COTAPE_ROW("pad", vector, pad(a, {i}, {j}, k)),
      COTAPE_ROW("pad", matrix, pad(a, {i, 0}, {1, j}, k)),
      COTAPE_ROW("gather", gather, gather(a, b, axis)),
      COTAPE_ROW("scatter_add", scatter, scatter_add(a, b, m, axis)),
      COTAPE_ROW("diag", vector, diag(a)),
      COTAPE_ROW("diag", square, diag(a)),
      COTAPE_ROW("tril", stack, tril(a, i)),
  };
}

std::vector<operation> products() {
  return {
      COTAPE_ROW("matmul", product, matmul(a, b)),
      COTAPE_ROW("matmul", product, 0.5 * matmul(a, b)),
      COTAPE_ROW("matmul", product, matmul(tanh(a), b) * k),
      COTAPE_ROW("matmul", product, -matmul(a, b)),
      COTAPE_ROW("matmul", product, tanh(matmul(a, sin(b)))),
      COTAPE_ROW("matmul", product, sin(matmul(a, b)) + 0.5 * matmul(tanh(a), b)),
      COTAPE_ROW("matmul", product, matmul(tanh(a), b) + matmul(a, cos(b))),
      COTAPE_ROW("perceptron", product, perceptron(a, b, k)),
      COTAPE_ROW("matmul", matrix, matmul(a, transpose(a))),
      COTAPE_ROW("matmul", matrix, matmul(transpose(a), tanh(a))),
      COTAPE_ROW("matmul", matrix, matmul(transpose(sin(a)), transpose(transpose(a))) * 0.25),
      COTAPE_ROW("matmul", square, matmul(a, tanh(a)) + a),
      COTAPE_ROW("matmul", square, a - 0.1 * matmul(sin(a), a)),
      COTAPE_ROW("matmul", matrix, matmul(a, matmul(transpose(a), a)) * k + cos(a)),
      COTAPE_ROW("matmul", cube, matmul(a, transpose(a, {0, 2, 1}))),
      COTAPE_ROW("matmul slice", matrix,
                 matmul(slice(a, {all, {i, std::nullopt}}),
                        transpose(slice(sin(a), {all, {i, std::nullopt}})))),
      COTAPE_ROW("matmul slice", matrix,
                 0.5 * matmul(transpose(slice(a, {{i, std::nullopt, 2}})),
                              slice(tanh(a), {{i, std::nullopt, 2}}))),
      COTAPE_ROW("matmul slice", matrix,
                 matmul(slice(a, {{j, j + 1}, {i, std::nullopt, 2}}),
                        transpose(slice(tanh(a), {all, {i, std::nullopt, 2}})))),
      COTAPE_ROW("matmul transpose", cube,
                 matmul(transpose(a, {1, 0, 2}), transpose(tanh(a), {1, 2, 0}))),
      COTAPE_ROW("matmul transpose", cube,
                 transpose(matmul(sin(a), transpose(a, {0, 2, 1})), {1, 0, 2})),
      COTAPE_ROW(
          "matmul transpose", cube,
          transpose(-matmul(transpose(a, {1, 2, 0}), transpose(sin(a), {1, 0, 2})), {0, 2, 1})),
      COTAPE_ROW("matmul transpose", cube,
                 reshape(transpose(matmul(tanh(a), transpose(a, {0, 2, 1})), {1, 0, 2}), {-1})),
      COTAPE_ROW("matmul expand_dims", cube,
                 matmul(expand_dims(tanh(sum(a, 0)), 0), transpose(a, {0, 2, 1}))),
      COTAPE_ROW("matmul expand_dims", cube,
                 matmul(sin(a), expand_dims(transpose(tanh(sum(a, 0))), 0))),
      COTAPE_ROW("matmul", vector, matmul(a, tanh(a))),
  };
}

// Filters are made of the images themselves.
std::vector<operation> windows() {
  return {
      COTAPE_ROW("conv", image, 0.5 * conv(a, transpose(tanh(a), {1, 2, 0}))),
      COTAPE_ROW("conv", image,
                 0.5 * conv(a, transpose(sin(a), {1, 2, 0}), {.strides = 2, .padding = "same"})),
      COTAPE_ROW("conv", image,
                 conv(a, slice(transpose(tanh(a), {1, 2, 0}), {{0, 2}}),
                      {.strides = 1 + i, .padding = 2, .dilation = 1 + j})),
      COTAPE_ROW("conv", image,
                 conv(a, expand_dims(tanh(sum(a, 0)), 1), {.padding = "same", .groups = m})),
      COTAPE_ROW("conv expand_dims", image,
                 0.5 * conv(expand_dims(a, 0), expand_dims(sin(a), -1), {.padding = "same"})),
      COTAPE_ROW(
          "conv_transpose", image,
          conv_transpose(a, slice(transpose(tanh(a), {1, 0, 2}), {{0, 2}}), {.strides = 1 + i})),
      COTAPE_ROW(
          "conv_transpose", image,
          conv_transpose(a, transpose(sin(a), {1, 0, 2}), {.strides = 2, .padding = "same"})),
      COTAPE_ROW("unfold", image, unfold(a, 2, {.strides = 1 + i, .padding = "same"})),
      COTAPE_ROW("fold unfold", image,
                 fold(unfold(sin(a), 2, {.padding = 2, .dilation = 1 + i}), a.shape()[1],
                      {.padding = 2, .dilation = 1 + i})),
      COTAPE_ROW("max_pool", image, max_pool(a, 2, {.strides = 1 + i, .padding = "same"})),
      COTAPE_ROW("max_pool", image, max_pool(expand_dims(a, 0), {1, 2}, {.padding = "same"})),
      COTAPE_ROW("average_pool", image,
                 average_pool(sin(a), 3, {.strides = 1 + i, .padding = "same"})),
      COTAPE_ROW("average_pool", image,
                 average_pool(expand_dims(a, 0), {1, 2}, {.strides = 1, .padding = "same"})),
      COTAPE_ROW("adaptive_max_pool", image, adaptive_max_pool(a, 1 + i)),
      COTAPE_ROW("adaptive_average_pool", image, adaptive_average_pool(a, 1 + i)),
      COTAPE_ROW("resize", image, resize(a, 1 + i)),
      COTAPE_ROW("resize", image, resize(expand_dims(a, 0), {1 + i, 3}, "bilinear")),
      COTAPE_ROW("pad", image, pad(a, {i, 0, 1}, {j, 2, 0}, "reflect")),
      COTAPE_ROW("pad", image, pad(a, {0, i, 1}, {1, j, 0}, "edge")),
  };
}

// Derivatives as values, of any order.
std::vector<operation> derivatives() {
  return {
      COTAPE_ROW("gradient", derive, gradient(sum(a), b)),
      COTAPE_ROW("gradient", derive, gradient(sum(sin(a)), b)),
      COTAPE_ROW("vjp", pull, vjp(a, {b}, c)[0]),
      COTAPE_ROW("jvp", derive_by, jvp(a, {b}, {c})),
      COTAPE_ROW("directional", derive_by, directional(a, {b}, {c}, 2)),
      COTAPE_ROW("hessian_vector_product", derive_by,
                 hessian_vector_product(sum(sin(a)), {b}, {c})[0]),
      COTAPE_ROW("jacobian", derive_few, jacobian(a, b)),
      COTAPE_ROW("hessian", derive_few, hessian(sum(sin(a)), b)),
  };
}
#undef COTAPE_ROW

}  // namespace

const std::vector<operation>& operations() {
  static const std::vector<operation> rows = [] {
    std::vector<operation> all;
    for (auto* part : {functions, of_two, reductions, moves, products, windows, derivatives}) {
      for (operation& row : part()) all.push_back(std::move(row));
    }
    return all;
  }();
  return rows;
}

}  // namespace cotape::tests

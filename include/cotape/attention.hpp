// layer: ops
// Attention: each row of a sequence takes a mean of other rows, weighted by how well they match.
//
//   variable y = attention(q, k, v);                       // (batch, heads, T, d) each, say
//   variable z = attention(q, k, v, {.causal = true});     // no row looks ahead
#pragma once

#include <functional>
#include <optional>

#include "cotape/ops.hpp"

namespace cotape {

struct attention_options {
  variable mask = {};   // not 0 where a row may see a key; broadcasts to (..., T, S)
  bool causal = false;  // row t sees the keys s <= t, also where T and S differ, as in PyTorch
  std::optional<double> scale = {};  // by default 1 / sqrt(d)
  // What becomes of the weights, (..., T, S), before they meet v: dropout, say.
  std::function<variable(variable)> on_weights = {};
};

/// softmax(scale q k^T) v (Vaswani et al., 2017): q (..., T, d), k (..., S, d), v (..., S, e), the
/// result (..., T, e); axes in front of the last two broadcast. A row that sees nothing gives
/// zeros, and has the gradient 0. The weights of long sequences are made for some rows at a time,
/// and made again for the gradient, so that memory grows with T + S (Dao et al., 2022); but not
/// with `on_weights`, nor in second derivatives. Throws shape_error for operands or a mask that do
/// not fit, dtype_error for integers.
variable attention(operand q, operand k, operand v, const attention_options& options = {});

// --- Where a row stands, which attention does not see -------------------------------------------

/// Of x (..., T, d) the positions' (T, d), to be added to it: of row t the element 2 i is
/// sin(t / 10000^(2 i / d)), the next one the cosine of that (Vaswani et al., 2017).
variable sinusoidal_positions(operand x, double longest = 10000);

/// x (..., T, d), its rows turned by their positions: of row t the elements i and i + d / 2, for
/// i < d / 2, are turned by the angle t / 10000^(2 i / d). So q k^T depends on how far rows are
/// apart (Su et al., 2021, who pair neighbours: these are pairs from the two halves, as Llama's
/// and Keras's). Throws shape_error if d is odd.
variable rotary(operand x, double longest = 10000);

}  // namespace cotape

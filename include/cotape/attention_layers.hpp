// layer: nn
// Layers of attention and of positions, with Keras's names and defaults, for sequences (batch, T,
// features).
//
//   auto x = input({64, 128});
//   auto h = position_embedding(64)(x);
//   auto y = add({h, multi_head_attention(4, 32, {.causal = true})(h)});
#pragma once

#include "cotape/attention.hpp"
#include "cotape/layers.hpp"

namespace cotape {

struct multi_head_attention_options {
  std::int64_t value_dim = 0;  // of a head; 0: key_dim
  double dropout = 0;          // of the weights, in training
  bool bias = true;
  bool causal = false;  // Keras's use_causal_mask
  initializer weights = glorot_uniform;
  initializer bias_initializer = zeros;
  regularizer weights_regularizer = {}, bias_regularizer = {};
  regularizer activity_regularizer = {};
  constraint weights_constraint = {}, bias_constraint = {};
};

/// Attention by several heads (Vaswani et al., 2017), each of which sees the rows through matrices
/// of its own. Given {query, value} or {query, value, key}, (batch, T, a), (batch, S, b) and
/// (batch, S, c), or one sequence that is all three; the key is the value by default. The result is
/// (batch, T, a). The weights are "NAME/query/weight" (a, heads key_dim), "NAME/key/weight",
/// "NAME/value/weight" and "NAME/output/weight" (heads value_dim, a), each with a "bias"; a head's
/// columns stand side by side. Masked steps of value and key (sequence_layers.hpp) are not seen;
/// the result has the query's mask. Throws value_error for sizes below 1 and for a rate of dropout
/// outside [0, 1).
class multi_head_attention : public layer {
 public:
  multi_head_attention(std::int64_t heads, std::int64_t key_dim,
                       multi_head_attention_options options = {});
};

/// x + "NAME/weight" (length, d), of which a shorter x takes the first rows: what KerasHub's
/// PositionEmbedding gives is added. Throws shape_error for a longer x.
class position_embedding : public layer {
 public:
  explicit position_embedding(std::int64_t max_length, initializer weights = glorot_uniform);
};

}  // namespace cotape

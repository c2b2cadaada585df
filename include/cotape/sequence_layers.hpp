// layer: nn
// Layers for sequences of shape (batch, steps, features), with Keras's names and defaults.
//
//   sequential m{input({40}, int64), embedding(8000, 32, {.mask_zero = true}),
//                bidirectional(lstm(32)), dense(1, "sigmoid")};
//
// Steps may be masked: those that `embedding` (mask_zero) or `masking` say are padding. Layers that
// keep (batch, steps) pass the mask on, recurrent ones go past a masked step with their state as it
// was; where they return sequences they repeat their last output, or the first state, there.
// multi_head_attention does not see masked steps. No other layer and no loss sees a mask.
#pragma once

#include <string>
#include <vector>

#include "cotape/layers.hpp"

namespace cotape {

struct embedding_options {
  initializer weights = random_uniform();
  regularizer weights_regularizer = {};
  regularizer activity_regularizer = {};  // of the output, divided by the rows of the batch
  constraint weights_constraint = {};
  bool mask_zero = false;  // index 0 is padding: such steps are masked
};

/// Row i of W "NAME/weight" (`inputs`, `outputs`) for each index i: (batch, sizes...) gives (batch,
/// sizes..., outputs). Declare the model's input as `input({...}, int64)`: of floating numbers,
/// which are exact up to 2^24, fractions are dropped. With mask_zero (batch, steps) has a mask. An
/// index outside 0 ... inputs - 1 stops the run with value_error. Throws value_error unless both
/// sizes are at least 1.
class embedding : public layer {
 public:
  embedding(std::int64_t inputs, std::int64_t outputs, embedding_options options = {});
};

struct recurrent_options {
  std::string activation = "tanh";
  std::string recurrent_activation = "sigmoid";  // of the gates
  initializer weights = glorot_uniform;
  initializer recurrent_weights = orthogonal();
  bool bias = true;
  initializer bias_initializer = zeros;
  bool unit_forget_bias = true;  // lstm: the first bias of the forget gate is 1
  bool reset_after = true;       // gru: the reset gate acts after the product, not before it
  regularizer weights_regularizer = {}, recurrent_regularizer = {}, bias_regularizer = {};
  regularizer activity_regularizer = {};  // of the output, divided by the rows of the batch
  constraint weights_constraint = {}, recurrent_constraint = {}, bias_constraint = {};
  double dropout = 0;             // of the inputs, in training; one mask for all steps
  double recurrent_dropout = 0;   // of h where it is multiplied by U (Gal and Ghahramani, 2016)
  bool return_sequences = false;  // (batch, steps, units): each h, in the order of the steps taken
  bool go_backwards = false;      // from the last step to the first
  std::int64_t stateful = 0;      // rows of a batch; unless 0, row i goes on where row i of the
                                  // batch before has ended
};

/// Elman's network (1990): h = activation(x W + h U + b) for one step after the other, from h = 0:
/// (batch, steps, features) gives the last h (batch, units). W "NAME/weight" (features, units), U
/// "NAME/recurrent_weight" (units, units), b "NAME/bias" (units). Given {x, h} it begins with h.
/// With `stateful` h is a parameter "NAME/state_h", which is not trained and no gradient goes
/// through: backpropagation is truncated at the batch's first step. `fit` then takes rows in their
/// order alone (.shuffle = false), and batches of as many rows: row i of batch k + 1 follows row i
/// of batch k. Each epoch, evaluation and prediction begins with 0. Throws value_error for less
/// than one unit, an unknown activation, an empty initializer, dropout outside [0, 1), and a first
/// state for a stateful layer; shape_error for inputs of other shapes, without a step, and of more
/// rows than `stateful`.
class simple_rnn : public layer {
 public:
  explicit simple_rnn(std::int64_t units, recurrent_options options = {});
};

/// Long short-term memory (Hochreiter and Schmidhuber, 1997; Gers et al., 2000), with gates side by
/// side in the columns i, f, g, o of W (features, 4 units), U (units, 4 units), b (4 units):
///   c = sigmoid(f) c + sigmoid(i) activation(g),   h = sigmoid(o) activation(c)
/// where `recurrent_activation` is the sigmoid. Given {x, h, c} it begins with those. c has
/// "NAME/state_c", if stateful. Throws as simple_rnn.
class lstm : public layer {
 public:
  explicit lstm(std::int64_t units, recurrent_options options = {});
};

/// Gated recurrent unit (Cho et al., 2014), gates in the columns z, r, g:
///   h = z h + (1 - z) activation(x Wg + bg + r (h Ug + bg'))
/// with reset_after, b (2, 3 units); without it, as in the paper and ONNX's default, b (3 units):
///   h = z h + (1 - z) activation(x Wg + bg + (r h) Ug)
/// Throws as simple_rnn.
class gru : public layer {
 public:
  explicit gru(std::int64_t units, recurrent_options options = {});
};

/// The states after the last step that counts of the recurrent layer that made y: h, and c of an
/// lstm, (batch, units) each; of a bidirectional one those of the forward layer, then those of the
/// backward one. A decoder that begins with an encoder's: `lstm(8)({x, states[0], states[1]})`.
/// Throws value_error if y was made by another layer.
std::vector<symbol> last_states(const symbol& y, const char* file = __builtin_FILE(),
                                int line = __builtin_LINE());

/// A recurrent layer and a copy of it that goes the other way, with weights of its own,
/// "NAME/forward/..." and "NAME/backward/..."; outputs of both, in the order of the first one's,
/// joined by `merge`: "concat" (along the last axis), "sum", "mul" or "ave". First states are given
/// in the order of last_states. A regularizer of the layer's activity is one of what is joined. The
/// layer belongs to this one: it cannot be used besides. Files of models hold layers of the library
/// within it, up to three deep. Throws value_error for any other merge and for a layer that is not
/// recurrent, is stateful, has weights already or is within another.
layer bidirectional(const layer& forward, const std::string& merge = "concat");

/// A layer applied to each step alike: (batch, steps, a...) as (batch steps, a...), and back; it
/// sees no mask. Its weights are named "NAME/weight" and so on, whatever its own name. It belongs
/// to this one, and files hold it, as with bidirectional.
layer time_distributed(const layer& of);

/// (batch, features) as (batch, n, features). Throws value_error for n < 1.
class repeat_vector : public layer {
 public:
  explicit repeat_vector(std::int64_t n);
};

/// Masks the steps of (batch, steps, features) whose features are all `value`, and makes them 0.
class masking : public layer {
 public:
  explicit masking(double value = 0);
};

}  // namespace cotape

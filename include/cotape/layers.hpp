// layer: nn
// Layers: functions over variables that own parameters. A layer makes its weights when it is first
// recorded, from its input's shape and dtype. Layers are handles: copies share the weights, and so
// does a layer that stands in a model twice. A plain function over variables needs none of this.
//
// Functional models join layers by symbols, which stand for values of rows that are not yet known:
//
//   auto x = input({2});
//   auto h = dense(4, "sigmoid")(x);
//   model m(x, dense(1, "sigmoid")(h));  // model.hpp; joins.hpp makes one symbol of several
#pragma once

#include <concepts>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "cotape/initializers.hpp"
#include "cotape/named_texts.hpp"
#include "cotape/regularizers.hpp"
#include "cotape/tape.hpp"

namespace cotape {

/// An activation by the name of its function in ops.hpp or activations.hpp, with that one's default
/// arguments: "identity" (or "linear", or ""), "heaviside", "sign", "sigmoid", "tanh", "relu",
/// "leaky_relu", "relu6", "elu", "selu", "celu", "maxout" (of 2), "softplus", "silu", "gelu",
/// "gelu_tanh", "mish", "log_sigmoid", "softsign", "hard_sigmoid", "hard_silu", "hard_tanh",
/// "exponential"; and over the last axis "glu" (which halves it), "softmax", "log_softmax",
/// "argmax" (int64, without that axis). Throws value_error listing the names for any other.
variable activate(const std::string& name, operand x);

/// What a model is recorded for: dropout acts in training only.
enum class mode : std::uint8_t { predicting, training };

namespace detail {
class trainable_then;
}

/// A value, and which steps of its (batch, steps, ...) count: int64 (batch, steps) of 1 and 0,
/// empty where all do. That of a recurrent layer has its last states (last_states) with it.
struct masked {
  variable value, mask = {};
  std::vector<variable> states = {};
};

/// What a layer does and owns. For a layer of your own that has weights, derive from it and wrap
/// it: `layer(std::make_shared<my_layer>())`; for any other there is `lambda`. Numbers drawn when
/// predicting are the same in each batch and call.
class layer_body {
 public:
  virtual ~layer_body() = default;
  /// What its name begins with, such as "dense".
  virtual const char* kind() const = 0;
  /// Records it for inputs of shape (batch, features...); makes `parameters` if there are none yet,
  /// named `name` + "/weight" and so on. A model may record it and drop the parameters again.
  virtual variable record(std::span<const variable> inputs, mode m, generator& random) = 0;
  /// The same for values whose steps may be masked. By default a result of (batch, steps, ...) has
  /// the first mask of its inputs, if the layer keeps_steps.
  virtual masked record_masked(std::span<const masked> inputs, mode m, generator& random);
  /// Parameters, not trained, that go on from batch to batch: (rows, ...). Each pass of a model
  /// over data, which is an epoch, an evaluation or a prediction, begins with 0 in them.
  virtual std::vector<parameter> carried() const { return {}; }
  /// The options that it is made of, for a file of a model (saving.hpp). Nothing, as by default: no
  /// file can keep it.
  virtual std::optional<named_texts> description() const { return {}; }

  /// Of layer::set_trainable. A layer that acts otherwise where it is not trained asks it.
  bool trainable() const { return freezing_.trainable; }
  void set_trainable(bool trainable);
  /// Those that set_trainable(true) takes back.
  const std::vector<parameter>& frozen() const { return freezing_.frozen; }
  /// Of a layer within another: is trained no more while that one is not.
  void follow(const layer_body& outer);
  /// Whether set_trainable(false) of its own holds, and not that of the layer around it alone.
  bool frozen_itself() const { return !freezing_.trainable && !freezing_.follows; }
  /// The layers that it records within itself.
  virtual std::vector<layer_body*> inner() const { return {}; }
  /// Drops the parameters, to be made anew.
  void forget_parameters();

  std::string name;  // empty until the user or a model gives one
  std::vector<parameter> parameters;
  std::vector<weight_rules> rules;  // of the parameters, in their order; the others have none
  regularizer activity;             // of each output; divided by its rows a term of the loss
  bool settled = false;             // a model has come to use it: name and parameters stay
  bool within = false;              // another layer records it, under its own name
  bool keeps_steps = true;          // by record_masked: the second axis stays what it was
  // While it is read from a file, or only tried out: what gives its parameters' first values, by
  // their names, in place of its initializers.
  std::function<tensor(const std::string& name, const value_type& type)> kept_values;

 private:
  friend class detail::trainable_then;
  struct freezing {
    bool trainable = true;
    std::vector<parameter> frozen = {};  // those that set_trainable(false) has changed
    bool follows = false;                // what froze it was the layer around it
  };
  freezing freezing_;
};

class symbol;

/// A handle to a layer.
class layer {
 public:
  explicit layer(std::shared_ptr<layer_body> body);
  layer(const layer&) = default;  // and no move: no layer is without a body
  layer& operator=(const layer&) = default;

  /// The same layer under a name, which its parameters' names begin with. Throws value_error if the
  /// parameters exist already.
  layer named(std::string name) const;
  /// The layer's output for symbols: to be given to a model or to more layers.
  symbol operator()(const symbol& x, const char* file = __builtin_FILE(),
                    int line = __builtin_LINE()) const;
  symbol operator()(const std::vector<symbol>& x, const char* file = __builtin_FILE(),
                    int line = __builtin_LINE()) const;
  /// Records the layer for variables of shape (batch, features...).
  variable record(variable x, generator& random, mode m = mode::predicting) const;

  /// None before the layer was first recorded.
  const std::vector<parameter>& parameters() const { return body_->parameters; }
  /// Whether training changes its weights, also of a layer that has none as yet; `true` takes
  /// `false` back. A fit keeps to what it was when it began.
  void set_trainable(bool trainable) const { body_->set_trainable(trainable); }
  bool trainable() const { return body_->trainable(); }
  layer_body& body() const { return *body_; }
  /// The body, for a layer that records it within itself.
  const std::shared_ptr<layer_body>& shared_body() const { return body_; }

 private:
  std::shared_ptr<layer_body> body_;
};

/// A model's value before there is data: an input, or a layer's output.
class symbol {
 public:
  struct declared_row {
    std::size_t at;  // in `from`
    shape row;
    std::shared_ptr<std::string> model;  // its name
    place where;
  };
  struct source {
    std::vector<layer> made_by;  // none for an input
    std::vector<symbol> from;
    place where;
    value_type row = {};                       // an input's, without the batch axis
    std::string name = {};                     // an input's
    std::shared_ptr<std::string> inside = {};  // the name of the model that was called
    std::vector<declared_row> declared = {};   // what that one's inputs say of `from`
  };
  explicit symbol(source s) : source_(std::make_shared<const source>(std::move(s))) {}
  symbol(const symbol&) = default;  // and no move: no symbol is without a source
  symbol& operator=(const symbol&) = default;
  const source& of() const { return *source_; }

 private:
  std::shared_ptr<const source> source_;
};

/// A model's input: rows of this shape, without the batch axis. Data of another floating dtype is
/// converted to `d`, which is the dtype of the weights as well.
symbol input(const shape& row, dtype d = float32, std::string name = "",
             const char* file = __builtin_FILE(), int line = __builtin_LINE());

struct dense_options {
  std::string activation = "identity";
  initializer weights = glorot_uniform;
  bool bias = true;
  initializer bias_initializer = zeros;
  regularizer weights_regularizer = {}, bias_regularizer = {};
  regularizer activity_regularizer = {};  // of the output, divided by the rows of the batch
  constraint weights_constraint = {}, bias_constraint = {};
};

/// y = activation(x W + b): W "NAME/weight" (inputs, units), b "NAME/bias" (units). Inputs with
/// more axes are multiplied along their last. `weights` makes the first W, `bias_initializer` the
/// first b: `dense(8, "relu", he_normal)`, `dense(8, {.activation = "relu", .bias = false})`.
class dense : public layer {
 public:
  explicit dense(std::int64_t units, dense_options options = {});
  /// The options by their place. A template, since braces would fit a string too.
  template <std::convertible_to<std::string> Name>
  dense(std::int64_t units, Name&& activation, initializer weights = glorot_uniform,
        bool bias = true)
      : dense(units, dense_options{.activation = std::string(activation),
                                   .weights = std::move(weights),
                                   .bias = bias}) {}
};

/// `activate` as a layer. Throws value_error, as that does, for an unknown name.
class activation : public layer {
 public:
  explicit activation(std::string name);
};

/// (batch, a, b, ...) as (batch, a b ...).
class flatten : public layer {
 public:
  flatten();
};

/// In training each element is 0 with probability `rate`, else divided by 1 - rate (Srivastava et
/// al., 2014, "inverted"); when predicting it is left as it is. Throws value_error unless
/// 0 <= rate < 1. The masks are drawn from the model's generator.
class dropout : public layer {
 public:
  explicit dropout(double rate);
};

/// What a layer is recorded in.
struct layer_context {
  bool training;
  generator& random;  // the model's
};

/// A function over variables as a layer; of several, if it is given several symbols. One that draws
/// random numbers or differs in training takes its context too:
///   lambda([](variable x, const layer_context& c) {
///     return c.training ? x + c.random.normal_like(x, 0, 0.1) : x;
///   })
class lambda : public layer {
 public:
  explicit lambda(std::function<variable(variable)> f);
  explicit lambda(std::function<variable(std::span<const variable>)> f);
  explicit lambda(std::function<variable(variable, const layer_context&)> f);
  explicit lambda(std::function<variable(std::span<const variable>, const layer_context&)> f);
};

}  // namespace cotape

// layer: train
// Models that read like Keras's: layers one after the other or joined by symbols, then compile,
// fit, evaluate, predict. A whole training step is one compiled program.
//
//   sequential m{dense(4, "sigmoid"), dense(1, "sigmoid")};
//   m.compile("binary_crossentropy", adam({.rate = 0.05}), {"accuracy"});
//   history h = m.fit(x, y, {.epochs = 500});
//   xt::xarray<float> p = m.predict<float>(x);
//
// A model belongs to one thread at a time. Losses take (prediction, target), Keras's the reverse.
// While it is at work, as in fit, what would change it throws value_error: compile, add, fit. Of a
// model that was moved from every action throws value_error.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <initializer_list>
#include <iostream>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "cotape/batch_source.hpp"
#include "cotape/callbacks.hpp"
#include "cotape/check.hpp"
#include "cotape/joins.hpp"
#include "cotape/layers.hpp"
#include "cotape/metrics.hpp"
#include "cotape/train.hpp"

namespace cotape {

struct fit_options {
  std::int64_t epochs = 1;
  std::int64_t batch_size = 32;  // the last batch may be smaller
  std::int64_t accumulate = 1;   // batches whose gradients make one update: of their mean over the
                                 // rows; those that an epoch is left with make one too
  bool shuffle = true;
  bool replace = false;    // draw the rows of each batch from all rows
  std::uint64_t seed = 0;  // of the rows' order, together with the epoch's number
  std::int64_t steps = 0;  // unless 0: train this many batches, whatever `epochs` is; an epoch that
                           // they end within counts as one
  double validation_split = 0;         // the last rows, ceil(rows * split): before shuffling
  labelled_data validation_data = {};  // instead
  std::optional<batch_source> validation_source = {};  // instead: asked for its epoch 0 each time
  std::vector<given<callback>> callbacks = {};
  std::ostream* progress = &std::cout;  // lines on anything that takes over a second; or nullptr
  bool stop_at_non_finite = true;  // an infinite or NaN loss ends the fit before the step's update
                                   // with a value_error that names the operation it comes from
  bool check_gradient = false;     // of the first batch, by differences: value_error if it is wrong
};

struct save_options {
  bool optimizer = false;  // also losses, metrics, the optimizer and its state: to train on
};

/// The inputs or outputs of a model: one, or a list in braces.
struct symbols {
  symbols(const symbol& s) : list{s} {}
  symbols(std::initializer_list<symbol> s) : list(s) {}
  symbols(std::vector<symbol> s) : list(std::move(s)) {}
  std::vector<symbol> list;
};

/// An optimizer by object, or by the name of its class (optimizers.hpp) with its default options:
/// "adam". Throws value_error listing the names.
class optimizer_argument : public given<optimizer> {
 public:
  using given<optimizer>::given;
  optimizer_argument(const char* name);
};

struct read_limits;
/// Layers of one's own, by their kind(): what makes one of its description().
using layer_kinds = std::map<std::string, std::function<layer(const named_texts& options)>>;

class model {
 public:
  /// Builds what leads from the inputs to the outputs, making the weights in the order of the
  /// layers. Throws value_error for an output that needs an input which is not given, or for two
  /// layers of one name; errors of a layer name the line where it was called.
  model(const symbols& inputs, const symbols& outputs, std::int64_t seed = 0);
  model(model&&) noexcept;
  model& operator=(model&&) noexcept;
  ~model();

  /// Records the model for variables, on their tape.
  variable operator()(operand x, mode m = mode::predicting);
  std::vector<variable> operator()(const std::vector<variable>& x, mode m = mode::predicting);

  /// Applies its layers, as they are now, to symbols, which are the inputs in their place: a model
  /// as a part of another. They share the weights; terms of add_loss stay here. Throws value_error
  /// for another number of inputs, and the first form for several outputs. The model that is made
  /// of it throws shape_error where a value's rows are not those of the input that was declared
  /// here.
  symbol operator()(const symbol& x, const char* file = __builtin_FILE(),
                    int line = __builtin_LINE()) const;
  std::vector<symbol> operator()(const std::vector<symbol>& x, const char* file = __builtin_FILE(),
                                 int line = __builtin_LINE()) const;
  /// A name that those of its layers begin with, unless they have one: "encoder/dense/weight". A
  /// part of another model gets one ("model", "model_1" ...) if it has none. Throws value_error if
  /// the parameters exist already.
  model& set_name(std::string name);

  /// One of its layers by its name. Throws value_error listing the names.
  cotape::layer layer(const std::string& name) const;
  /// Its inputs, and the output of a layer, as symbols, for a model of a part of it:
  /// `model features(m.inputs(), m.output("dense_1"))`. Throws value_error if the input's shape is
  /// not known yet, there is no such layer, or it was called several times.
  std::vector<symbol> inputs() const;
  symbol output(const std::string& layer) const;
  /// layer::set_trainable of all its layers.
  void set_trainable(bool trainable);

  /// Adds a term to the loss of fit and evaluate: the sum of the symbol's elements, divided by the
  /// number of rows, so of shape (batch) the mean, as Keras has it; a value of shape () as it is.
  /// One that has a name is a figure of its own as well, beside "loss", which holds it. What it is
  /// made from begins with the model's inputs: layers that only it needs become the model's.
  /// Regularizers are terms by themselves. Throws as the constructor does, and value_error for the
  /// name of another figure, and nothing has changed then.
  void add_loss(const symbol& term, const std::string& name = "");

  /// All layers' parameters, named "dense/weight", "dense/bias", "dense_1/weight" ...; without an
  /// input, those of layers that were never recorded do not exist yet.
  std::vector<parameter> parameters() const;
  /// The source of first weights and dropout masks.
  generator& random();
  /// A line a layer, or a model that is a part: name, output shape with None for the batch,
  /// parameters, and whether none of them is trained; then how many in all, trainable and not.
  /// Throws value_error if the input's shape is not known yet.
  std::string summary() const;

  /// Chooses the loss, the optimizer and metrics; training goes on from the present weights and
  /// counts, but what layers and losses make whenever they are recorded starts anew.
  /// Several outputs: the same loss for each, or one each; the sum is minimized.
  void compile(const loss_function& loss, const optimizer_argument& how = "rmsprop",
               std::vector<metric> metrics = {});
  void compile(std::vector<loss_function> losses, const optimizer_argument& how,
               std::vector<metric> metrics = {});

  /// Trains, and gives the figures of each epoch: "loss" (the mean over the samples, before each
  /// update; of a loss that is a sum, such as "sse", the mean of the batches' sums), the metrics,
  /// and those of validation after "val_". Another call continues: two of 5 epochs do what one of
  /// 10 does. Each records the layers anew, before on_fit_begin: what is trainable then is trained,
  /// what layers and losses read by reference is what it is then; what a callback changes of that
  /// waits for the next fit. Targets have the output's shape but for axes of size 1, so (n) also
  /// for (n, 1), or are labels for a sparse loss or one of your own (see `targets`); floating data
  /// takes the model's dtype. Before the first step it throws value_error or shape_error, naming
  /// rows or shapes, for a model that is not compiled, an empty set, shapes that do not fit, NaN or
  /// infinity, labels out of range, and targets that MAPE or MSLE cannot take; and for what must be
  /// meant otherwise: an output that is a softmax of a softmax, a softmax over one unit, or a
  /// sigmoid or softmax under a loss of logits, and a loss whose gradient reaches no trainable
  /// parameter. Predictions outside 0 to 1 of the first rows under a loss of probabilities are
  /// warned of, in the history and once on `progress`. An error in a step leaves the parameters as
  /// they were before it; one in the first step, or before it, leaves everything as it was before
  /// the fit. A callback that moves or destroys the model ends the fit with value_error.
  history fit(const arrays& x, const arrays& y, const fit_options& options = {});
  /// The same for data that a source gives batch by batch. Of the options it takes no
  /// validation_split and no `replace`; batch_size, shuffle and seed mean nothing. Each batch is
  /// checked when it comes, by the same errors, which name it; value_error too for a batch whose
  /// shapes are not those of the first, and for an epoch without a batch or with fewer rows than
  /// the source tells. training::last_step, or last_epoch of a fit for so many steps, is -1 where
  /// the source tells no rows.
  history fit(const batch_source& source, const fit_options& options = {});
  /// One step of the optimizer on these rows, as fit makes it for a batch, for a loop of one's own;
  /// gives the figures of the batch, before the update: the loss, then the metrics. Counts among
  /// training::steps, and in no epoch. Errors as fit's: an error leaves everything as it was. It
  /// records the layers at the first call with such shapes after fit, compile or add, and when
  /// layers or their parameters have become trainable, or no longer are.
  logs train_on_batch(const arrays& x, const arrays& y);
  /// The loss, then the metrics, in predicting mode. Errors as fit's. Changes no parameter. Like
  /// predict it records the layers at the first call with such shapes after fit, compile or add.
  logs evaluate(const arrays& x, const arrays& y, std::int64_t batch_size = 256);
  /// The same of epoch 0 of a source. Errors as fit's of a source.
  logs evaluate(const batch_source& source);
  /// The gradient of the loss in training, with dropout's masks, against differences: for each of
  /// the trainable parameters, at these rows. Errors as fit's. Changes no parameter.
  gradient_check check_gradient(const arrays& x, const arrays& y,
                                const gradient_check_options& options = {});
  /// The output for rows x, (n, features...) to (n, ...); one row may come without its first axis.
  tensor predict(const arrays& x, std::int64_t batch_size = 256);
  template <class T> xt::xarray<T> predict(const arrays& x, std::int64_t batch_size = 256) {
    const tensor p = predict(x, batch_size);
    return to_xarray<T>(p.dtype() == dtype_of<T>::value ? tensor(p)
                                                        : tensor(p, dtype_of<T>::value));
  }
  /// Of a model with several outputs.
  std::vector<tensor> predict_all(const arrays& x, std::int64_t batch_size = 256);

  /// Keeps the model in a file, NAME.safetensors, for load_model (saving.hpp). Throws value_error,
  /// and leaves the file as it is, for what no file can hold: a lambda, a layer of one's own
  /// without a description(), a regularizer or constraint of one's own; with the optimizer also for
  /// such a loss, metric or optimizer, and for a model that is not compiled. io_error as writers
  /// have it.
  void save(const std::filesystem::path& file, const save_options& options = {}) const;

  struct body;

 protected:
  explicit model(std::int64_t seed);
  void append(const cotape::layer& l, place where);
  void append(const model& inner);
  void prepend(const symbol& input);
  /// Throws what recording its layers throws, if the input is declared; makes nothing.
  void try_out() const;

 private:
  class action;
  friend model load_model(const std::filesystem::path& file, const layer_kinds& own,
                          const read_limits& limits, const char* source, int line);
  explicit model(std::shared_ptr<body> b);
  void leave() const;
  std::shared_ptr<body> body_;
};

/// Layers one after the other. Without an input the first data tells shape and dtype.
class sequential : public model {
 public:
  /// A layer, an input or a model, and the line of the user's code where it became a part.
  class part {
   public:
    part(const cotape::layer& l, const char* file = __builtin_FILE(), int line = __builtin_LINE())
        : what_(l), where_{file, line} {}
    part(const symbol& input) : what_(input) {}
    template <std::derived_from<model> Model> part(Model& inner) : what_(&inner) {}

   private:
    friend sequential;
    std::variant<cotape::layer, symbol, const model*> what_;
    place where_;
  };
  explicit sequential(std::int64_t seed = 0) : model(seed) {}
  /// An input comes first, if there is one; a model has one input and one output. Layers that do
  /// not fit an input that is given throw here, else with the first data: the errors name them, and
  /// the line of the list.
  sequential(std::initializer_list<part> parts, std::int64_t seed = 0);
  /// Adds a layer at the end, the layers of a model, or the input, which must come first.
  sequential& add(const cotape::layer& l, const char* file = __builtin_FILE(),
                  int line = __builtin_LINE());
  sequential& add(const model& inner);
  sequential& add(const symbol& input);
  /// model::set_name: `sequential encoder = sequential{dense(2)}.set_name("encoder")`.
  sequential& set_name(std::string name) &;
  sequential&& set_name(std::string name) &&;
};

}  // namespace cotape

// layer: train
// What happens between the steps of `fit`: stopping early, changing the rate, keeping the state.
//
//   m.fit(x, y, {.epochs = 500, .callbacks = {early_stopping({.patience = 10}),
//                                             checkpoint("run.safetensors")}});
#pragma once

#include <concepts>
#include <filesystem>
#include <functional>
#include <iosfwd>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cotape/io.hpp"
#include "cotape/metrics.hpp"
#include "cotape/optimizers.hpp"
#include "cotape/schedules.hpp"
#include "cotape/train.hpp"

namespace cotape {

/// A running `fit`, as its callbacks see it.
class training {
 public:
  virtual ~training() = default;
  /// The model's parameters.
  virtual const std::vector<parameter>& parameters() const = 0;
  virtual optimizer& how() const = 0;
  /// Everything that the training needs to go on from here, by name; valid until the next step.
  virtual named_views snapshot() = 0;
  /// Goes on from a snapshot. `source` names it in errors: io_error if it is not one of this very
  /// training; nothing has changed then.
  virtual void restore(const named_tensors& snapshot, const std::string& source) = 0;

  std::int64_t epoch = 0;  // epochs finished by all fits of the model, within on_epoch_end as well
  std::int64_t batch = 0;  // batches finished in this epoch
  std::int64_t steps = 0;  // batches finished by all fits of the model
  logs figures;            // of the epoch that has ended: "loss", "accuracy", "val_loss" ...
  history so_far;          // of this fit's epochs
  bool stop = false;       // set it to end the fit after this batch or epoch
};

/// Override what you need. State that a resumed training needs is kept in parameters.
class callback {
 public:
  virtual ~callback() = default;
  virtual void on_fit_begin(training&) {}
  /// After all on_fit_begin: for what may move the training on, and for what must know it.
  virtual void on_resume(training&) {}
  virtual void on_batch_begin(training&) {}
  virtual void on_batch_end(training&) {}
  virtual void on_epoch_begin(training&) {}
  virtual void on_epoch_end(training&) {}
  virtual void on_fit_end(training&) {}
  /// After all other calls of a batch, an epoch (t.batch is 0 then) or the fit: to keep the state.
  virtual void on_safe_point(training&, bool /*last*/) {}
  /// From on_fit_begin on, of unique names.
  virtual std::vector<parameter> state() const { return {}; }
};

/// A Base that fit or compile is given: a temporary is taken over, a named object is used where it
/// is and must outlive the model or the fit.
template <class Base> class given {
 public:
  template <std::derived_from<Base> T>
  given(T&& temporary) requires(!std::is_lvalue_reference_v<T>)
      : object_(std::make_shared<std::remove_cvref_t<T>>(std::move(temporary))) {}
  template <std::derived_from<Base> T> given(T& named) : object_(&named, [](Base*) {}) {}
  template <std::derived_from<Base> T> given(std::shared_ptr<T> shared) : object_(shared) {}
  const std::shared_ptr<Base>& object() const { return object_; }

 private:
  std::shared_ptr<Base> object_;
};

struct early_stopping_options {
  std::string monitor = "val_loss";
  std::int64_t patience = 0;  // epochs without a better one, the last of which ends the fit
  double minimum_delta = 0;   // better is better by more than this
  bool restore_best_weights = true;
  std::optional<bool> more_is_better = {};  // by default of "accuracy", "r2" and their like
};

/// Stops when a figure has not become better for `patience` epochs (one, if that is 0), and goes
/// back to the weights of the best epoch, also when the fit ends otherwise. Better is less, of an
/// accuracy and of r2 more unless it is said; NaN is never better. With {.monitor = "loss"}: when
/// the loss no longer falls. Throws value_error if there is no such figure.
class early_stopping : public callback {
 public:
  explicit early_stopping(early_stopping_options options = {});
  void on_fit_begin(training& t) override;
  void on_epoch_end(training& t) override;
  void on_fit_end(training& t) override;
  std::vector<parameter> state() const override;
  /// The best epoch, counted from 1 over all fits of the model, and its figure; 0 before any.
  std::int64_t best_epoch() const;
  double best() const;

 private:
  bool rises() const;
  bool better(double value) const;

  early_stopping_options options_;
  parameter best_, best_epoch_, waited_;
  std::vector<parameter> best_weights_;
};

/// Whether a schedule counts epochs or steps, over all fits of the model, from 0.
enum class schedule_by { epoch, step };

/// Sets the optimizer's rate before each epoch or step.
class scheduled_rate : public callback {
 public:
  explicit scheduled_rate(rate_schedule rate, schedule_by by = schedule_by::epoch);
  void on_epoch_begin(training& t) override;
  void on_batch_begin(training& t) override;

 private:
  rate_schedule rate_;
  schedule_by by_;
};

/// reduce_on_plateau (schedules.hpp) of a figure, one for which less is better.
class rate_on_plateau : public callback {
 public:
  explicit rate_on_plateau(plateau_options options = {}, std::string monitor = "val_loss");
  void on_fit_begin(training& t) override;
  void on_epoch_end(training& t) override;
  std::vector<parameter> state() const override;

 private:
  plateau_options options_;
  std::string monitor_;
  std::vector<reduce_on_plateau> plateau_;  // one, once the optimizer is known
};

/// A CSV file of the fit's figures, a line an epoch, written when it ends; a file that is gone is
/// written anew. Throws io_error naming the file.
class csv_log : public callback {
 public:
  explicit csv_log(std::filesystem::path file) : file_(std::move(file)) {}
  /// The same to a stream, which must outlive the fit.
  explicit csv_log(std::ostream& out) : stream_(&out) {}
  void on_resume(training& t) override;
  void on_epoch_end(training& t) override;

 private:
  void write(training& t);

  std::filesystem::path file_;
  std::ostream* stream_ = nullptr;
  bool begun_ = false;
};

/// Calls a function after each epoch: `each_epoch([&](training& t) { ... })`.
class each_epoch : public callback {
 public:
  explicit each_epoch(std::function<void(training&)> f);
  void on_epoch_end(training& t) override { f_(t); }

 private:
  std::function<void(training&)> f_;
};

struct checkpoint_options {
  std::int64_t epochs = 1;  // keep after every so many epochs ...
  std::int64_t steps = 0;   // ... and, unless 0, after every so many steps
};

/// Keeps the whole state of the training in a safetensors file: weights, optimizer, position,
/// random streams, history, and the state of the other callbacks. A fit whose file exists goes on
/// from there, to the same bits as if it had never been interrupted: the rest of the program must
/// be the same, the number of epochs or steps may be another. Written atomically, also at the fit's
/// end: a fit that was finished trains no more. In a program with several fits each knows its own
/// file, or its own part of a common one. Throws io_error for a file that is damaged, or of another
/// model, optimizer, data size, batch size or seed; nothing has changed then.
class checkpoint : public callback {
 public:
  explicit checkpoint(std::filesystem::path file, checkpoint_options options = {});
  void on_resume(training& t) override;
  void on_safe_point(training& t, bool last) override;

 private:
  std::filesystem::path file_;
  checkpoint_options options_;
};

}  // namespace cotape

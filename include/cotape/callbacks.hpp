// layer: train
// What happens between the steps of `fit`: stopping early, changing the rate, keeping the state.
//
//   m.fit(x, y, {.epochs = 500, .callbacks = {early_stopping({.patience = 10}),
//                                             checkpoint("run.safetensors")}});
#pragma once

#include <concepts>
#include <filesystem>
#include <functional>
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

/// A figure that each epoch of a fit will have; which values of it are better, if that is known.
struct expected_figure {
  std::string name;
  std::optional<better> direction;
};

/// What a training that goes on does where its learning rate (that it begins with, or its schedule)
/// is not the one that the state was kept with: it is refused, or goes on with the one here, at
/// once, even within an epoch.
enum class resumed_rate : std::uint8_t { same, given };

/// A running `fit`, as its callbacks see it.
class training {
 public:
  virtual ~training() = default;
  /// The figures of each epoch, in their order.
  virtual const std::vector<expected_figure>& expected() const = 0;
  /// The model's parameters, then what else of float32 and float64 its steps change, but for the
  /// optimizer's state: parameters of no layer, which a function that is a layer or a loss reads.
  virtual const std::vector<parameter>& parameters() const = 0;
  virtual optimizer& how() const = 0;
  /// Everything that the training needs to go on from here, by name; valid until the next step or
  /// snapshot. Best taken within on_safe_point: of a batch or an epoch that ends, callbacks which
  /// are called later have not seen the end.
  virtual named_views snapshot() = 0;
  /// Goes on from a snapshot; within on_identify: from the furthest of all, when all callbacks have
  /// been asked. False for one of an earlier fit of the model, which changes nothing. `source`
  /// names it in errors: io_error if it is not one of this very training (see checkpoint),
  /// value_error within other functions than on_identify, on_resume and on_epoch_begin; nothing has
  /// changed then. After one within on_resume or on_epoch_begin that function is called anew, where
  /// the training goes on, but for callbacks that have gone on from elsewhere in it; within an
  /// epoch no on_epoch_begin.
  virtual bool restore(named_tensors snapshot, const std::string& source,
                       resumed_rate rate = resumed_rate::same) = 0;
  /// Within on_identify: a callback is going to write this file. Throws value_error, naming the
  /// callback `who`, if another one of the fit is.
  void take_file(const char* who, const std::filesystem::path& file);

  std::int64_t epoch = 0;  // epochs finished by all fits of the model, within on_epoch_end as well
  std::int64_t batch = 0;  // batches finished in this epoch
  std::int64_t steps = 0;  // batches finished by all fits of the model
  std::int64_t last_epoch = 0, last_step = 0;  // where this fit ends, unless it is stopped
  logs figures;       // of the epoch that has ended: "loss", "accuracy", "val_loss" ...
  history so_far;     // of this fit's epochs
  bool stop = false;  // set it to end the fit after this batch or epoch

 private:
  std::vector<std::filesystem::path> files_;
};

/// Override what you need. State that a resumed training needs is kept in parameters. What a
/// callback throws before the first step ends the fit: the model, the optimizer and the values of
/// all callbacks' state are as they were before the fit.
class callback {
 public:
  virtual ~callback() = default;
  virtual void on_fit_begin(training&) {}
  /// After all on_fit_begin: for what may refuse the training, or say where it is to go on
  /// (t.restore). Changes and writes nothing.
  virtual void on_identify(training&) {}
  /// After all on_identify, where the training goes on: for what must know it.
  virtual void on_resume(training&) {}
  virtual void on_batch_begin(training&) {}
  virtual void on_batch_end(training&) {}
  virtual void on_epoch_begin(training&) {}
  virtual void on_epoch_end(training&) {}
  /// Once: not again where a training that has ended is asked for no more epochs.
  virtual void on_fit_end(training&) {}
  /// After all other calls of a batch, an epoch (t.batch is 0 then) or the fit: to keep the state.
  virtual void on_safe_point(training&, bool /*last*/) {}
  /// From on_fit_begin on, of unique names; before it what there is. Parameters that the callback
  /// holds: one that is made at each call is refused where there is a checkpoint.
  virtual std::vector<parameter> state() const { return {}; }
  /// Options that a training which goes on must have too, asked for before the first step.
  virtual named_texts description(const training&) const { return {}; }
  /// Whether it says what the rate is, so that the optimizer's first one does not matter. Then
  /// on_epoch_begin is called too where a training goes on within an epoch with another rate.
  virtual bool sets_rate() const { return false; }
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
  std::optional<better> direction = {};  // by default the metric's; of losses lower
};

/// Stops when a figure has not become better for `patience` epochs (one, if that is 0), and goes
/// back to the weights of the best epoch (training::parameters), also when the fit ends otherwise.
/// NaN is never better.
/// With {.monitor = "loss"}: when the loss no longer falls. Throws value_error before the first
/// step if there will be no such figure, or if it is not known which values of it are better.
class early_stopping : public callback {
 public:
  explicit early_stopping(early_stopping_options options = {});
  void on_fit_begin(training& t) override;
  void on_epoch_end(training& t) override;
  void on_fit_end(training& t) override;
  std::vector<parameter> state() const override;
  named_texts description(const training& t) const override;
  /// The best epoch, counted from 1 over all fits of the model, and its figure; 0 before any.
  std::int64_t best_epoch() const;
  double best() const;

 private:
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
  named_texts description(const training& t) const override;
  bool sets_rate() const override { return true; }

 private:
  rate_schedule rate_;
  schedule_by by_;
};

/// reduce_on_plateau (schedules.hpp) of a figure, whose metric says which values are better unless
/// the options do. Throws as early_stopping.
class rate_on_plateau : public callback {
 public:
  explicit rate_on_plateau(plateau_options options = {}, std::string monitor = "val_loss");
  void on_fit_begin(training& t) override;
  void on_epoch_end(training& t) override;
  std::vector<parameter> state() const override;
  named_texts description(const training& t) const override;

 private:
  plateau_options options_;
  std::string monitor_;
  std::vector<reduce_on_plateau> plateau_;  // one, once the optimizer is known
};

/// A CSV file of the fit's figures, a line an epoch, written when it ends; a file that is gone,
/// that another has changed, or whose last line is not of the epoch before (training::restore) is
/// written anew as a whole. Throws io_error naming the file, before
/// the first step where it can be told that the file cannot be written; and as checkpoint,
/// value_error for a file that another callback of the fit writes.
class csv_log : public callback {
 public:
  explicit csv_log(std::filesystem::path file) : file_(std::move(file)) {}
  /// The same to a stream, which must outlive the fit; what is written anew follows the rest.
  explicit csv_log(std::ostream& out) : stream_(&out) {}
  void on_identify(training& t) override;
  void on_resume(training& t) override;
  void on_epoch_end(training& t) override;

 private:
  std::filesystem::path file_;
  std::ostream* stream_ = nullptr;
  std::array<std::uint64_t, 4> written_{};  // what the file is known by
  std::string last_line_;                   // of the file; empty before it is written
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
  std::int64_t epochs = 1;                 // keep after every so many epochs ...
  std::int64_t steps = 0;                  // ... and, unless 0, after every so many steps
  resumed_rate rate = resumed_rate::same;  // what to do where the rate here is another
};

/// Keeps the whole state of the training in a safetensors file: weights, optimizer, position,
/// random streams, history, parameters that the step reads, and the state of the other callbacks. A
/// fit whose file exists goes on from there, to the same bits as if it had never been interrupted:
/// with as many threads, on which the bits of large products depend.
/// Written atomically, before the first step and at the fit's end too: a fit that was finished
/// trains no more. Several fits of a model may share a file: it keeps what each of them ended with
/// and grows by that, so that a program which is started again passes each fit as if it had trained
/// it. Many fits of a large model are better kept in a file each.
///
/// The file tells what the training is, as text: the operations of its step, losses, metrics, the
/// options of the optimizer and of callbacks, seeds, the first weights, checksums of the data
/// (CRC-32 and Adler-32: against mistakes, not against attackers), and the same of the program's
/// fits before it. Throws io_error for a file that is damaged or of another training, naming what
/// differs; nothing has changed then. What may differ: the number of epochs or steps of the fit
/// that is under way, patience, progress, each_epoch, and other callbacks that keep no state and
/// describe nothing. A fit that ended goes on for more epochs from the weights that it ended with,
/// which are the best ones where early_stopping has put them back. One that was stopped stays so,
/// and the history's warnings tell it where more is asked for than then; one that is asked for
/// fewer epochs or steps than it has had keeps them; an epoch that it was within stays open. A file
/// that something else has written since the fit wrote it, or looked at it, stays: io_error ends
/// the fit; one that is gone is written anew. All files of a fit are looked at before anything
/// changes; the one that is furthest on tells the state. What the step makes whenever it is
/// recorded (a generator in a lambda layer) is kept too. A fit that trains nothing writes nothing
/// where the file holds its state. A training that goes on under another instruction set says so in
/// the history's warnings, which are kept as well: its bits are others.
class checkpoint : public callback {
 public:
  explicit checkpoint(std::filesystem::path file, checkpoint_options options = {});
  void on_identify(training& t) override;
  void on_resume(training& t) override;
  void on_safe_point(training& t, bool last) override;

 private:
  std::filesystem::path file_;
  checkpoint_options options_;
  std::array<std::uint64_t, 4> known_{};  // what the file is known by; zeros for none
  std::int64_t resumed_ = -1;  // the step that the fit goes on from; -1 where no file tells one
};

}  // namespace cotape

// layer: train
// What happens between the steps of `fit`: stopping early, changing the rate, keeping the state.
// One of your own derives from callback, training.hpp.
//
//   m.fit(x, y, {.epochs = 500, .callbacks = {early_stopping({.patience = 10}),
//                                             checkpoint("run.safetensors")}});
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <iosfwd>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cotape/best_figure.hpp"
#include "cotape/schedules.hpp"
#include "cotape/training.hpp"

namespace cotape {

struct early_stopping_options {
  std::string monitor = "val_loss";
  std::int64_t patience = 0;  // epochs without a better one, the last of which ends the fit
  double minimum_delta = 0;   // better is better by more than this
  bool restore_best_weights = true;
  std::optional<better> direction = {};  // by default the metric's; of losses lower
  std::int64_t start_from_epoch = 0;     // so many epochs of the fit do not count
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
  detail::best_figure best_;
  parameter waited_;
  std::vector<parameter> best_weights_;
};

/// Keeps the weights of the best epoch of a fit, those of the model's parameters, in a safetensors
/// file that load_parameters(file, m.parameters()) takes; written atomically whenever an epoch
/// becomes the best one, in the place of what stood there. A fit that goes on from a checkpoint
/// knows the best one so far, and writes the file again when there is a better one. NaN is never
/// better. Throws as early_stopping and csv_log; value_error for a file that is no .safetensors,
/// and before the first step for parameters whose names a file cannot hold (save_parameters).
class best_weights : public callback {
 public:
  explicit best_weights(std::filesystem::path file, best_weights_options options = {});
  best_weights(const best_weights&) = default;  // and no move: none is without a file
  best_weights& operator=(const best_weights&) = default;
  void on_fit_begin(training& t) override { best_.begin(t); }
  void on_identify(training& t) override;
  void on_epoch_end(training& t) override;
  std::vector<parameter> state() const override { return best_.state(); }
  named_texts description(const training& t) const override { return best_.description(t); }
  /// As early_stopping's.
  std::int64_t best_epoch() const { return best_.epoch(); }
  double best() const { return best_.best(); }

 private:
  std::shared_ptr<detail::fit_file> file_;
  detail::best_figure best_;
};

/// Ends the fit after the step, or the epoch with its validation, in which it has run for so many
/// seconds: an epoch that is cut short has its figures of the steps that it had, and its
/// validation. Counted from the first step on, and in a fit that goes on from a checkpoint with
/// what it had run for when that was kept. Another limit may be chosen then; a fit that has ended
/// for its limit stays so. Throws value_error for a limit that is not above 0.
class time_limit : public callback {
 public:
  explicit time_limit(double seconds);
  void on_fit_begin(training& t) override;
  void on_resume(training& t) override;
  void on_batch_end(training& t) override { count(t); }
  void on_epoch_end(training& t) override { count(t); }
  std::vector<parameter> state() const override { return {passed_}; }

 private:
  void count(training& t);

  double seconds_;
  parameter passed_;
  std::chrono::steady_clock::time_point since_;  // when passed_ was brought up to date
};

/// Follows the trainable weights (of training::parameters) by an average, of which each step keeps
/// `momentum` and takes the rest from the weights that it made; the first one takes them as they
/// are (Polyak and Juditsky, 1992; Keras, use_ema). The fit ends with the average in the place of
/// the weights. Until then steps, validation and other callbacks have the weights themselves. A
/// checkpoint keeps the average; a fit begins its own. Throws value_error for a momentum outside
/// [0, 1).
class averaged_weights : public callback {
 public:
  explicit averaged_weights(double momentum = 0.99);
  void on_fit_begin(training& t) override;
  void on_batch_end(training& t) override;
  void on_fit_end(training& t) override;
  std::vector<parameter> state() const override;
  named_texts description(const training& t) const override;

 private:
  double momentum_;
  parameter steps_;  // that it has followed
  std::vector<parameter> weights_, averages_;
};

/// Whether a schedule counts epochs or steps, over all fits of the model, from 0.
enum class schedule_by { epoch, step };

/// Sets the optimizer's rate before each epoch or step.
class scheduled_rate : public callback {
 public:
  explicit scheduled_rate(rate_schedule rate, schedule_by by = schedule_by::epoch);
  scheduled_rate(const scheduled_rate&) = default;  // and no move: none is without a schedule
  scheduled_rate& operator=(const scheduled_rate&) = default;
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
  /// Throws value_error as reduce_on_plateau, for options out of range.
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
/// that another has changed, that has another name too (a hard link), or whose last line is not of
/// the epoch before (training::restore) is written anew as a whole. Before a step has succeeded it
/// stays as it is. Throws io_error naming the file, before the first step where it can be told that
/// the file cannot be written; and as checkpoint, value_error for a file that another callback of
/// the fit writes. Both keep to the folder that a relative name leads to when they are made.
class csv_log : public callback {
 public:
  explicit csv_log(std::filesystem::path file);
  /// The same to a stream, which must outlive the fit; what is written anew follows the rest.
  explicit csv_log(std::ostream& out);
  csv_log(const csv_log&) = default;  // and no move: none is without a file
  csv_log& operator=(const csv_log&) = default;
  void on_identify(training& t) override;
  void on_resume(training& t) override;
  void on_epoch_end(training& t) override;

 private:
  std::shared_ptr<detail::fit_file> file_;
  std::string last_line_;  // of the file; empty before it is written
};

/// Calls a function after each epoch: `each_epoch([&](training& t) { ... })`.
class each_epoch : public callback {
 public:
  explicit each_epoch(std::function<void(training&)> f);
  each_epoch(const each_epoch&) = default;  // and no move: none is without a function
  each_epoch& operator=(const each_epoch&) = default;
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
/// random streams, history, parameters that the step reads, and the state of the other callbacks;
/// of each parameter its value, and whether it is trainable, as of each layer. A fit whose file
/// exists goes on from there, to the same bits as if it had never been interrupted: with as many
/// threads, on which the bits of large products depend. Written atomically, the first time and at
/// the fit's end too: what it begins with, before the first step but beside the file, whose name it
/// takes when the step has succeeded, so that a fit that is refused changes no file. A fit that was
/// finished trains no more. Several fits of a model may share a file: it keeps what each of them
/// ended with and grows by that, so that a program which is started again passes each fit as if it
/// had trained it; one that was refused is none of them, so a program that catches its error and
/// goes on gives it a file of its own. Many fits of a large model are better kept in a file each.
///
/// The file tells what the training is, as text: the operations of its step, losses, metrics, the
/// options of the optimizer and of callbacks, seeds, the first weights, checksums of the data
/// (CRC-32 and Adler-32: against mistakes, not against attackers), and the same of the program's
/// fits before it. Throws io_error for a file that is damaged or of another training, naming what
/// differs; nothing has changed then. What may differ: the number of epochs or steps of the fit
/// that is under way, patience, cooldown, start_from_epoch, progress, each_epoch, and other
/// callbacks that keep no state and describe nothing. A fit that ended goes on for more epochs from
/// the weights that it ended with, which are the best ones where early_stopping has put them back.
/// One that goes on within an epoch calls no on_epoch_begin for it again. One that was stopped
/// stays so, and the history's warnings tell it where more is asked for than then; one that is
/// asked for fewer epochs or steps than it has had keeps them; an epoch that it was within stays
/// open. A file that something else has written since the fit wrote it, or looked at it, stays:
/// io_error ends the fit; one that is gone is written anew. All files of a fit are looked at before
/// anything changes; the one that is furthest on tells the state. What the step makes whenever it
/// is recorded (a generator in a lambda layer) is kept too. A fit that trains nothing writes
/// nothing where the file holds its state. A training that goes on under another instruction set,
/// or with another number of threads, says so in the history's warnings, which are kept as well:
/// its bits may be others.
class checkpoint : public callback {
 public:
  explicit checkpoint(std::filesystem::path file, checkpoint_options options = {});
  checkpoint(const checkpoint&) = default;  // and no move: none is without a file
  checkpoint& operator=(const checkpoint&) = default;
  void on_identify(training& t) override;
  void on_resume(training& t) override;
  void on_safe_point(training& t, bool last) override;

 private:
  std::shared_ptr<detail::fit_file> file_;
  checkpoint_options options_;
  std::int64_t resumed_ = -1;  // the step that the fit goes on from; -1 where no file tells one
};

}  // namespace cotape

// layer: train
// A fit under way as its callbacks see it, and what a callback is. Those that there are stand in
// callbacks.hpp.
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
#include "cotape/train.hpp"

namespace cotape {

namespace detail {
class before_fit;
class fit_file;
}  // namespace detail

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
  /// The model's parameters alone.
  virtual const std::vector<parameter>& model_parameters() const = 0;
  /// Its state may be set. What it holds state for stays as it is to the fit's end: of a callback
  /// that changes that (forget, minimize, apply, accumulate) fit throws value_error.
  virtual optimizer& how() const = 0;
  /// Everything that the training needs to go on from here, by name; valid until the next step or
  /// snapshot. Best taken within on_safe_point: of a batch or an epoch that ends, callbacks which
  /// are called later have not seen the end. Throws value_error in a fit that runs within a
  /// callback of another one, whose state it is no part of.
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
  /// callback `who`, if another one of the fit is. The names of a file are the same through links
  /// that are symbolic, also where it is not there yet.
  void take_file(const char* who, const std::filesystem::path& file);
  /// What is to be done if the fit is refused: ends, for whatever is thrown, before a step has
  /// succeeded. For what a callback changes until then and does not keep in its state(). The last
  /// one is done first; what it throws is passed over. Takes nothing any more once a step has
  /// succeeded.
  void if_refused(std::function<void()> undo);

  // For reading, but for `stop`: of a callback that changes the position fit throws value_error.
  std::int64_t epoch = 0;  // epochs finished by all fits of the model, within on_epoch_end as well
  std::int64_t batch = 0;  // batches finished in this epoch
  std::int64_t steps = 0;  // batches finished by all fits of the model, and by train_on_batch
  std::int64_t last_epoch = 0, last_step = 0;  // where this fit ends, unless it is stopped; -1
                                               // where that is not known (batch_source)
  logs figures;       // of the epoch that has ended: "loss", "accuracy", "val_loss" ...
  history so_far;     // of this fit's epochs
  bool stop = false;  // set it to end the fit after this batch or epoch

 private:
  friend class detail::fit_file;
  virtual detail::before_fit* before() = 0;  // what undoes it; null once a step has succeeded
  std::vector<std::string> files_;           // that were taken
};

/// Override what you need. State that a resumed training needs is kept in parameters. A fit that is
/// refused, since something throws before a step has succeeded (a callback, or the step), leaves
/// all as it was: the model, which parameters are trainable, the optimizer, the values of all
/// callbacks' state, and the files of the callbacks here. See training::if_refused. One that fails
/// later leaves which layers and parameters are trainable as that was: tried again, it trains the
/// same.
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
  /// Changes nothing but files: another callback may have kept the state before.
  virtual void on_safe_point(training&, bool /*last*/) {}
  /// From on_fit_begin on, of unique names; before it what there is. Parameters that the callback
  /// holds: one that is made at each call is refused where there is a checkpoint. A checkpoint
  /// keeps their values, and whether they are trainable. What only a later fit reads is best among
  /// them, if a callback sets it.
  virtual std::vector<parameter> state() const { return {}; }
  /// Options that a training which goes on must have too, asked for before the first step. Of those
  /// that set the rate a longer fit may have more whose names differ in numbers: "rate at 7".
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

}  // namespace cotape

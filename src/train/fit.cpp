// The training loop.
#include <fmt/format.h>
#include <fmt/ostream.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <utility>

#include "base/status_line.hpp"
#include "train/running_fit.hpp"

namespace cotape {

namespace detail {

namespace {
constexpr double quiet_seconds = 1;
constexpr const char* stayed_stopped =
    "the training was stopped, as its file tells, and trains no more: to train longer, remove the "
    "file and start anew";
constexpr std::int64_t most = std::int64_t{1} << 62;  // steps and epochs, so that sums fit
thread_local int under_way = 0;
}  // namespace

running_fit::running_fit(model::body& of, feed& from, feed* validation, const fit_options& options)
    : of_(of),
      feed_(from),
      validation_(validation),
      options_(options),
      callbacks_(options.callbacks),
      parameters_(of.net.parameters()),
      drawn_(of.net.random.counter()),
      rate_(of.how->rate()),
      terms_(of.net.names_of_terms().size()),
      nested_(under_way > 0) {
  epoch = of.epochs;
  steps = of.steps;
  at_.fit = of.fits + 1;
  at_.first_epoch = epoch;
  at_.first_step = steps;
  find_ends();
}

// From where it began and, of a fit of so many steps, where it is.
void running_fit::find_ends() {
  constexpr std::int64_t unknown = -1;
  const std::int64_t an_epoch = feed_.count();
  if (options_.steps == 0) {
    const std::int64_t epochs = std::min(an_epoch == 0 ? most : most / an_epoch, options_.epochs);
    last_epoch = at_.first_epoch + epochs;
    last_step = an_epoch == 0 ? unknown : at_.first_step + epochs * an_epoch;
    return;
  }
  last_step = at_.first_step + std::min(options_.steps, most);
  const std::int64_t left = std::max<std::int64_t>(0, last_step - steps);
  const bool none = left == 0 && batch == 0;
  last_epoch = an_epoch == 0 ? unknown : epoch + (none ? 0 : (batch + left - 1) / an_epoch + 1);
}

running_fit::~running_fit() { of_.programs.hold(false); }

bool running_fit::steps_done() const {
  return options_.steps != 0 && steps - at_.first_step >= options_.steps;
}

// A fit of so many steps may end within an epoch, which is counted then: only its steps tell
// whether it has come to its end.
bool running_fit::finished() const {
  return stop || (options_.steps == 0 ? epoch >= last_epoch : steps_done());
}

// Each fit records its steps anew, all of them before the first one, so that nothing depends on
// which were, and keeps them to its end. That settles what is trained and what is read: parameters
// may have become trainable, or no longer be, and a generator may be another.
void running_fit::compile_steps() {
  of_.stop_at_non_finite = options_.stop_at_non_finite;
  of_.sums_of_gradients.clear();
  of_.accumulates = options_.accumulate > 1;
  of_.programs.forget_programs();
  if (!callbacks_.empty()) tell_model();
  compile_step(of_.training_step, feed_.first(), "", most_listed);
  const bool reached = options_.steps == 0 || options_.steps >= feed_.count();
  if (const auto last = feed_.last(); last && reached) {
    compile_step(of_.training_step, *last, "last batch's ", 0);
  }
  if (of_.accumulates) {
    const double scale = 1;
    compile_step(of_.accumulated_update, {{{float64, {}}, &scale}}, "accumulated ", 0);
  }
  if (validation_ != nullptr) {
    const auto compile_for = [&](const std::vector<array_view>& views) {
      const std::string name = fmt::format("validation's batch of {} rows: ", views[0].shape()[0]);
      compile_step(of_.validation, views, name, 0);
    };
    compile_for(validation_->first());
    if (const auto last = validation_->last()) compile_for(*last);
  }
  of_.programs.hold(true);
  optimizer_state_ = how().state();
  slots_.emplace(how());
  if (!callbacks_.empty()) tell_others();
  of_.demand_own_optimizer(before_->served());
  find_weights();
}

// Whole numbers are counters: of generators, of steps.
void running_fit::find_weights() {
  weights_ = parameters_;
  std::vector<parameter> known = optimizer_state_;
  known.insert(known.end(), parameters_.begin(), parameters_.end());
  for (const auto& [p, sum] : of_.sums_of_gradients) known.push_back(sum);
  const auto take = [&](const parameter& p) {
    const bool is_known = std::find(known.begin(), known.end(), p) != known.end();
    if (p.dtype() != int64 && !is_known) weights_.push_back(p);
  };
  for (const parameter& p : assigned_) take(p);
  for (const auto& [p, hash] : of_.programs.changing()) take(p);
}

void running_fit::check_first_gradient() {
  const gradient_check c = of_.check_gradient(feed_.first(), {.progress = options_.progress});
  for (const input_check& i : c.inputs) {  // kinks and the like show nothing wrong
    if (i.found == verdict::wrong || i.found == verdict::non_finite) {
      throw value_error(fmt::format("fit: the gradient is {}:\n{}", name_of(i.found), c.table()));
    }
  }
}

// Those that names_of_figures gives, with what the loss and the metrics say of them.
void running_fit::expect_figures() {
  std::vector<std::optional<better>> directions(1 + terms_, better::lower);
  for (std::size_t i = 0; i < of_.net.outputs(); ++i) {
    for (const metric& m : of_.metrics) directions.push_back(m.direction());
  }
  expected_.clear();
  for (std::string& name : names_of_figures()) {
    expected_.push_back({std::move(name), directions[expected_.size() % directions.size()]});
  }
}

// A callback may go on from elsewhere, and nothing else may move the fit.
template <class F> void running_fit::call(callback& c, F f) {
  const auto here = [this] {
    return std::tuple(epoch, batch, steps, last_epoch, last_step, so_far.epochs());
  };
  const auto before = here();
  moved_ = false;
  f(c);
  if (of_.left) {
    throw value_error(
        "fit: a callback moved, destroyed or assigned to the model while it was trained: the fit "
        "has ended");
  }
  if (of_.net.random.counter() != drawn_) {
    throw value_error(
        "fit: a callback replaced the model's generator, which the steps draw from: set random() "
        "before fit");
  }
  if (slots_->differ()) {
    slots_->put_back();
    throw value_error(
        "fit: a callback changed what the optimizer holds state for (forget, minimize, apply or "
        "accumulate): do that between fits; to begin anew within one, set the values of "
        "how().state()");
  }
  if (!moved_ && here() != before) {
    throw value_error(
        "fit: a callback changed epoch, batch, steps, last_epoch, last_step or the epochs of "
        "so_far: these are for reading, set `stop` to end the fit");
  }
}

// One that goes on has the warnings that it was kept with.
void running_fit::warn() {
  if (!goes_on()) {
    const std::vector<array_view> views = feed_.first();
    const auto strays = of_.strays(std::span(views).first(of_.net.inputs()));
    so_far.warnings.insert(so_far.warnings.begin(), strays.begin(), strays.end());
  }
  for (const std::string& other : on_another_) {
    auto& known = so_far.warnings;
    const bool said = std::find(known.begin(), known.end(), other) != known.end();
    if (!ended_ && !said) known.push_back(other);
  }
  std::vector<std::string> lines = so_far.warnings;
  if (stays_stopped_) lines.emplace_back(stayed_stopped);
  if (options_.progress == nullptr || lines.empty() || of_.warned) return;
  of_.warned = true;
  for (const std::string& w : lines) {
    base::write_status(*options_.progress, "fit: " + w, false, true);
  }
}

void running_fit::start_progress() {
  if (options_.progress == nullptr) return;
  progress_.emplace(*options_.progress, progress_options{.epochs = std::max<std::int64_t>(
                                                             0, last_epoch - at_.first_epoch),
                                                         .rows = feed_.rows(),
                                                         .batches = feed_.count(),
                                                         .first = epoch - at_.first_epoch,
                                                         .live = is_terminal(*options_.progress),
                                                         .quiet = quiet_seconds});
}

void running_fit::keep(bool last) {
  const bool stopped = stop;
  each([&](callback& c) { c.on_safe_point(*this, last); });
  if (stop == stopped) return;
  throw value_error(
      "fit: a callback stopped the fit within on_safe_point, where the state is being kept: set "
      "`stop` within another function");
}

// A step that failed for a loss that is not finite is looked into: it has changed nothing, so that
// it can be evaluated again, node by node.
results running_fit::run_step() {
  try {
    return of_.training_step.run(feed_.batch());
  } catch (const requirement_error& e) {
    if (e.requirement != of_.not_finite) throw;
    if (goes_on()) commit();  // as in the process whose steps led here
    const auto found = of_.find_non_finite(feed_.batch());
    if (!found) throw;
    const bool updated = found->operation == "read" && steps > 0;
    throw value_error(fmt::format(
        "fit: the loss of batch {} of epoch {} is not finite: {}{}", batch + 1, epoch + 1,
        fmt::streamed(*found),
        updated ? "  an update before it made this parameter so: its gradient was not finite, or "
                  "the rate is too large\n"
                : ""));
  }
}

// From here on nothing is undone: a step has succeeded, or the fit has ended without any.
void running_fit::commit() {
  if (!before_) return;
  before_->commit();
  before_.reset();
  of_.settle();
}

// Of the gradients of the batches since the last one: their mean over the rows.
void running_fit::update() {
  const std::int64_t batches = (batch - 1) % options_.accumulate + 1;
  const double scale =
      1 / static_cast<double>(feed_.rows_until(batch) - feed_.rows_until(batch - batches));
  const array_view view({float64, {}}, &scale);
  of_.accumulated_update.run({&view, 1});
}

void running_fit::step() {
  each([&](callback& c) { c.on_batch_begin(*this); });
  const results figures_of_batch = run_step();
  commit();
  const std::int64_t rows = feed_.batch()[0].shape()[0];
  sums_.add(figures_of_batch, rows, terms_, of_.metrics);
  ++batch;
  of_.steps = ++steps;
  if (of_.accumulates && batch % options_.accumulate == 0) update();
  each([&](callback& c) { c.on_batch_end(*this); });
  if (progress_) {
    progress_->update(rows, [this] { return of_.figures(sums_); });
  }
  keep(false);
}

void running_fit::end_epoch() {
  if (batch % options_.accumulate != 0) update();
  figures = of_.figures(sums_);
  std::string more;
  if (validation_ != nullptr) {
    for (const auto& [name, value] :
         of_.evaluate(of_.validation, *validation_, model::body::validation_prefix)) {
      figures.add(name, value);
      if (progress_) more += fmt::format("{}{} {:.4f}", more.empty() ? "" : "  ", name, value);
    }
  }
  so_far.add(figures);
  ++epoch;
  if (progress_) progress_->end_epoch(more);  // which asks for the figures of the sums
  sums_.clear();
  epoch_ended_ = true;
  of_.epochs = epoch;  // a callback may save the model
  each([&](callback& c) { c.on_epoch_end(*this); });
  epoch_ended_ = false;
  batch = 0;
  keep(false);
}

void running_fit::train_epoch() {
  each_where_it_goes_on([&](callback& c) {
    if (batch == 0) c.on_epoch_begin(*this);
  });
  if (batch == 0 && finished()) return;
  if (batch == 0) begin_pass(of_.net);
  feed_.start(epoch, batch);
  while (!stop && !steps_done() && feed_.next()) step();
  if (batch != 0) end_epoch();
}

// Of what each epoch begins anew, and of all that a callback may set.
void running_fit::keep_values() {
  before_->keep(of_.net.carried());
  if (callbacks_.empty()) return;
  for (const auto& list : {parameters_, optimizer_state_, {drawn_}, read_, assigned_}) {
    before_->keep(list);
  }
  for (const auto& [p, hash] : of_.programs.changing()) before_->keep(p);
  for (const auto& c : callbacks_) before_->keep(c.object()->state());
}

// Callbacks refuse a training, or say where it is to go on.
void running_fit::begin() {
  keep_values();
  first_rate_ = rate_now();  // for those that look at the state when the fit begins
  each([&](callback& c) { c.on_fit_begin(*this); });
  if (!described_) first_rate_ = rate_now();
  restoring_ = restoring::asking;
  each([&](callback& c) { c.on_identify(*this); });
  restoring_ = restoring::refused;
  if (furthest_) {
    note_beginning();
    go_on_from(std::move(*furthest_));
    furthest_.reset();
  }
  each_where_it_goes_on([&](callback& c) { c.on_resume(*this); });
  note_beginning();
}

// Calls all callbacks, each of which may restore. After that they are called anew, as those before
// it were called for another position; but for those that have restored, so that it ends.
template <class F> void running_fit::each_where_it_goes_on(F f) {
  std::set<const callback*> done;
  do {
    if (std::exchange(other_rate_, false) && batch != 0) set_rate_again();
    moved_ = false;
    restoring_ = restoring::at_once;
    for (const auto& c : callbacks_) {
      if (done.contains(c.object().get())) continue;
      call(*c.object(), f);
      if (!moved_) continue;
      done.insert(c.object().get());
      break;
    }
    restoring_ = restoring::refused;
  } while (moved_);
}

// Within an epoch, whose rate was set when it began: by another schedule.
void running_fit::set_rate_again() {
  each([&](callback& c) {
    if (c.sets_rate()) c.on_epoch_begin(*this);
  });
}

void running_fit::train() {
  start_progress();
  // Killed after the last step of a fit that ends within an epoch, before that one was ended. A fit
  // that is asked for less than it has had leaves the epoch open, to be gone on with.
  const bool had_all = options_.steps != 0 && steps == last_step;
  if (batch != 0 && (stop || had_all)) end_epoch();
  while (!finished()) train_epoch();
  each([&](callback& c) { c.on_fit_end(*this); });
  ended_ = true;
}

void running_fit::run_to_end() {
  of_.left = false;
  trainable_before_.emplace(of_.net.all_layers());
  before_.emplace(of_, *trainable_before_);
  compile_steps();
  if (options_.check_gradient) check_first_gradient();
  expect_figures();
  begin();
  ended_ = passed_ || (ended_ && finished());  // else it has become longer
  warn();
  if (!ended_) train();
  of_.epochs = epoch;
  if (!passed_) keep(true);
  if (stays_stopped_) so_far.warnings.emplace_back(stayed_stopped);  // of this try: not kept
  commit();
  keep_description();
  ++of_.fits;
}

history running_fit::run() {
  const auto done = [](int* count) { --*count; };
  const std::unique_ptr<int, decltype(done)> guard(&++under_way, done);
  try {
    run_to_end();
  } catch (...) {
    if (epoch_ended_) --of_.epochs;  // a callback did not come to its end
    if (before_) before_->put_back();
    else note_failure();
    if (trainable_before_) trainable_before_->put_back();
    throw;
  }
  return std::move(so_far);  // a copy could fail after the fit is done
}

}  // namespace detail

}  // namespace cotape

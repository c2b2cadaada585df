// The callbacks.
#include "cotape/callbacks.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "cotape/xtensor.hpp"
#include "io/named.hpp"
#include "nn/better.hpp"
#include "train/history.hpp"
#include "train/model_file.hpp"
#include "train/running_fit.hpp"

namespace cotape {

namespace {

// No limit but the file's size: what could be kept can be read.
named_tensors state_in(const std::filesystem::path& file) {
  return read_safetensors(file, {.most_bytes = std::numeric_limits<std::size_t>::max()});
}

// Whether the file holds this state, but for what tells nothing of the training. False too where
// there is no file any more.
bool holds(const std::filesystem::path& file, const named_views& state) try {
  const named_tensors found = state_in(file);
  return std::equal(found.begin(), found.end(), state.begin(), state.end(),
                    [](const auto& a, const auto& b) {
                      if (a.first != b.first) return false;
                      if (same_bits(a.second, b.second)) return true;
                      return a.first.starts_with(detail::description_prefix) &&
                             detail::same_training(a.second, tensor(b.second));
                    });
} catch (const io_error&) {
  return false;
}

// Which values of a monitored figure are better. Throws if there will be no such figure, or if
// neither the callback's options nor the metric say it.
better direction_of(const char* callback, const training& t, const std::string& monitor,
                    std::optional<better> chosen) {
  const std::string validation = model::body::validation_prefix;
  std::vector<std::string> names;
  bool validated = false;
  for (const expected_figure& f : t.expected()) {
    names.push_back(f.name);
    validated = validated || f.name.starts_with(validation);
    if (f.name != monitor) continue;
    if (chosen || f.direction) return chosen ? *chosen : *f.direction;
    throw value_error(
        fmt::format("{}: whether lower or higher values of '{}' are better is not known: give the "
                    "metric or the callback a direction, better::lower or better::higher",
                    callback, monitor));
  }
  const bool unvalidated = !validated && monitor.starts_with(validation);
  throw value_error(fmt::format("{}: there will be no '{}', only: {}{}", callback, monitor,
                                fmt::join(names, ", "),
                                unvalidated ? "; those of validation need validation_split, "
                                              "validation_data or validation_source"
                                            : ""));
}

void keep(detail::fit_file& file, training& t, const named_views& values) {
  detail::pack_safetensors(file.task(), values, [&](auto pieces) { file.replace(t, pieces); });
}

double number(const parameter& p) { return p.value<double>()(); }
std::int64_t whole_number(const parameter& p) { return p.value<std::int64_t>()(); }

constexpr const char* writing_best = "best_weights";

// Parameters of such values, named after them. Names of parameters that are of no layer may be the
// same.
std::vector<parameter> copies_of(const std::vector<parameter>& list, const std::string& prefix) {
  std::vector<parameter> result;
  std::set<std::string> taken;
  for (const parameter& p : list) {
    std::string name = prefix + p.name();
    while (!taken.insert(name).second) name += "/another";
    result.emplace_back(name, tensor(p.view()), false);
  }
  return result;
}

// momentum * average + (1 - momentum) * weight.
template <class T> void follow(const parameter& average, const parameter& weight, double momentum) {
  tensor next(average.view());
  T* to = next.data_as<T>();
  const auto* from = static_cast<const T*>(weight.data());
  const auto kept = static_cast<T>(momentum), taken = static_cast<T>(1 - momentum);
  for (std::int64_t i = 0; i < next.shape().elements(); ++i) to[i] = kept * to[i] + taken * from[i];
  average.set(next);
}

template <class T> std::string text(T option) { return fmt::format("{}", option); }
std::string text(better direction) { return direction == better::higher ? "higher" : "lower"; }

}  // namespace

detail::best_figure::best_figure(const char* callback, best_weights_options options)
    : callback_(callback),
      options_(std::move(options)),
      best_("best", 0.0, false),
      epoch_("best epoch", std::int64_t{0}, false) {
  if (!(options_.minimum_delta >= 0)) {
    throw value_error(fmt::format("{}: a minimum_delta of {}", callback, options_.minimum_delta));
  }
  if (options_.start_from_epoch < 0) {
    throw value_error(
        fmt::format("{}: a start_from_epoch of {}", callback, options_.start_from_epoch));
  }
}

better detail::best_figure::direction(const training& t) const {
  return direction_of(callback_, t, options_.monitor, options_.direction);
}

void detail::best_figure::begin(const training& t) {
  best_.set(worst(direction(t)));
  epoch_.set(std::int64_t{0});
}

bool detail::best_figure::counts(const training& t) const {
  return t.so_far.epochs() > static_cast<std::size_t>(options_.start_from_epoch);
}

bool detail::best_figure::improves(const training& t) {
  const double value = t.figures[options_.monitor];
  if (!counts(t) || !detail::improves(direction(t), value, best(), options_.minimum_delta)) {
    return false;
  }
  best_.set(value);
  epoch_.set(t.epoch);
  return true;
}

named_texts detail::best_figure::description(const training& t) const {
  return {{"monitor", options_.monitor},
          {"direction", text(direction(t))},
          {"minimum_delta", text(options_.minimum_delta)}};
}

double detail::best_figure::best() const { return number(best_); }
std::int64_t detail::best_figure::epoch() const { return whole_number(epoch_); }

early_stopping::early_stopping(early_stopping_options options)
    : options_(std::move(options)),
      best_("early_stopping", {.monitor = options_.monitor,
                               .minimum_delta = options_.minimum_delta,
                               .direction = options_.direction,
                               .start_from_epoch = options_.start_from_epoch}),
      waited_("waited", std::int64_t{0}, false) {
  if (options_.patience < 0) {
    throw value_error(fmt::format("early_stopping: a patience of {}", options_.patience));
  }
}

void early_stopping::on_fit_begin(training& t) {
  best_.begin(t);
  waited_.set(std::int64_t{0});
  t.if_refused([this, earlier = best_weights_]() mutable { best_weights_ = std::move(earlier); });
  best_weights_.clear();
  if (options_.restore_best_weights) best_weights_ = copies_of(t.parameters(), "best/");
}

void early_stopping::on_epoch_end(training& t) {
  if (!best_.counts(t)) return;
  if (best_.improves(t)) {
    waited_.set(std::int64_t{0});
    for (std::size_t i = 0; i < best_weights_.size(); ++i) best_weights_[i].set(t.parameters()[i]);
    return;
  }
  waited_.set(whole_number(waited_) + 1);
  if (whole_number(waited_) >= options_.patience) t.stop = true;
}

void early_stopping::on_fit_end(training& t) {
  if (best_epoch() == 0) return;
  for (std::size_t i = 0; i < best_weights_.size(); ++i) t.parameters()[i].set(best_weights_[i]);
}

std::vector<parameter> early_stopping::state() const {
  std::vector<parameter> result = best_.state();
  result.push_back(waited_);
  result.insert(result.end(), best_weights_.begin(), best_weights_.end());
  return result;
}

named_texts early_stopping::description(const training& t) const {
  named_texts result = best_.description(t);
  result.emplace_back("restore_best_weights", text(options_.restore_best_weights));
  return result;
}

std::int64_t early_stopping::best_epoch() const { return best_.epoch(); }
double early_stopping::best() const { return best_.best(); }

best_weights::best_weights(std::filesystem::path file, best_weights_options options)
    : file_(std::make_shared<detail::fit_file>(detail::file_task{writing_best, std::move(file)},
                                               detail::of_others::replaced)),
      best_(writing_best, std::move(options)) {
  detail::check_name(file_->task());
  const std::filesystem::path& to = file_->task().file;
  if (to.extension() == detail::model_file::extension) return;
  throw value_error(fmt::format("{}: {}: weights are kept in {}, not in '{}'", writing_best,
                                to.string(), detail::model_file::extension,
                                to.extension().string()));
}

// Packed to see whether a file can hold them.
void best_weights::on_identify(training& t) {
  file_->take(t);
  detail::pack_safetensors(file_->task(), detail::views_of(writing_best, t.model_parameters()),
                           [](auto) {});
  detail::demand_writable(file_->task());
}

void best_weights::on_epoch_end(training& t) {
  if (!best_.improves(t)) return;
  keep(*file_, t, detail::views_of(writing_best, t.model_parameters()));
}

time_limit::time_limit(double seconds) : seconds_(seconds), passed_("seconds", 0.0, false) {
  if (!(seconds > 0)) throw value_error(fmt::format("time_limit: {} seconds", seconds));
}

void time_limit::on_fit_begin(training&) { passed_.set(0.0); }
void time_limit::on_resume(training&) { since_ = std::chrono::steady_clock::now(); }

void time_limit::count(training& t) {
  const auto now = std::chrono::steady_clock::now();
  passed_.set(number(passed_) + std::chrono::duration<double>(now - since_).count());
  since_ = now;
  if (number(passed_) >= seconds_) t.stop = true;
}

averaged_weights::averaged_weights(double momentum)
    : momentum_(momentum), steps_("steps", std::int64_t{0}, false) {
  if (momentum >= 0 && momentum < 1) return;
  throw value_error(fmt::format("averaged_weights: momentum {} is not in [0, 1)", momentum));
}

void averaged_weights::on_fit_begin(training& t) {
  t.if_refused([this, weights = weights_, averages = averages_]() mutable {
    weights_ = std::move(weights);
    averages_ = std::move(averages);
  });
  steps_.set(std::int64_t{0});
  weights_.clear();
  std::copy_if(t.parameters().begin(), t.parameters().end(), std::back_inserter(weights_),
               [](const parameter& p) { return p.trainable() && p.dtype() != int64; });
  averages_ = copies_of(weights_, "average/");
}

void averaged_weights::on_batch_end(training&) {
  const bool first = whole_number(steps_) == 0;
  for (std::size_t i = 0; i < weights_.size(); ++i) {
    if (first) averages_[i].set(weights_[i]);
    else if (weights_[i].dtype() == float64) follow<double>(averages_[i], weights_[i], momentum_);
    else follow<float>(averages_[i], weights_[i], momentum_);
  }
  steps_.set(whole_number(steps_) + 1);
}

void averaged_weights::on_fit_end(training&) {
  if (whole_number(steps_) == 0) return;
  for (std::size_t i = 0; i < weights_.size(); ++i) weights_[i].set(averages_[i]);
}

std::vector<parameter> averaged_weights::state() const {
  std::vector<parameter> result{steps_};
  result.insert(result.end(), averages_.begin(), averages_.end());
  return result;
}

named_texts averaged_weights::description(const training&) const {
  return {{"momentum", text(momentum_)}};
}

scheduled_rate::scheduled_rate(rate_schedule rate, schedule_by by)
    : rate_(std::move(rate)), by_(by) {
  if (!rate_) throw value_error("scheduled_rate: no schedule");
}

void scheduled_rate::on_epoch_begin(training& t) {
  if (by_ == schedule_by::epoch) t.how().rate().set(rate_(t.epoch));
}

void scheduled_rate::on_batch_begin(training& t) {
  if (by_ == schedule_by::step) t.how().rate().set(rate_(t.steps));
}

// The first rates, then checksums of many, at last those at distances from the beginning that are
// powers of 2: no schedule is asked for what the fit will not come to.
named_texts scheduled_rate::description(const training& t) const {
  const bool by_epoch = by_ == schedule_by::epoch;
  const std::int64_t first = by_epoch ? t.epoch : t.steps;
  const std::int64_t length = (by_epoch ? t.last_epoch : t.last_step) - first;
  named_texts result{{"unit", by_epoch ? "epoch" : "step"}};
  for (std::int64_t far = 0; far < length;) {
    const bool each = far < 1 << 10, summed = !each && far < 1 << 22;
    if (!summed) {
      result.emplace_back(fmt::format("rate at {}", first + far), text(rate_(first + far)));
      far += each ? 1 : std::min(far, length - far);
      continue;
    }
    const std::int64_t end = std::min(far + (far < 1 << 16 ? 1 << 6 : 1 << 12), length);
    std::vector<double> rates;
    const std::int64_t from = far;
    for (; far < end; ++far) rates.push_back(rate_(first + far));
    detail::checksum sum;
    sum.add({{float64, {static_cast<std::int64_t>(rates.size())}}, rates.data()});
    result.emplace_back(
        fmt::format("checksum of rates up to {} from {}", first + end, first + from), sum.text());
  }
  return result;
}

rate_on_plateau::rate_on_plateau(plateau_options options, std::string monitor)
    : options_(options), monitor_(std::move(monitor)) {
  detail::demand_options("rate_on_plateau", options);
}

void rate_on_plateau::on_fit_begin(training& t) {
  plateau_options chosen = options_;
  chosen.direction = direction_of("rate_on_plateau", t, monitor_, options_.direction);
  t.if_refused([this, earlier = plateau_]() mutable { plateau_ = std::move(earlier); });
  plateau_.assign(1, reduce_on_plateau(t.how().rate(), chosen));
}

void rate_on_plateau::on_epoch_end(training& t) { plateau_[0].observe(t.figures[monitor_]); }

std::vector<parameter> rate_on_plateau::state() const {
  return plateau_.empty() ? std::vector<parameter>{} : plateau_[0].state();
}

named_texts rate_on_plateau::description(const training& t) const {
  return {{"monitor", monitor_},
          {"direction", text(direction_of("rate_on_plateau", t, monitor_, options_.direction))},
          {"factor", text(options_.factor)},
          {"minimum_delta", text(options_.minimum_delta)},
          {"lowest", text(options_.lowest)}};
}

each_epoch::each_epoch(std::function<void(training&)> f) : f_(std::move(f)) {
  if (!f_) throw value_error("each_epoch: the function is empty");
}

csv_log::csv_log(std::filesystem::path file)
    : file_(std::make_shared<detail::fit_file>(detail::file_task{"csv_log", std::move(file)},
                                               detail::of_others::replaced)) {}

csv_log::csv_log(std::ostream& out)
    : file_(std::make_shared<detail::fit_file>(detail::file_task{"csv_log", {}, &out},
                                               detail::of_others::replaced)) {}

void csv_log::on_identify(training& t) {
  file_->take(t);
  detail::demand_writable(file_->task());
}

void csv_log::on_resume(training& t) {
  last_line_.clear();
  if (t.so_far.epochs() != 0) csv_log::on_epoch_end(t);
}

// The file is gone on with where it ends with the epoch before this one: the training may have gone
// on from elsewhere since.
void csv_log::on_epoch_end(training& t) {
  const std::size_t n = t.so_far.epochs();
  const bool follows = n > 1 && last_line_ == detail::csv_line(t.so_far, n - 2);
  last_line_ = detail::csv_line(t.so_far, n - 1);
  if (follows && file_->append(t, last_line_)) return;
  const std::string whole = t.so_far.csv();
  const std::string_view piece = whole;
  file_->replace(t, {&piece, 1});
}

checkpoint::checkpoint(std::filesystem::path file, checkpoint_options options)
    : file_(std::make_shared<detail::fit_file>(detail::file_task{"checkpoint", std::move(file)},
                                               detail::of_others::refused)),
      options_(options) {
  if (options.epochs < 1 || options.steps < 0) {
    throw value_error(
        fmt::format("checkpoint: every {} epochs and {} steps", options.epochs, options.steps));
  }
}

void checkpoint::on_identify(training& t) {
  file_->take(t);  // before it is read
  const std::filesystem::path& file = file_->task().file;
  std::error_code failed;
  const bool found = std::filesystem::exists(file, failed);
  if (failed) {
    throw io_error(
        fmt::format("checkpoint: {}: cannot look at it: {}", file.string(), failed.message()));
  }
  resumed_ = found && t.restore(state_in(file), file.string(), options_.rate) ? 0 : -1;
  if (resumed_ < 0) detail::demand_writable(file_->task());  // it is going to be written
}

void checkpoint::on_resume(training& t) {
  const bool anew = resumed_ < 0;
  resumed_ = t.steps;
  if (anew) keep(*file_, t, t.snapshot());
}

void checkpoint::on_safe_point(training& t, bool last) {
  const bool by_epoch = t.batch == 0 && t.epoch % options_.epochs == 0;
  const bool by_step = t.batch != 0 && options_.steps != 0 && t.steps % options_.steps == 0;
  // Where nothing was trained the file may lie in a folder that can only be read.
  if (last && t.steps == resumed_ && holds(file_->task().file, t.snapshot())) return;
  if (last || by_epoch || by_step) keep(*file_, t, t.snapshot());
}

}  // namespace cotape

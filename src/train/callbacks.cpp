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

void keep(detail::fit_file& file, training& t) {
  detail::pack_safetensors(file.task(), t.snapshot(),
                           [&](auto pieces) { file.replace(t, pieces); });
}

double number(const parameter& p) { return p.value<double>()(); }
std::int64_t count(const parameter& p) { return p.value<std::int64_t>()(); }

template <class T> std::string text(T option) { return fmt::format("{}", option); }
std::string text(better direction) { return direction == better::higher ? "higher" : "lower"; }

}  // namespace

early_stopping::early_stopping(early_stopping_options options)
    : options_(std::move(options)),
      best_("best", 0.0, false),
      best_epoch_("best epoch", std::int64_t{0}, false),
      waited_("waited", std::int64_t{0}, false) {
  if (options_.patience < 0) {
    throw value_error(fmt::format("early_stopping: a patience of {}", options_.patience));
  }
  if (!(options_.minimum_delta >= 0)) {
    throw value_error(fmt::format("early_stopping: a minimum_delta of {}", options_.minimum_delta));
  }
}

void early_stopping::on_fit_begin(training& t) {
  const better direction = direction_of("early_stopping", t, options_.monitor, options_.direction);
  best_.set(detail::worst(direction));
  best_epoch_.set(std::int64_t{0});
  waited_.set(std::int64_t{0});
  t.if_refused([this, earlier = best_weights_]() mutable { best_weights_ = std::move(earlier); });
  best_weights_.clear();
  if (!options_.restore_best_weights) return;
  std::set<std::string> taken;  // names of parameters that are of no layer may be the same
  for (const parameter& p : t.parameters()) {
    std::string name = "best/" + p.name();
    while (!taken.insert(name).second) name += "/another";
    best_weights_.emplace_back(name, tensor(p.view()), false);
  }
}

void early_stopping::on_epoch_end(training& t) {
  const double value = t.figures[options_.monitor];
  const better direction = direction_of("early_stopping", t, options_.monitor, options_.direction);
  if (detail::improves(direction, value, best(), options_.minimum_delta)) {
    best_.set(value);
    best_epoch_.set(t.epoch);
    waited_.set(std::int64_t{0});
    for (std::size_t i = 0; i < best_weights_.size(); ++i) best_weights_[i].set(t.parameters()[i]);
    return;
  }
  waited_.set(count(waited_) + 1);
  if (count(waited_) >= options_.patience) t.stop = true;
}

void early_stopping::on_fit_end(training& t) {
  if (best_epoch() == 0) return;
  for (std::size_t i = 0; i < best_weights_.size(); ++i) t.parameters()[i].set(best_weights_[i]);
}

std::vector<parameter> early_stopping::state() const {
  std::vector<parameter> result{best_, best_epoch_, waited_};
  result.insert(result.end(), best_weights_.begin(), best_weights_.end());
  return result;
}

named_texts early_stopping::description(const training& t) const {
  return {
      {"monitor", options_.monitor},
      {"direction", text(direction_of("early_stopping", t, options_.monitor, options_.direction))},
      {"minimum_delta", text(options_.minimum_delta)},
      {"restore_best_weights", text(options_.restore_best_weights)}};
}

std::int64_t early_stopping::best_epoch() const { return count(best_epoch_); }
double early_stopping::best() const { return number(best_); }

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
  if (anew) keep(*file_, t);
}

void checkpoint::on_safe_point(training& t, bool last) {
  const bool by_epoch = t.batch == 0 && t.epoch % options_.epochs == 0;
  const bool by_step = t.batch != 0 && options_.steps != 0 && t.steps % options_.steps == 0;
  // Where nothing was trained the file may lie in a folder that can only be read.
  if (last && t.steps == resumed_ && holds(file_->task().file, t.snapshot())) return;
  if (last || by_epoch || by_step) keep(*file_, t);
}

}  // namespace cotape

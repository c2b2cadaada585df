// The callbacks.
#include "cotape/callbacks.hpp"

#include <fmt/format.h>

#include <cmath>
#include <limits>

#include "cotape/xtensor.hpp"
#include "io/write_file.hpp"

namespace cotape {

namespace {

bool more_is_better(const std::string& figure) {
  return figure.find("acc") != std::string::npos || figure.ends_with("r2") ||
         figure.ends_with("r2_score");
}

double number(const parameter& p) { return p.value<double>()(); }
std::int64_t count(const parameter& p) { return p.value<std::int64_t>()(); }

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
  const double worst = std::numeric_limits<double>::infinity();
  best_.set(rises() ? -worst : worst);
  best_epoch_.set(std::int64_t{0});
  waited_.set(std::int64_t{0});
  best_weights_.clear();
  if (!options_.restore_best_weights) return;
  for (const parameter& p : t.parameters()) {
    best_weights_.emplace_back("best/" + p.name(), tensor(p.view()), false);
  }
}

bool early_stopping::rises() const {
  return options_.more_is_better.value_or(more_is_better(options_.monitor));
}

bool early_stopping::better(double value) const {
  return rises() ? value > best() + options_.minimum_delta
                 : value < best() - options_.minimum_delta;
}

void early_stopping::on_epoch_end(training& t) {
  const double value = t.figures[options_.monitor];
  if (better(value)) {
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

rate_on_plateau::rate_on_plateau(plateau_options options, std::string monitor)
    : options_(options), monitor_(std::move(monitor)) {
  if (more_is_better(monitor_)) {
    throw value_error(
        fmt::format("rate_on_plateau: of '{}' more is better: monitor a loss", monitor_));
  }
}

void rate_on_plateau::on_fit_begin(training& t) {
  plateau_.assign(1, reduce_on_plateau(t.how().rate(), options_));
}

void rate_on_plateau::on_epoch_end(training& t) { plateau_[0].observe(t.figures[monitor_]); }

std::vector<parameter> rate_on_plateau::state() const {
  return plateau_.empty() ? std::vector<parameter>{} : plateau_[0].state();
}

each_epoch::each_epoch(std::function<void(training&)> f) : f_(std::move(f)) {
  if (!f_) throw value_error("each_epoch: the function is empty");
}

void csv_log::on_resume(training& t) {
  begun_ = false;
  if (t.so_far.epochs() != 0) write(t);
}

void csv_log::on_epoch_end(training& t) { write(t); }

void csv_log::write(training& t) {
  const detail::file_task task{"csv_log", file_, stream_};
  if (begun_) {
    std::string line = fmt::format("{}", t.so_far.epochs());
    for (const auto& f : t.figures) line += fmt::format(",{}", f.second);
    if (detail::append_to_file(task, line + '\n')) return;
  }
  detail::write_file(task, t.so_far.csv());
  begun_ = true;
}

checkpoint::checkpoint(std::filesystem::path file, checkpoint_options options)
    : file_(std::move(file)), options_(options) {
  if (options.epochs < 1 || options.steps < 0) {
    throw value_error(
        fmt::format("checkpoint: every {} epochs and {} steps", options.epochs, options.steps));
  }
}

void checkpoint::on_resume(training& t) {
  if (std::filesystem::exists(file_)) t.restore(read_safetensors(file_), file_.string());
}

void checkpoint::on_safe_point(training& t, bool last) {
  const bool by_epoch = t.batch == 0 && t.epoch % options_.epochs == 0;
  const bool by_step = t.batch != 0 && options_.steps != 0 && t.steps % options_.steps == 0;
  if (last || by_epoch || by_step) write_safetensors(file_, t.snapshot());
}

}  // namespace cotape

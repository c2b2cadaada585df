// Learning rates as functions of the step.
#include "cotape/schedules.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "cotape/xtensor.hpp"
#include "nn/better.hpp"

namespace cotape {

namespace {

void demand(bool holds, const char* schedule, const char* what, double value) {
  if (!holds) throw value_error(fmt::format("{}: {} {} is out of range", schedule, what, value));
}

void demand_rate(const char* schedule, double rate) {
  demand(rate >= 0 && std::isfinite(rate), schedule, "rate", rate);
}

void demand_decay(const char* schedule, double rate, double factor, std::int64_t every) {
  demand_rate(schedule, rate);
  demand(factor >= 0 && std::isfinite(factor), schedule, "factor", factor);
  demand(every >= 1, schedule, "interval", static_cast<double>(every));
}

double ratio(std::int64_t a, std::int64_t b) {
  return static_cast<double>(a) / static_cast<double>(b);
}

constexpr better usual = better::lower;  // of what a reduce_on_plateau observes

}  // namespace

rate_schedule constant_rate(double rate) {
  demand_rate("constant_rate", rate);
  return [=](std::int64_t) { return rate; };
}

rate_schedule step_decay(double rate, double factor, std::int64_t every) {
  demand_decay("step_decay", rate, factor, every);
  return
      [=](std::int64_t step) { return rate * std::pow(factor, static_cast<double>(step / every)); };
}

rate_schedule exponential_decay(double rate, double factor, std::int64_t every) {
  demand_decay("exponential_decay", rate, factor, every);
  return [=](std::int64_t step) { return rate * std::pow(factor, ratio(step, every)); };
}

rate_schedule cosine_decay(double rate, std::int64_t steps, double last) {
  demand_rate("cosine_decay", rate);
  demand_rate("cosine_decay", last);
  demand(steps >= 1, "cosine_decay", "number of steps", static_cast<double>(steps));
  return [=](std::int64_t step) {
    const double pi = std::acos(-1.0);
    if (step >= steps) return last;
    return last + (rate - last) * (1 + std::cos(pi * ratio(step, steps))) / 2;
  };
}

rate_schedule warm_up(std::int64_t steps, rate_schedule then) {
  demand(steps >= 0, "warm_up", "number of steps", static_cast<double>(steps));
  if (!then) throw value_error("warm_up: no schedule to follow");
  return [=](std::int64_t step) {
    return step < steps ? then(0) * ratio(step + 1, steps) : then(step - steps);
  };
}

void detail::demand_options(const char* who, const plateau_options& options) {
  demand(options.factor >= 0 && options.factor < 1, who, "factor", options.factor);
  demand(options.patience >= 1, who, "patience", static_cast<double>(options.patience));
  demand(options.minimum_delta >= 0, who, "minimum_delta", options.minimum_delta);
  demand(options.lowest >= 0, who, "lowest rate", options.lowest);
}

reduce_on_plateau::reduce_on_plateau(parameter rate, plateau_options options)
    : rate_(std::move(rate)),
      best_("best", detail::worst(options.direction.value_or(usual)), false),
      waited_("waited", std::int64_t{0}, false),
      options_(options) {
  detail::demand_options("reduce_on_plateau", options);
}

bool reduce_on_plateau::observe(double figure) {
  if (detail::improves(options_.direction.value_or(usual), figure, best_.value<double>()(),
                       options_.minimum_delta)) {
    best_.set(figure);
    waited_.set(std::int64_t{0});
    return false;
  }
  const std::int64_t waited = waited_.value<std::int64_t>()() + 1;
  const bool enough = waited >= options_.patience;
  waited_.set(enough ? std::int64_t{0} : waited);
  const double rate = rate_.value<double>()();
  if (!enough || rate <= options_.lowest) return false;
  rate_.set(std::max(rate * options_.factor, options_.lowest));
  return true;
}

}  // namespace cotape

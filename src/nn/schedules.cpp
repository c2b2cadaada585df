// Learning rates as functions of the step.
#include "cotape/schedules.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

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

namespace {

// From `from` at 0 to `to` at 1 along half a cosine.
double along_cosine(double from, double to, double share) {
  return to + (from - to) * (1 + std::cos(std::acos(-1.0) * share)) / 2;
}

// Which period of lengths 1, growth, growth^2, ... the time lies in, and how far in it: 0 to 1.
std::pair<double, double> period_at(double time, double growth) {
  if (growth == 1) return {std::floor(time), time - std::floor(time)};
  const auto start = [=](double i) { return (std::pow(growth, i) - 1) / (growth - 1); };
  const double rounded_up = time * (1 + 1e-12);  // a period's first step is its own
  double i = std::floor(std::log1p(time * (growth - 1)) / std::log(growth));
  if (start(i) > rounded_up) --i;
  if (start(i + 1) <= rounded_up) ++i;
  return {i, std::max((time - start(i)) / std::pow(growth, i), 0.0)};
}

}  // namespace

rate_schedule cosine_restarts(double rate, std::int64_t steps, double growth, double height,
                              double last) {
  constexpr const char* name = "cosine_restarts";
  demand_rate(name, rate);
  demand_rate(name, last);
  demand(steps >= 1, name, "number of steps", static_cast<double>(steps));
  demand(growth >= 1 && std::isfinite(growth), name, "growth", growth);
  demand(height >= 0 && std::isfinite(height), name, "height", height);
  return [=](std::int64_t step) {
    const auto period = period_at(ratio(step, steps), growth);
    const double first = last + (rate - last) * std::pow(height, period.first);
    return along_cosine(first, last, period.second);
  };
}

rate_schedule polynomial_decay(double rate, std::int64_t steps, double last, double power,
                               bool cycling) {
  constexpr const char* name = "polynomial_decay";
  demand_rate(name, rate);
  demand_rate(name, last);
  demand(steps >= 1, name, "number of steps", static_cast<double>(steps));
  demand(power >= 0 && std::isfinite(power), name, "power", power);
  return [=](std::int64_t step) {
    const double share = ratio(step, steps);
    if (!cycling && step >= steps) return last;
    const double cycles = cycling ? std::max(1.0, std::ceil(share)) : 1;
    return last + (rate - last) * std::pow(1 - share / cycles, power);
  };
}

rate_schedule inverse_time_decay(double rate, double factor, std::int64_t every) {
  demand_decay("inverse_time_decay", rate, factor, every);
  return [=](std::int64_t step) { return rate / (1 + factor * ratio(step, every)); };
}

rate_schedule piecewise_constant(std::vector<std::int64_t> boundaries, std::vector<double> rates) {
  for (double rate : rates) demand_rate("piecewise_constant", rate);
  if (rates.size() != boundaries.size() + 1) {
    throw value_error(fmt::format(
        "piecewise_constant: {} boundaries and {} rates: it takes one rate more than boundaries",
        boundaries.size(), rates.size()));
  }
  for (std::size_t i = 1; i < boundaries.size(); ++i) {
    demand(boundaries[i] > boundaries[i - 1], "piecewise_constant", "boundary",
           static_cast<double>(boundaries[i]));
  }
  return [boundaries = std::move(boundaries), rates = std::move(rates)](std::int64_t step) {
    const auto passed = std::lower_bound(boundaries.begin(), boundaries.end(), step);
    return rates[static_cast<std::size_t>(passed - boundaries.begin())];
  };
}

rate_schedule one_cycle(double highest, std::int64_t steps, one_cycle_options o) {
  constexpr const char* name = "one_cycle";
  demand_rate(name, highest);
  demand(steps >= 1, name, "number of steps", static_cast<double>(steps));
  demand(o.rising >= 0 && o.rising < 1, name, "share rising", o.rising);
  demand(o.first_divisor > 0, name, "first_divisor", o.first_divisor);
  demand(o.last_divisor > 0, name, "last_divisor", o.last_divisor);
  const double end = static_cast<double>(steps - 1);
  const double top = std::max(o.rising * static_cast<double>(steps) - 1, 0.0);
  const double first = highest / o.first_divisor, last = first / o.last_divisor;
  return [=](std::int64_t step) {
    const auto now = static_cast<double>(step);
    if (now >= end) return last;
    if (now < top) return along_cosine(first, highest, now / top);
    return along_cosine(highest, last, (now - top) / (end - top));
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
  demand(options.cooldown >= 0, who, "cooldown", static_cast<double>(options.cooldown));
}

reduce_on_plateau::reduce_on_plateau(parameter rate, plateau_options options)
    : rate_(std::move(rate)),
      best_("best", detail::worst(options.direction.value_or(usual)), false),
      waited_("waited", std::int64_t{0}, false),
      options_(options) {
  detail::demand_options("reduce_on_plateau", options);
}

bool reduce_on_plateau::observe(double figure) {
  const std::int64_t waited = waited_.value<std::int64_t>()() + 1;
  if (detail::improves(options_.direction.value_or(usual), figure, best_.value<double>()(),
                       options_.minimum_delta)) {
    best_.set(figure);
    waited_.set(std::min<std::int64_t>(waited, 0));
    return false;
  }
  const bool enough = waited >= options_.patience;
  const double rate = rate_.value<double>()();
  const bool reduces = enough && rate > options_.lowest;
  waited_.set(reduces ? -options_.cooldown : enough ? 0 : waited);
  if (reduces) rate_.set(std::max(rate * options_.factor, options_.lowest));
  return reduces;
}

}  // namespace cotape

// Learning rates by step, and a compiled step that follows them.
#include <gtest/gtest.h>

#include <cmath>

#include "cotape/cotape.hpp"

#include "expect_error.hpp"

namespace cotape {
namespace {

std::vector<double> rates(const rate_schedule& schedule, const std::vector<std::int64_t>& steps) {
  std::vector<double> result;
  for (std::int64_t step : steps) result.push_back(schedule(step));
  return result;
}

void expect_rates(const rate_schedule& schedule, const std::vector<std::int64_t>& steps,
                  const std::vector<double>& wanted) {
  const auto found = rates(schedule, steps);
  for (std::size_t i = 0; i < wanted.size(); ++i) EXPECT_NEAR(found[i], wanted[i], 1e-15) << i;
}

TEST(Schedules, FollowTheirFormulas) {
  expect_rates(constant_rate(0.3), {0, 7}, {0.3, 0.3});
  expect_rates(step_decay(0.8, 0.5, 3), {0, 2, 3, 5, 6}, {0.8, 0.8, 0.4, 0.4, 0.2});
  expect_rates(exponential_decay(0.8, 0.25, 2), {0, 1, 2, 3}, {0.8, 0.4, 0.2, 0.1});
  const double root = std::sqrt(0.5);
  expect_rates(cosine_decay(1.0, 4, 0.2), {0, 1, 2, 3, 4, 9},
               {1, 0.6 + 0.4 * root, 0.6, 0.6 - 0.4 * root, 0.2, 0.2});
}

// From 1 in periods of 2, 6 and 18 steps, of heights 0.8, 0.4 and 0.2 above 0.2.
TEST(Schedules, RestartAlongCosines) {
  const double root = std::sqrt(0.5);
  const auto schedule = cosine_restarts(1, 2, 3, 0.5, 0.2);
  expect_rates(schedule, {0, 1, 2, 5, 8, 17, 26},
               {1, 0.6, 0.2 + 0.4, 0.2 + 0.2, 0.2 + 0.2, 0.2 + 0.1, 0.2 + 0.1});
  expect_rates(cosine_restarts(1, 4), {0, 1, 4, 8, 12, 20, 28, 60},
               {1, (1 + root) / 2, 1, 0.5, 1, 0.5, 1, 1});
  expect_rates(cosine_restarts(1, 4, 1, 0.5), {0, 2, 4, 6, 8, 11},
               {1, 0.5, 0.5, 0.25, 0.25, (1 - root) / 8});
  for (double growth : {1.1, 1.5, 3.0, 7.0}) {  // no restart is missed
    const auto f = cosine_restarts(1, 1000, growth);
    double start = 0, length = 1000;
    for (int i = 0; i < 12; ++i, start += length, length *= growth) {
      const auto first = static_cast<std::int64_t>(std::ceil(start - 1e-6));
      EXPECT_GT(f(first), 0.99) << growth << " " << i;
      const bool earlier = i > 0 && f(first - 1) > 0.01;
      EXPECT_FALSE(earlier) << growth << " " << i;
    }
  }
}

TEST(Schedules, DecayByPowersAndFractions) {
  expect_rates(polynomial_decay(1, 4, 0.2, 2), {0, 1, 2, 4, 9}, {1, 0.65, 0.4, 0.2, 0.2});
  expect_rates(polynomial_decay(1, 10), {0, 5, 10}, {1, 0.50005, 1e-4});
  expect_rates(polynomial_decay(1, 4, 0.2, 1, true), {0, 2, 4, 5, 6, 8, 9},
               {1, 0.6, 0.2, 0.2 + 0.8 * 0.375, 0.4, 0.2, 0.2 + 0.8 * 0.25});
  expect_rates(inverse_time_decay(1, 0.5, 2), {0, 1, 2, 4, 8}, {1, 0.8, 1 / 1.5, 0.5, 1 / 3.0});
  expect_rates(piecewise_constant({2, 5}, {1, 0.5, 0.1}), {0, 2, 3, 5, 6, 99},
               {1, 1, 0.5, 0.5, 0.1, 0.1});
  expect_rates(piecewise_constant({}, {0.5}), {0, 9}, {0.5, 0.5});
}

// Of 11 steps, 5 of them rising: the phases end at steps 4 and 10.
TEST(Schedules, RiseAndFallInOneCycle) {
  const one_cycle_options options{.rising = 5 / 11.0, .first_divisor = 10, .last_divisor = 100};
  expect_rates(one_cycle(1, 11, options), {0, 2, 4, 7, 10, 11, 50},
               {0.1, 0.55, 1, (1 + 0.001) / 2, 0.001, 0.001, 0.001});
  expect_rates(one_cycle(1, 100), {0, 29, 99}, {0.04, 1, 4e-6});
  expect_rates(one_cycle(1, 3, {.rising = 0}), {0, 1, 2}, {1, (1 + 4e-6) / 2, 4e-6});
}

TEST(Schedules, WarmUpIntoAnother) {
  const auto schedule = warm_up(4, step_decay(0.8, 0.5, 2));
  expect_rates(schedule, {0, 1, 2, 3, 4, 5, 6}, {0.2, 0.4, 0.6, 0.8, 0.8, 0.8, 0.4});
  expect_rates(warm_up(0, constant_rate(1)), {0, 1}, {1, 1});
}

TEST(Schedules, SetTheRateOfOneCompiledStep) {
  sgd optimizer({.rate = 1});
  const parameter w("w", 0.0);
  auto step = compile([&](variable slope) {
    const variable loss = slope * w;
    optimizer.minimize(loss);
    return loss;
  });
  const auto schedule = exponential_decay(0.5, 0.5);
  double wanted = 0;
  for (std::int64_t i = 0; i < 5; ++i) {
    optimizer.rate().set(schedule(i));
    step(-1.0);
    wanted += std::ldexp(1, static_cast<int>(-1 - i));
    EXPECT_EQ(w.value<double>()(), wanted);
  }
  EXPECT_EQ(step.trace_count(), 1u);
}

TEST(ReduceOnPlateau, ReducesTheRateWhenTheLossNoLongerFalls) {
  const sgd optimizer({.rate = 1});
  reduce_on_plateau plateau(optimizer.rate(),
                            {.factor = 0.5, .patience = 2, .minimum_delta = 0.1, .lowest = 0.3});
  const std::vector<double> losses{5, 4, 3.95, 3.95, 3.9, std::nan(""), 3, 3, 3, 3, 3};
  const std::vector<double> wanted{1, 1, 1, 0.5, 0.5, 0.3, 0.3, 0.3, 0.3, 0.3, 0.3};
  for (std::size_t i = 0; i < losses.size(); ++i) {
    const double before = optimizer.rate().value<double>()();
    EXPECT_EQ(plateau.observe(losses[i]), wanted[i] < before) << i;
    EXPECT_EQ(optimizer.rate().value<double>()(), wanted[i]) << i;
  }
  ASSERT_EQ(plateau.state().size(), 2u);
  EXPECT_EQ(plateau.state()[0].value<double>()(), 3);
}

TEST(ReduceOnPlateau, FollowsWhatRisesByChoice) {
  const sgd optimizer({.rate = 1});
  reduce_on_plateau plateau(optimizer.rate(),
                            {.factor = 0.5, .patience = 2, .direction = better::higher});
  const std::vector<double> accuracies{-1, 0.5, 0.6, 0.6, std::nan(""), 0.7, 0.1, 0.2};
  const std::vector<double> wanted{1, 1, 1, 1, 0.5, 0.5, 0.5, 0.25};
  for (std::size_t i = 0; i < accuracies.size(); ++i) {
    plateau.observe(accuracies[i]);
    EXPECT_EQ(optimizer.rate().value<double>()(), wanted[i]) << i;
  }
}

// So many observations after a reduction are not counted; a best one among them is known.
TEST(ReduceOnPlateau, WaitsForTheCooldown) {
  const auto rates = [](std::int64_t cooldown, const std::vector<double>& losses) {
    const sgd optimizer({.rate = 1});
    reduce_on_plateau plateau(optimizer.rate(),
                              {.factor = 0.5, .patience = 2, .cooldown = cooldown});
    std::vector<double> result;
    for (const double loss : losses) {
      plateau.observe(loss);
      result.push_back(optimizer.rate().value<double>()());
    }
    return result;
  };
  const std::vector<double> level(9, 1.0), dip{1, 1, 1, 0, 1, 1, 1, 1, 1};
  EXPECT_EQ(rates(0, level), (std::vector<double>{1, 1, .5, .5, .25, .25, .125, .125, .0625}));
  EXPECT_EQ(rates(1, level), (std::vector<double>{1, 1, .5, .5, .5, .25, .25, .25, .125}));
  EXPECT_EQ(rates(3, level), (std::vector<double>{1, 1, .5, .5, .5, .5, .5, .25, .25}));
  EXPECT_EQ(rates(3, dip), (std::vector<double>{1, 1, .5, .5, .5, .5, .5, .25, .25}));
  const sgd optimizer({.rate = 1});
  tests::expect_error<value_error>([&] { reduce_on_plateau(optimizer.rate(), {.cooldown = -1}); },
                                   "reduce_on_plateau: cooldown -1 is out of range");
}

TEST(ReduceOnPlateau, GoesOnFromItsState) {
  const sgd first({.rate = 1}), second({.rate = 1});
  reduce_on_plateau a(first.rate(), {.patience = 3}), b(second.rate(), {.patience = 3});
  for (double loss : {2.0, 2.0, 2.0}) a.observe(loss);
  for (std::size_t i = 0; i < 2; ++i) b.state()[i].set(a.state()[i].view());
  EXPECT_TRUE(a.observe(2));
  EXPECT_TRUE(b.observe(2));
}

TEST(Schedules, RefuseWhatTheyCannotFollow) {
  using tests::expect_error;
  expect_error<value_error>([] { constant_rate(-1); }, "constant_rate: rate -1 is out of range");
  expect_error<value_error>([] { step_decay(1, 0.5, 0); },
                            "step_decay: interval 0 is out of range");
  expect_error<value_error>([] { exponential_decay(1, -1); }, "exponential_decay: factor -1");
  expect_error<value_error>([] { cosine_decay(1, 0); }, "cosine_decay: number of steps 0");
  expect_error<value_error>([] { cosine_restarts(1, 4, 0.5); }, "cosine_restarts: growth 0.5");
  expect_error<value_error>([] { cosine_restarts(1, 4, 2, -1); }, "cosine_restarts: height -1");
  expect_error<value_error>([] { polynomial_decay(1, 4, 0, -1); }, "polynomial_decay: power -1");
  expect_error<value_error>([] { inverse_time_decay(1, 1, 0); }, "inverse_time_decay: interval 0");
  expect_error<value_error>([] { piecewise_constant({1}, {1}); },
                            "piecewise_constant: 1 boundaries and 1 rates: it takes one rate more");
  expect_error<value_error>(
      [] {
        piecewise_constant({3, 3}, {1, 1, 1});
      },
      "piecewise_constant: boundary 3 is out of range");
  expect_error<value_error>([] { one_cycle(1, 9, {.rising = 1}); }, "one_cycle: share rising 1");
  expect_error<value_error>([] { one_cycle(1, 0); }, "one_cycle: number of steps 0");
  expect_error<value_error>([] { warm_up(-1, constant_rate(1)); }, "warm_up: number of steps -1");
  expect_error<value_error>([] { warm_up(1, {}); }, "warm_up: no schedule to follow");
  const sgd optimizer({.rate = 1});
  expect_error<value_error>([&] { reduce_on_plateau(optimizer.rate(), {.factor = 1}); },
                            "reduce_on_plateau: factor 1 is out of range");
  expect_error<value_error>([&] { reduce_on_plateau(optimizer.rate(), {.patience = 0}); },
                            "reduce_on_plateau: patience 0");
}

}  // namespace
}  // namespace cotape

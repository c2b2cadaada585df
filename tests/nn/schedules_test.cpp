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

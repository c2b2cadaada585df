// Optimizers against the same steps in plain doubles, and what they do to the parameters of a tape.
#include <gtest/gtest.h>

#include <cmath>

#include "cotape/cotape.hpp"

namespace cotape {
namespace {

// The trajectory of w under f(w) = w^2 + w, gradient 2 w + 1, from w = 1.
template <class Optimizer> std::vector<double> trajectory(Optimizer& optimizer, int steps) {
  parameter w("w", 1.0);
  auto step = compile([&](variable unused) {
    tape& t = unused.owner();
    const variable loss = square(t.read(w)) + w;
    optimizer.minimize(loss);
    return loss;
  });
  std::vector<double> result;
  for (int i = 0; i < steps; ++i) {
    step(0.0);
    result.push_back(w.value<double>()());
  }
  return result;
}

double slope(double w) { return 2 * w + 1; }

TEST(Sgd, FollowsTheGradient) {
  sgd optimizer({.rate = 0.1});
  double w = 1;
  for (double found : trajectory(optimizer, 5)) {
    w -= 0.1 * slope(w);
    EXPECT_NEAR(found, w, 1e-14);
  }
}

TEST(Sgd, KeepsMomentum) {
  sgd optimizer({.rate = 0.1, .momentum = 0.9});
  double w = 1, v = 0;
  for (double found : trajectory(optimizer, 5)) {
    v = 0.9 * v - 0.1 * slope(w);
    w += v;
    EXPECT_NEAR(found, w, 1e-14);
  }
}

TEST(Adam, FollowsAlgorithmOne) {
  adam optimizer({.rate = 0.05, .beta1 = 0.8, .beta2 = 0.95, .epsilon = 1e-6});
  double w = 1, m = 0, v = 0;
  int t = 0;
  for (double found : trajectory(optimizer, 5)) {
    ++t;
    const double g = slope(w);
    m = 0.8 * m + 0.2 * g;
    v = 0.95 * v + 0.05 * g * g;
    w -= 0.05 * (m / (1 - std::pow(0.8, t))) / (std::sqrt(v / (1 - std::pow(0.95, t))) + 1e-6);
    EXPECT_NEAR(found, w, 1e-13);
  }
}

TEST(Optimizer, RateMayChangeWithoutCompilingAnew) {
  sgd optimizer({.rate = 0.5});
  parameter w("w", 1.0);
  auto step = compile([&](variable x) {
    const variable loss = x * w;
    optimizer.minimize(loss);
    return loss;
  });
  step(1.0);
  EXPECT_DOUBLE_EQ(w.value<double>()(), 0.5);
  optimizer.rate().set(0.25);
  step(1.0);
  EXPECT_DOUBLE_EQ(w.value<double>()(), 0.25);
  EXPECT_EQ(step.trace_count(), 1u);
}

TEST(Optimizer, LeavesFrozenParametersAlone) {
  sgd optimizer({.rate = 0.5});
  parameter w("w", 1.0), frozen("frozen", 2.0, false);
  tape t;
  optimizer.minimize(t.read(w) * t.read(frozen));
  t.commit();
  EXPECT_DOUBLE_EQ(w.value<double>()(), 0.0);
  EXPECT_DOUBLE_EQ(frozen.value<double>()(), 2.0);
}

TEST(Optimizer, TakesAllGradientsAtTheOldWeights) {
  sgd optimizer({.rate = 1});
  parameter a("a", 2.0), b("b", 3.0);
  tape t;
  optimizer.minimize(t.read(a) * t.read(b));
  t.commit();
  EXPECT_DOUBLE_EQ(a.value<double>()(), -1.0);
  EXPECT_DOUBLE_EQ(b.value<double>()(), 1.0);
}

TEST(Optimizer, GroupsHaveRatesOfTheirOwn) {
  sgd slow({.rate = 0.1}), fast({.rate = 1});
  parameter a("a", 2.0), b("b", 3.0);
  tape t;
  const variable loss = t.read(a) * t.read(b);
  slow.minimize(loss, {a});
  fast.minimize(loss, {b});
  t.commit();
  EXPECT_DOUBLE_EQ(a.value<double>()(), 2 - 0.1 * 3);
  EXPECT_DOUBLE_EQ(b.value<double>()(), 3 - 2.0);
}

TEST(Optimizer, AccumulatesGradientsOverMicroBatches) {
  sgd optimizer({.rate = 0.5});
  parameter w("w", 1.0);
  auto micro = compile([&](variable x) {
    const variable loss = x * w;
    optimizer.accumulate(loss);
    return loss;
  });
  micro(1.0);
  micro(3.0);
  EXPECT_DOUBLE_EQ(w.value<double>()(), 1.0);
  for (double expected : {0.0, 0.0}) {  // the accumulator starts again from zero
    tape t;
    optimizer.apply_accumulated(t, 0.5);
    t.commit();
    EXPECT_DOUBLE_EQ(w.value<double>()(), expected);
  }
}

TEST(Optimizer, UnrolledStepsDifferentiateWithRespectToTheRate) {
  sgd optimizer({.rate = 0.1});
  parameter w("w", 1.0);
  tape t;
  const variable rate = t.read(optimizer.rate());
  for (int i = 0; i < 2; ++i) optimizer.minimize(square(t.read(w)));
  const variable end = t.read(w);  // w (1 - 2 r)^2
  EXPECT_NEAR(end.value<double>()(), 0.64, 1e-15);
  EXPECT_NEAR(gradient(end, rate).value<double>()(), -4 * 0.8, 1e-14);
}

TEST(Optimizer, RefusesWhatCannotBeMinimised) {
  sgd optimizer({.rate = 0.1});
  tape t;
  const variable x = t.input(float64, {2});
  EXPECT_THROW(optimizer.minimize(sum(x)), value_error);
  parameter w("w", 1.0);
  EXPECT_THROW(optimizer.minimize(x * w), shape_error);
  EXPECT_THROW(optimizer.apply({}, {}), value_error);
  EXPECT_THROW(optimizer.apply_accumulated(t), value_error);
  EXPECT_THROW(sgd({.rate = -1}), value_error);
}

}  // namespace
}  // namespace cotape

// Optimizers against the same steps in plain doubles, and what they do to the parameters of a tape.
#include <gtest/gtest.h>

#include <cmath>
#include <memory>
#include <xtensor/xtensor.hpp>

#include "cotape/cotape.hpp"

#include "expect_error.hpp"

namespace cotape {
namespace {

// The trajectory of w under f(w) = w^2 + w, gradient 2 w + 1, from w = 1.
template <class T = double>
std::vector<double> trajectory(optimizer& optimizer, int steps = 5, double start = 1) {
  parameter w("w", static_cast<T>(start));
  auto step = compile([&](variable unused) {
    tape& t = unused.owner();
    const variable loss = square(t.read(w)) + w;
    optimizer.minimize(loss);
    return loss;
  });
  std::vector<double> result;
  for (int i = 0; i < steps; ++i) {
    step(T{0});
    result.push_back(static_cast<double>(w.value<T>()()));
  }
  EXPECT_EQ(step.trace_count(), 1u);
  return result;
}

double slope(double w) { return 2 * w + 1; }

// The optimizer's first five steps in float64 and in float32 against a published formula in plain
// doubles: next(w) is the weight after w.
template <class Make, class Next> void expect_steps(Make make, Next next) {
  const auto optimizer = make(), single = make();
  const std::vector<double> found = trajectory(*optimizer), in_float = trajectory<float>(*single);
  double w = 1;
  for (std::size_t i = 0; i < 5; ++i) {
    SCOPED_TRACE(i);
    w = next(w);
    EXPECT_NEAR(found[i], w, 1e-13);
    EXPECT_NEAR(in_float[i], w, 1e-5);
  }
}

template <class Optimizer, class Options> auto maker(Options options) {
  return [=] { return std::make_unique<Optimizer>(options); };
}

TEST(Sgd, FollowsTheGradient) {
  expect_steps(maker<sgd>(sgd_options{.rate = 0.1}), [](double w) { return w - 0.1 * slope(w); });
}

TEST(Sgd, KeepsMomentum) {  // Polyak (1964)
  double v = 0;
  expect_steps(maker<sgd>(sgd_options{.rate = 0.1, .momentum = 0.9}), [&](double w) {
    v = 0.9 * v - 0.1 * slope(w);
    return w + v;
  });
}

// Sutskever et al. (2013), equations 3 and 4: v' = mu v - r f'(x + mu v), x' = x + v'. The
// optimizer's weights are x + mu v.
TEST(Sgd, LooksAheadWithNesterovsMomentum) {
  double x = 1, v = 0;
  expect_steps(maker<sgd>(sgd_options{.rate = 0.1, .momentum = 0.9, .nesterov = true}),
               [&](double) {
                 v = 0.9 * v - 0.1 * slope(x + 0.9 * v);
                 x += v;
                 return x + 0.9 * v;
               });
}

TEST(Adagrad, FollowsDuchiHazanAndSinger) {
  double s = 0;
  expect_steps(maker<adagrad>(adagrad_options{.rate = 0.3, .epsilon = 1e-6}), [&](double w) {
    s += slope(w) * slope(w);
    return w - 0.3 * slope(w) / (std::sqrt(s) + 1e-6);
  });
}

TEST(Rmsprop, FollowsTielemanAndHinton) {
  double s = 0;
  const rmsprop_options options{.rate = 0.05, .rho = 0.8, .epsilon = 1e-6};
  expect_steps(maker<rmsprop>(options), [&](double w) {
    s = 0.8 * s + 0.2 * slope(w) * slope(w);
    return w - 0.05 * slope(w) / (std::sqrt(s) + 1e-6);
  });
}

// The step of algorithm 1 of Kingma and Ba (2015), in its notation.
struct adam_steps {
  double m = 0, v = 0;
  int t = 0;
  double operator()(double g) {
    ++t;
    m = 0.8 * m + 0.2 * g;
    v = 0.95 * v + 0.05 * g * g;
    return 0.05 * (m / (1 - std::pow(0.8, t))) / (std::sqrt(v / (1 - std::pow(0.95, t))) + 1e-6);
  }
};

TEST(Adam, FollowsAlgorithmOne) {
  adam_steps step;
  const adam_options options{.rate = 0.05, .beta1 = 0.8, .beta2 = 0.95, .epsilon = 1e-6};
  expect_steps(maker<adam>(options), [&](double w) { return w - step(slope(w)); });
}

TEST(Adamw, DecaysWeightsApartFromTheGradient) {  // algorithm 2: lambda = 0.05 * 0.3
  adam_steps step;
  expect_steps(
      maker<adamw>(adamw_options{
          .rate = 0.05, .beta1 = 0.8, .beta2 = 0.95, .epsilon = 1e-6, .weight_decay = 0.3}),
      [&](double w) { return w - step(slope(w)) - 0.05 * 0.3 * w; });
}

TEST(Adamax, FollowsAlgorithmTwoOfKingmaAndBa) {
  double m = 0, u = 0;
  int t = 0;
  const adamax_options options{.rate = 0.05, .beta1 = 0.8, .beta2 = 0.95, .epsilon = 1e-6};
  expect_steps(maker<adamax>(options), [&](double w) {
    ++t;
    m = 0.8 * m + 0.2 * slope(w);
    u = std::max(0.95 * u, std::abs(slope(w)));
    return w - 0.05 * m / ((1 - std::pow(0.8, t)) * (u + 1e-6));
  });
}

// As Keras writes Dozat's algorithm.
TEST(Nadam, FollowsDozat) {
  double m = 0, v = 0, product = 1;
  int t = 0;
  const nadam_options options{.rate = 0.05, .beta1 = 0.8, .beta2 = 0.95, .epsilon = 1e-6};
  expect_steps(maker<nadam>(options), [&](double w) {
    ++t;
    const double g = slope(w);
    const double now = 0.8 * (1 - 0.5 * std::pow(0.96, t));
    const double next = 0.8 * (1 - 0.5 * std::pow(0.96, t + 1));
    product *= now;
    m += (g - m) * (1 - 0.8);
    v += (g * g - v) * (1 - 0.95);
    const double m_hat = next * m / (1 - product * next) + (1 - now) * g / (1 - product);
    const double v_hat = v / (1 - std::pow(0.95, t));
    return w - 0.05 * m_hat / (std::sqrt(v_hat) + 1e-6);
  });
}

TEST(Adadelta, FollowsZeiler) {
  double s = 0, d = 0;
  const adadelta_options options{.rate = 0.7, .rho = 0.8, .epsilon = 1e-3};
  expect_steps(maker<adadelta>(options), [&](double w) {
    s = 0.8 * s + 0.2 * slope(w) * slope(w);
    const double x = -std::sqrt(d + 1e-3) / std::sqrt(s + 1e-3) * slope(w);
    d = 0.8 * d + 0.2 * x * x;
    return w + 0.7 * x;
  });
}

TEST(Lion, FollowsChenAndOthers) {
  double m = 0;
  const lion_options options{.rate = 0.6, .beta1 = 0.7, .beta2 = 0.9};
  expect_steps(maker<lion>(options), [&](double w) {
    const double c = 0.7 * m + 0.3 * slope(w);
    m = 0.9 * m + 0.1 * slope(w);
    return w - 0.6 * (c > 0 ? 1 : -1);
  });
}

TEST(Optimizer, HasKerassDefaults) {
  const auto expect = [](const auto& o, double beta1, double beta2) {
    EXPECT_EQ(o.rate, 0.001);
    EXPECT_EQ(o.beta1, beta1);
    EXPECT_EQ(o.beta2, beta2);
  };
  expect(adamax_options{}, 0.9, 0.999);
  expect(nadam_options{}, 0.9, 0.999);
  expect(lion_options{}, 0.9, 0.99);
  EXPECT_EQ(adamax_options{}.epsilon, 1e-7);
  EXPECT_EQ(nadam_options{}.epsilon, 1e-7);
  EXPECT_EQ(adadelta_options{}.rate, 0.001);
  EXPECT_EQ(adadelta_options{}.rho, 0.95);
  EXPECT_EQ(adadelta_options{}.epsilon, 1e-7);
}

TEST(Gradients, TakeWeightDecayAsTheirOwnPart) {  // of f + 0.3 / 2 w^2
  adam_steps step;
  const adam_options options{.rate = 0.05,
                             .beta1 = 0.8,
                             .beta2 = 0.95,
                             .epsilon = 1e-6,
                             .gradients = {.weight_decay = 0.3}};
  expect_steps(maker<adam>(options), [&](double w) { return w - step(slope(w) + 0.3 * w); });
}

TEST(Gradients, AreClippedByValue) {
  sgd optimizer({.rate = 1, .gradients = {.clip_value = 1.5}});
  const parameter w("w", xt::xarray<double>{0, 0, 0, 0});
  tape t;
  optimizer.minimize(sum(t.read(w) * t.constant(xt::xarray<double>{3, -4, 0.5, -1})));
  t.commit();
  EXPECT_EQ(w.value<double>(), (xt::xarray<double>{-1.5, 1.5, -0.5, 1}));
}

// Gradients (3, 0) and 4, of norm 5 together.
TEST(Gradients, AreClippedByTheNormOfAllOfThem) {
  for (double limit : {1.0, 5.0, 10.0}) {
    const double factor = std::min(1.0, limit / 5);
    sgd optimizer({.rate = 1, .gradients = {.clip_norm = limit}});
    const parameter a("a", xt::xarray<double>{0, 0}), b("b", 0.0F);
    tape t;
    const variable first = sum(t.read(a) * t.constant(xt::xarray<double>{3, 0}));
    optimizer.minimize(first + cast(4 * t.read(b), float64));
    t.commit();
    EXPECT_NEAR(a.value<double>()(0), -3 * factor, 1e-15);
    EXPECT_EQ(a.value<double>()(1), 0);
    EXPECT_NEAR(b.value<float>()(), -4 * factor, 1e-6);
  }
}

TEST(Gradients, OfZeroAreClippedToZero) {
  sgd optimizer({.rate = 1, .gradients = {.clip_norm = 1}});
  const parameter w("w", 3.0);
  tape t;
  optimizer.minimize(0 * t.read(w));
  t.commit();
  EXPECT_EQ(w.value<double>()(), 3);
}

TEST(Gradients, AreClippedBeforeWeightsDecay) {
  sgd optimizer({.rate = 1, .gradients = {.clip_value = 1, .weight_decay = 0.5}});
  const parameter w("w", 8.0);
  tape t;
  optimizer.minimize(100 * t.read(w));
  t.commit();
  EXPECT_EQ(w.value<double>()(), 8 - (1 + 0.5 * 8));
}

// Weights of a step of -(a + b + c), rate 1: by the first group that fits.
TEST(Groups, HaveTheirRateAndTheirDecay) {
  const auto after = [](auto how) {
    const parameter a("first/weight", 8.0), b("first/bias", 8.0), c("second/bias", 8.0);
    tape t;
    how.minimize(0.5 * t.read(a) + 0.5 * t.read(b) + 0.5 * t.read(c));
    t.commit();
    return std::vector{a.value<double>()(), b.value<double>()(), c.value<double>()()};
  };
  const std::vector<parameter_group> groups{{.names = {"nd/bi", "t/bias"}, .decay_factor = 0},
                                            {.names = {"first/"}, .rate_factor = 0.5}};
  EXPECT_EQ(after(sgd({.rate = 1, .gradients = {.weight_decay = 0.25, .groups = groups}})),
            (std::vector{8 - 0.5 * 2.5, 7.5, 7.5}));
  const std::vector<parameter_group> slow{
      {.names = {"first"}, .rate_factor = 0.5, .decay_factor = 2},
      {.names = {"second"}, .rate_factor = 0}};
  EXPECT_EQ(after(sgd({.rate = 1, .gradients = {.weight_decay = 0.25, .groups = slow}})),
            (std::vector{8 - 0.5 * 4.5, 8 - 0.5 * 4.5, 8.0}));
  // AdamW's own decay too; without it the rule is Adam's.
  const auto plain = after(adam({.rate = 1}));
  const auto mixed =
      after(adamw({.rate = 1, .weight_decay = 0.25, .gradients = {.groups = groups}}));
  EXPECT_EQ(mixed[1], plain[1]);
  EXPECT_EQ(mixed[2], plain[2]);
  EXPECT_NEAR(mixed[0], 8 + 0.5 * (plain[0] - 8) - 0.5 * 0.25 * 8, 1e-12);
}

// Clipped by the norm of all together, whatever their groups are.
TEST(Groups, AreClippedTogether) {
  const parameter a("a", 1.0), b("b", 1.0);
  sgd how(
      {.rate = 1, .gradients = {.clip_norm = 1, .groups = {{.names = {"a"}, .rate_factor = 0.5}}}});
  tape t;
  how.minimize(3 * t.read(a) + 4 * t.read(b));
  t.commit();
  EXPECT_NEAR(a.value<double>()(), 1 - 0.5 * 0.6, 1e-15);
  EXPECT_NEAR(b.value<double>()(), 1 - 0.8, 1e-15);
}

TEST(Groups, SayWhatIsWrong) {
  const auto message = [](parameter_group g) {
    return tests::message_of([&] { sgd({.gradients = {.groups = {{.names = {"a"}}, g}}}); });
  };
  EXPECT_EQ(message({}), "optimizer: group 1: it has no names");
  EXPECT_EQ(message({.names = {"a", ""}}), "optimizer: group 1: a name is empty");
  EXPECT_EQ(message({.names = {"a|b"}}), "optimizer: group 1: the name 'a|b' has one of '|;'");
  EXPECT_EQ(message({.names = {"b"}, .rate_factor = -1}), "optimizer: group 1: rate_factor is -1");
  EXPECT_EQ(message({.names = {"b"}, .decay_factor = std::nan("")}),
            "optimizer: group 1: decay_factor is nan");
  const parameter w("weight", 1.0);
  sgd how({.gradients = {.groups = {{.names = {"weight", "wieght"}}}}});
  tape t;
  EXPECT_EQ(tests::message_of([&] { how.minimize(t.read(w)); }),
            "optimizer: a group has the name 'wieght', which no parameter of the step has in its "
            "own");
}

// A table's rows are updated where they are: what was gathered alone, several times too.
void expect_step_on_rows(const gradient_options& gradients, double times = 1) {
  const xt::xarray<double> before = {{1, 2}, {3, 4}, {5, 6}, {7, 8}},
                           share = {{1, 2}, {3, 4}, {5, 6}};
  const xt::xarray<std::int64_t> at = {2, 0, 2};
  parameter w("w", before);
  sgd how({.rate = 0.5, .gradients = gradients});
  auto step = compile([&](variable i, variable by) {
    const variable loss = sum(gather(i.owner().read(w), i) * by);
    how.minimize(loss);
    return loss;
  });
  step(at, share);
  const xt::xarray<double> slope = {{3, 4}, {0, 0}, {6, 8}, {0, 0}};
  EXPECT_LT(xt::amax(xt::abs(w.value<double>() - (before - 0.5 * times * slope)))(), 1e-14);
}

TEST(Sgd, UpdatesTheRowsThatWereGathered) {
  expect_step_on_rows({});
  expect_step_on_rows({.clip_norm = 1}, 1 / std::sqrt(125.0));
}

TEST(Sgd, UpdatesTheRowsOfAllLookups) {
  const xt::xarray<double> before = {{1, 2}, {3, 4}, {5, 6}};
  parameter w("w", before);
  sgd how({.rate = 1});
  auto step = compile([&](variable i, variable k) {
    tape& t = i.owner();
    const variable loss = sum(gather(t.read(w), i)) + sum(2 * gather(t.read(w), k));
    how.minimize(loss);
    return loss;
  });
  step(xt::xarray<std::int64_t>{0, 1}, xt::xarray<std::int64_t>{1});
  EXPECT_EQ(w.value<double>(), before - xt::xarray<double>({{1, 1}, {3, 3}, {0, 0}}));
}

// The memory of a step over a large table does not hold the table again.
TEST(Sgd, TakesMemoryForTheRowsAlone) {
  parameter w("w", xt::xarray<float>(xt::zeros<float>({50000, 64})));
  tape t;
  const variable at = t.input(int64, {100});
  sgd().minimize(sum(square(gather(t.read(w), at))));
  const program code(t, {at}, {}, {.effects = true});
  EXPECT_LT(code.memory().arena, 200'000u);
}

// Nothing is changed by a step that is refused, also where no gather's value is asked for.
TEST(Sgd, LeavesTheTableAtAnIndexThatIsNotThere) {
  const xt::xarray<double> before = {{1, 2}, {3, 4}};
  parameter w("w", before), other("other", 1.0);
  sgd how;
  auto step = compile([&](variable i) {
    tape& t = i.owner();
    how.minimize(sum(gather(t.read(w), i)) * t.read(other));
    how.minimize(sum(gather(t.read(w), i)));
    return i;
  });
  EXPECT_THROW(step(xt::xarray<std::int64_t>{0, 2}), value_error);
  EXPECT_EQ(w.value<double>(), before);
  EXPECT_EQ(other.value<double>()(), 1.0);
}

TEST(Optimizer, KeepsAllItsStateInParameters) {
  const auto names = [](optimizer& o) {
    trajectory(o);
    std::vector<std::string> result;
    for (const parameter& p : o.state()) result.push_back(p.name());
    return result;
  };
  using list = std::vector<std::string>;
  sgd plain, heavy({.momentum = 0.9});
  adagrad sums;
  rmsprop means;
  adam both;
  adamw decayed;
  EXPECT_EQ(names(plain), (list{"rate"}));
  EXPECT_EQ(names(heavy), (list{"rate", "w/state0"}));
  EXPECT_EQ(names(sums), (list{"rate", "w/state0"}));
  EXPECT_EQ(names(means), (list{"rate", "w/state0"}));
  EXPECT_EQ(names(both), (list{"rate", "w/state0", "w/state1", "step"}));
  EXPECT_EQ(names(decayed), (list{"rate", "w/state0", "w/state1", "step"}));
  adamax largest;
  nadam ahead;
  adadelta squares;
  lion signs;
  EXPECT_EQ(names(largest), (list{"rate", "w/state0", "w/state1", "step"}));
  EXPECT_EQ(names(ahead), (list{"rate", "w/state0", "w/state1", "step", "product"}));
  EXPECT_EQ(names(squares), (list{"rate", "w/state0", "w/state1"}));
  EXPECT_EQ(names(signs), (list{"rate", "w/state0"}));
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

// By rate, momentum, weight decay and the scale of the first weights, through K steps.
TEST(Optimizer, UnrolledStepsDifferentiateWithRespectToEveryHyperparameter) {
  const xt::xtensor<double, 2> x = {{0.5, -1}, {2, 0.3}, {-0.7, 1.2}}, y = {{1}, {0}, {0.5}},
                               first = {{0.4, -0.3, 0.9}, {-0.8, 0.6, 0.2}},
                               last = {{1}, {-0.5}, {2}};
  for (int steps : {1, 2, 7}) {
    const auto after = [&](variable rate, variable momentum, variable decay, variable scale) {
      tape& t = rate.owner();
      std::vector<variable> w{scale * t.constant(first), scale * t.constant(last)};
      std::vector<variable> velocity{0 * w[0], 0 * w[1]};
      const auto loss = [&] {
        return mse(matmul(tanh(matmul(t.constant(x), w[0])), w[1]), t.constant(y));
      };
      for (int step = 0; step < steps; ++step) {
        const std::vector<variable> g = gradient(loss(), w);
        for (std::size_t i = 0; i < w.size(); ++i) {
          const updated next = sgd_update(w[i], g[i] + decay * w[i], {velocity[i]}, rate, momentum);
          w[i] = next.weight;
          velocity[i] = next.state[0];
        }
      }
      return loss();
    };
    const gradient_check c = check_gradient(after, {0.1, 0.8, 0.05, 1.5});
    ASSERT_EQ(c.inputs.size(), 4u);
    for (std::size_t i = 0; i < 4; ++i) {
      const bool acts = i != 1 || steps > 1;  // momentum: from the second step on
      EXPECT_EQ(c.inputs[i].found, acts ? verdict::ok : verdict::vacuous) << i << "\n" << c;
    }
  }
}

TEST(Optimizer, RefusesALossOfValuesFromBeforeAnAssignment) {
  sgd first({.rate = 0.1}), second({.rate = 0.1});
  const parameter a("a", 1.0), b("b", 1.0);
  tape t;
  const variable early = square(t.read(a) * t.read(b) - 3);
  first.minimize(early, {a});
  const std::string text = "minimize: 'a' was assigned after the loss was recorded";
  tests::expect_error<value_error>([&] { second.minimize(early); }, text);
  tests::expect_error<value_error>([&] { second.minimize(early, {a}); }, text);
  EXPECT_NO_THROW(second.minimize(early, {b}));
  EXPECT_NO_THROW(second.minimize(square(t.read(a) * t.read(b) - 3)));
}

TEST(Optimizer, RefusesGradientsThatDoNotFit) {
  sgd optimizer({.rate = 0.1});
  const parameter w("w", xt::xarray<double>{1, 2});
  tape t, other;
  tests::expect_error<shape_error>(
      [&] { optimizer.apply({w}, {t.constant(1.0)}); },
      "optimizer: parameter 'w' is float64 (2,), its gradient float64 ()");
  const parameter v("v", xt::xarray<double>{1, 2});
  const variable g = t.read(v), h = other.read(v);
  tests::expect_error<tape_error>(
      [&] {
        optimizer.apply({w, v}, {g, h});
      },
      "optimizer: gradients of several tapes");
  EXPECT_THROW(adam({.beta1 = 1.5}), value_error);
  EXPECT_THROW(sgd({.rate = std::nan("")}), value_error);
  EXPECT_THROW(adamw({.weight_decay = -1}), value_error);
  tests::expect_error<value_error>([] { rmsprop({.rho = 1}); }, "rmsprop: rho 1 not in [0, 1)");
  tests::expect_error<value_error>([] { adadelta({.rho = 1}); }, "adadelta: rho 1 not in [0, 1)");
  tests::expect_error<value_error>([] { lion({.beta2 = 2}); }, "lion: beta 2 not in [0, 1)");
  EXPECT_THROW(nadam({.beta1 = -1}), value_error);
  EXPECT_THROW(adamax({.beta2 = 1}), value_error);
  tests::expect_error<value_error>([] { sgd({.gradients = {.clip_norm = -1}}); },
                                   "gradients: clip_norm is -1");
  tests::expect_error<value_error>([&] { clip_by_global_norm({g}, 0); },
                                   "clip_by_global_norm: the limit 0 is not above 0");
}

TEST(Optimizer, RateTakesPlainNumbersOfAnyType) {
  const sgd optimizer({.rate = 0.5});
  optimizer.rate().set(1);
  EXPECT_EQ(optimizer.rate().value<double>()(), 1.0);
  optimizer.rate().set(0.25F);
  EXPECT_EQ(optimizer.rate().value<double>()(), 0.25);
}

TEST(Optimizer, UpdatesWhatTheGradientReaches) {
  const std::string text = "minimize: the gradient of the loss reaches no trainable parameter";
  const parameter w("w", 2.0), v("v", 3.0);
  const auto minimized = [&](auto loss) {
    w.set(2.0);
    v.set(3.0);
    sgd optimizer({.rate = 0.25, .gradients = {.weight_decay = 1}});
    tape t;
    optimizer.minimize(loss(t.read(w), t.read(v)));
    t.commit();
    return std::pair(w.value<double>()(), v.value<double>()());
  };
  using values = std::pair<double, double>;
  // What nothing of the gradient reaches is not decayed either.
  EXPECT_EQ(minimized([](variable a, variable b) { return a * (b > 0); }), values(1.25, 3));
  EXPECT_EQ(minimized([](variable a, variable b) { return a * stop_gradient(b); }),
            values(0.75, 3));
  EXPECT_EQ(minimized([](variable a, variable b) { return a + cast(cast(b, int64), float64); }),
            values(1.25, 3));
  EXPECT_EQ(minimized([](variable a, variable b) { return where(a > 0, b, a); }), values(1.5, 2));
  // A rule of one's own says what its inputs are.
  const auto custom = [](variable of) {
    return custom_gradient([](const std::vector<variable>& x) { return sign(x[0]); }, {of},
                           [](const std::vector<variable>&, variable, variable dy) {
                             return std::vector<variable>{dy};
                           });
  };
  EXPECT_EQ(minimized([&](variable a, variable b) { return custom(a) + (b > 0); }),
            values(1.25, 3));
  for (const auto& cut : std::vector<std::function<variable(variable)>>{
           [](variable a) { return a > 0; }, sign, [](variable a) { return stop_gradient(a); },
           [](variable a) { return heaviside(a); },
           [](variable a) { return cast(argmax(reshape(a, {1})), float64); }}) {
    tests::expect_error<value_error>(
        [&] { minimized([&](variable a, variable b) { return square(cut(a) + cut(b)); }); }, text);
    tape t;
    sgd optimizer;
    tests::expect_error<value_error>([&] { optimizer.accumulate(square(cut(t.read(w)))); }, text);
  }
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

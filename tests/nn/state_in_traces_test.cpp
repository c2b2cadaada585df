// State that is made while a function is traced belongs to the function, not to one trace.
#include <cmath>
#include <memory>
#include <optional>

#include "cotape/cotape.hpp"
#include "expect_error.hpp"

namespace cotape {
namespace {

using tests::expect_error;
using array = xt::xarray<double>;

// v after batches of 4, 4 and 2 rows, three times, with an optimizer that `take` gives at each
// trace.
template <class Take> double trained(Take take) {
  const parameter v("v", 1.0);
  auto step = compile([&](variable x) {
    const variable loss = mean(square(x * v - 0.5));
    take()->minimize(loss);
    return loss;
  });
  for (int i = 0; i < 3; ++i) {
    step(array{1, 2, 3, 4});
    step(array{2, 1, 4, 3});
    step(array{1, 5});
  }
  EXPECT_EQ(step.trace_count(), 2u);
  return v.value<double>()();
}

template <class Make> void expect_one_state(Make make) {
  const auto outside = make();
  const double wanted = trained([&] { return outside.get(); });
  EXPECT_EQ(trained([&] { return make(); }), wanted);
  EXPECT_NE(wanted, 1);
}

TEST(StateInTraces, OfOptimizersBelongsToTheFunction) {
  expect_one_state([] { return std::make_unique<adam>(adam_options{.rate = 0.3}); });
  expect_one_state([] { return std::make_unique<adamw>(adamw_options{.rate = 0.3}); });
  expect_one_state([] { return std::make_unique<adagrad>(adagrad_options{.rate = 0.3}); });
  expect_one_state([] { return std::make_unique<rmsprop>(rmsprop_options{.rate = 0.1}); });
  expect_one_state([] { return std::make_unique<nadam>(nadam_options{.rate = 0.3}); });
  expect_one_state(
      [] { return std::make_unique<sgd>(sgd_options{.rate = 0.01, .momentum = 0.9}); });
  expect_one_state([] { return std::make_unique<sgd>(sgd_options{.rate = 0.01}); });
}

// A second trace would have state of its own.
TEST(StateInTraces, ThatSomethingElseHoldsIsRefused) {
  const char* text = "is made in each trace, and something else holds it too: make it outside";
  std::unique_ptr<adam> kept;
  expect_error<value_error>(
      [&] { trained([&] { return (kept = std::make_unique<adam>(adam_options{})).get(); }); },
      text);
  std::vector<parameter> rates;
  expect_error<value_error>(
      [&] {
        trained([&] {
          auto made = std::make_unique<adam>(adam_options{});
          rates.push_back(made->rate());
          return made;
        });
      },
      text);
  sgd outside;  // holds the weight that it updates
  auto step = compile([&](variable x) {
    const variable loss = mean(square(x * x.owner().read(parameter("v", 1.0))));
    outside.minimize(loss);
    return loss;
  });
  step(array{1, 2});
  expect_error<value_error>([&] { step(array{1, 2, 3}); }, text);
  sequential m{input({1}, float64),
               lambda([](variable v) { return v * v.owner().read(parameter("scale", 1.0)); })};
  m.compile("mse", "sgd");
  const xt::xtensor<double, 2> x{{1.}, {2.}};
  m.fit(x, array{3, 6}, {.progress = nullptr});
  expect_error<value_error>([&] { m.evaluate(x, array{3, 6}); }, text);
}

TEST(StateInTraces, OfLayersThatAreBuiltWhenTheyAreCalledIsMadeOnce) {
  sequential m({dense(3, "tanh"), dense(1)}, 1);
  auto f = compile([&](variable x) { return m(x); });
  for (std::size_t n = 1; n < 4; ++n) f(array(std::vector<std::size_t>{n, 2}, 1.0));
  m.compile("mse", "adam");
  for (int i = 0; i < 2; ++i) {
    m.fit(array{{1, 2}, {3, 4}, {5, 6}}, array{1, 2, 3}, {.batch_size = 2, .progress = nullptr});
    m.compile("mse", "adam");  // with state of its own
  }
}

TEST(StateInTraces, SurvivesTheTraceThatMadeIt) {
  auto count = compile([](variable x) {
    tape& t = x.owner();
    const parameter calls("calls", 0.0);
    t.assign(calls, t.read(calls) + 1);
    return t.read(calls);
  });
  for (std::size_t n = 1; n <= 200; ++n) {
    EXPECT_EQ(count(array(std::vector<std::size_t>{n}, 0.0)).number(), static_cast<double>(n));
  }
  EXPECT_LT(count.trace_count(), 200u);
}

TEST(StateInTraces, OfGeneratorsGoesOn) {
  const auto draws = [](auto f) {
    std::vector<double> all;
    for (std::size_t n : {2, 3, 2, 3, 1}) {
      const array drawn = f(array(std::vector<std::size_t>{n}, 0.0));
      all.insert(all.end(), drawn.begin(), drawn.end());
    }
    return all;
  };
  generator outside(7);
  const auto wanted = draws(compile(
      [&](variable x) { return x + outside.uniform(x.owner(), x.shape(), 0, 1, float64); }));
  EXPECT_EQ(draws(compile([](variable x) {
              generator inside(7);
              return x + inside.uniform(x.owner(), x.shape(), 0, 1, float64);
            })),
            wanted);
}

TEST(StateInTraces, ThatValuesLookedAtIsFoundToo) {
  auto count = compile([](variable x) {
    tape& t = x.owner();
    const parameter calls("calls", 0.0);
    EXPECT_EQ(t.read(calls).value<double>()(), 0);
    t.assign(calls, t.read(calls) + 1);
    return t.read(calls);
  });
  EXPECT_EQ(count(array{1}).number(), 1);
  EXPECT_EQ(count(array{1, 2}).number(), 2);
}

TEST(StateInTraces, ThatDiffersIsRefused) {
  const parameter w("w", 1.0);
  double rate = 0.1;
  auto step = compile([&](variable x) {
    const variable loss = sum(square(x * w));
    adam({.rate = rate}).minimize(loss);
    return loss;
  });
  step(array{1});
  rate = 0.2;
  const double before = w.value<double>()();
  expect_error<value_error>(
      [&] {
        step(array{1, 2});
      },
      "compiled: the state that is made while tracing is not that of an earlier trace, 'rate' "
      "float64 () differs: make it outside of the function");
  EXPECT_EQ(step.trace_count(), 1u);
  EXPECT_EQ(w.value<double>()(), before);
  rate = 0.1;
  step(array{1, 2});

  auto sized = compile([&](variable x) {
    const parameter total("total", array(xt::zeros<double>({x.shape()[0]})));
    x.owner().assign(total, x.owner().read(total) + x);
    return x.owner().read(total);
  });
  sized(array{1});
  expect_error<value_error>(
      [&] {
        sized(array{1, 2});
      },
      "'total' float64 (2,) differs: make it outside");

  auto more = compile([&](variable x) {
    tape& t = x.owner();
    for (std::int64_t i = 0; i < x.shape()[0]; ++i) {
      const parameter p("p", 0.0);
      t.assign(p, t.read(p) + 1);
    }
    return x;
  });
  more(array{1, 2});
  expect_error<value_error>([&] { more(array{1}); }, "'p' float64 () differs: make");
}

// What no run changes is no state: it may differ.
TEST(StateInTraces, ThatNothingAssignsMayDiffer) {
  auto f = compile([](variable x) {
    const parameter weights("weights", array(xt::arange<double>(double(x.shape()[0]))));
    return sum(x * weights);
  });
  EXPECT_EQ(f(array{1, 1}).number(), 1);
  EXPECT_EQ(f(array{1, 1, 1}).number(), 3);
  EXPECT_EQ(f(array{1, 1, 1, 1}).number(), 6);
}

TEST(StateInTraces, OfOneTraceMayBeHeldOutside) {
  std::vector<parameter> kept;
  auto f = compile([&](variable x) {
    kept.emplace_back("calls", 0.0);
    x.owner().assign(kept.back(), x.owner().read(kept.back()) + 1);
    return x;
  });
  f(array{1});
  f(array{1});
  expect_error<value_error>(
      [&] {
        f(array{1, 2});
      },
      "compiled: 'calls' float64 () is made in each trace, and something "
      "else holds it too: make it outside of the function");
  f(array{1});
  EXPECT_EQ(kept.at(0).value<double>()(), 3);
}

// A model's training, evaluation and prediction share what a layer of one's own makes.
TEST(StateInTraces, OfAModelBelongsToTheModel) {
  const auto running_mean = [](variable x) {
    const parameter so_far("mean", array{0}, false);
    const variable before = x.owner().read(so_far);
    x.owner().assign(so_far, before * 0.5 + 0.5 * mean(x, {0}));
    return x - before;
  };
  sequential m{lambda(running_mean), dense(1)};
  m.compile("mse", sgd({.rate = 0.0}));
  const xt::xtensor<double, 2> x{{1}, {3}, {5}}, y{{0}, {0}, {0}};
  m.fit(x, y, {.epochs = 1, .batch_size = 2, .shuffle = false, .progress = nullptr});
  const double weight = m.parameters()[0].value<double>()(0, 0);
  const double mean_so_far = 0.5 * (0.5 * 2) + 0.5 * 5;
  EXPECT_NEAR(m.predict<double>(x)(0, 0), weight * (1 - mean_so_far), 1e-6);
}

}  // namespace
}  // namespace cotape

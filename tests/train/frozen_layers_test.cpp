// Layers that callbacks freeze and unfreeze: a file keeps that, and a fit that failed takes it
// back.
#include <gtest/gtest.h>

#include <cotape/cotape.hpp>

#include "train/setting.hpp"

namespace {

using namespace cotape;
using namespace cotape::tests;

const setting usual;

// Two fits of a normalization and a dense layer, of which a callback changes what is to be trained
// when an epoch of the first one ends, and something else may be done between them.
struct two_fits {
  batch_normalization_options normal = {};
  std::function<void(model&)> before = [](model&) {}, within = before, between = before;

  std::vector<tensor> operator()(const path& file, std::int64_t killed) const {
    sequential m({dense(2), batch_normalization(normal), dense(1)});
    m.compile("mse", adam({.rate = 0.01}));
    m.predict(usual.x);
    before(m);
    const auto fit = [&](std::function<void(model&)> f) {
      const auto change = [&](training& t) {
        if (t.epoch > 0) f(m);
      };
      m.fit(usual.x, usual.y,
            {.epochs = 2,
             .batch_size = 2,
             .callbacks = {calling("on_epoch_end", change), killer(killed), checkpoint(file)},
             .progress = nullptr});
    };
    fit(within);
    if (killed == 4) throw std::runtime_error("killed");  // between the fits
    between(m);
    fit([](model&) {});
    return bits_of(m);
  }
};

TEST(FrozenLayers, WithoutWeightsStayFrozenAfterAKill) {
  two_fits run{.normal = {.center = false, .scale = false}};
  const auto thawed = expect_the_same_after_a_kill(run, {3, 4, 6});
  run.within = [](model& m) { m.layer("batch_normalization").set_trainable(false); };
  EXPECT_FALSE(same(thawed, expect_the_same_after_a_kill(run, {3, 4, 6})));
}

TEST(FrozenLayers, ThatACallbackUnfreezesAreTrainedAfterAKill) {
  two_fits run;
  run.before = [](model& m) {
    m.set_trainable(false);
    m.layer("dense").set_trainable(true);
  };
  const auto frozen = expect_the_same_after_a_kill(run, {3, 4, 6});
  run.within = [](model& m) { m.set_trainable(true); };
  EXPECT_FALSE(same(frozen, expect_the_same_after_a_kill(run, {3, 4, 6})));
}

TEST(FrozenLayers, AreUnfrozenBetweenTheFitsAfterAKill) {
  two_fits run;
  run.within = [](model& m) { m.layer("dense").set_trainable(false); };
  const auto frozen = expect_the_same_after_a_kill(run, {3, 4, 6});
  run.between = [](model& m) { m.set_trainable(true); };
  EXPECT_FALSE(same(frozen, expect_the_same_after_a_kill(run, {3, 4, 6})));
}

// What was frozen by itself stays frozen where its layer is unfrozen.
TEST(FrozenLayers, KnowWhatWasFrozenByItselfAfterAKill) {
  two_fits run;
  run.within = [](model& m) {
    m.parameters()[1].set_trainable(false);
    m.layer("dense").set_trainable(false);
  };
  run.between = [](model& m) { m.set_trainable(true); };
  expect_the_same_after_a_kill(run, {3, 4, 6});
}

// It was refused: the file tells of steps that train what the callback had frozen, or the reverse.
// One within another, which only the user's handle reaches.
TEST(FrozenLayers, WithinOthersStayFrozenAfterAKill) {
  const array x = xt::reshape_view(xt::sin(xt::arange<double>(3 * 4 * 2)), {3, 4, 2});
  for (const bool whole : {false, true}) {
    const auto run = [&](const path& file, std::int64_t killed) {
      const dense inner(2);
      const layer outer = time_distributed(inner);
      sequential m({outer, flatten(), dense(1)});
      m.compile("mse", adam({.rate = 0.01}));
      m.predict(x);
      const auto fit = [&](bool trainable) {
        const auto change = [&](training&) {
          (whole ? outer : layer(inner)).set_trainable(trainable);
        };
        m.fit(x, usual.y,
              {.epochs = 2,
               .batch_size = 2,
               .callbacks = {calling("on_epoch_end", change), killer(killed), checkpoint(file)},
               .progress = nullptr});
      };
      fit(false);
      fit(true);
      fit(true);
      return bits_of(m);
    };
    expect_the_same_after_a_kill(run, {3, 5, 7, 9, 11}, whole ? "outer" : "inner");
  }
}

TEST(FrozenLayers, WithinOthersAreAsBeforeAfterARefusedFit) {
  const array x = xt::zeros<double>({3, 4, 2});
  const batch_normalization inner;
  sequential m({time_distributed(inner), flatten(), dense(1)});
  m.compile("mse", adam());
  m.predict(x);
  const auto freeze = [&](training&) {
    inner.set_trainable(false);
    throw std::runtime_error("no");
  };
  const callbacks refusing{calling("on_fit_begin", freeze)};
  expect_error<std::runtime_error>(
      [&] { m.fit(x, usual.y, {.callbacks = refusing, .progress = nullptr}); }, "no");
  EXPECT_TRUE(inner.trainable());
  for (const parameter& p : m.parameters()) {
    EXPECT_EQ(p.trainable(), p.name().find("moving") == std::string::npos) << p.name();
  }
}

TEST(FrozenLayers, GoOnAfterAFailureInTheSameProcess) {
  for (const bool frozen : {false, true}) {
    for (const char* where : {"on_fit_begin", "on_batch_end", "on_epoch_end"}) {
      const auto run = [&](const path& file, std::int64_t killed) {
        sequential m({dense(2), batch_normalization(), dense(1)});
        m.compile("mse", adam({.rate = 0.01}));
        m.predict(usual.x);
        m.layer("dense").set_trainable(!frozen);
        m.layer("batch_normalization").set_trainable(!frozen);
        const auto fit = [&](std::int64_t step) {
          const auto change = [&](training&) {
            m.layer("dense").set_trainable(frozen);
            m.layer("batch_normalization").set_trainable(frozen);
          };
          m.fit(
              usual.x, usual.y,
              {.epochs = 3,
               .batch_size = 2,
               .callbacks = {calling(where, change), killer(step), checkpoint(file, {.steps = 1})},
               .progress = nullptr});
        };
        if (killed >= 0) {
          expect_error<std::runtime_error>([&] { fit(killed); }, "killed");
          EXPECT_EQ(m.layer("dense").trainable(), !frozen) << where;
        }
        fit(-1);
        EXPECT_EQ(m.layer("dense").trainable(), frozen);
        fit(-1);
        return bits_of(m);
      };
      const own_file once, file;
      const auto wanted = run(once.at, -1);
      EXPECT_TRUE(same(wanted, run(file.at, 3))) << where << frozen;
    }
  }
}

}  // namespace

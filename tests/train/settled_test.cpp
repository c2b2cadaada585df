// What a fit settles when it begins: what it trains and what it reads. Its file tells that, and
// what callbacks change meanwhile waits for the next fit.
#include <gtest/gtest.h>

#include <cotape/cotape.hpp>
#include <xtensor/xview.hpp>

#include "train/setting.hpp"

namespace {

using namespace cotape;
using namespace cotape::tests;

const setting usual;

// Runs more programs than a model keeps: those of its steps were dropped, and recorded anew.
void predict_many(model& m) {
  for (std::size_t n = 1; n <= 80; ++n) m.predict(array(xt::ones<double>({n, std::size_t{2}})));
}

TEST(Settled, StepsStayWhateverElseRuns) {
  sequential m = usual.make();
  const parameter bias = m.parameters()[1];
  calling freezing("on_epoch_end", [&](training&) {
    bias.set_trainable(false);
    predict_many(m);
  });
  std::vector<tensor> seen;
  calling looking("on_epoch_end", [&](training&) { seen.emplace_back(bias.view()); });
  m.fit(usual.x, usual.y,
        {.epochs = 3, .batch_size = 2, .callbacks = {freezing, looking}, .progress = nullptr});
  EXPECT_FALSE(same_bits(seen[0], seen[1]));
  EXPECT_FALSE(same_bits(seen[1], seen[2]));
}

TEST(Settled, ParametersThatACallbackFreezesAreToldAsTheyAreTrained) {
  setting freezing;
  std::optional<parameter> bias;
  freezing.before = [&](model& m) { bias = m.parameters()[1]; };
  freezing.more = [&] {
    return callbacks{calling("on_fit_begin", [&](training&) { bias->set_trainable(false); })};
  };
  const own_file file, other;
  EXPECT_TRUE(same(freezing.trained(file.at), usual.trained(other.at)));
  setting longer;
  longer.epochs = 4;
  EXPECT_TRUE(same(longer.trained(file.at), longer.trained(other.at)));
}

// Two fits with something done between them, killed at a step of the second or not; then once more.
template <class F> void expect_the_same_with(F between) {
  const auto run = [&](const path& file, std::int64_t killed) {
    setting s;
    s.more = [&] { return callbacks{killer(killed)}; };
    sequential m = s.make();
    s.fit(m, file);
    between(m);
    s.fit(m, file);
    return bits_of(m);
  };
  expect_the_same_after_a_kill(run, {6});
}

TEST(Settled, AnotherGeneratorBetweenFitsIsDrawnFrom) {
  expect_the_same_with([](model& m) { m.random() = generator(7); });
  sequential m = usual.make(), n = usual.make();
  for (model* one : {static_cast<model*>(&m), static_cast<model*>(&n)}) {
    one->fit(usual.x, usual.y, {.progress = nullptr});
  }
  m.random() = generator(7);
  m.fit(usual.x, usual.y, {.progress = nullptr});
  n.fit(usual.x, usual.y, {.progress = nullptr});
  EXPECT_FALSE(same(bits_of(m), bits_of(n)));
  EXPECT_EQ(m.random().counter().value<std::int64_t>()(), 1);
}

// The file could not keep which one it is.
TEST(Settled, AnotherGeneratorWithinAFitIsRefused) {
  const own_file file;
  setting changing;
  sequential m = usual.make();
  changing.more = [&] {
    return callbacks{calling("on_epoch_end", [&](training&) { m.random() = generator(7); })};
  };
  EXPECT_EQ(message_of([&] { changing.fit(m, file.at); }),
            "fit: a callback replaced the model's generator, which the steps draw from: set "
            "random() before fit");
}

// A layer that reads a parameter by reference, which is another one in the second fit.
TEST(Settled, AnotherParameterBetweenFitsIsRead) {
  const auto run = [](const path& file, std::int64_t killed) {
    parameter scale("scale", 1.0);
    setting s;
    s.last = [&](variable v) { return v * v.owner().read(scale); };
    s.more = [&] { return callbacks{killer(killed)}; };
    sequential m = s.make();
    s.fit(m, file);
    const parameter first = scale;
    const tensor left(first.view());
    scale = parameter("other", 2.0);
    s.fit(m, file);
    EXPECT_TRUE(same_bits(left, first.view()));
    EXPECT_NE(scale.value<double>()(), 2);
    auto bits = bits_of(m);
    bits.emplace_back(scale.view());
    bits.emplace_back(m.predict(s.x));
    return bits;
  };
  expect_the_same_after_a_kill(run, {6});
}

// What callbacks freeze is for the next fit: killed before that, it was trained.
TEST(Settled, ParametersThatACallbackFreezesStayFrozenAfterAKill) {
  const auto run = [](const path& file, const char* where, std::int64_t killed) {
    const parameter scale("scale", 1.0);
    setting s;
    s.last = [=](variable v) { return v * v.owner().read(scale); };
    sequential m = s.make();
    s.more = [&] {
      return callbacks{calling(where,
                               [&](training& t) {
                                 if (t.epoch == 0) return;
                                 m.parameters()[1].set_trainable(false);
                                 scale.set_trainable(false);
                               }),
                       killer(killed)};
    };
    s.fit(m, file);
    if (killed == 4) throw std::runtime_error("killed");  // between the fits
    s.more = [&] { return callbacks{killer(killed)}; };
    const tensor frozen(m.parameters()[1].view()), other(scale.view());
    s.fit(m, file);
    EXPECT_TRUE(same_bits(frozen, m.parameters()[1].view()));
    EXPECT_TRUE(same_bits(other, scale.view()));
    auto bits = bits_of(m);
    bits.emplace_back(scale.view());
    return bits;
  };
  for (const char* where : {"on_epoch_end", "on_fit_end"}) {
    expect_the_same_after_a_kill(
        [&](const path& file, std::int64_t killed) { return run(file, where, killed); }, {3, 4, 6},
        where);
  }
}

// Also those that a callback keeps as its own state.
TEST(Settled, ParametersOfACallbacksStateThatItFreezesStayFrozenAfterAKill) {
  struct freezing : callback {
    explicit freezing(const parameter& p) : of(p) {}
    void on_epoch_end(training&) override { of.set_trainable(false); }
    std::vector<parameter> state() const override { return {of}; }
    parameter of;
  };
  const auto run = [](const path& file, std::int64_t killed) {
    const parameter scale("scale", 1.0);
    setting s;
    s.last = [=](variable v) { return v * v.owner().read(scale); };
    sequential m = s.make();
    freezing f(scale);
    s.more = [&] { return callbacks{f, killer(killed)}; };
    s.fit(m, file);
    f.of = parameter("scale", 0.0);  // another one, so that the second fit freezes nothing
    const tensor frozen(scale.view());
    s.fit(m, file);
    EXPECT_TRUE(same_bits(frozen, scale.view()));
    return bits_of(m);
  };
  expect_the_same_after_a_kill(run, {3, 6});
}

// The first fit's file could not tell that it was frozen, as no step of it reads it; the message
// told of an operation.
TEST(Settled, WhetherAParameterBesideTheModelsIsTrainedIsTold) {
  const auto with = [](bool trainable, const path& file) {
    const parameter scale("scale", 1.0, trainable);
    setting s;
    s.last = [=](variable v) { return v * v.owner().read(scale); };
    return s.trained(file);
  };
  const own_file file;
  with(true, file.at);
  EXPECT_EQ(message_of([&] { with(false, file.at); }),
            "fit: " + file.at.string() +
                ": it was kept with parameter 0 beside the model's, 'scale' float64 (), here it is "
                "float64 (), not trainable: remove the file to start anew");
}

// The steps went on with the state, and the next fit began without: no file told that.
TEST(Settled, StateThatTheOptimizerDropsOrTakesWithinAFitIsRefused) {
  const parameter other("other", 1.0);
  const std::vector<std::function<void(training&)>> changes{
      [](training& t) { t.how().forget(t.parameters()[0]); },
      [&](training& t) {
        tape own;
        t.how().minimize(square(own.read(other)));
      },
      [](training& t) {
        tape own;
        t.how().accumulate(sum(own.read(t.parameters()[0])));
      }};
  const auto kinds = [](const std::vector<parameter>& list) {
    std::vector<std::string> names;
    for (const parameter& p : list) names.push_back(p.name());
    return names;
  };
  for (const char* where : {"on_fit_begin", "on_batch_begin", "on_epoch_end", "on_safe_point"}) {
    for (const auto& change : changes) {
      adam how;
      sequential m({dense(1)});
      m.compile("mse", how);
      m.fit(usual.x, usual.y, {.progress = nullptr});
      const auto before = kinds(how.state());
      const callbacks all{calling(where, change)};
      EXPECT_EQ(
          message_of([&] { m.fit(usual.x, usual.y, {.callbacks = all, .progress = nullptr}); }),
          "fit: a callback changed what the optimizer holds state for (forget, minimize, apply or "
          "accumulate): do that between fits; to begin anew within one, set the values of "
          "how().state()")
          << where;
      EXPECT_EQ(kinds(how.state()), before) << where;
      EXPECT_EQ(message_of([&] { m.fit(usual.x, usual.y, {.progress = nullptr}); }), "no error");
    }
  }
}

// They were none after a training was gone on with.
TEST(Settled, FiguresOfTheLastEpochAreKept) {
  const auto run = [](const path& file, std::int64_t killed) {
    setting s;
    s.epochs = 4;
    double last = 0;
    s.more = [&] {
      return callbacks{calling("on_epoch_begin",
                               [](training& t) {
                                 if (t.epoch == 0) return;
                                 t.how().rate().set(t.figures["loss"] / 100);
                               }),
                       calling("on_fit_end", [&](training& t) { last = t.figures["mae"]; }),
                       killer(killed)};
    };
    auto bits = s.trained(file);
    bits.emplace_back(parameter("last", last).view());
    return bits;
  };
  expect_the_same_after_a_kill(run, {4});
}

// A loss made it while the step was recorded: where no shorter batch followed, early_stopping did
// not know it.
TEST(Settled, ParametersThatALossMakesAreAmongThoseOfTheTraining) {
  const auto run = [](std::int64_t batch) {
    std::optional<parameter> w;
    sequential m({input({2}, float64), dense(1)});
    m.compile(
        [&](variable p, variable t) {
          if (!w) w.emplace("w", 1.0);
          return mean(square(p * p.owner().read(*w) - t));
        },
        sgd({.rate = 0.01}));
    std::vector<std::string> names;
    calling looking("on_fit_end", [&](training& t) {
      for (const parameter& p : t.parameters()) names.push_back(p.name());
    });
    m.fit(usual.x, usual.y, {.batch_size = batch, .callbacks = {looking}, .progress = nullptr});
    return names;
  };
  const std::vector<std::string> wanted{"dense/weight", "dense/bias", "w"};
  EXPECT_EQ(run(3), wanted);
  EXPECT_EQ(run(2), wanted);
}

// What was made for the old loss was held against the new one.
TEST(Settled, CompileForgetsWhatLossesMade) {
  sequential m({lambda([](variable v) {
                  generator noise(3);
                  return v + 0.01 * noise.uniform(v.owner(), v.shape(), 0, 1, v.dtype());
                }),
                dense(1)});
  m.compile(
      [](variable p, variable t) {
        generator noise(5);
        return mean(square(p - t + 0.1 * noise.normal(p.owner(), p.shape(), 0, 1, p.dtype())));
      },
      sgd());
  const fit_options options{.progress = nullptr};
  m.fit(usual.x, usual.y, options);
  m.fit(usual.x, usual.y, options);
  m.compile("mse", sgd());
  m.fit(usual.x, usual.y, options);
  m.add(lambda([](variable v) {
    generator noise(3);
    return v + noise.uniform(v.owner(), v.shape(), 0, 1, v.dtype());
  }));
  EXPECT_EQ(message_of([&] { m.fit(usual.x, usual.y, options); }), "no error");
}

// predict records the layers alone, and thus the beginning of what a step makes: it was refused.
TEST(Settled, PredictSharesTheStateThatLayersMakeWithFit) {
  const auto predicted = [](bool first) {
    sequential m({lambda([](variable v) {
                    tape& t = v.owner();
                    const parameter seen("seen", 1.0, false);
                    t.assign(seen, t.read(seen) + 1);
                    return v * t.read(seen);
                  }),
                  dense(1)});
    m.compile(
        [](variable p, variable t) {
          generator noise(5);
          return mean(square(p - t + 0.1 * noise.normal(p.owner(), p.shape(), 0, 1, p.dtype())));
        },
        sgd({.rate = 0.01}));
    const fit_options options{.batch_size = 3, .progress = nullptr};
    if (first) m.predict(usual.x);
    m.fit(usual.x, usual.y, options);
    m.evaluate(usual.x, usual.y);
    m.predict(usual.x);
    m.fit(usual.x, usual.y, options);
    for (const parameter& p : m.parameters())
      p.set(array(xt::ones<double>(std::vector<std::size_t>(p.shape().begin(), p.shape().end()))));
    return m.predict(array{{1, 2}});
  };
  // 1 + 2 and a bias of 1, of what has been seen 2 times by fits and once while it predicts.
  EXPECT_EQ(predicted(true).data_as<double>()[0], 4 * 3 + 1);
  EXPECT_TRUE(same_bits(predicted(true), predicted(false)));
}

// It was 1 again in the second fit, without a word.
TEST(Settled, ParametersThatAreMadeInEachTraceAreNotTrainedTwice) {
  sequential m(
      {lambda([](variable v) { return v * v.owner().read(parameter("w", 1.0)); }), dense(1)});
  m.compile("mse", sgd({.rate = 0.01}));
  const fit_options options{.batch_size = 3, .progress = nullptr};
  m.fit(usual.x, usual.y, options);
  EXPECT_TRUE(message_of([&] { m.fit(usual.x, usual.y, options); })
                  .ends_with("is made in each trace, and something else holds it too: make it "
                             "outside of the function"));
}

// A shorter last batch that the fit does not come to.
TEST(Settled, StepsThatAreNotReachedAreNotRecorded) {
  sequential m({input({2}, float64), dense(1)});
  m.compile([](variable p, variable t) { return mean(square(reshape(p - t, {2, 1}))); }, sgd());
  const auto fit = [&](std::int64_t steps) {
    return message_of(
        [&] { m.fit(usual.x, usual.y, {.batch_size = 2, .steps = steps, .progress = nullptr}); });
  };
  EXPECT_EQ(fit(1), "no error");
  EXPECT_NE(fit(2), "no error");
}

// Only fit moves a fit: a file of a position that no fit has was read by none.
TEST(Settled, PositionsAreForReading) {
  const std::vector<std::function<void(training&)>> changes{
      [](training& t) { const history taken = std::move(t.so_far); },
      [](training& t) { ++t.epoch; },
      [](training& t) { t.batch = 0; },
      [](training& t) { t.steps = 0; },
      [](training& t) { t.last_epoch = 9; },
      [](training& t) { t.last_step = 9; },
  };
  for (std::size_t i = 0; i < changes.size(); ++i) {
    const own_file file;
    setting s;
    s.more = [&] { return callbacks{calling("on_epoch_end", changes[i])}; };
    EXPECT_EQ(message_of([&] { s.trained(file.at); }),
              "fit: a callback changed epoch, batch, steps, last_epoch, last_step or the epochs of "
              "so_far: these are for reading, set `stop` to end the fit")
        << i;
  }
}

TEST(Settled, CallbacksAreThoseThatTheFitBeganWith) {
  fit_options o{.epochs = 2, .progress = nullptr};
  int calls = 0;
  o.callbacks = {calling("on_epoch_end", [&](training&) {
    ++calls;
    for (int i = 0; i < 100; ++i) o.callbacks.emplace_back(each_epoch([&](training&) { ++calls; }));
  })};
  sequential m = usual.make();
  m.fit(usual.x, usual.y, o);
  EXPECT_EQ(calls, 2);
}

}  // namespace

// A fit that is refused leaves no trace: the model may be trained on other data as if it had never
// been asked for. An optimizer serves one model.
#include <gtest/gtest.h>

#include <cotape/cotape.hpp>
#include <limits>
#include <optional>
#include <sstream>
#include <xtensor/xtensor.hpp>

#include "train/setting.hpp"

namespace {

using namespace cotape;
using namespace cotape::tests;

const array x = {{1, 2}, {3, 4}, {5, 7}};
const column y = {{1}, {0}, {1}};
const xt::xarray<float> narrow_x = {{1, 2, 3}, {4, 5, 6}};
const xt::xtensor<float, 2> narrow_y = {{1}, {0}};

// Trains a model on other data, of another dtype and width, after `refused` has been refused.
std::vector<tensor> after(std::function<void(model&)> refused) {
  sequential m({dense(3, "tanh"), dropout(0.2), dense(1)}, 4);
  m.compile("mse", adam({.rate = 0.01}), {"mae"});
  if (refused) {
    EXPECT_THROW(refused(m), error);
  }
  const own_file file;
  m.fit(narrow_x, narrow_y, {.callbacks = {checkpoint(file.at)}, .progress = nullptr});
  m.fit(narrow_x, narrow_y, {.callbacks = {checkpoint(file.at)}, .progress = nullptr});
  auto result = bits_of(m);
  for (const auto& [name, value] : read_safetensors(file.at)) {
    if (!name.starts_with("fit/")) result.emplace_back(value);
  }
  EXPECT_NE(m.summary().find("dense_1 "), std::string::npos);
  return result;
}

TEST(RefusedFit, LeavesNoTrace) {
  const auto wanted = after({});
  const auto with = [](callbacks all) {
    return [all](model& m) { m.fit(x, y, {.callbacks = all, .progress = nullptr}); };
  };
  column wrong = y;
  wrong(1, 0) = std::numeric_limits<double>::quiet_NaN();
  EXPECT_TRUE(same(wanted, after([&](model& m) { m.fit(x, wrong); })));
  EXPECT_TRUE(same(wanted, after([&](model& m) { m.fit(x, array{1, 2}); })));
  EXPECT_TRUE(same(wanted, after(with({early_stopping()}))));
  EXPECT_TRUE(same(wanted, after(with({checkpoint("/nowhere/c.safetensors")}))));
  EXPECT_TRUE(same(wanted, after(with({csv_log("/nowhere/log.csv")}))));
  EXPECT_TRUE(same(wanted, after([&](model& m) { m.fit(x, y, {.batch_size = 0}); })));
  EXPECT_TRUE(same(wanted, after([&](model& m) {
                     m.fit(x, y, {.validation_data = {x, wrong}, .progress = nullptr});
                   })));
}

TEST(RefusedFit, AndItsKinLeaveNoTrace) {
  const auto wanted = after({});
  array wrong = x;
  wrong(1, 1) = std::numeric_limits<double>::infinity();
  EXPECT_TRUE(same(wanted, after([&](model& m) { m.predict(wrong); })));
  EXPECT_TRUE(same(wanted, after([&](model& m) { m.evaluate(wrong, y); })));
  EXPECT_TRUE(same(wanted, after([&](model& m) { m.evaluate(x, array{1, 2}); })));
  EXPECT_TRUE(same(wanted, after([&](model& m) { m.check_gradient(x, array{1, 2}); })));
  EXPECT_TRUE(same(wanted, after([&](model& m) { m.train_on_batch(wrong, y); })));
  EXPECT_TRUE(same(wanted, after([&](model& m) { m.train_on_batch(x, array{1, 2}); })));
}

calling refusing(const char* where) {
  return {where, [](training&) { throw value_error("refused"); }};
}

constexpr const char* before_the_first_step[]{"on_fit_begin", "on_resume", "on_epoch_begin",
                                              "on_batch_begin"};

// The state of the optimizer stayed where the model had been built before.
TEST(RefusedFit, LeavesNothingInTheOptimizer) {
  for (const char* where : before_the_first_step) {
    adam how;
    sequential a({dense(1)}), b({dense(1)});
    for (sequential* m : {&a, &b}) m->compile("mse", how);
    a.predict(x);
    const callbacks all{refusing(where)};
    EXPECT_EQ(message_of([&] { a.fit(x, y, {.callbacks = all, .progress = nullptr}); }), "refused");
    EXPECT_TRUE(how.served().empty()) << where;
    EXPECT_EQ(message_of([&] { b.fit(x, y, {.progress = nullptr}); }), "no error") << where;
  }
}

TEST(RefusedFit, ForItsLastBatchLeavesNothingInTheOptimizer) {
  adam how;
  sequential m({dense(1)});
  const loss_function loss([](const variable& p, const variable& t) {
    if (p.shape()[0] == 1) throw value_error("refused");
    return mean(square(p - t));
  });
  m.compile(loss, how);
  m.predict(x);
  EXPECT_EQ(message_of([&] { m.fit(x, y, {.batch_size = 2, .progress = nullptr}); }), "refused");
  EXPECT_TRUE(how.served().empty());
}

// A callback drops some before the fit is refused.
TEST(RefusedFit, LeavesTheOptimizerTheStateThatItHeld) {
  for (const char* where : before_the_first_step) {
    adam how;
    sequential m({dense(2), dense(1)});
    m.compile("mse", how);
    m.fit(x, y, {.progress = nullptr});
    const auto held = [&] {
      std::vector<tensor> values;
      for (const parameter& p : how.state()) values.emplace_back(p.view());
      return values;
    };
    const auto before = held();
    calling dropping(where, [](training& t) {
      t.how().forget(t.parameters()[1]);
      throw value_error("refused");
    });
    const callbacks all{dropping};
    EXPECT_EQ(message_of([&] { m.fit(x, y, {.callbacks = all, .progress = nullptr}); }), "refused");
    EXPECT_TRUE(same(before, held())) << where;
  }
}

// What a callback has set before stays neither.
TEST(RefusedFit, PutsBackWhatCallbacksHaveSet) {
  for (const char* where : before_the_first_step) {
    adam how({.rate = 0.5});
    sequential m({dense(2), dense(1)});
    m.compile("mse", how);
    m.predict(x);
    const auto before = bits_of(m);
    struct keeper : callback {
      void on_fit_begin(training&) override { count.set(2.0); }
      std::vector<parameter> state() const override { return {count}; }
      parameter count{"count", 1.0, false};
    } kept;
    const auto set = [](training& t) {
      t.how().rate().set(0.25);
      for (const parameter& p : t.parameters()) p.set(tensor(p.type()));
    };
    const callbacks all{kept, calling("on_fit_begin", set),
                        scheduled_rate([](std::int64_t) { return 0.125; }), refusing(where)};
    EXPECT_EQ(message_of([&] { m.fit(x, y, {.callbacks = all, .progress = nullptr}); }), "refused");
    EXPECT_TRUE(same(before, bits_of(m))) << where;
    EXPECT_EQ(how.rate().value<double>()(), 0.5) << where;
    EXPECT_EQ(kept.count.value<double>()(), 1.0) << where;
  }
}

// A callback that freezes parameters while it looks, say.
TEST(RefusedFit, PutsBackWhichParametersAreTrainable) {
  for (const char* where : before_the_first_step) {
    sequential m({dense(2), dense(1)});
    m.compile("mse", adam());
    m.predict(x);
    m.parameters()[1].set_trainable(false);
    const auto freeze = [](training& t) {
      for (const parameter& p : t.parameters()) p.set_trainable(!p.trainable());
    };
    const callbacks all{calling("on_fit_begin", freeze), refusing(where)};
    EXPECT_EQ(message_of([&] { m.fit(x, y, {.callbacks = all, .progress = nullptr}); }), "refused");
    std::vector<bool> trainable;
    for (const parameter& p : m.parameters()) trainable.push_back(p.trainable());
    EXPECT_EQ(trainable, (std::vector<bool>{true, false, true, true})) << where;
  }
}

// Their lists of state began anew with the fit.
TEST(RefusedFit, LeavesTheStateOfCallbacksTheParametersThatTheyWere) {
  early_stopping stop({.monitor = "loss"});
  rate_on_plateau plateau({}, "loss");
  const auto state = [&] {
    std::vector<parameter> all = stop.state();
    for (const parameter& p : plateau.state()) all.push_back(p);
    return all;
  };
  const auto values = [](const std::vector<parameter>& of) {
    std::vector<tensor> all;
    for (const parameter& p : of) all.emplace_back(p.view());
    return all;
  };
  const auto refused = [&](std::int64_t units) {
    const std::vector<parameter> before = state();
    const auto kept = values(before);
    sequential other({dense(units), dense(1)});
    other.compile("mse", adam());
    const callbacks all{stop, plateau, refusing("on_resume")};
    EXPECT_EQ(message_of([&] { other.fit(x, y, {.callbacks = all, .progress = nullptr}); }),
              "refused");
    EXPECT_EQ(state(), before);
    EXPECT_TRUE(same(values(state()), kept));
  };
  refused(3);  // before any
  sequential m({dense(2), dense(1)});
  m.compile("mse", adam());
  m.fit(x, y, {.epochs = 2, .callbacks = {stop, plateau}, .progress = nullptr});
  EXPECT_EQ(stop.best_epoch(), 2);
  refused(2);
  refused(3);
  EXPECT_EQ(stop.best_epoch(), 2);
}

// Said once: by a fit that then was refused.
TEST(RefusedFit, LeavesItsWarningsToTheNextOne) {
  sequential m({dense(1)}, 1);
  m.compile("binary_crossentropy", sgd({.rate = 1e-9}));
  const auto said = [&](const callbacks& all) {
    std::ostringstream out;
    const std::string message = message_of([&] {
      m.fit(array{{30, 40}, {-10, -20}}, column{{1}, {0}}, {.callbacks = all, .progress = &out});
    });
    EXPECT_EQ(message, all.empty() ? "no error" : "refused");
    return out.str().find("takes probabilities") != std::string::npos;
  };
  EXPECT_TRUE(said({refusing("on_epoch_begin")}));
  EXPECT_TRUE(said({}));
  EXPECT_FALSE(said({}));
}

// A layer that the refused model made the weights of, and that another model has come to use.
TEST(RefusedFit, LeavesALayerThatAnotherModelHasComeToUse) {
  const dense shared(2);
  sequential a({shared, dense(2), dense(1)}, 4), b({shared, dense(1)}, 5);
  a.compile("mse", adam());
  std::optional<tensor> predicted;
  std::vector<tensor> weights;
  const callbacks all{calling("on_fit_begin",
                              [&](training&) {
                                predicted.emplace(b.predict(x));
                                weights = bits_of(b);
                              }),
                      refusing("on_resume")};
  EXPECT_EQ(message_of([&] { a.fit(x, y, {.callbacks = all, .progress = nullptr}); }), "refused");
  EXPECT_EQ(b.parameters().size(), 4u);
  EXPECT_TRUE(same(weights, bits_of(b)));
  EXPECT_TRUE(same_bits(*predicted, b.predict(x)));
  EXPECT_EQ(b.parameters()[0].name(), "dense/weight");
  EXPECT_NE(b.summary().find("dense "), std::string::npos) << b.summary();
  // The numbers that its weights were drawn from are drawn.
  a.fit(x, y, {.epochs = 0, .progress = nullptr});
  EXPECT_FALSE(same_bits(a.parameters()[0].view(), a.parameters()[2].view()));
  EXPECT_TRUE(same_bits(a.parameters()[0].view(), b.parameters()[0].view()));
}

// A layer without weights that another model uses too keeps no numbers drawn.
TEST(RefusedFit, DrawsItsNumbersAgainBesideASharedLayerWithoutWeights) {
  const auto weights = [](bool refused) {
    const dropout shared(0.5);
    sequential other({dense(1), shared});
    other.predict(x);
    sequential m({dense(2), shared, dense(1)}, 4);
    m.compile("mse", adam());
    const callbacks all{refusing("on_fit_begin")};
    if (refused) {
      EXPECT_THROW(m.fit(x, y, {.callbacks = all, .progress = nullptr}), value_error);
    }
    m.predict(x);
    return bits_of(m);
  };
  EXPECT_TRUE(same(weights(true), weights(false)));
}

// A model that was built for the data of such a fit kept its weights and their dtype.
TEST(RefusedFit, ByACallbackBeforeTheFirstStepLeavesNoTrace) {
  const auto wanted = after({});
  for (const char* where : before_the_first_step) {
    const callbacks all{scheduled_rate([](std::int64_t) { return 0.125; }), refusing(where)};
    EXPECT_TRUE(same(
        wanted, after([&](model& m) { m.fit(x, y, {.callbacks = all, .progress = nullptr}); })))
        << where;
  }
}

// A fit that goes on from a file, and is then refused, left the model where the file was.
TEST(RefusedFit, ThatGoesOnFromAFileLeavesNoTrace) {
  const own_file file;
  setting s;
  s.trained(file.at);
  sequential m = s.make();
  const auto before = bits_of(m);
  s.epochs = 4;
  s.more = [] { return callbacks{refusing("on_epoch_begin")}; };
  EXPECT_EQ(message_of([&] { s.fit(m, file.at); }), "refused");
  EXPECT_TRUE(same(before, bits_of(m)));
  s.more = [] { return callbacks{}; };
  EXPECT_EQ(s.fit(m, file.at).epochs(), 4);
  setting whole;
  whole.epochs = 4;
  EXPECT_TRUE(same(bits_of(m), whole.trained(file.folder / "whole")));
}

// What only the compiled step holds stayed as the file tells it.
TEST(RefusedFit, PutsBackWhatAStepMadeWhileItWasRecorded) {
  const own_file file, once;
  setting s;
  s.how = [] { return sgd(); };
  s.last = [](variable v) {
    generator noise(5);
    return v + noise.normal(v.owner(), v.shape(), 0, 0.5, v.dtype());
  };
  const auto wanted = s.trained(file.at);
  sequential m = s.make();
  const callbacks all{calling("on_resume", [&](training& t) {
    t.restore(read_safetensors(file.at), "mine");
    throw value_error("refused");
  })};
  const fit_options o{.epochs = 2, .batch_size = 2, .callbacks = all, .progress = nullptr};
  EXPECT_EQ(message_of([&] { m.fit(s.x, s.y, o); }), "refused");
  s.fit(m, once.at);
  EXPECT_TRUE(same(wanted, bits_of(m)));
}

// The program that is started again was told that the optimizer's first state differs.
TEST(RefusedFit, MayBeLeftOutOfAProgramThatIsStartedAgain) {
  const own_file file;
  const auto program = [&](bool tried, std::int64_t epochs) {
    setting s;
    s.epochs = epochs;
    sequential m = s.make();
    if (tried) {
      EXPECT_EQ(message_of([&] {
                  m.fit(s.x, s.y, {.callbacks = {refusing("on_batch_begin")}, .progress = nullptr});
                }),
                "refused");
    }
    m.parameters()[0].set_trainable(false);
    s.fit(m, file.at);
  };
  program(true, 2);
  EXPECT_EQ(message_of([&] { program(false, 3); }), "no error");
}

// The first file was written, and refused the next try with other settings.
TEST(RefusedFit, LeavesNoFileOfAnotherCheckpoint) {
  const own_file file;
  setting s;
  s.more = [&] { return callbacks{checkpoint(file.folder / "first")}; };
  EXPECT_NE(message_of([&] { s.trained(file.folder / "no" / "second"); }), "no error");
  EXPECT_FALSE(std::filesystem::exists(file.folder / "first"));
}

// One that holds an earlier fit is written too.
TEST(RefusedFit, LeavesFilesOfEarlierFitsAsTheyWere) {
  const own_file file;
  setting s;
  sequential m = s.make();
  s.fit(m, file.at);
  const std::string bytes = bytes_of(file.at);
  s.more = [&] { return callbacks{checkpoint(file.at)}; };
  EXPECT_NE(message_of([&] { s.fit(m, file.folder / "no" / "second"); }), "no error");
  EXPECT_TRUE(bytes == bytes_of(file.at));
}

// What has been trained stays: it was asked for.
TEST(RefusedFit, IsNoFitThatFailsLater) {
  sequential m({dense(1)});
  m.compile("mse", adam());
  EXPECT_THROW(m.fit(x, y, {.batch_size = 1, .callbacks = {killer(1)}, .progress = nullptr}),
               std::runtime_error);
  const auto kept = bits_of(m);
  ASSERT_EQ(kept.size(), 2u);
  EXPECT_EQ(message_of([&] { m.fit(narrow_x, narrow_y); }),
            "fit: the input has shape (2, 3), the model takes (None, 2)");
  EXPECT_TRUE(same(kept, bits_of(m)));
}

// A second model began with the first one's step count, and its checkpoint said that two parameters
// had one name.
TEST(Optimizer, ServesOneModel) {
  const std::string wanted =
      "fit: the optimizer holds state of 'dense/weight', which is no parameter of this training: "
      "give each model an optimizer of its own";
  const auto both = [](optimizer& how) {
    sequential a({dense(1)}), b({dense(1)});
    for (sequential* m : {&a, &b}) m->compile("mse", how);
    a.fit(x, y, {.progress = nullptr});
    b.predict(x);
    const auto before = bits_of(b);
    const std::string message = message_of([&] { b.fit(x, y, {.progress = nullptr}); });
    EXPECT_EQ(same(before, bits_of(b)), message != "no error");
    a.fit(x, y, {.progress = nullptr});  // goes on as ever
    return message;
  };
  adam moments;
  EXPECT_EQ(both(moments), wanted);
  sgd momentum({.momentum = 0.9});
  EXPECT_EQ(both(momentum), wanted);
  sgd plain;  // without state
  EXPECT_EQ(both(plain), "no error");
}

// Layers that two models share may be trained through both.
TEST(Optimizer, ServesModelsOfTheSameLayers) {
  dense d(1);
  sequential a({d}), b({d});
  adam how;
  a.compile("mse", how);
  b.compile("mae", how);
  a.fit(x, y, {.progress = nullptr});
  b.fit(x, y, {.progress = nullptr});
}

}  // namespace

// The weights of the best epoch in a file, and fits that end for the time.
#include "setting.hpp"

namespace {

using namespace cotape;
using namespace cotape::tests;

// A training that becomes worse from an epoch on: the factor of the error in a step changes.
struct line {
  column x = {{1}, {2}}, y = {{1}, {2}};
  sgd how{{.rate = 0.1}};
  sequential m{dense(
      1, "linear", [](generator&, const shape& s) { return zeros(s, float64); }, false)};
  std::vector<double> weights;  // after each epoch
  line() { m.compile("mse", how); }
  double weight() const { return m.parameters()[0].value<double>()(0, 0); }
  each_epoch worse_from(std::int64_t epoch) {
    return each_epoch([this, epoch](training& t) {
      weights.push_back(weight());
      if (t.epoch == epoch) t.how().rate().set(0.65);  // its factor in an epoch is 1.26
    });
  }
  history fit(std::int64_t epochs, const callbacks& all) {
    return m.fit(x, y,
                 {.epochs = epochs,
                  .batch_size = 1,
                  .shuffle = false,
                  .validation_data = {x, y},
                  .callbacks = all,
                  .progress = nullptr});
  }
};

double weight_in(const path& file) {
  return *read_safetensors(file).begin()->second.data_as<double>();
}

TEST(BestWeights, AreThoseOfTheBestEpoch) {
  const own_folder folder;
  const path file = folder.at / "best.safetensors";
  std::ofstream(file) << "another's";
  line l;
  best_weights best(file);
  std::vector<double> kept;
  each_epoch see([&](training&) { kept.push_back(weight_in(file)); });
  const history h = l.fit(7, {best, l.worse_from(4), see});
  ASSERT_GT(h["val_loss"][6], h["val_loss"][3]);
  EXPECT_EQ(best.best_epoch(), 4);
  EXPECT_EQ(best.best(), h["val_loss"][3]);
  const auto& w = l.weights;
  EXPECT_EQ(kept, (std::vector<double>{w[0], w[1], w[2], w[3], w[3], w[3], w[3]}));
  EXPECT_EQ(l.weight(), w[6]);  // the model keeps the last ones
  load_parameters(file, l.m.parameters());
  EXPECT_EQ(l.m.evaluate(l.x, l.y)["loss"], h["val_loss"][3]);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.at), {}), 1);
}

TEST(BestWeights, FollowTheirOptions) {
  const own_folder folder;
  const auto best_of = [&](best_weights_options o) {
    line l;
    l.m.compile("mse", l.how,
                {metric("closeness", [](variable p, variable t) { return 1 - mean(abs(p - t)); })});
    best_weights best(folder.at / "best.safetensors", std::move(o));
    l.fit(7, {best, l.worse_from(4)});
    const auto at = static_cast<std::size_t>(best.best_epoch() - 1);
    EXPECT_EQ(weight_in(folder.at / "best.safetensors"), l.weights.at(at));
    return best.best_epoch();
  };
  EXPECT_EQ(best_of({.monitor = "val_closeness", .direction = better::higher}), 4);
  EXPECT_EQ(best_of({.monitor = "val_closeness", .direction = better::lower}), 1);
  EXPECT_EQ(best_of({.minimum_delta = 1}), 1);
  EXPECT_EQ(best_of({.start_from_epoch = 5}), 6);
}

// Of a model that reads a parameter beside its own the file has the model's alone.
TEST(BestWeights, AreTheModelsParameters) {
  const own_folder folder;
  const path file = folder.at / "best.safetensors";
  const parameter beside("scale", 1.0);
  sequential m({dense(1), lambda([=](variable v) { return v * v.owner().read(beside); })});
  m.compile("mse", sgd());
  const line l;
  m.fit(l.x, l.y, {.callbacks = {best_weights(file, {.monitor = "loss"})}, .progress = nullptr});
  EXPECT_EQ(message_of([&] { load_parameters(file, m.parameters()); }), "no error");
}

TEST(BestWeights, AreKnownToATrainingThatGoesOn) {
  const own_folder folder;
  const path file = folder.at / "best.safetensors";
  const auto run = [&](const path& state, std::int64_t step) {
    line l;
    best_weights best(file);
    const callbacks all{best, l.worse_from(4), checkpoint(state), killer(step)};
    l.fit(7, all);
    EXPECT_EQ(best.best_epoch(), 4);
    return bits_of(l.m);
  };
  expect_the_same_after_a_kill(run, {6, 8, 9, 10, 13});
  const std::string whole = bytes_of(file);
  // Killed when it was becoming worse: what is not better is not written.
  const own_file state;
  expect_error<std::runtime_error>([&] { run(state.at, 10); }, "killed");
  EXPECT_EQ(bytes_of(file), whole);
  std::filesystem::remove(file);
  run(state.at, -1);
  EXPECT_FALSE(std::filesystem::exists(file));
}

TEST(BestWeights, TellWhatTheyFollow) {
  const own_folder folder;
  const auto keeping = [&](best_weights_options o) {
    return [=, file = folder.at / "best.safetensors"] { return callbacks{best_weights(file, o)}; };
  };
  setting kept, here;
  kept.more = keeping({.monitor = "loss"});
  here.more = keeping({.monitor = "mae"});
  EXPECT_EQ(refusal(kept, here), "it was kept with best_weights 0's monitor loss, here it is mae");
  here.more = keeping({.monitor = "loss", .minimum_delta = 1});
  EXPECT_EQ(refusal(kept, here), "it was kept with best_weights 0's minimum_delta 0, here it is 1");
  EXPECT_EQ(refusal(kept, setting()), "it was kept with callbacks best_weights, here it is none");
  here.more = keeping({.monitor = "loss", .start_from_epoch = 1});
  EXPECT_EQ(refusal(kept, here), "no error");
}

TEST(BestWeights, AreRefusedBeforeTheFirstStep) {
  const own_folder folder;
  const path file = folder.at / "best.safetensors";
  std::ofstream(file) << "another's";
  const auto refused = [&](sequential& m, const callbacks& all) {
    const line l;
    const std::string message =
        message_of([&] { m.fit(l.x, l.y, {.callbacks = all, .progress = nullptr}); });
    EXPECT_EQ(bytes_of(file), "another's");
    return message;
  };
  line l;
  const auto at = [](const path& to) { return best_weights(to, {.monitor = "loss"}); };
  EXPECT_EQ(refused(l.m, {best_weights(file, {.monitor = "mae"})}),
            "best_weights: there will be no 'mae', only: loss");
  EXPECT_EQ(refused(l.m, {at("/nowhere/b.safetensors")}),
            "best_weights: /nowhere/b.safetensors: cannot write in the folder /nowhere: No such "
            "file or directory");
  EXPECT_EQ(refused(l.m, {at(file), at(file)}),
            "best_weights: " + file.string() +
                ": another callback of this fit writes this file: give each its own");
  expect_error<std::runtime_error>([&] { refused(l.m, {at(file), killer(0)}); }, "killed");
  EXPECT_EQ(bytes_of(file), "another's");
  sequential unnamed({dense(1).named("\xff")});
  unnamed.compile("mse", sgd());
  EXPECT_NE(refused(unnamed, {at(file)}).find("is no UTF-8"), std::string::npos);
  EXPECT_EQ(message_of([&] { at("/b.npz"); }),
            "best_weights: /b.npz: weights are kept in .safetensors, not in '.npz'");
  EXPECT_EQ(message_of([&] { best_weights(file, {.minimum_delta = -1}); }),
            "best_weights: a minimum_delta of -1");
  EXPECT_EQ(message_of([&] { best_weights(file, {.start_from_epoch = -1}); }),
            "best_weights: a start_from_epoch of -1");
}

TEST(TimeLimit, EndsTheFitAfterTheStepThatPassesIt) {
  line cut, whole;
  std::int64_t steps = 0;
  const history h = cut.fit(
      3, {time_limit(1e-12), calling("on_batch_end", [&](training& t) { steps = t.steps; })});
  EXPECT_EQ(steps, 1);
  EXPECT_EQ(h.epochs(), 1u);  // with its figures, those of validation too
  EXPECT_EQ(h["val_loss"][0], cut.m.evaluate(cut.x, cut.y)["loss"]);
  EXPECT_EQ(whole.fit(3, {time_limit(1e9)}).epochs(), 3u);
}

TEST(TimeLimit, CountsWhatTheTrainingHadRunFor) {
  const own_file file;
  const auto run = [&](time_limit limit, std::int64_t step, std::int64_t epochs = 5) {
    line l;
    each_epoch see([&](training& t) {
      EXPECT_GT(limit.state()[0].value<double>()(), 0) << t.epoch;
      if (t.epoch == 2) limit.state()[0].set(1e6);  // as if it had taken so long
    });
    return l.fit(epochs, {limit, see, checkpoint(file.at, {.steps = 1}), killer(step)});
  };
  expect_error<std::runtime_error>([&] { run(time_limit(1e9), 5); }, "killed");
  EXPECT_EQ(run(time_limit(1e5), -1).epochs(), 3u);  // at once, in its third epoch
  const history longer = run(time_limit(1e9), -1, 6);
  EXPECT_EQ(longer.epochs(), 3u);
  ASSERT_EQ(longer.warnings.size(), 1u);
  EXPECT_NE(longer.warnings[0].find("the training was stopped"), std::string::npos);
}

TEST(TimeLimit, BeginsAnewWithEachFit) {
  line l;
  time_limit limit(1e6);
  l.fit(1, {limit});
  limit.state()[0].set(1e7);
  EXPECT_EQ(l.fit(2, {limit}).epochs(), 2u);
}

TEST(TimeLimit, IsAboveNothing) {
  EXPECT_EQ(message_of([] { time_limit(0); }), "time_limit: 0 seconds");
  EXPECT_EQ(message_of([] { time_limit(std::nan("")); }), "time_limit: nan seconds");
}

}  // namespace

// Stopping early, rates that change, logs.
#include <gtest/gtest.h>

#include <cotape/cotape.hpp>
#include <fstream>
#include <xtensor/xtensor.hpp>

#include "expect_error.hpp"
#include "own_folder.hpp"

namespace {

using namespace cotape;
using cotape::tests::message_of;

using array = xt::xarray<double>;
using column = xt::xtensor<double, 2>;

// y = w x, w from 0, whose rate the test sets: it learns, then runs away.
struct line {
  column x = {{1}, {2}}, y = {{1}, {2}};
  sgd how{{.rate = 0.1}};
  sequential m{dense(
      1, "linear", [](generator&, const shape& s) { return zeros(s, float64); }, false)};
  line() { m.compile("mse", how); }
  double weight() { return m.parameters()[0].value<double>()(0, 0); }
};

// Makes the training worse from an epoch on.
each_epoch worse_from(std::int64_t epoch) {
  return each_epoch([=](training& t) {
    if (t.epoch == epoch) t.how().rate().set(0.7);  // gains a factor of |1 - 5 * 0.7| each step
  });
}

TEST(EarlyStopping, GoesBackToTheBestWeights) {
  line l;
  std::vector<double> weights;
  early_stopping stop({.monitor = "val_loss", .patience = 3});
  const history h =
      l.m.fit(l.x, l.y,
              {.epochs = 50,
               .validation_data = {l.x, l.y},
               .callbacks = {stop, worse_from(4), each_epoch([&](training& t) {
                               weights.push_back(t.parameters()[0].value<double>()(0, 0));
                             })}});
  EXPECT_EQ(h.epochs(), 7u);  // the fourth was the best, three more were borne
  EXPECT_EQ(stop.best_epoch(), 4);
  EXPECT_EQ(stop.best(), h["val_loss"][3]);
  EXPECT_EQ(l.weight(), weights[3]);
  EXPECT_EQ(l.m.evaluate(l.x, l.y)["loss"], h["val_loss"][3]);
}

// A parameter of no layer, and what a layer of one's own assigns, were those of the last epoch.
TEST(EarlyStopping, GoesBackToParametersBesideTheModel) {
  line l;
  const parameter scale("scale", xt::xarray<double>(1.0)), same_name("scale", 1.0),
      seen("seen", 0.0, false);
  sequential m{
      dense(
          1, "linear", [](generator&, const shape& s) { return zeros(s, float64); }, false),
      lambda([=](variable v) {
        tape& t = v.owner();
        t.assign(seen, t.read(seen) + 1);
        return v * t.read(scale) * t.read(same_name);
      })};
  m.compile("mse", l.how);
  std::vector<double> scales, counts;
  early_stopping stop({.monitor = "val_loss", .patience = 3});
  each_epoch see([&](training& t) {
    if (t.epoch == 4) t.how().rate().set(1.5);
    scales.push_back(scale.value<double>()());
    counts.push_back(seen.value<double>()());
  });
  const tests::own_folder folder;
  const history h = m.fit(l.x, l.y,
                          {.epochs = 50,
                           .validation_data = {l.x, l.y},
                           .callbacks = {stop, see, checkpoint(folder.at / "c")}});
  const auto best = static_cast<std::size_t>(stop.best_epoch() - 1);
  ASSERT_LT(best + 1, h.epochs());
  ASSERT_NE(scales[best], scales.back());
  EXPECT_EQ(scale.value<double>()(), scales[best]);
  EXPECT_EQ(seen.value<double>()(), counts[best]);
  EXPECT_EQ(m.evaluate(l.x, l.y)["loss"], h["val_loss"][best]);
}

// Made when the step is recorded: by a layer that holds it, and at each recording.
TEST(EarlyStopping, GoesBackToWhatTheStepMakes) {
  line l;
  std::optional<parameter> held;
  sequential m{
      dense(
          1, "linear", [](generator&, const shape& s) { return zeros(s, float64); }, false),
      lambda([&](variable v) {
        if (!held) held.emplace("held", 1.0);
        return v * v.owner().read(*held);
      })};
  m.compile("mse", l.how);
  std::vector<double> values;
  early_stopping stop({.monitor = "val_loss", .patience = 3});
  each_epoch see([&](training& t) {
    if (t.epoch == 4) t.how().rate().set(1.5);
    values.push_back(held->value<double>()());
  });
  m.fit(l.x, l.y, {.epochs = 50, .validation_data = {l.x, l.y}, .callbacks = {stop, see}});
  const auto best = static_cast<std::size_t>(stop.best_epoch() - 1);
  ASSERT_NE(values[best], values.back());
  EXPECT_EQ(held->value<double>()(), values[best]);
}

TEST(EarlyStopping, KeepsTheLastWeightsByChoice) {
  line l;
  early_stopping stop({.monitor = "loss", .restore_best_weights = false});
  const history h = l.m.fit(l.x, l.y, {.epochs = 50, .callbacks = {worse_from(4), stop}});
  EXPECT_EQ(stop.best_epoch(), 5);  // the loss before that epoch's update
  EXPECT_EQ(h.epochs(), 6u);
  EXPECT_GT(std::abs(l.weight() - 1), 0.1);
}

TEST(EarlyStopping, StopsWhenTheLossNoLongerFalls) {
  line l;
  early_stopping stop({.monitor = "loss", .minimum_delta = 1e-3});
  const history h = l.m.fit(l.x, l.y, {.epochs = 500, .callbacks = {stop}});
  const auto& loss = h["loss"];
  ASSERT_LT(h.epochs(), 20u);
  EXPECT_LT(loss[loss.size() - 2] - loss.back(), 1e-3);
  EXPECT_GE(loss[loss.size() - 3] - loss[loss.size() - 2], 1e-3);
}

TEST(EarlyStopping, WantsMoreOfAnAccuracy) {
  line l;
  l.m.compile(
      "mse", l.how,
      {metric(
          "hits", [](variable p, variable t) { return 1 - mean(abs(p - t)); }, better::higher)});
  early_stopping stop({.monitor = "hits"});
  const history h = l.m.fit(l.x, l.y, {.epochs = 50, .callbacks = {worse_from(4), stop}});
  EXPECT_EQ(h.epochs(), 6u);
  EXPECT_EQ(stop.best_epoch(), 5);
  EXPECT_EQ(stop.best(), h["hits"][4]);
}

// A metric of one's own that rises as the loss falls.
metric closeness(std::optional<better> direction = {}) {
  return {"closeness", [](variable p, variable t) { return 1 - mean(abs(p - t)); }, direction};
}

TEST(Monitors, TakeTheDirectionFromTheMetricOrTheOption) {
  const auto best_of = [](const metric& m, std::optional<better> chosen) {
    line l;
    l.m.compile("mse", l.how, {m});
    early_stopping stop({.monitor = "val_closeness", .patience = 50, .direction = chosen});
    l.m.fit(l.x, l.y,
            {.epochs = 8, .validation_data = {l.x, l.y}, .callbacks = {worse_from(4), stop}});
    return stop.best_epoch();
  };
  EXPECT_EQ(best_of(closeness(better::higher), {}), 4);
  EXPECT_EQ(best_of(closeness(), better::higher), 4);
  EXPECT_EQ(best_of(closeness(better::higher), better::lower), 8);
}

TEST(Monitors, KnowTheDirectionsOfNames) {
  for (const char* name : {"accuracy", "acc", "binary_accuracy", "categorical_accuracy",
                           "sparse_categorical_accuracy", "r2", "r2_score"}) {
    EXPECT_EQ(metric(name).direction(), better::higher) << name;
  }
  for (const char* name : {"rmse", "root_mean_squared_error", "mse", "huber", "mape"}) {
    EXPECT_EQ(metric(name).direction(), better::lower) << name;
  }
  EXPECT_EQ(metric("mine", mae).direction(), better::lower);
  EXPECT_EQ(metric("mine", mae, better::higher).direction(), better::higher);
  EXPECT_EQ(closeness().direction(), std::nullopt);
}

TEST(Monitors, ThatCannotBeFollowedAreRefusedBeforeTheFirstStep) {
  const auto refusal = [](const given<callback>& c, std::vector<metric> metrics,
                          double validation = 0) {
    line l;
    l.m.compile("mse", l.how, std::move(metrics));
    l.m.predict(l.x);
    const std::string message = message_of([&] {
      l.m.fit(l.x, l.y, {.epochs = 2, .validation_split = validation, .callbacks = {c}});
    });
    EXPECT_EQ(l.weight(), 0);
    return message;
  };
  const std::string none =
      ": there will be no 'val_loss', only: loss, mae; those of validation "
      "need validation_split, validation_data or validation_source";
  EXPECT_EQ(refusal(early_stopping(), {"mae"}), "early_stopping" + none);
  EXPECT_EQ(refusal(rate_on_plateau(), {"mae"}), "rate_on_plateau" + none);
  const tests::own_folder folder;
  EXPECT_EQ(refusal(best_weights(folder.at / "b.safetensors"), {"mae"}), "best_weights" + none);
  EXPECT_TRUE(std::filesystem::is_empty(folder.at));
  EXPECT_EQ(refusal(early_stopping({.monitor = "val_r2"}), {"mae"}, 0.5),
            "early_stopping: there will be no 'val_r2', only: loss, mae, val_loss, val_mae");
  const std::string unknown =
      ": whether lower or higher values of 'closeness' are better is not "
      "known: give the metric or the callback a direction, better::lower "
      "or better::higher";
  EXPECT_EQ(refusal(early_stopping({.monitor = "closeness"}), {closeness()}),
            "early_stopping" + unknown);
  EXPECT_EQ(refusal(rate_on_plateau({}, "closeness"), {closeness()}), "rate_on_plateau" + unknown);
}

// The first two epochs are the best ones, and do not count.
TEST(EarlyStopping, StartsFromAnEpoch) {
  for (const bool twice : {false, true}) {
    line l;
    each_epoch worse([](training& t) {
      if (t.so_far.epochs() == 1) t.how().rate().set(0.41);  // a factor of 1.05 each step
    });
    early_stopping stop({.monitor = "loss", .patience = 2, .start_from_epoch = 2});
    if (twice) l.m.fit(l.x, l.y, {.epochs = 3});  // counted in each fit anew
    l.how.rate().set(0.1);
    const history h = l.m.fit(l.x, l.y, {.epochs = 50, .callbacks = {stop, worse}});
    EXPECT_EQ(h.epochs(), 5u);
    EXPECT_EQ(stop.best_epoch(), twice ? 6 : 3);
    EXPECT_EQ(stop.best(), h["loss"][2]);
  }
  line none;
  early_stopping stop({.monitor = "loss", .start_from_epoch = 9});
  EXPECT_EQ(none.m.fit(none.x, none.y, {.epochs = 4, .callbacks = {stop}}).epochs(), 4u);
  EXPECT_EQ(stop.best_epoch(), 0);
}

TEST(EarlyStopping, SaysWhatIsWrong) {
  EXPECT_EQ(message_of([] { early_stopping({.start_from_epoch = -1}); }),
            "early_stopping: a start_from_epoch of -1");
  EXPECT_EQ(message_of([] { early_stopping({.patience = -1}); }),
            "early_stopping: a patience of -1");
  EXPECT_EQ(message_of([] { early_stopping({.minimum_delta = -1}); }),
            "early_stopping: a minimum_delta of -1");
}

TEST(ScheduledRate, SetsTheRateByEpochAndByStep) {
  line l;
  std::vector<double> rates;
  each_epoch see([&](training& t) { rates.push_back(t.how().rate().value<double>()()); });
  l.m.fit(l.x, l.y, {.epochs = 3, .callbacks = {scheduled_rate(step_decay(0.1, 0.5, 1)), see}});
  l.m.fit(l.x, l.y, {.epochs = 1, .callbacks = {scheduled_rate(step_decay(0.1, 0.5, 1)), see}});
  EXPECT_EQ(rates, (std::vector<double>{0.1, 0.05, 0.025, 0.0125}));
  rates.clear();
  line other;
  const auto by_step = [](std::int64_t step) { return 0.01 * static_cast<double>(step); };
  other.m.fit(other.x, other.y,
              {.epochs = 2,
               .batch_size = 1,
               .callbacks = {scheduled_rate(by_step, schedule_by::step), see}});
  EXPECT_EQ(rates, (std::vector<double>{0.01, 0.03}));
  EXPECT_EQ(message_of([] { scheduled_rate(nullptr); }), "scheduled_rate: no schedule");
}

TEST(RateOnPlateau, ReducesTheRate) {
  line l;
  std::vector<double> rates;
  l.how.rate().set(0.0);
  l.m.fit(
      l.x, l.y,
      {.epochs = 5,
       .callbacks = {
           each_epoch([&](training& t) {
             if (t.epoch == 1) t.how().rate().set(1e-9);
           }),
           rate_on_plateau({.factor = 0.5, .patience = 2, .minimum_delta = 1e-3}, "loss"),
           each_epoch([&](training& t) { rates.push_back(t.how().rate().value<double>()()); })}});
  EXPECT_EQ(rates, (std::vector<double>{1e-9, 1e-9, 5e-10, 5e-10, 2.5e-10}));
}

TEST(RateOnPlateau, FollowsAFigureThatRises) {
  const auto rates = [](std::optional<better> chosen, std::optional<better> of_metric) {
    line l;
    l.m.compile("mse", l.how, {closeness(of_metric)});
    std::vector<double> seen;
    l.m.fit(
        l.x, l.y,
        {.epochs = 4,
         .callbacks = {
             rate_on_plateau({.factor = 0.5, .patience = 1, .direction = chosen}, "closeness"),
             each_epoch([&](training& t) { seen.push_back(t.how().rate().value<double>()()); })}});
    return seen;
  };
  const std::vector<double> kept(4, 0.1), halved{0.1, 0.05, 0.025, 0.0125};
  EXPECT_EQ(rates({}, better::higher), kept);
  EXPECT_EQ(rates(better::higher, {}), kept);
  EXPECT_EQ(rates(better::lower, better::higher), halved);
}

TEST(CsvLog, IsRefusedBeforeTheFirstStep) {
  const tests::own_folder folder;
  const auto refused = [](std::vector<given<callback>> list) {
    line l;
    int steps = 0;
    each_epoch count([&](training&) { ++steps; });
    list.insert(list.begin(), count);
    const std::string message = message_of([&] { l.m.fit(l.x, l.y, {.callbacks = list}); });
    EXPECT_EQ(steps, 0);
    return message;
  };
  EXPECT_EQ(
      refused({csv_log("/nowhere/l.csv")}),
      "csv_log: /nowhere/l.csv: cannot write in the folder /nowhere: No such file or directory");
  EXPECT_EQ(refused({csv_log(folder.at)}),
            "csv_log: " + folder.at.string() + ": it is a folder, no regular file");
  const auto file = folder.at / "l", same = folder.at / "." / "l", link = folder.at / "link";
  const std::string twice = ": another callback of this fit writes this file: give each its own";
  EXPECT_EQ(refused({csv_log(file), csv_log(same)}), "csv_log: " + same.string() + twice);
  EXPECT_EQ(refused({checkpoint(file), csv_log(file)}), "csv_log: " + file.string() + twice);
  EXPECT_EQ(refused({checkpoint(file), checkpoint(same)}), "checkpoint: " + same.string() + twice);
  EXPECT_TRUE(std::filesystem::is_empty(folder.at));
  const auto second = folder.at / "second";  // links to a file that there is not yet
  std::filesystem::create_symlink("l", link);
  std::filesystem::create_symlink("link", second);
  EXPECT_EQ(refused({csv_log(link), csv_log(second)}), "csv_log: " + second.string() + twice);
  EXPECT_EQ(refused({checkpoint(link), csv_log(file)}), "csv_log: " + file.string() + twice);
  std::ofstream(file) << "old";
  EXPECT_EQ(refused({csv_log(link), csv_log(file)}), "csv_log: " + file.string() + twice);
}

TEST(CsvLog, HasALineAnEpoch) {
  const auto file = std::filesystem::path(testing::TempDir()) / "cotape_log.csv";
  line l;
  const history h = l.m.fit(l.x, l.y, {.epochs = 3, .callbacks = {csv_log(file)}});
  std::ifstream in(file);
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(in), {}), h.csv());
  std::filesystem::remove(file);
  EXPECT_EQ(
      message_of([&] { l.m.fit(l.x, l.y, {.callbacks = {csv_log("/nowhere/l.csv")}}); }),
      "csv_log: /nowhere/l.csv: cannot write in the folder /nowhere: No such file or directory");
  const auto folder = std::filesystem::path(testing::TempDir()) / "cotape_log_folder";
  std::filesystem::create_directory(folder);
  each_epoch remove([&](training&) { std::filesystem::remove_all(folder); });
  EXPECT_EQ(message_of([&] {
              l.m.fit(l.x, l.y, {.epochs = 3, .callbacks = {csv_log(folder / "l.csv"), remove}});
            }),
            "csv_log: " + (folder / "l.csv").string() + ": cannot write in the folder " +
                folder.string() + ": No such file or directory");
}

}  // namespace

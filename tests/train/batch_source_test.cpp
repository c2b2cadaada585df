// Sources of batches: what is not in memory trains as what is, one batch ahead of the steps.
#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <cotape/cotape.hpp>
#include <limits>
#include <mutex>
#include <set>
#include <sstream>
#include <thread>
#include <xtensor/xtensor.hpp>
#include <xtensor/xview.hpp>

#include "train/setting.hpp"

namespace {

using namespace cotape;
using namespace cotape::tests;

const array x = {{1, 2}, {3, 4}, {5, 7}, {2, 0}, {1, 1}, {0, 3}, {4, 4}, {2, 5}, {6, 1}, {3, 3}};
const column y = {{1}, {0}, {1}, {0}, {1}, {1}, {0}, {0}, {1}, {0}};

labelled_batch rows_at(std::vector<std::int64_t> rows) {
  return {take_rows(x, rows), take_rows(y, rows)};
}

// Batches of 4 of the first rows, in their order.
batch_source::function in_order(std::int64_t rows) {
  return [=](std::int64_t, std::int64_t index) -> std::optional<labelled_batch> {
    std::vector<std::int64_t> list;
    for (std::int64_t r = 4 * index; r < std::min(rows, 4 * index + 4); ++r) list.push_back(r);
    if (list.empty()) return {};
    return rows_at(list);
  };
}

// The same of another order in each epoch, and altered.
std::optional<labelled_batch> drawn(std::int64_t epoch, std::int64_t index) {
  const auto order = shuffled_rows(10, static_cast<std::uint64_t>(epoch));
  if (4 * index >= 10) return {};
  const auto end = std::min<std::int64_t>(10, 4 * index + 4);
  const std::vector<std::int64_t> rows(order.begin() + 4 * index, order.begin() + end);
  array some = take_rows(x, rows);
  some += 0.01 * static_cast<double>(epoch);
  return labelled_batch(some, take_rows(y, rows));
}

sequential made() {
  sequential m({dense(3, "tanh"), dropout(0.25), dense(1)}, 5);
  m.compile("mse", adam({.rate = 0.01}), {"mae"});
  return m;
}

TEST(BatchSource, TrainsAsArraysDo) {
  for (const std::int64_t rows : {10, 8}) {
    for (const bool told : {true, false}) {
      if (!told && rows % 4 != 0) continue;
      sequential once = made(), other = made();
      const fit_options options{.epochs = 3,
                                .batch_size = 4,
                                .shuffle = false,
                                .validation_data = {x, y},
                                .progress = nullptr};
      const array some_x = xt::view(x, xt::range(0, rows)),
                  some_y = xt::view(y, xt::range(0, rows));
      const history wanted = once.fit(some_x, some_y, options);
      const history h = other.fit(batch_source(in_order(rows), {.rows = told ? rows : 0}), options);
      EXPECT_EQ(wanted.csv(), h.csv());
      EXPECT_TRUE(same(bits_of(once), bits_of(other)));
    }
  }
}

TEST(BatchSource, ValidatesAndEvaluatesAsArraysDo) {
  sequential once = made(), other = made();
  std::set<std::int64_t> epochs;
  const batch_source source(
      [&](std::int64_t epoch, std::int64_t index) {
        epochs.insert(epoch);
        return in_order(10)(epoch, index);
      },
      {.rows = 10});
  const history wanted = once.fit(x, y,
                                  {.epochs = 3,
                                   .validation_data = {x, y},
                                   .callbacks = {early_stopping()},
                                   .progress = nullptr});
  const history h = other.fit(x, y,
                              {.epochs = 3,
                               .validation_source = source,
                               .callbacks = {early_stopping()},
                               .progress = nullptr});
  EXPECT_EQ(epochs, (std::set<std::int64_t>{0}));
  for (const char* figure : {"val_loss", "val_mae"}) {
    for (std::size_t i = 0; i < 3; ++i) EXPECT_NEAR(wanted[figure][i], h[figure][i], 1e-12);
  }
  EXPECT_TRUE(same(bits_of(once), bits_of(other)));
  for (const batch_source& of : {source, batch_source(in_order(8))}) {
    const auto rows = of.options().rows == 0 ? 8 : 10;
    const array some_x = xt::view(x, xt::range(0, rows)), some_y = xt::view(y, xt::range(0, rows));
    EXPECT_NEAR(other.evaluate(of)["mae"], other.evaluate(some_x, some_y)["mae"], 1e-12);
  }
}

TEST(BatchSource, CountsEpochsOverAllFits) {
  std::vector<std::int64_t> epochs;
  const batch_source source([&](std::int64_t epoch, std::int64_t index) {
    if (index == 0) epochs.push_back(epoch);
    return in_order(8)(epoch, index);
  });
  sequential m = made();
  m.fit(source, {.epochs = 2, .progress = nullptr});
  m.fit(source, {.epochs = 1, .progress = nullptr});
  EXPECT_EQ(epochs, (std::vector<std::int64_t>{0, 1, 2}));
}

TEST(BatchSource, TrainsModelsOfSeveralInputsAndOutputs) {
  const symbol a = input({2}, float64), b = input({2}, float64);
  const auto make = [&] {
    model m({a, b}, {dense(1)(concatenate({a, b})), dense(1)(b)}, 2);
    m.compile("mse", sgd());
    return m;
  };
  model once = make(), other = make();
  once.fit({x, x}, {y, y}, {.batch_size = 10, .shuffle = false, .progress = nullptr});
  other.fit(batch_source(
                [](std::int64_t, std::int64_t) {
                  return labelled_batch({x, x}, {y, y});
                },
                {.rows = 10}),
            {.progress = nullptr});
  EXPECT_TRUE(same(bits_of(once), bits_of(other)));
}

TEST(BatchSource, GoesOnToTheSameBitsAfterAKill) {
  for (const std::int64_t told : {10, 0}) {
    const auto run = [&](const path& file, std::int64_t step) {
      sequential m = made();
      const batch_source source(
          [&](std::int64_t epoch, std::int64_t index) -> std::optional<labelled_batch> {
            if (told == 0 && index == 2) return {};  // the smaller one
            return drawn(epoch, index);
          },
          {.name = "drawn", .rows = told});
      m.fit(source, {.epochs = 3,
                     .callbacks = {checkpoint(file, {.steps = 1}), killer(step)},
                     .progress = nullptr});
      return bits_of(m);
    };
    expect_the_same_after_a_kill(run, {0, 1, 2, 3, 4, 5}, told == 0 ? "not told" : "told");
  }
}

TEST(BatchSource, IsAskedForWhatAResumedTrainingGoesOnWith) {
  const own_file file;
  using asked_for = std::vector<std::pair<std::int64_t, std::int64_t>>;
  asked_for asked;
  const batch_source source(
      [&](std::int64_t epoch, std::int64_t index) {
        asked.emplace_back(epoch, index);
        return drawn(epoch, index);
      },
      {.rows = 10});
  const auto fit = [&](std::int64_t step) {
    sequential m = made();
    m.fit(source, {.epochs = 2,
                   .callbacks = {checkpoint(file.at, {.steps = 1}), killer(step)},
                   .progress = nullptr});
  };
  expect_error<std::runtime_error>([&] { fit(4); }, "killed");
  asked.clear();
  fit(-1);
  EXPECT_EQ(asked, (asked_for{{0, 0}, {1, 1}, {1, 2}}));
}

TEST(BatchSource, IsKnownByItsNameAndRows) {
  const auto refused = [](source_options kept,
                          std::function<void(model&, const fit_options&)> fit) {
    const own_file file;
    sequential first = made(), second = made();
    const fit_options options{.callbacks = {checkpoint(file.at)}, .progress = nullptr};
    first.fit(batch_source(in_order(8), kept), options);
    return message_of([&] { fit(second, options); });
  };
  const auto with = [](source_options here) {
    return [=](model& m, const fit_options& o) { m.fit(batch_source(in_order(8), here), o); };
  };
  const auto says = [](const std::string& message, const std::string& what) {
    EXPECT_NE(message.find(what), std::string::npos) << message;
  };
  says(refused({.name = "a"}, with({.name = "b"})),
       "it was kept with data source 'a', here it is source 'b': remove the file to start anew");
  says(refused({.rows = 8}, with({})), "it was kept with rows 8, here it is not told");
  says(refused({}, [](model& m, const fit_options& o) { m.fit(x, y, o); }),
       "it was kept with data source '', here it is arrays");
  EXPECT_EQ(refused({.name = "a"}, with({.name = "a"})), "no error");
}

TEST(BatchSource, ThrowsWhatItsFunctionThrows) {
  struct of_its_own {
    int number;
  };
  sequential m = made(), twice = made();
  const batch_source failing([](std::int64_t epoch, std::int64_t index) {
    if (index == 2) throw of_its_own{7};
    return drawn(epoch, index);
  });
  try {
    m.fit(failing, {.progress = nullptr});
    ADD_FAILURE() << "no error";
  } catch (const of_its_own& e) {
    EXPECT_EQ(e.number, 7);
  }
  // After the steps before it.
  twice.fit(batch_source(drawn), {.steps = 2, .progress = nullptr});
  EXPECT_TRUE(same(bits_of(m), bits_of(twice)));
}

TEST(BatchSource, IsAskedForTheNextBatchWhileAStepRuns) {
  std::mutex guard;
  std::condition_variable changed;
  bool asked = false;
  const batch_source source([&](std::int64_t epoch, std::int64_t index) {
    if (index == 1) {
      const std::lock_guard lock(guard);
      asked = true;
      changed.notify_all();
    }
    return in_order(8)(epoch, index);
  });
  calling first("on_batch_begin", [&](training& t) {
    std::unique_lock lock(guard);
    if (t.steps == 0) {
      EXPECT_TRUE(changed.wait_for(lock, std::chrono::minutes(1), [&] { return asked; }));
    }
  });
  sequential m = made();
  m.fit(source, {.callbacks = {first}, .progress = nullptr});
}

TEST(BatchSource, IsLeftAloneWhenTheFitHasEnded) {
  std::atomic<int> at_work = 0, calls = 0;
  const batch_source slow([&](std::int64_t epoch, std::int64_t index) {
    ++at_work, ++calls;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    --at_work;
    return in_order(8)(epoch, index);
  });
  for (const bool throws : {false, true}) {
    sequential m = made();
    calling ending("on_batch_end", [&](training& t) {
      if (throws) throw std::runtime_error("killed");
      t.stop = true;
    });
    const fit_options options{.callbacks = {ending}, .progress = nullptr};
    if (throws) expect_error<std::runtime_error>([&] { m.fit(slow, options); }, "killed");
    else m.fit(slow, options);
    EXPECT_EQ(at_work, 0);
  }
  EXPECT_EQ(calls, 4);
}

TEST(BatchSource, TellsCallbacksWhereItEndsAsFarAsItKnows) {
  using ends = std::pair<std::int64_t, std::int64_t>;
  const auto told = [](std::int64_t rows, std::int64_t epochs, std::int64_t steps) {
    ends result;
    calling see("on_fit_begin", [&](training& t) { result = {t.last_epoch, t.last_step}; });
    sequential m = made();
    m.fit(batch_source(in_order(8), {.rows = rows}),
          {.epochs = epochs, .steps = steps, .callbacks = {see}, .progress = nullptr});
    return result;
  };
  EXPECT_EQ(told(8, 3, 0), ends(3, 6));
  EXPECT_EQ(told(0, 3, 0), ends(3, -1));
  EXPECT_EQ(told(8, 1, 3), ends(2, 3));
  EXPECT_EQ(told(0, 1, 3), ends(-1, 3));
}

// A message of a fit that a function's batches lead to; no bit of the model has changed.
std::string refusal_of(batch_source::function f, source_options options = {},
                       const fit_options& how = {.progress = nullptr}) {
  sequential m = made();
  m.predict(x);
  return message_of([&] { m.fit(batch_source(f, options), how); });
}

TEST(BatchSource, IsRefusedByWhatIsWrongAboutIt) {
  EXPECT_EQ(message_of([] { batch_source({}); }), "batch_source: the function is empty");
  EXPECT_EQ(message_of([] { batch_source(drawn, {.rows = -1}); }),
            "batch_source: -1 rows an epoch");
  EXPECT_EQ(refusal_of([](std::int64_t, std::int64_t) { return std::nullopt; }),
            "fit: the source gives no batch in epoch 1");
  EXPECT_EQ(
      refusal_of(drawn, {}, {.epochs = 1, .validation_split = 0.5}),
      "fit: validation_split takes rows of arrays: give a source's fit its validation_data or "
      "validation_source");
  EXPECT_EQ(refusal_of(drawn, {}, {.replace = true}),
            "fit: replace draws from arrays: a source draws its rows itself");
  EXPECT_EQ(refusal_of(in_order(8), {.rows = 12}),
            "fit: the source ended epoch 1 after 2 batches of 4 rows, but tells 12 rows an epoch");
  const std::string all =
      ": a source gives batches as large as its first, and where it tells the "
      "rows of an epoch, here ";
  EXPECT_EQ(refusal_of(drawn), "fit, batch 3 of epoch 1: it has 2 rows, not 4" + all +
                                   "not told, the rest of them as the last");
  EXPECT_EQ(refusal_of(drawn, {.rows = 11}), "fit, batch 3 of epoch 1: it has 2 rows, not 3" + all +
                                                 "11, the rest of them as the last");
  EXPECT_EQ(refusal_of(drawn, {.rows = 3}), "fit, batch 1 of epoch 1: it has 4 rows, not 3" + all +
                                                "3, the rest of them as the last");
}

TEST(BatchSource, IsRefusedByABatchThatDoesNotFit) {
  const auto second = [](labelled_batch given) {
    return refusal_of([=](std::int64_t epoch, std::int64_t index) {
      return index == 1 ? given : in_order(8)(epoch, index);
    });
  };
  array wrong = xt::view(x, xt::range(0, 4));
  const array targets = xt::view(y, xt::range(0, 4));
  wrong(2, 1) = std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(second({wrong, targets}),
            "fit, batch 2 of epoch 1: row 2 of the inputs: nan is not finite");
  EXPECT_EQ(second({targets, targets}),
            "fit, batch 2 of epoch 1: the input has shape (4, 1), the model takes (None, 2)");
  EXPECT_EQ(second({xt::view(x, xt::range(0, 4)), y}),
            "fit, batch 2 of epoch 1: 4 rows of inputs, but the targets have shape (10, 1)");
  const array flat = xt::view(targets, xt::all(), 0);
  EXPECT_EQ(second({xt::view(x, xt::range(0, 4)), flat}),
            "fit, batch 2 of epoch 1: target 0 is float64 (4,), but float64 (4, 1) in the first "
            "batch");
}

TEST(BatchSource, IsRefusedByName) {
  sequential m = made();
  const batch_source none([](std::int64_t, std::int64_t) { return std::nullopt; });
  EXPECT_EQ(message_of([&] { m.evaluate(none); }), "evaluate: the source gives no batch");
  EXPECT_EQ(message_of([&] { m.fit(x, y, {.validation_source = none, .progress = nullptr}); }),
            "fit, validation: the source gives no batch");
  EXPECT_EQ(
      message_of([&] { m.evaluate(batch_source(drawn)); }),
      "evaluate, batch 3: it has 2 rows, not 4: a source gives batches as large as its "
      "first, and where it tells the rows of an epoch, here not told, the rest of them as the "
      "last");
  EXPECT_EQ(message_of([&] { m.evaluate(batch_source(in_order(4), {.rows = 8})); }),
            "evaluate: the source ended after 1 batches of 4 rows, but tells 8 rows an epoch");
  EXPECT_EQ(message_of([&] { m.fit(x, y, {.validation_split = 0.5, .validation_source = none}); }),
            "fit: validation_split and validation_source are both given");
  EXPECT_EQ(message_of([&] {
              m.fit(x, y, {.validation_data = {x, y}, .validation_source = none});
            }),
            "fit: validation_data and validation_source are both given");
  const own_file file;
  const auto fit = [&](const char* name) {
    sequential other = made();
    const batch_source source(in_order(8), {.name = name});
    other.fit(
        x, y,
        {.validation_source = source, .callbacks = {checkpoint(file.at)}, .progress = nullptr});
  };
  fit("a");
  EXPECT_NE(message_of([&] {
              fit("b");
            }).find("it was kept with data of validation source 'a', here it is source 'b'"),
            std::string::npos);
}

TEST(BatchSource, RefusedAtFirstLeavesNoTrace) {
  sequential fresh = made(), refused = made();
  EXPECT_EQ(message_of([&] {
              refused.fit(batch_source([](std::int64_t, std::int64_t) {
                return labelled_batch(column{{1, 2, 3}}, column{{1}, {2}});
              }));
            }),
            "fit, batch 1 of epoch 1: 1 rows of inputs, but the targets have shape (2, 1)");
  for (sequential* m : {&fresh, &refused}) m->fit(x, y, {.progress = nullptr});
  EXPECT_TRUE(same(bits_of(fresh), bits_of(refused)));
}

}  // namespace

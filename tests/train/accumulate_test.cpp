// Updates of several batches: as of one batch of all their rows.
#include <gtest/gtest.h>

#include <cmath>
#include <cotape/cotape.hpp>
#include <xtensor/xtensor.hpp>

#include "train/setting.hpp"

namespace {

using namespace cotape;
using namespace cotape::tests;

const array x = {{1, 2}, {3, 4}, {5, 7}, {2, 0}, {1, 1}, {0, 3}, {4, 4}, {2, 5}, {6, 1}, {3, 3}};
const column y = {{1}, {0}, {1}, {0}, {1}, {1}, {0}, {0}, {1}, {0}};

// With what belongs to the whole gradient: a term of the weights, a clipped norm, a constraint.
sequential made(double dropped = 0) {
  sequential m({dense(3, {.activation = "tanh",
                          .weights_regularizer = l2(0.01),
                          .weights_constraint = max_norm(1)}),
                dropout(dropped), dense(1)},
               5);
  m.compile("mse", adam({.rate = 0.01, .gradients = {.clip_norm = 0.5}}), {"mae"});
  return m;
}

double distance(const std::vector<tensor>& a, const std::vector<tensor>& b) {
  double most = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    for (std::int64_t k = 0; k < a[i].shape().elements(); ++k) {
      most = std::max(most, std::abs(a[i].data_as<double>()[k] - b[i].data_as<double>()[k]));
    }
  }
  return most;
}

TEST(Accumulate, IsAsOneBatchOfAllTheRows) {
  struct {
    std::int64_t size, accumulate;
  } const cases[]{{2, 2}, {3, 3}, {4, 2}, {4, 3}, {1, 10}, {3, 7}};
  for (const auto& c : cases) {
    sequential once = made(), parts = made();
    const history wanted =
        once.fit(x, y, {.epochs = 4, .batch_size = c.size * c.accumulate, .progress = nullptr});
    const history h = parts.fit(
        x, y, {.epochs = 4, .batch_size = c.size, .accumulate = c.accumulate, .progress = nullptr});
    EXPECT_LT(distance(bits_of(once), bits_of(parts)), 1e-12) << c.size << " " << c.accumulate;
    for (std::size_t epoch = 0; epoch < 4; ++epoch) {
      EXPECT_NEAR(wanted["loss"][epoch], h["loss"][epoch], 1e-12);
    }
  }
}

TEST(Accumulate, TakesBatchesOfASourceToo) {
  const batch_source source(
      [](std::int64_t, std::int64_t index) {
        const std::int64_t end = std::min<std::int64_t>(10, 4 * index + 4);
        return labelled_batch(rows_of(array_argument(x).view(), 4 * index, end),
                              rows_of(array_argument(y).view(), 4 * index, end));
      },
      {.rows = 10});
  sequential of_arrays = made(0.3), of_source = made(0.3);
  const fit_options options{
      .epochs = 2, .batch_size = 4, .accumulate = 2, .shuffle = false, .progress = nullptr};
  of_arrays.fit(x, y, options);
  of_source.fit(source, options);
  EXPECT_TRUE(same(bits_of(of_arrays), bits_of(of_source)));
}

TEST(Accumulate, UpdatesAfterSoManyBatchesAndAtTheEpochsEnd) {
  sequential m = made();
  std::vector<bool> changed;
  std::vector<tensor> before;
  calling begin("on_batch_begin", [&](training&) { before = bits_of(m); });
  calling end("on_batch_end", [&](training&) { changed.push_back(!same(before, bits_of(m))); });
  calling epoch("on_epoch_end", [&](training&) { changed.push_back(!same(before, bits_of(m))); });
  m.fit(x, y,
        {.batch_size = 2, .accumulate = 2, .callbacks = {begin, end, epoch}, .progress = nullptr});
  EXPECT_EQ(changed, (std::vector<bool>{false, true, false, true, false, true}));
}

TEST(Accumulate, GoesOnToTheSameBitsAfterAKill) {
  const auto run = [&](const path& file, std::int64_t step) {
    sequential m = made(0.25);
    m.fit(x, y,
          {.epochs = 3,
           .batch_size = 2,
           .accumulate = 3,
           .callbacks = {early_stopping({.monitor = "loss", .patience = 9}),
                         checkpoint(file, {.steps = 1}), killer(step)},
           .progress = nullptr});
    return bits_of(m);
  };
  expect_the_same_after_a_kill(run, {0, 1, 2, 3, 4, 5, 6, 7, 8});
}

// Killed between an epoch's last batch and the update that it still has to make.
TEST(Accumulate, MakesTheUpdateThatAnEpochHasLeft) {
  struct dies : callback {
    explicit dies(bool really) : really_(really) {}
    void on_safe_point(training& t, bool) override {
      if (really_ && t.batch == 5) throw std::runtime_error("killed");
    }
    bool really_;
  };
  const auto run = [&](const path& file, bool die) {
    sequential m = made(0.25);
    m.fit(x, y,
          {.epochs = 2,
           .batch_size = 2,
           .accumulate = 3,
           .callbacks = {checkpoint(file, {.steps = 1}), dies(die)},
           .progress = nullptr});
    return bits_of(m);
  };
  const own_file once, file;
  const auto wanted = run(once.at, false);
  expect_error<std::runtime_error>([&] { run(file.at, true); }, "killed");
  EXPECT_TRUE(same(wanted, run(file.at, false)));
}

TEST(Accumulate, BeginsAnewWhereAFitHasFailed) {
  sequential fresh = made(), failed = made();
  const fit_options options{.batch_size = 2, .accumulate = 2, .progress = nullptr};
  fit_options dying = options;
  dying.callbacks = {killer(1)};
  expect_error<std::runtime_error>([&] { failed.fit(x, y, dying); }, "killed");
  for (sequential* m : {&fresh, &failed}) m->fit(x, y, options);
  EXPECT_TRUE(same(bits_of(fresh), bits_of(failed)));
}

TEST(Accumulate, LeavesWhatIsFrozenLater) {
  sequential m = made();
  const fit_options options{.batch_size = 2, .accumulate = 2, .progress = nullptr};
  m.fit(x, y, options);
  const parameter first = m.parameters()[0];
  const tensor before(first.view());
  m.layer("dense").set_trainable(false);
  m.fit(x, y, options);
  EXPECT_TRUE(same_bits(before, first.view()));
  m.train_on_batch(x, y);
  EXPECT_TRUE(same_bits(before, first.view()));
}

TEST(Accumulate, IsNoneOfTheParametersOfATraining) {
  sequential m = made();
  std::size_t count = 0;
  calling see("on_fit_begin", [&](training& t) { count = t.parameters().size(); });
  m.fit(x, y, {.accumulate = 2, .callbacks = {see}, .progress = nullptr});
  EXPECT_EQ(count, m.parameters().size());
}

TEST(Accumulate, IsRefusedWhereItIsOther) {
  sequential m = made();
  EXPECT_EQ(message_of([&] { m.fit(x, y, {.accumulate = 0}); }),
            "fit: accumulate is 0: an update takes at least 1 batch");
  const own_file file;
  const auto fit = [&](std::int64_t accumulate) {
    sequential other = made();
    other.fit(x, y,
              {.accumulate = accumulate, .callbacks = {checkpoint(file.at)}, .progress = nullptr});
  };
  fit(2);
  for (const std::int64_t other : {1, 3}) {
    const std::string message = message_of([&] { fit(other); });
    EXPECT_NE(message.find("it was kept with accumulate 2, here it is " + std::to_string(other)),
              std::string::npos)
        << message;
  }
}

}  // namespace

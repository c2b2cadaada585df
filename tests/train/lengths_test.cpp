// Checkpoints of fits that are asked for another length than the file's, within an epoch too.
#include <gtest/gtest.h>

#include <chrono>
#include <cotape/cotape.hpp>
#include <xtensor/xtensor.hpp>

#include "train/setting.hpp"

namespace {

using namespace cotape;
using namespace cotape::tests;

// Five rows in batches of two: epochs of three steps.
struct fives {
  array x = {{1, 2}, {3, 4}, {5, 7}, {0.5, -1}, {2, 2}};
  column y = {{1}, {0}, {1}, {0.5}, {0.25}};
  std::vector<tensor> weights = {};
  std::int64_t trained = 0;

  history fit(const path& file, std::int64_t epochs, std::int64_t steps, std::int64_t killed = -1) {
    struct counting : callback {
      explicit counting(std::int64_t& to) : to_(to) {}
      void on_batch_end(training&) override { ++to_; }
      std::int64_t& to_;
    };
    trained = 0;
    sequential m({dense(2, "tanh"), dropout(0.25), dense(1)}, 1);
    m.compile("mse", adam({.rate = 0.01}));
    history h =
        m.fit(x, y,
              {.epochs = epochs,
               .batch_size = 2,
               .steps = steps,
               .callbacks = {counting(trained), killer(killed), checkpoint(file, {.steps = 1})},
               .progress = nullptr});
    weights = bits_of(m);
    return h;
  }
};

// A shortened epoch used one up: 4, 0, 0, 3, 0, 0 and 12 steps were trained.
TEST(Lengths, OfMoreStepsAfterAnEndWithinAnEpochAreTrained) {
  const own_file file;
  std::vector<std::int64_t> trained;
  for (const std::int64_t steps : {4, 5, 6, 7, 8, 9, 20}) {
    fives f;
    f.fit(file.at, 1, steps);
    trained.push_back(f.trained);
  }
  EXPECT_EQ(trained, (std::vector<std::int64_t>{4, 1, 1, 1, 1, 1, 11}));
}

TEST(Lengths, OfStepsSayTheLastEpoch) {
  struct seen : callback {
    explicit seen(std::int64_t& to) : to_(to) {}
    void on_resume(training& t) override { to_ = t.last_epoch; }
    std::int64_t& to_;
  };
  const own_file file;
  const fives f;
  for (const auto& [steps, last] : std::vector<std::pair<int, int>>{{4, 2}, {5, 3}, {9, 5}}) {
    std::int64_t told = 0;
    sequential m({dense(1)}, 1);
    m.compile("mse", sgd());
    const history h = m.fit(f.x, f.y,
                            {.batch_size = 2,
                             .steps = steps,
                             .callbacks = {seen(told), checkpoint(file.at)},
                             .progress = nullptr});
    EXPECT_EQ(told, last);
    EXPECT_EQ(h.epochs(), static_cast<std::size_t>(last));
  }
}

// It closed the epoch with the one batch that it had.
TEST(Lengths, ThatAreShorterLeaveAnEpochOpen) {
  const own_file file;
  fives whole;
  const std::string wanted = whole.fit(file.folder / "whole", 6, 0).csv();
  for (const auto& [epochs, steps] : {std::pair{3, 0}, std::pair{1, 5}}) {
    fives f;
    expect_error<std::runtime_error>([&] { f.fit(file.at, 6, 0, 13); }, "killed");
    EXPECT_EQ(f.fit(file.at, epochs, steps).epochs(), 4u);
    EXPECT_EQ(f.trained, 0);
    EXPECT_EQ(f.fit(file.at, 6, 0).csv(), wanted);
    EXPECT_EQ(f.trained, 5);
    EXPECT_TRUE(same(f.weights, whole.weights));
    std::filesystem::remove(file.at);
  }
}

// A fit that fails within an epoch leaves the weights of its last step: the next one's steps are
// counted from there.
TEST(Lengths, CountTheStepsOfAFitThatFails) {
  fives f;
  sequential m({dense(1)}, 1);
  m.compile("mse", sgd({.rate = 0.1}));
  std::vector<std::int64_t> asked;
  const auto fit = [&](std::int64_t killed) {
    asked.clear();
    const auto rate = [&](std::int64_t step) {
      asked.push_back(step);
      return 0.1;
    };
    m.fit(f.x, f.y,
          {.batch_size = 2,
           .callbacks = {scheduled_rate(rate, schedule_by::step), killer(killed)},
           .progress = nullptr});
  };
  expect_error<std::runtime_error>([&] { fit(2); }, "killed");
  fit(-1);
  EXPECT_EQ(asked, (std::vector<std::int64_t>{2, 3, 4}));
}

// A file that would not change was written all the same, which fails in a folder to read only.
TEST(Lengths, ThatAreReachedWriteNothing) {
  const own_file file;
  fives f;
  f.fit(file.at, 2, 0);
  const auto long_ago = std::filesystem::file_time_type::clock::now() - std::chrono::hours(5);
  std::filesystem::last_write_time(file.at, long_ago);
  f.fit(file.at, 2, 0);
  EXPECT_EQ(std::filesystem::last_write_time(file.at), long_ago);
}

}  // namespace

// One checkpoint file for several fits, several files for one fit: each fit comes back to its own
// end, and a refusal leaves everything as it was.
#include <gtest/gtest.h>

#include <cotape/cotape.hpp>
#include <sstream>
#include <xtensor/xtensor.hpp>

#include "train/setting.hpp"

namespace {

using namespace cotape;
using namespace cotape::tests;

const std::string anew = ": remove the file to start anew";

// A program of three fits that uses what each ended with: the third begins with changed weights.
struct program_of_fits {
  path file;
  setting s = {};
  std::int64_t killed_at = -1, first_epochs = 3;
  double factor = 0.5;
  std::vector<std::vector<tensor>> weights = {};
  std::vector<std::string> histories = {};
  std::vector<std::int64_t> best = {};
  std::vector<double> losses = {};

  void run() {
    early_stopping stop({.monitor = "mae", .patience = 9});
    s.more = [&] {
      return callbacks{stop, rate_on_plateau({.factor = 0.5, .patience = 1}, "loss"),
                       killer(killed_at)};
    };
    s.validation_x = s.x;
    s.validation_y = s.y;
    sequential m = s.make();
    const auto fit = [&](std::int64_t epochs) {
      s.epochs = epochs;
      histories.push_back(s.fit(m, file).csv());
      weights.push_back(bits_of(m));
      best.push_back(stop.best_epoch());
      losses.push_back(m.evaluate(s.x, s.y)["loss"]);
    };
    fit(first_epochs);
    fit(2);
    const parameter p = m.parameters()[0];
    p.set(p.value<double>() * factor);
    fit(4);
  }
};

void expect_equal(const program_of_fits& a, const program_of_fits& b) {
  ASSERT_EQ(a.weights.size(), b.weights.size());
  for (std::size_t i = 0; i < a.weights.size(); ++i) {
    EXPECT_TRUE(same(a.weights[i], b.weights[i])) << "fit " << i + 1;
  }
  EXPECT_EQ(a.histories, b.histories);
  EXPECT_EQ(a.best, b.best);
  EXPECT_EQ(a.losses, b.losses);
}

// A rerun came back to the end of the last fit alone: those before it left the first weights.
TEST(SharedFile, BringsEachFitBackToItsOwnEnd) {
  const own_file once, file;
  program_of_fits whole{once.at}, first{file.at}, again{file.at};
  whole.run();
  first.run();
  const std::string bytes = bytes_of(file.at);
  again.run();
  expect_equal(whole, again);
  EXPECT_TRUE(bytes == bytes_of(file.at));
}

TEST(SharedFile, GoesOnFromAnyStep) {
  const own_file once, file;
  program_of_fits whole{once.at};
  whole.run();
  for (const std::int64_t step : {0, 3, 6, 7, 9, 10, 11, 16}) {
    program_of_fits killed{.file = file.at, .killed_at = step}, again{file.at};
    expect_error<std::runtime_error>([&] { killed.run(); }, "killed");
    again.run();
    expect_equal(whole, again);
    program_of_fits once_more{file.at};
    once_more.run();
    expect_equal(whole, once_more);
    std::filesystem::remove(file.at);
  }
}

// The weights that a fit began with were compared only where it was the file's last one.
TEST(SharedFile, TellsWhereEachFitBegan) {
  const own_file file;
  program_of_fits{file.at}.run();
  program_of_fits other{.file = file.at, .factor = 0.25};
  const std::string bytes = bytes_of(file.at);
  EXPECT_EQ(message_of([&] { other.run(); }),
            "fit: " + file.at.string() + ": its first weights differ from those here" + anew);
  // The same where it is not the last one.
  const auto run = [&](double factor) {
    sequential m = setting().make();
    setting().fit(m, file.folder / "two");
    const parameter p = m.parameters()[0];
    p.set(p.value<double>() * factor);
    setting().fit(m, file.folder / "two");
    setting().fit(m, file.folder / "two");
  };
  run(1);
  EXPECT_EQ(message_of([&] { run(2); }), "fit: " + (file.folder / "two").string() +
                                             ": in fit 2 its first weights differ from those here" +
                                             anew);
  EXPECT_TRUE(bytes == bytes_of(file.at));
}

// The file is of a longer first fit; a program that has trained that fit otherwise is at its
// second.
TEST(SharedFile, TellsAnotherEndOfAnEarlierFit) {
  const own_file file;
  setting s;
  s.epochs = 5;
  s.trained(file.at);
  const std::string bytes = bytes_of(file.at);
  s.epochs = 2;
  sequential m = s.make();
  s.fit(m, file.folder / "own");
  const auto before = bits_of(m);
  EXPECT_EQ(
      message_of([&] { s.fit(m, file.at); }),
      "fit: " + file.at.string() + ": in fit 1 its last values differ from those here" + anew);
  EXPECT_TRUE(bytes == bytes_of(file.at));
  EXPECT_TRUE(same(before, bits_of(m)));
}

TEST(SharedFile, IsWantedByAFitWhoseEndItDoesNotHold) {
  const own_file file;
  sequential m = setting().make();
  setting().fit(m, file.folder / "1");
  setting().fit(m, file.folder / "2");  // tells of fit 1, whose end is in a file of its own
  sequential other = setting().make();
  const auto before = bits_of(other);
  EXPECT_EQ(message_of([&] { setting().fit(other, file.folder / "2"); }),
            "fit: " + (file.folder / "2").string() +
                ": it is of fit 2 and does not hold the end of fit 1" + anew);
  EXPECT_TRUE(same(before, bits_of(other)));
  // A file of a fit's own holds nothing of the fits before it.
  sequential once = setting().make();
  setting().fit(once, file.folder / "c");
  setting().fit(once, file.folder / "c");
  EXPECT_LT(bytes_of(file.folder / "2").size() + 400, bytes_of(file.folder / "c").size());
}

// What a callback does with the weights at the end of a fit is done once, however often the program
// is started again.
TEST(SharedFile, EndsEachFitOnce) {
  struct halving : callback {
    void on_fit_end(training& t) override {
      for (const parameter& p : t.parameters()) p.set(p.value<double>() * 0.5);
    }
  };
  const own_file file;
  setting s;
  s.more = [] { return callbacks{halving()}; };
  const auto run = [&](int fits) {
    sequential m = s.make();
    for (int i = 0; i < fits; ++i) s.fit(m, file.at);
    return bits_of(m);
  };
  const auto once = run(1);
  EXPECT_TRUE(same(once, run(1)));
  const auto twice = run(2);
  EXPECT_TRUE(same(once, run(1)));
  EXPECT_TRUE(same(twice, run(2)));
}

// A fit in two files, of which one is a later fit's and one has only its middle.
TEST(SharedFile, IsBelievedRatherThanAFileThatIsBehindIt) {
  const own_file once, file;
  const auto run = [](const path& shared, const path& own) {
    setting s;
    s.more = [&] { return callbacks{checkpoint(own, {.epochs = 100})}; };
    sequential m = s.make();
    s.fit(m, shared);
    auto result = bits_of(m);
    s.more = [] { return callbacks{}; };
    s.fit(m, shared);
    for (tensor& t : bits_of(m)) result.push_back(t);
    return result;
  };
  const path own = file.folder / "own", middle = file.folder / "middle";
  setting s;
  s.more = [&] { return callbacks{checkpoint(middle, {.steps = 1}), killer(3)}; };
  sequential m = s.make();
  expect_error<std::runtime_error>([&] { s.fit(m, file.folder / "other"); }, "killed");
  const auto wanted = run(file.at, own);
  for (const path& second : {own, middle, file.folder / "new"}) {
    EXPECT_TRUE(same(wanted, run(file.at, second))) << second;
  }
  EXPECT_TRUE(same(wanted, run(file.folder / "another", file.folder / "new")));
}

// The first of two checkpoints made its file, or moved the model on, before the second refused.
TEST(SeveralFiles, AreAllIdentifiedBeforeAnythingChanges) {
  const own_file file;
  const path own = file.folder / "own", alien = file.folder / "alien", log = file.folder / "log";
  setting other;
  other.seed = 3;
  other.trained(alien);
  const std::string of_alien = bytes_of(alien);
  setting s;
  s.more = [&] { return callbacks{csv_log(log), checkpoint(own)}; };
  sequential m = s.make();
  auto before = bits_of(m);
  const std::string message =
      "fit: " + alien.string() + ": it was kept with seed of the model 3, here it is 0" + anew;
  EXPECT_EQ(message_of([&] { s.fit(m, alien); }), message);
  EXPECT_FALSE(std::filesystem::exists(own));
  EXPECT_TRUE(same(before, bits_of(m)));
  setting().trained(own);
  const std::string bytes = bytes_of(own);
  EXPECT_EQ(message_of([&] { s.fit(m, alien); }), message);
  EXPECT_TRUE(same(before, bits_of(m)));
  EXPECT_TRUE(bytes == bytes_of(own));
  EXPECT_TRUE(of_alien == bytes_of(alien));
  EXPECT_FALSE(std::filesystem::exists(log));
  // The same model then trains as ever.
  setting().fit(m, file.at);
  EXPECT_TRUE(same(bits_of(m), setting().trained(own)));
}

TEST(SeveralFiles, LeaveCallbacksAsTheyWereWhereOneRefuses) {
  const own_file file;
  setting other;
  other.seed = 3;
  other.trained(file.at);
  early_stopping stop({.monitor = "loss", .patience = 9});
  setting s;
  s.more = [&] { return callbacks{stop}; };
  s.trained(file.folder / "own");
  const double best = stop.best();
  const std::int64_t epoch = stop.best_epoch();
  ASSERT_GT(epoch, 0);
  const auto unchanged = [&] { return stop.best() == best && stop.best_epoch() == epoch; };
  EXPECT_NE(message_of([&] { s.trained(file.at); }), "no error");
  EXPECT_TRUE(unchanged());
  // The same where a callback after it refuses.
  s.more = [&] { return callbacks{stop, early_stopping()}; };
  EXPECT_NE(message_of([&] { s.trained(file.folder / "new"); }).find("no 'val_loss'"),
            std::string::npos);
  EXPECT_TRUE(unchanged());
  EXPECT_FALSE(std::filesystem::exists(file.folder / "new"));
}

// A file that cannot be made is told when others have moved the training on: all goes back.
TEST(SeveralFiles, LeaveTheModelWhereOneCannotBeMade) {
  const own_file file;
  const auto wanted = setting().trained(file.at);
  setting s;
  s.more = [&] { return callbacks{checkpoint(file.at)}; };
  sequential m = s.make();
  const auto before = bits_of(m);
  EXPECT_NE(message_of([&] {
              s.fit(m, file.folder / "nowhere" / "c");
            }).find("cannot write in the folder "),
            std::string::npos);
  EXPECT_TRUE(same(before, bits_of(m)));
  setting().fit(m, file.at);
  EXPECT_TRUE(same(wanted, bits_of(m)));
}

// Of two files the one that is further on tells the state, wherever it stands in the list.
TEST(SeveralFiles, AreGoneOnFromByTheFurthest) {
  for (const bool swapped : {false, true}) {
    const own_file file;
    const path often = file.folder / (swapped ? "a" : "b"), seldom = file.folder / "seldom";
    std::vector<std::int64_t> began;
    setting s;
    s.epochs = 4;
    const auto with = [&](std::int64_t killed_at) {
      s.more = [=, &began] {
        struct beginning : callback {
          explicit beginning(std::vector<std::int64_t>& to) : to_(to) {}
          void on_resume(training& t) override { to_.push_back(t.steps); }
          std::vector<std::int64_t>& to_;
        };
        callbacks all;
        if (swapped) all.emplace_back(checkpoint(often, {.steps = 1}));
        all.emplace_back(checkpoint(seldom, {.epochs = 3}));
        if (!swapped) all.emplace_back(checkpoint(often, {.steps = 1}));
        all.emplace_back(beginning(began));
        all.emplace_back(killer(killed_at));
        return all;
      };
      return s.trained(file.at);
    };
    expect_error<std::runtime_error>([&] { with(5); }, "killed");
    std::filesystem::remove(file.at);
    const auto resumed = with(-1);
    EXPECT_EQ(began, (std::vector<std::int64_t>{0, 5}));
    setting whole;
    whole.epochs = 4;
    EXPECT_TRUE(same(resumed, whole.trained(file.folder / "whole")));
  }
}

}  // namespace

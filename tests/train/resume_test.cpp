// Checkpoints: a killed training goes on to the same bits; files that do not fit are refused.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cotape/cotape.hpp>
#include <fstream>
#include <random>
#include <thread>
#include <xtensor/xtensor.hpp>

#include "expect_error.hpp"
#include "model_bits.hpp"
#include "own_folder.hpp"

namespace {

using namespace cotape;
using cotape::tests::expect_error;
using cotape::tests::message_of;
using cotape::tests::same;
using std::filesystem::path;

using array = xt::xarray<double>;
using column = xt::xtensor<double, 2>;

using folder = cotape::tests::own_folder;

std::string bytes_of(const path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

pid_t start(const path& checkpoint, const path& result) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::execl(COTAPE_RESUME_CHILD, COTAPE_RESUME_CHILD, checkpoint.c_str(), result.c_str(), nullptr);
    ::_exit(127);
  }
  return child;
}

// Whether the child ended well by itself.
bool ended_well(pid_t child) {
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

TEST(Resume, ReachesTheSameBitsAfterTwentyKills) {
  using clock = std::chrono::steady_clock;
  const folder f;
  const auto began = clock::now();
  ASSERT_TRUE(ended_well(start(f.at / "whole.safetensors", f.at / "wanted.safetensors")));
  const double whole = std::chrono::duration<double>(clock::now() - began).count();
  const path state = f.at / "killed.safetensors", result = f.at / "result.safetensors";
  std::mt19937 random(20);
  // Any moment of the first eighth after the last one, so that the kills fall all over the
  // training; one that ended before its kill is compared, and starts anew.
  std::uniform_real_distribution<double> delay(0, whole / 8);
  int kills = 0, resumed = 0, ended = 0;
  const auto compare = [&] {
    EXPECT_EQ(bytes_of(f.at / "wanted.safetensors"), bytes_of(result));
    std::filesystem::remove(state);
    std::filesystem::remove(result);
  };
  while (kills < 20) {
    resumed += std::filesystem::exists(state);
    const pid_t child = start(state, result);
    std::this_thread::sleep_for(std::chrono::duration<double>(delay(random)));
    ::kill(child, SIGKILL);
    int status = 0;
    ::waitpid(child, &status, 0);
    if (WIFSIGNALED(status)) {
      ++kills;
    } else {
      ++ended;
      compare();
    }
  }
  ASSERT_TRUE(ended_well(start(state, result)));
  compare();
  EXPECT_GE(resumed, 10);
  std::cout << kills << " kills, " << resumed << " resumptions, " << ended + 1
            << " trainings ended; a whole one takes " << whole << " s\n";
}

// A training of three rows that can be stopped after some epochs.
struct little {
  array x = {{1, 2}, {3, 4}, {5, 7}};
  column y = {{1}, {0}, {1}};
  sequential m{dense(2, "tanh"), dense(1)};
  explicit little(std::int64_t units = 2) : m{dense(units, "tanh"), dense(1)} {
    m.compile("mse", adam(), {"mae"});
  }
  history fit(const path& file, std::int64_t epochs, std::int64_t batch = 2) {
    return m.fit(x, y, {.epochs = epochs, .batch_size = batch, .callbacks = {checkpoint(file)}});
  }
  std::vector<tensor> bits() const { return cotape::tests::bits_of(m); }
};

TEST(Resume, GoesOnToMoreEpochsWithTheWholeHistory) {
  const folder f;
  const path file = f.at / "c.safetensors";
  little once, first, second;
  const history whole = once.fit(f.at / "once.safetensors", 5);
  first.fit(file, 3);
  const history resumed = second.fit(file, 5);
  EXPECT_EQ(whole.csv(), resumed.csv());
  EXPECT_TRUE(same(once.bits(), second.bits()));
  // What is finished trains no more.
  little third;
  EXPECT_EQ(third.fit(file, 5).csv(), whole.csv());
  EXPECT_TRUE(same(once.bits(), third.bits()));
}

// Killed between the last step and the end of its epoch, which it is in the middle of.
TEST(Resume, EndsTheEpochThatTheStepsEndIn) {
  const folder f;
  const auto fit = [&](little& l, const char* file, bool die) {
    return l.m.fit(
        l.x, l.y,
        {.batch_size = 1,
         .steps = 5,
         .callbacks = {early_stopping({.monitor = "loss", .patience = 9}),
                       checkpoint(f.at / file, {.steps = 1}), each_epoch([=](training& t) {
                         if (die && t.epoch == 2) throw std::runtime_error("killed");
                       })}});
  };
  little once, killed, again;
  const history whole = fit(once, "once.safetensors", false);
  expect_error<std::runtime_error>([&] { fit(killed, "c.safetensors", true); }, "killed");
  EXPECT_EQ(fit(again, "c.safetensors", false).csv(), whole.csv());
  EXPECT_TRUE(same(once.bits(), again.bits()));
}

TEST(Resume, KnowsTheFitsOfAProgramApart) {
  const folder f;
  const path file = f.at / "c.safetensors";
  little once, again;
  once.fit(file, 3);
  once.fit(file, 2);
  again.fit(file, 3);  // was done: the file is of the second
  const history h = again.fit(file, 2);
  EXPECT_EQ(h.epochs(), 2u);
  EXPECT_TRUE(same(once.bits(), again.bits()));
}

TEST(Resume, RefusesWhatIsNotItsOwn) {
  const folder f;
  const path file = f.at / "c.safetensors";
  little().fit(file, 2);
  const std::string named = "fit: " + file.string() + ": ";
  const auto refused = [&](little& l, auto fit) {
    l.m.predict(l.x);
    const auto before = l.bits();
    const std::string message = message_of(fit);
    EXPECT_TRUE(same(before, l.bits()));
    return message;
  };
  little other(3), batch, optimizer, rows;
  EXPECT_EQ(refused(other, [&] { other.fit(file, 2); }),
            named +
                "it was kept with parameter 'dense/weight' float64 (2, 2), here it is float64 "
                "(2, 3): remove the file to start anew");
  EXPECT_EQ(refused(batch, [&] { batch.fit(file, 2, 3); }),
            named + "it was kept with batch_size 2, here it is 3: remove the file to start anew");
  optimizer.m.compile("mse", sgd(), {"mae"});
  EXPECT_EQ(
      refused(optimizer, [&] { optimizer.fit(file, 2); }),
      named + "it was kept with optimizer adam, here it is sgd: remove the file to start anew");
  rows.x = array{{1, 2}, {3, 4}};
  rows.y = column{{1}, {0}};
  EXPECT_EQ(refused(rows, [&] { rows.fit(file, 2); }),
            named + "it was kept with rows 3, here it is 2: remove the file to start anew");
  little metrics;
  metrics.m.compile("mse", adam(), {"rmse"});
  EXPECT_EQ(refused(metrics, [&] { metrics.fit(file, 2); }),
            named + "it was kept with metrics mae, here it is rmse: remove the file to start anew");
  little fewer;
  fewer.m.compile("mse", adam());
  EXPECT_EQ(refused(fewer, [&] { fewer.fit(file, 2); }),
            named + "it was kept with metrics mae, here it is none: remove the file to start anew");
  little more;
  EXPECT_EQ(refused(more,
                    [&] {
                      more.m.fit(more.x, more.y,
                                 {.batch_size = 2,
                                  .callbacks = {checkpoint(file), early_stopping({"loss"})}});
                    }),
            named +
                "it was kept with callbacks none, here it is early_stopping: remove the file "
                "to start anew");
  little weights;
  const path alien = f.at / "alien.safetensors";
  weights.m.predict(weights.x);
  save_parameters(alien, weights.m.parameters());
  EXPECT_EQ(refused(weights, [&] { weights.fit(alien, 2); }),
            "fit: " + alien.string() + ": it is no state of a fit");
}

TEST(Resume, GoesOnWithTheLog) {
  const folder f;
  for (const std::int64_t epochs : {2, 3}) {
    little l;
    l.m.fit(l.x, l.y,
            {.epochs = epochs,
             .batch_size = 2,
             .callbacks = {checkpoint(f.at / "c.safetensors"), csv_log(f.at / "log.csv")},
             .progress = nullptr});
  }
  const std::string log = bytes_of(f.at / "log.csv");
  EXPECT_EQ(std::count(log.begin(), log.end(), '\n'), 4) << log;
}

// The file with one of its values changed.
template <class F> void change(const path& from, const path& to, F f) {
  named_tensors values = read_safetensors(from);
  f(values);
  named_views views;
  for (const auto& [name, value] : values) views[name] = value;
  write_safetensors(to, views);
}

TEST(Resume, RefusesImpossibleStates) {
  const folder f;
  const path file = f.at / "c.safetensors", bad = f.at / "bad.safetensors";
  little().fit(file, 2);
  const auto refused = [&](auto f_change) {
    change(file, bad, f_change);
    little l;
    l.m.predict(l.x);
    const auto before = l.bits();
    const std::string message = message_of([&] { l.fit(bad, 4); });
    EXPECT_TRUE(same(before, l.bits()));
    return message;
  };
  const std::string named = "fit: " + bad.string() + ": ";
  EXPECT_EQ(refused([](named_tensors& v) { v.at("fit/position").data_as<std::int64_t>()[4] = 9; }),
            named + "its position is impossible");
  EXPECT_EQ(refused([](named_tensors& v) { v.at("fit/position").data_as<std::int64_t>()[6] = 4; }),
            named + "its position is impossible");
  EXPECT_EQ(refused([](named_tensors& v) { v.at("fit/position").data_as<std::int64_t>()[3] = 9; }),
            named + "'loss' has (2,) epochs, not 9");
  constexpr std::int64_t far = std::int64_t{1} << 40;
  EXPECT_EQ(
      refused([](named_tensors& v) { v.at("fit/position").data_as<std::int64_t>()[3] = far; }),
      named + "'loss' has (2,) epochs, not 1099511627776");
  using limits = std::numeric_limits<std::int64_t>;
  for (const std::int64_t epoch : {limits::min(), limits::max()}) {
    EXPECT_EQ(refused([epoch](named_tensors& v) {
                auto* position = v.at("fit/position").data_as<std::int64_t>();
                position[1] = 1;
                position[3] = epoch;
              }),
              named + "its position is impossible");
  }
  for (const std::int64_t fit : {std::int64_t{2}, limits::max()}) {  // later than it can be
    change(file, bad,
           [fit](named_tensors& v) { v.at("fit/position").data_as<std::int64_t>()[0] = fit; });
    little l;
    EXPECT_EQ(message_of([&] { l.fit(bad, 2); }),
              named + "it is of fit " + std::to_string(fit) +
                  " and does not hold the end of fit 1: remove the file to start anew");
  }
  for (const std::int64_t fit : {limits::min(), std::int64_t{0}}) {
    EXPECT_EQ(
        refused([fit](named_tensors& v) { v.at("fit/position").data_as<std::int64_t>()[0] = fit; }),
        named + "its position is impossible");
  }
  EXPECT_EQ(refused([](named_tensors& v) { v.erase("model/dense/bias"); }),
            named + "it holds no 'model/dense/bias'");
  EXPECT_EQ(refused([](named_tensors& v) {
              v["model/dense/bias"] = tensor({float64, {3}});
            }),
            named + "'model/dense/bias' is float64 (3,) in it, but float64 (2,) here");
  EXPECT_EQ(refused([](named_tensors& v) {
              v["model/dense/other"] = tensor({float64, {3}});
            }),
            named + "it also holds 'model/dense/other', float64 (3,)");
  EXPECT_EQ(refused([](named_tensors& v) { v.erase("fit/history/0001/mae"); }),
            named + "it was kept with other metrics: loss; here they are: loss, mae");
  EXPECT_EQ(refused([](named_tensors& v) {
              v["fit/sums"] = tensor({int64, {3}});
            }),
            named + "'fit/sums' is int64 (3,) in it");
  EXPECT_EQ(refused([](named_tensors& v) {
              v["fit/history/x"] = tensor({float64, {2}});
            }),
            named + "it also holds 'fit/history/x'");
}

TEST(Resume, RefusesDamagedFiles) {
  const folder f;
  const path file = f.at / "c.safetensors", bad = f.at / "bad.safetensors";
  little().fit(file, 2);
  const std::string whole = bytes_of(file);
  little good;
  good.fit(file, 3);
  std::mt19937 random(1);
  int refused = 0;
  for (int i = 0; i < 300; ++i) {
    std::string text = whole;
    if (i % 2 == 0) text.resize(random() % whole.size());
    else text[random() % whole.size()] ^= static_cast<char>(1 << random() % 8);
    std::ofstream(bad, std::ios::binary) << text;
    little l;
    l.m.predict(l.x);
    const auto before = l.bits();
    try {  // a bit of the header's spaces or of the mark of who wrote it tells nothing
      l.fit(bad, 3);
      EXPECT_EQ(i % 2, 1);
      EXPECT_TRUE(same(good.bits(), l.bits())) << i;
    } catch (const io_error&) {
      EXPECT_TRUE(same(before, l.bits())) << i;
      ++refused;
    }
  }
  EXPECT_GE(refused, 280);
}

TEST(Resume, TrainsAsEverAfterARefusal) {
  const folder f;
  const path bad = f.at / "bad.safetensors";
  std::ofstream(bad) << "nonsense";
  little l, fresh;
  EXPECT_THROW(l.fit(bad, 2), io_error);
  l.fit(f.at / "l.safetensors", 2);
  fresh.fit(f.at / "fresh.safetensors", 2);
  EXPECT_TRUE(same(l.bits(), fresh.bits()));
}

// A callback whose state has one name twice.
struct twice_named : callback {
  parameter a{"a", 0.0, false}, b{"a", 0.0, false};
  std::vector<parameter> state() const override { return {a, b}; }
};

TEST(Resume, WantsUniqueNames) {
  const folder f;
  little l;
  EXPECT_EQ(message_of([&] {
              l.m.fit(l.x, l.y, {.callbacks = {twice_named(), checkpoint(f.at / "c.safetensors")}});
            }),
            "fit: two parameters are named 'callback/0/a'");
}

TEST(Resume, SaysWhatIsWrongWithItsOptions) {
  EXPECT_EQ(message_of([] { checkpoint("c.safetensors", {.epochs = 0}); }),
            "checkpoint: every 0 epochs and 0 steps");
  EXPECT_EQ(message_of([] { checkpoint("c.safetensors", {.steps = -1}); }),
            "checkpoint: every 1 epochs and -1 steps");
  little l;
  expect_error<io_error>([&] { l.fit("/nowhere/c.safetensors", 1); },
                         "/nowhere/c.safetensors: cannot write in the folder /nowhere: ");
}

}  // namespace

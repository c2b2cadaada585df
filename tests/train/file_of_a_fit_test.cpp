// The file of a fit: who writes it, what it says of warnings and of the machine, when it is
// written, and what it is refused for.
#include <gtest/gtest.h>

#include <chrono>
#include <cotape/cotape.hpp>
#include <cstring>
#include <xtensor/xtensor.hpp>

#include "train/setting.hpp"

namespace {

using namespace cotape;
using namespace cotape::tests;

std::string taken_over(const path& file) {
  return "checkpoint: " + file.string() +
         ": another training or program has written it since this fit did or looked at it: give "
         "each training a file of its own, or start this one again when the other is done";
}

// Trains with this file, which is then told from an earlier one by its time too.
void train_another(const setting& s, const path& file) {
  elsewhere([&] { s.trained(file); });
  std::filesystem::last_write_time(
      file, std::filesystem::file_time_type::clock::now() + std::chrono::hours(1));
}

// The later of two overwrote what the earlier had kept.
TEST(FileOfAFit, IsNotOverwrittenWhileAnotherTrains) {
  for (const char* where : {"on_resume", "on_epoch_end", "on_fit_end"}) {
    const own_file file;
    const bool at_the_beginning = std::strcmp(where, "on_resume") == 0;
    setting s;
    std::string other;
    s.more = [&] {
      return callbacks{calling(where, [&](training& t) {
        if (t.epoch != 2 && !at_the_beginning) return;
        std::filesystem::remove(file.at);
        setting second;
        second.seed = 8;
        train_another(second, file.at);
        other = bytes_of(file.at);
      })};
    };
    sequential m = s.make();
    const auto before = bits_of(m);
    EXPECT_EQ(message_of([&] { s.fit(m, file.at); }), taken_over(file.at)) << where;
    EXPECT_EQ(same(before, bits_of(m)), at_the_beginning);
    EXPECT_TRUE(other == bytes_of(file.at)) << where;
  }
}

// Two of one program that go on from one file: the one that writes first goes on.
TEST(FileOfAFit, IsGoneOnFromByOne) {
  const own_file file;
  setting s;
  s.trained(file.at);
  s.epochs = 5;
  s.more = [&] {
    return callbacks{calling("on_epoch_begin", [&](training& t) {
      if (t.epoch != 2) return;
      setting second;
      second.epochs = 4;
      train_another(second, file.at);
    })};
  };
  EXPECT_EQ(message_of([&] { s.trained(file.at); }), taken_over(file.at));
}

// Of the same size and in the same place: written into, not replaced.
TEST(FileOfAFit, IsKnownByWhatItHoldsToo) {
  const own_file file;
  setting s;
  s.more = [&] {
    return callbacks{calling("on_epoch_end", [&](training&) {
      std::fstream(file.at, std::ios::in | std::ios::out | std::ios::binary) << "hello";
      std::filesystem::last_write_time(
          file.at, std::filesystem::file_time_type::clock::now() + std::chrono::hours(1));
    })};
  };
  EXPECT_EQ(message_of([&] { s.trained(file.at); }), taken_over(file.at));
}

TEST(FileOfAFit, IsWrittenAnewWhereItIsGone) {
  const own_file file;
  setting s;
  s.more = [&] {
    return callbacks{calling("on_epoch_end", [&](training&) { std::filesystem::remove(file.at); })};
  };
  const auto wanted = s.trained(file.at);
  s.more = [] { return callbacks{}; };
  EXPECT_TRUE(same(wanted, s.trained(file.at)));
}

// A loss of probabilities for predictions some of which stray; the others move the weights.
setting straying() {
  setting s;
  s.x = array{{3, 4}, {0.1, 0.1}, {-1, -2}};
  s.dropped = 0;
  s.loss = "binary_crossentropy";
  s.last = [](variable v) { return tanh(v) + 0.5; };
  s.epochs = 3;
  return s;
}

// The rest of the training was kept in the other folder.
TEST(FileOfAFit, StaysInTheFolderWhereItWasNamed) {
  const own_file file;
  const path before = std::filesystem::current_path();
  const std::shared_ptr<void> back(nullptr, [&](void*) { std::filesystem::current_path(before); });
  std::filesystem::current_path(file.folder);
  std::filesystem::create_directory("other");
  setting s;
  s.more = [&] {
    return callbacks{csv_log("log.csv"), each_epoch([&](training&) {
                       std::filesystem::current_path(file.folder / "other");
                     })};
  };
  const auto trained = s.trained("c.safetensors");
  EXPECT_TRUE(std::filesystem::is_empty(file.folder / "other"));
  std::filesystem::current_path(before);
  s.more = [] { return callbacks{}; };
  EXPECT_TRUE(same(trained, s.trained(file.at)));
  EXPECT_EQ(read_csv(file.folder / "log.csv").rows(), s.epochs);
}

TEST(FileOfAFit, KeepsWarnings) {
  const own_file file, once;
  setting s = straying();
  const auto run = [&](const path& at, std::int64_t killed) {
    s.more = [killed] { return callbacks{killer(killed)}; };
    sequential m = s.make();
    std::vector<std::vector<std::string>> result{s.fit(m, at).warnings};
    result.push_back(s.fit(m, at).warnings);
    return result;
  };
  const auto wanted = run(once.at, -1);
  ASSERT_EQ(wanted[0].size(), 1u);
  ASSERT_EQ(wanted[1].size(), 1u);
  EXPECT_NE(wanted[0], wanted[1]);  // of other weights
  EXPECT_EQ(run(once.at, -1), wanted);
  for (const std::int64_t step : {0, 3, 6, 9}) {
    expect_error<std::runtime_error>([&] { run(file.at, step); }, "killed");
    EXPECT_EQ(run(file.at, -1), wanted) << step;
    std::filesystem::remove(file.at);
  }
}

// Changes a fact that the file tells; with no value takes it out.
void tell(const path& file, const std::string& name, const std::string& value) {
  named_tensors all = read_safetensors(file);
  tensor& words = all.at("fit/description/0001");
  std::string text(static_cast<const char*>(words.data()), words.type().bytes());
  const std::size_t at = text.find("\n" + name + "\t");
  ASSERT_NE(at, std::string::npos) << text;
  const std::string line = value.empty() ? "" : "\n" + name + "\t" + value;
  text.replace(at, text.find('\n', at + 1) - at, line);
  text.resize((text.size() + 7) / 8 * 8, '\n');
  tensor changed({int64, {static_cast<std::int64_t>(text.size() / 8)}});
  std::memcpy(changed.data(), text.data(), text.size());
  words = std::move(changed);
  write_safetensors(file, {all.begin(), all.end()});
}

TEST(FileOfAFit, TellsTheInstructionSet) {
  const own_file file;
  setting s;
  s.trained(file.at);
  tell(file.at, "instruction set", "mmx");
  const std::string kept = bytes_of(file.at);
  sequential done = s.make();
  EXPECT_EQ(s.fit(done, file.at).warnings, std::vector<std::string>{});  // it trains nothing
  EXPECT_TRUE(kept == bytes_of(file.at));
  s.epochs = 3;
  sequential m = s.make();
  const std::vector<std::string> warnings = s.fit(m, file.at).warnings;
  ASSERT_EQ(warnings.size(), 1u);
  EXPECT_TRUE(
      warnings[0].starts_with("the training was kept with instruction set mmx and goes on with "
                              "instruction set "))
      << warnings[0];
  EXPECT_TRUE(
      warnings[0].ends_with(": its figures hold, but its bits may not be those of one that was "
                            "never interrupted"))
      << warnings[0];
  s.epochs = 4;
  sequential again = s.make();
  EXPECT_EQ(s.fit(again, file.at).warnings, warnings);
}

struct threads_put_back {
  int before = num_threads();
  ~threads_put_back() { set_num_threads(before); }
};

// Products of doubles, whose bits depend on it, went on without a word.
TEST(FileOfAFit, TellsTheNumberOfThreads) {
  const threads_put_back after;
  const own_file file;
  setting s;
  set_num_threads(2);
  s.trained(file.at);
  const std::string kept = bytes_of(file.at);
  const auto warnings = [&](int threads, std::int64_t epochs) {
    set_num_threads(threads);
    s.epochs = epochs;
    sequential m = s.make();
    return s.fit(m, file.at).warnings;
  };
  using lines = std::vector<std::string>;
  EXPECT_EQ(warnings(1, 2), lines{});  // it trains nothing
  EXPECT_TRUE(kept == bytes_of(file.at));
  EXPECT_EQ(warnings(2, 3), lines{});
  const lines one{
      "the training was kept with threads 2 and goes on with threads 1: its figures hold, but its "
      "bits may not be those of one that was never interrupted"};
  EXPECT_EQ(warnings(1, 4), one);
  EXPECT_EQ(warnings(1, 5), one);
  // A file that does not tell it, as of an earlier version.
  tell(file.at, "threads", "");
  EXPECT_EQ(warnings(2, 6), one);
}

// Nothing of it was compared then.
TEST(FileOfAFit, TellsSomething) {
  const own_file file;
  setting s;
  s.trained(file.at);
  const named_tensors whole = read_safetensors(file.at);
  const auto refused = [&](tensor description) {
    named_tensors all = whole;
    all.at("fit/description/0001") = std::move(description);
    write_safetensors(file.at, {all.begin(), all.end()});
    setting other;
    other.seed = 9;
    return message_of([&] { other.trained(file.at); });
  };
  const std::string wanted = "fit: " + file.at.string() +
                             ": its description of fit 1 tells nothing: remove the file to start "
                             "anew";
  EXPECT_EQ(refused(tensor({int64, {0}})), wanted);
  EXPECT_EQ(refused(tensor({int64, {7}})), wanted);
  EXPECT_EQ(refused(tensor({float64, {3}})), wanted);
}

// Half an epoch was trained with the old schedule's rate.
TEST(FileOfAFit, TakesTheGivenRateWithinAnEpoch) {
  std::vector<double> rates;
  const auto run = [&](const path& at, double rate, resumed_rate how, std::int64_t killed) {
    rates.clear();
    setting s;
    s.options = {.steps = 1, .rate = how};
    s.more = [&] {
      return callbacks{scheduled_rate(step_decay(rate, 0.5, 1)), killer(killed),
                       calling("on_batch_begin", [&](training& t) {
                         rates.push_back(t.how().rate().value<double>()());
                       })};
    };
    s.trained(at);
  };
  const own_file file;
  expect_error<std::runtime_error>([&] { run(file.at, 0.1, resumed_rate::same, 1); }, "killed");
  run(file.at, 0.4, resumed_rate::given, -1);
  EXPECT_EQ(rates, (std::vector<double>{0.4, 0.2, 0.2}));
  // Without a choice nothing changes within the epoch, whoever has set the rate meanwhile.
  const own_file other;
  expect_error<std::runtime_error>([&] { run(other.at, 0.1, resumed_rate::same, 1); }, "killed");
  run(other.at, 0.1, resumed_rate::same, -1);
  EXPECT_EQ(rates, (std::vector<double>{0.1, 0.05, 0.05}));
}

// Asked for with another length it was written, which fails in a folder to read only.
TEST(FileOfAFit, IsNotWrittenForAnotherLength) {
  const own_file file;
  setting s;
  s.trained(file.at);
  const auto long_ago = std::filesystem::file_time_type::clock::now() - std::chrono::hours(5);
  std::filesystem::last_write_time(file.at, long_ago);
  s.epochs = 1;
  s.trained(file.at);
  EXPECT_EQ(std::filesystem::last_write_time(file.at), long_ago);
  // The fits after it know it by the length that it has here.
  sequential m = s.make();
  for (int i = 0; i < 2; ++i) s.fit(m, file.at);
  sequential again = s.make();
  for (int i = 0; i < 2; ++i) s.fit(again, file.at);
  EXPECT_TRUE(same(bits_of(m), bits_of(again)));
}

TEST(FileOfAFit, WantsNamesThatItCanHold) {
  const own_file file;
  const auto refused = [&](sequential m, std::vector<metric> metrics) {
    m.compile("mse", sgd(), std::move(metrics));
    m.predict(setting().x);
    const auto before = bits_of(m);
    const std::string message = message_of([&] { setting().fit(m, file.at); });
    EXPECT_TRUE(same(before, bits_of(m)));
    EXPECT_FALSE(std::filesystem::exists(file.at));
    return message;
  };
  EXPECT_EQ(refused(sequential{dense(1).named("a\xff")}, {}),
            "fit: the name 'model/a\\xff/bias' is no UTF-8, a checkpoint cannot hold it: name it "
            "otherwise");
  const metric own("caf\xe9", [](variable p, variable t) { return mean(abs(p - t)); });
  EXPECT_EQ(refused(sequential{dense(1)}, {own}),
            "fit: the name 'caf\\xe9' is no UTF-8, a checkpoint cannot hold it: name it otherwise");
  // The file's own name is bytes: what the system takes.
  setting().trained(file.folder / "caf\xe9");
  EXPECT_EQ(message_of([&] { setting().trained(path("/nowhere/caf\xe9")); }),
            "checkpoint: /nowhere/caf\\xe9: cannot write in the folder /nowhere: No such file or "
            "directory");
}

}  // namespace

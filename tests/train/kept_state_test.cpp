// What a checkpoint keeps and says where a fit failed, where callbacks look at the state early, and
// where they or layers make state on the spot.
#include <gtest/gtest.h>

#include <cotape/cotape.hpp>
#include <optional>
#include <sstream>
#include <xtensor/xtensor.hpp>

#include "train/setting.hpp"

namespace {

using namespace cotape;
using namespace cotape::tests;

const std::string anew = ": remove the file to start anew";

callbacks killed_at(std::int64_t step) { return {killer(step)}; }

std::string description_in(const path& file, const std::string& fit) {
  const named_tensors found = read_safetensors(file);
  const tensor& text = found.at("fit/description/" + fit);
  return {static_cast<const char*>(text.data()), text.type().bytes()};
}

// A new file of a fit that is tried again tells where that one began: not where the first did.
TEST(Failure, LeavesTheNextFileItsOwnBeginning) {
  const own_file file;
  setting s;
  for (const char* name : {"first", "other"}) {
    sequential m = s.make();
    std::filesystem::remove(file.folder / "first");
    s.more = [] { return killed_at(3); };
    expect_error<std::runtime_error>([&] { s.fit(m, file.folder / "first"); }, "killed");
    s.more = [] { return callbacks{}; };
    std::filesystem::remove(file.folder / name);  // the same file, gone, or another one
    s.fit(m, file.folder / name);
    const std::string text = description_in(file.folder / name, "0001");
    EXPECT_NE(text.find("epochs before it"), std::string::npos);
    sequential fresh = s.make();
    const std::string message = message_of([&] { s.fit(fresh, file.folder / name); });
    EXPECT_NE(message.find("fit: " + (file.folder / name).string() +
                           ": it was kept with epochs before it 1, here it is 0"),
              std::string::npos)
        << message;
  }
}

TEST(Failure, OfALaterFitGoesOnFromItsBeginning) {
  const own_file once, file;
  setting s;
  const auto both = [&](const path& at, std::int64_t killed) {
    sequential m = s.make();
    s.fit(m, at);
    if (killed >= 0) {
      s.more = [killed] { return killed_at(killed); };
      expect_error<std::runtime_error>([&] { s.fit(m, at); }, "killed");
      s.more = [] { return callbacks{}; };
    }
    s.fit(m, at);
    return bits_of(m);
  };
  const auto wanted = both(once.at, -1);
  EXPECT_TRUE(same(wanted, both(file.at, 5)));
  EXPECT_TRUE(same(wanted, both(file.at, -1)));
}

// It took the program that went on back to its first weights, since it had trained no step itself.
TEST(Failure, OfTheFirstStepAfterAKeptStateLeavesThat) {
  setting s;
  s.epochs = 3;
  const auto run = [&](const path& file, std::int64_t killed) {
    const auto too_far = [](training& t) {
      if (t.steps == 3) t.how().rate().set(1e200);  // the last step of an epoch
    };
    s.how = [] { return sgd({.rate = 0.01}); };
    s.more = [=] { return callbacks{calling("on_batch_begin", too_far), killer(killed)}; };
    sequential m = s.make();
    try {
      s.fit(m, file);
      ADD_FAILURE() << "no error";
    } catch (const value_error& e) {
      EXPECT_NE(std::string(e.what()).find("is not finite"), std::string::npos) << e.what();
    }
    return bits_of(m);
  };
  expect_the_same_after_a_kill(run, {2, 4});
}

// Its parameters live no longer than the list: their values were read after that.
TEST(CallbackState, ThatIsMadeOnTheSpotIsRefused) {
  struct fleeting : callback {
    std::vector<parameter> state() const override { return {parameter("count", 1.0, false)}; }
  };
  const own_file file;
  setting s;
  s.trained(file.at);
  const std::string bytes = bytes_of(file.at);
  s.more = [] { return callbacks{fleeting()}; };
  for (const path& at : {file.at, file.folder / "new"}) {
    const std::string message = message_of([&] { s.trained(at); });
    EXPECT_TRUE(message.starts_with("fit: ") &&
                message.ends_with("fleeting: its state() makes 'count' at each call: keep the "
                                  "parameter in a member"))
        << message;
  }
  EXPECT_TRUE(bytes == bytes_of(file.at));
  EXPECT_FALSE(std::filesystem::exists(file.folder / "new"));
}

TEST(NullPointers, AreRefusedByName) {
  setting s;
  sequential m = s.make();
  EXPECT_EQ(message_of([&] { m.compile("mse", std::shared_ptr<adam>()); }),
            "compile: the optimizer is a null pointer");
  const own_file file;
  s.more = [] { return callbacks{each_epoch([](training&) {}), std::shared_ptr<csv_log>()}; };
  EXPECT_EQ(message_of([&] { s.fit(m, file.at); }), "fit: callback 1 is a null pointer");
}

// The rate was noted as 0.
TEST(Snapshot, MayBeAskedForWhenTheFitBegins) {
  const own_file file;
  setting s;
  s.trained(file.at);
  s.more = [] { return callbacks{calling("on_fit_begin", [](training& t) { t.snapshot(); })}; };
  const auto trained = s.trained(file.at);
  EXPECT_TRUE(same(trained, setting().trained(file.folder / "whole")));
}

// It told the batches of the epoch that had ended: the next epoch was skipped.
TEST(Snapshot, WhenAnEpochEndsIsOfTheNextOnesBeginning) {
  const own_file file;
  const path kept = file.folder / "kept";
  setting s;
  s.epochs = 3;
  const auto wanted = s.trained(file.at);
  s.more = [&] {
    return callbacks{calling("on_epoch_end", [&](training& t) {
      if (t.epoch == 1) write_safetensors(kept, t.snapshot());
    })};
  };
  s.trained(file.folder / "whole");
  s.more = [] { return callbacks{}; };
  EXPECT_TRUE(same(wanted, s.trained(kept)));
}

TEST(Restore, IsRefusedWhereATrainingCannotGoOnFromElsewhere) {
  const own_file file;
  setting s;
  s.trained(file.at);
  const auto restored = [&](const std::string& where, const path& at) {
    s.more = [&, where] {
      return callbacks{
          calling(where, [&](training& t) { t.restore(read_safetensors(file.at), "mine"); })};
    };
    return message_of([&] { s.trained(at); });
  };
  const auto wanted = setting().trained(file.folder / "whole");
  for (const char* where : {"on_fit_begin", "on_batch_begin", "on_batch_end", "on_epoch_end",
                            "on_fit_end", "on_safe_point"}) {
    EXPECT_EQ(restored(where, file.folder / where),
              "fit: mine: a training goes on from a snapshot only within on_identify, on_resume "
              "and on_epoch_begin: call restore there")
        << where;
  }
  EXPECT_EQ(restored("on_resume", file.folder / "resumed"), "no error");
}

// Goes back, once, from the end of an epoch to the end of an earlier one.
struct rollback : callback {
  rollback(path at, std::int64_t earlier, std::int64_t later)
      : file(std::move(at)), to(earlier), from(later) {}
  void on_safe_point(training& t, bool) override {
    if (t.epoch == to && t.batch == 0 && !done) write_safetensors(file, t.snapshot());
  }
  void on_epoch_begin(training& t) override {
    ++calls;
    if (t.epoch != from || done) return;
    done = true;
    t.restore(read_safetensors(file), "mine");
  }
  path file;
  std::int64_t to, from;
  bool done = false;
  int calls = 0;
};

// Callbacks that were called before it had been told of another epoch.
TEST(Restore, IsToldToCallbacksThatWereCalledBefore) {
  for (const bool before : {false, true}) {
    const own_file file;
    std::vector<double> rates;
    setting s;
    s.epochs = 4;
    s.more = [&] {
      const auto rate = std::make_shared<scheduled_rate>(step_decay(.4, .5, 1));
      const auto back = std::make_shared<rollback>(file.folder / "kept", 1, 2);
      callbacks list{rate, calling("on_batch_begin", [&](training& t) {
                       if (t.batch == 0) rates.push_back(t.how().rate().value<double>()());
                     })};
      list.insert(before ? list.begin() : list.end(), back);
      return list;
    };
    s.trained(file.at);
    EXPECT_EQ(rates, (std::vector<double>{.4, .2, .2, .1, .05})) << before;
  }
}

// The epoch is begun again but once for each callback that goes back, be it to the same place.
TEST(Restore, BeginsNoEpochForEver) {
  struct again : rollback {
    using rollback::rollback;
    void on_epoch_begin(training& t) override {
      done = false;
      rollback::on_epoch_begin(t);
    }
  };
  const own_file file;
  setting s;
  s.epochs = 3;
  const auto wanted = s.trained(file.folder / "whole");
  again one(file.folder / "one", 1, 1), other(file.folder / "other", 1, 1);
  one.done = other.done = false;
  s.more = [&] { return callbacks{one, other}; };
  EXPECT_TRUE(same(wanted, s.trained(file.at)));
  EXPECT_EQ(one.calls, 3);  // 1 an epoch
  EXPECT_EQ(other.calls, 3);
}

// What it went on from ends the fit: it trained another epoch.
TEST(Restore, ToTheEndOfTheFitTrainsNoMore) {
  const own_file file;
  const path kept = file.folder / "kept";
  setting s;
  s.epochs = 3;
  s.more = [&] {
    return callbacks{calling("on_safe_point", [&](training& t) {
      if (t.epoch == 3 && t.batch == 0) write_safetensors(kept, t.snapshot());
    })};
  };
  const auto wanted = s.trained(file.folder / "whole");
  s.more = [&] {
    return callbacks{calling("on_epoch_begin", [&](training& t) {
      if (t.epoch == 1) t.restore(read_safetensors(kept), "mine");
    })};
  };
  EXPECT_TRUE(same(wanted, s.trained(file.at)));
}

// The file held the epochs twice that were trained twice.
TEST(Restore, IsSeenInALogsFile) {
  const own_file file;
  const path log = file.folder / "l.csv";
  setting s;
  s.epochs = 5;
  const auto logged = [&](const std::function<callbacks()>& more) {
    s.more = more;
    sequential m = s.make();
    std::filesystem::remove(file.at);
    const std::string wanted = s.fit(m, file.at).csv();
    EXPECT_EQ(wanted, bytes_of(log));
  };
  logged([&] {
    return callbacks{csv_log(log), std::make_shared<rollback>(file.folder / "kept", 1, 3)};
  });
  // Within another's on_resume, to an epoch that ends the fit.
  s.epochs = 1;
  logged([&] {
    return callbacks{csv_log(log), calling("on_safe_point", [&](training& t) {
                       if (t.epoch == 1) write_safetensors(file.folder / "kept", t.snapshot());
                     })};
  });
  logged([&] {
    std::filesystem::remove(log);
    return callbacks{csv_log(log), calling("on_resume", [&](training& t) {
                       t.restore(read_safetensors(file.folder / "kept"), "mine");
                     })};
  });
}

// As many epochs as the file holds, but others.
TEST(Restore, OfOtherEpochsIsSeenInALogsFile) {
  const own_file file;
  const path log = file.folder / "l.csv", first = file.folder / "1", third = file.folder / "3";
  setting s;
  s.epochs = 4;
  int went = 0;
  s.more = [&] {
    const auto go = [&](training& t) {
      if (t.epoch != 3 || went == 2) return;
      if (++went == 2) t.restore(read_safetensors(third), "mine");
      else t.restore(read_safetensors(first), "mine"), t.how().rate().set(0.5);
    };
    const auto keep = [&](training& t) {
      if (t.batch != 0 || went != 0) return;
      if (t.epoch == 1) write_safetensors(first, t.snapshot());
      if (t.epoch == 3) write_safetensors(third, t.snapshot());
    };
    return callbacks{csv_log(log), calling("on_epoch_begin", go), calling("on_safe_point", keep)};
  };
  sequential m = s.make();
  const std::string wanted = s.fit(m, file.at).csv();
  EXPECT_EQ(wanted, bytes_of(log));
  EXPECT_EQ(went, 2);
}

// State that the step makes while it is recorded was not in the file.
TEST(StepState, ThatIsMadeWhileRecordingIsKept) {
  const auto noisy = [](variable v) {
    generator noise(5);
    return v + noise.normal(v.owner(), v.shape(), 0, 0.5, v.dtype());
  };
  const auto counting = [](variable v) {
    const parameter seen("seen", 1.0, false);
    tape& t = v.owner();
    t.assign(seen, t.read(seen) + 1);
    return v * t.read(seen);
  };
  std::vector<setting> all(3);
  all[0].last = noisy;
  all[1].last = counting;
  all[2].loss = [noisy](variable p, variable t) { return mean(square(noisy(p) - t)); };
  for (setting& s : all) {
    const own_file once, file;
    s.epochs = 4;
    s.before = [](model&) {};
    const auto two = [&](const path& at, std::int64_t killed) {
      s.more = [killed] { return killed_at(killed); };
      sequential m = s.make();
      std::string csv = s.fit(m, at).csv();
      csv += s.fit(m, at).csv();
      return std::pair(bits_of(m), csv);
    };
    const auto [weights, losses] = two(once.at, -1);
    for (const std::int64_t step : {3, 11}) {
      expect_error<std::runtime_error>([&] { two(file.at, step); }, "killed");
      const auto [again, losses_again] = two(file.at, -1);
      EXPECT_EQ(losses, losses_again);
      EXPECT_TRUE(same(weights, again));
      std::filesystem::remove(file.at);
    }
  }
}

// What a layer makes once, and holds, is kept though it is made after the step was compiled.
TEST(StepState, ThatALayerMakesLateIsKept) {
  const own_file file;
  setting s;
  s.validation_x = s.x;
  s.validation_y = s.y;
  std::optional<parameter> late;
  s.predicted = [&](variable v) {
    if (!late) late.emplace("late", 2.0, false);
    return v * v.owner().read(*late);
  };
  sequential m({dense(1), layer(std::make_shared<last_layer>(s.last, s.predicted))});
  m.compile("mse", sgd(), {"mae"});
  s.fit(m, file.at);
  EXPECT_TRUE(read_safetensors(file.at).contains("step/0/late"));
}

TEST(CallbackOptions, HaveNamesOfTheirOwn) {
  struct told : callback {
    explicit told(named_texts options) : options_(std::move(options)) {}
    named_texts description(const training&) const override { return options_; }
    named_texts options_;
  };
  const own_file file;
  setting s;
  const auto refused = [&](const named_texts& options) {
    s.more = [&] { return callbacks{told(options)}; };
    const std::string message = message_of([&] { s.trained(file.at); });
    return message.substr(std::min(message.size(), message.find("told")));
  };
  EXPECT_EQ(refused({{"a", "1"}, {"b", "2"}, {"a", "3"}}),
            "told: its description() has two options named 'a': give it another name");
  EXPECT_EQ(refused({{"options", "1"}}),
            "told: its description() has an option named 'options', which is the name of "
            "the list of them: give it another name");
  EXPECT_FALSE(std::filesystem::exists(file.at));
}

// It was forgotten where a file told the state.
TEST(Stop, IsKeptWhereTheFitGoesOnFromAFile) {
  const own_file file;
  setting s;
  s.trained(file.at);
  s.epochs = 5;
  s.more = [] { return callbacks{calling("on_fit_begin", [](training& t) { t.stop = true; })}; };
  sequential m = s.make();
  EXPECT_EQ(s.fit(m, file.at).epochs(), 2);
}

// Nothing is left to be stopped: the file stays that of a fit which was not.
TEST(Stop, LeavesAFitThatHasEndedAsItIs) {
  const own_file file;
  setting s;
  s.trained(file.at);
  const std::string bytes = bytes_of(file.at);
  s.more = [] { return callbacks{calling("on_fit_begin", [](training& t) { t.stop = true; })}; };
  s.trained(file.at);
  EXPECT_TRUE(bytes == bytes_of(file.at));
}

// Asked for more, it returned the same epochs and did not say why.
TEST(Stop, IsToldWhereMoreIsAskedFor) {
  const own_file file;
  setting s;
  s.epochs = 5;
  s.more = [] {
    return callbacks{calling("on_epoch_end", [](training& t) { t.stop = t.epoch == 2; })};
  };
  s.trained(file.at);
  const std::string bytes = bytes_of(file.at);
  s.more = [] { return callbacks{}; };
  const auto warnings = [&](std::int64_t epochs) {
    s.epochs = epochs;
    sequential m = s.make();
    const history h = s.fit(m, file.at);
    EXPECT_EQ(h.epochs(), 2);
    return h.warnings;
  };
  EXPECT_TRUE(warnings(5).empty());  // the same program once more
  EXPECT_TRUE(warnings(2).empty());
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(warnings(8),
              std::vector<std::string>{"the training was stopped, as its file tells, and trains no "
                                       "more: to train longer, remove the file and start anew"});
  }
  EXPECT_TRUE(bytes == bytes_of(file.at));
  std::ostringstream said;
  sequential m = s.make();
  m.fit(s.x, s.y,
        {.epochs = 8, .batch_size = 2, .callbacks = {checkpoint(file.at)}, .progress = &said});
  EXPECT_TRUE(said.str().starts_with("fit: the training was stopped, as its file tells"));
}

}  // namespace

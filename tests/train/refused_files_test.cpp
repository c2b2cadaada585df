// A fit that is refused leaves the files of its callbacks as they were; so does one whose first
// step fails. They are first changed when a step has succeeded.
#include <gtest/gtest.h>

#include <cotape/cotape.hpp>
#include <limits>
#include <sstream>
#include <xtensor/xtensor.hpp>

#include "train/setting.hpp"

namespace {

using namespace cotape;
using namespace cotape::tests;

calling refusing(const char* where) {
  return {where, [](training&) { throw value_error("refused"); }};
}

// The names and bytes of all files in a folder.
std::map<path, std::string> files_in(const path& folder) {
  std::map<path, std::string> result;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file()) result[entry.path()] = bytes_of(entry.path());
  }
  return result;
}

constexpr const char* after_the_files_are_looked_at[]{"on_resume", "on_epoch_begin",
                                                      "on_batch_begin"};

TEST(RefusedFiles, AreNotMade) {
  for (const char* where : after_the_files_are_looked_at) {
    const own_file file;
    setting s;
    s.more = [&] {
      return callbacks{csv_log(file.folder / "l.csv"), checkpoint(file.folder / "first"),
                       refusing(where)};
    };
    const callbacks all = [&] {
      callbacks list{checkpoint(file.at)};
      for (const auto& c : s.more()) list.push_back(c);
      return list;
    }();
    sequential m = s.make();
    EXPECT_EQ(message_of([&] { m.fit(s.x, s.y, {.callbacks = all, .progress = nullptr}); }),
              "refused");
    EXPECT_TRUE(files_in(file.folder).empty()) << where;
  }
}

// The look at the first rows predicts, which the model may not be able to.
TEST(RefusedFiles, AreNotMadeWhereTheFirstRowsCannotBePredicted) {
  const own_file file;
  setting s;
  s.dropped = 0;
  s.loss = "binary_crossentropy";
  s.last = [](variable v) { return tanh(v) + 0.5; };
  bool fails = false;
  s.predicted = [&](variable v) {
    if (fails) throw value_error("refused");
    return v;
  };
  sequential m = s.make();
  const auto before = bits_of(m);
  fails = true;
  EXPECT_EQ(message_of([&] { s.fit(m, file.at); }).find("refused [layer 'last' at "), 0u);
  EXPECT_TRUE(files_in(file.folder).empty());
  EXPECT_TRUE(same(before, bits_of(m)));
}

// A fit that writes into a folder, and into another one within it, which goes before.
struct fit_into_a_folder_that_goes {
  const own_file file;
  const path other = file.folder / "other";
  setting s;
  sequential m = s.make();
  const std::vector<tensor> before = bits_of(m);
  fit_into_a_folder_that_goes() { std::filesystem::create_directory(other); }
  void expect_nothing_changed() {
    EXPECT_TRUE(files_in(file.folder).empty());
    EXPECT_TRUE(same(before, bits_of(m)));
  }
};

TEST(RefusedFiles, AreNotMadeWhereALaterOneCannotBeWritten) {
  fit_into_a_folder_that_goes f;
  f.s.more = [&] {
    return callbacks{checkpoint(f.file.folder / "first"), calling("on_resume", [&](training&) {
                       std::filesystem::remove_all(f.other);
                     })};
  };
  EXPECT_TRUE(message_of([&] { f.s.fit(f.m, f.other / "c"); }).starts_with("checkpoint: "));
  f.expect_nothing_changed();
}

// Its fit has no step: the end of the fit is where its files are written.
TEST(RefusedFiles, AreNotMadeByAFitWithoutSteps) {
  const own_file file;
  const path other = file.folder / "other";
  setting s;
  s.epochs = 0;
  sequential m = s.make();
  s.more = [&] {
    std::filesystem::create_directory(other);
    return callbacks{
        checkpoint(file.folder / "first"), csv_log(file.folder / "l.csv"),
        calling("on_safe_point", [&](training&) { std::filesystem::remove_all(other); })};
  };
  EXPECT_TRUE(message_of([&] { s.fit(m, other / "c"); }).starts_with("checkpoint: "));
  EXPECT_TRUE(files_in(file.folder).empty());
  s.more = [] { return callbacks{}; };
  s.fit(m, file.at);
  EXPECT_EQ(files_in(file.folder).size(), 1u);
}

TEST(RefusedFiles, OfEarlierFitsAreAsTheyWere) {
  for (const char* where : after_the_files_are_looked_at) {
    const own_file file;
    setting s;
    sequential m = s.make();
    s.fit(m, file.at);
    const auto before = files_in(file.folder);
    const callbacks all{checkpoint(file.at), refusing(where)};
    EXPECT_EQ(message_of([&] {
                m.fit(s.x, s.y, {.batch_size = 2, .callbacks = all, .progress = nullptr});
              }),
              "refused");
    EXPECT_TRUE(before == files_in(file.folder)) << where;
  }
}

// The log had been shortened to the epochs of the checkpoint already.
TEST(RefusedFiles, OfALogKeepTheirLines) {
  const own_file file;
  const path log = file.folder / "l.csv";
  setting s;
  s.epochs = 9;
  s.options.epochs = 3;
  std::ostringstream out;
  const auto run = [&](const callbacks& more) {
    s.more = [&] {
      callbacks list{csv_log(log), csv_log(out)};
      list.insert(list.end(), more.begin(), more.end());
      return list;
    };
    return s.trained(file.at);
  };
  expect_error<std::runtime_error>([&] { run({killer(10)}); }, "killed");
  const auto before = files_in(file.folder);
  const std::string lines = bytes_of(log);
  EXPECT_EQ(std::count(lines.begin(), lines.end(), '\n'), 6) << lines;  // the file has 3 epochs
  const std::string told = out.str();
  for (const char* where : after_the_files_are_looked_at) {
    EXPECT_EQ(message_of([&] { run({refusing(where)}); }), "refused");
    EXPECT_TRUE(before == files_in(file.folder)) << where;
    EXPECT_EQ(out.str(), told);
  }
  run({});
  const std::string whole = bytes_of(log);
  EXPECT_EQ(std::count(whole.begin(), whole.end(), '\n'), 10) << whole;
}

// Its file refused the next try, with data that was mended.
TEST(RefusedFiles, AreNotMadeByAFirstStepThatIsNotFinite) {
  const own_file file;
  setting s;
  s.how = [] { return adam({.rate = 0.01}); };
  s.loss = loss_function([](variable p, variable t) { return mean(log(p - t - 1e6)); });
  sequential m = s.make();
  const auto before = bits_of(m);
  expect_error<value_error>([&] { s.fit(m, file.at); }, "is not finite");
  EXPECT_TRUE(files_in(file.folder).empty());
  EXPECT_TRUE(same(before, bits_of(m)));
}

// What another has written before the first step is the other's.
TEST(RefusedFiles, ThatAnotherHasWrittenAreTheOthers) {
  for (const char* where : after_the_files_are_looked_at) {
    const own_file file;
    setting s;
    std::string other;
    // Called after the checkpoint.
    const callbacks all{checkpoint(file.at), calling(where, [&](training&) {
                          setting second;
                          second.seed = 8;
                          elsewhere([&] { second.trained(file.at); });
                          other = bytes_of(file.at);
                        })};
    sequential m = s.make();
    const auto before = bits_of(m);
    expect_error<io_error>([&] { m.fit(s.x, s.y, {.callbacks = all, .progress = nullptr}); },
                           "another training or program has written it");
    EXPECT_TRUE(other == bytes_of(file.at)) << where;
    EXPECT_EQ(files_in(file.folder).size(), 1u);
    EXPECT_TRUE(same(before, bits_of(m))) << where;
  }
}

// All are made ready before the first one takes its name.
TEST(RefusedFiles, AreNotMadeWhereTheFolderOfALaterOneGoes) {
  fit_into_a_folder_that_goes f;
  const callbacks all{
      checkpoint(f.file.at), checkpoint(f.other / "c"),
      calling("on_batch_begin", [&](training&) { std::filesystem::remove_all(f.other); })};
  EXPECT_EQ(message_of([&] { f.m.fit(f.s.x, f.s.y, {.callbacks = all, .progress = nullptr}); }),
            "checkpoint: " + (f.other / "c").string() + ": what was written for it is gone");
  f.expect_nothing_changed();
}

// A stream takes it as it comes, and may fail: then no file has taken its name yet.
TEST(RefusedFiles, AreNotMadeWhereAStreamFails) {
  const own_file file;
  setting s;
  s.trained(file.at);
  s.epochs = 3;
  std::ostream broken(nullptr);
  s.more = [&] { return callbacks{checkpoint(file.folder / "other"), csv_log(broken)}; };
  sequential m = s.make();
  const auto before = bits_of(m);
  EXPECT_EQ(message_of([&] { s.fit(m, file.at); }), "csv_log: cannot write to the stream");
  EXPECT_EQ(files_in(file.folder).size(), 1u);
  EXPECT_TRUE(same(before, bits_of(m)));
}

// Its writer would have removed the log.
TEST(RefusedFiles, HaveNoNameOfUnfinishedOnes) {
  const own_file file;
  const path name = file.at.string() + ".cotape-unfinished-2";
  setting s;
  sequential m = s.make();
  const callbacks all{csv_log(name), checkpoint(file.at)};
  const std::string why =
      name.string() +
      ": names with '.cotape-unfinished' are of files that are being written: choose another";
  EXPECT_EQ(message_of([&] { m.fit(s.x, s.y, {.callbacks = all, .progress = nullptr}); }),
            "csv_log: " + why);
  EXPECT_EQ(message_of([&] { write_safetensors(name, {}); }), "write_safetensors: " + why);
  EXPECT_TRUE(files_in(file.folder).empty());
}

// A link that is put there meanwhile leads elsewhere.
TEST(RefusedFiles, ReplaceNoLinkThatComesMeanwhile) {
  const own_file file;
  setting s;
  const callbacks all{checkpoint(file.at), calling("on_batch_begin", [&](training&) {
                        std::filesystem::create_symlink("nowhere", file.at);
                      })};
  sequential m = s.make();
  const auto before = bits_of(m);
  EXPECT_EQ(message_of([&] { m.fit(s.x, s.y, {.callbacks = all, .progress = nullptr}); }),
            "checkpoint: " + file.at.string() + ": it is a symbolic link, no regular file");
  EXPECT_TRUE(std::filesystem::is_symlink(file.at));
  EXPECT_TRUE(files_in(file.folder).empty());
  EXPECT_TRUE(same(before, bits_of(m)));
}

// What a callback keeps elsewhere than in its state() it may put back itself, the last change
// first; once a step has succeeded there is nothing to put back.
TEST(RefusedFit, LetsCallbacksPutBackWhatTheyChange) {
  for (const bool refused : {true, false}) {
    std::string told;
    const auto change = [&](const char* what) {
      return [&told, what](training& t) { t.if_refused([&told, what] { told += what; }); };
    };
    const callbacks all{calling("on_fit_begin", change("a")), calling("on_resume", change("b")),
                        calling("on_batch_begin", change("c")),
                        refusing(refused ? "on_batch_begin" : "on_batch_end"),
                        calling("on_batch_end", change("d"))};
    setting s;
    sequential m = s.make();
    EXPECT_EQ(message_of([&] { m.fit(s.x, s.y, {.callbacks = all, .progress = nullptr}); }),
              "refused");
    EXPECT_EQ(told, refused ? "cba" : "");
  }
}

// What it threw was told in place of what the fit was refused for.
TEST(RefusedFit, PassesOverWhatPuttingBackThrows) {
  setting s;
  sequential m = s.make();
  const parameter weight = m.parameters()[0];
  const tensor before(weight.view());
  std::string told;
  const callbacks all{calling("on_fit_begin",
                              [&](training& t) {
                                t.if_refused([&] { told += "a"; });
                                t.if_refused([] { throw std::runtime_error("not put back"); });
                                weight.set(xt::zeros<double>({2, 2}));
                              }),
                      refusing("on_batch_begin")};
  EXPECT_EQ(message_of([&] { m.fit(s.x, s.y, {.callbacks = all, .progress = nullptr}); }),
            "refused");
  EXPECT_EQ(told, "a");
  EXPECT_TRUE(same_bits(before, weight.view()));
  const callbacks empty{calling("on_fit_begin", [](training& t) { t.if_refused({}); })};
  EXPECT_EQ(message_of([&] { m.fit(s.x, s.y, {.callbacks = empty, .progress = nullptr}); }),
            "training::if_refused: the function is empty");
}

}  // namespace

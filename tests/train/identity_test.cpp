// What tells one training from another: a checkpoint of another one is refused, what differs is
// named, and nothing has changed then.
#include <gtest/gtest.h>

#include <cmath>
#include <cotape/cotape.hpp>
#include <xtensor/xtensor.hpp>

#include "train/setting.hpp"

namespace {

using namespace cotape;
using namespace cotape::tests;

// The symbols of a model of two inputs.
struct input_pair {
  symbol a = input({2}), b = input({1});
  symbol joined = dense(3, "tanh")(concatenate({a, b}));
};

// A file of a later fit of another model, and of an earlier one, was taken for one's own.
TEST(Identity, TellsTheFileOfAnotherFitNumber) {
  const own_file file;
  setting kept;
  sequential first = kept.make();
  kept.fit(first, file.at);
  kept.fit(first, file.at);  // the file is of its second fit
  const std::string bytes = bytes_of(file.at);
  setting other;
  other.units = 7;
  other.how = [] { return sgd(); };
  sequential m = other.make();
  const auto before = bits_of(m);
  EXPECT_EQ(message_of([&] { other.fit(m, file.at); }),
            "fit: " + file.at.string() +
                ": in fit 1 it was kept with parameter 'dense/weight' float64 (2, 2), here it is "
                "float64 (2, 7): remove the file to start anew");
  EXPECT_TRUE(same(before, bits_of(m)));
  EXPECT_TRUE(bytes == bytes_of(file.at));
}

TEST(Identity, TellsTheFileOfAnEarlierFit) {
  const own_file file, own;
  setting().trained(file.at);
  const std::string bytes = bytes_of(file.at);
  setting other;
  other.units = 7;
  sequential m = other.make();
  other.fit(m, own.at);
  const auto before = bits_of(m);
  EXPECT_EQ(message_of([&] { other.fit(m, file.at); }),
            "fit: " + file.at.string() +
                ": in fit 1 it was kept with parameter 'dense/weight' float64 (2, 2), here it is "
                "float64 (2, 7): remove the file to start anew");
  EXPECT_TRUE(same(before, bits_of(m)));
  EXPECT_TRUE(bytes == bytes_of(file.at));
  // The first fit of this one kept nothing.
  sequential bare = setting().make();
  bare.fit(setting().x, setting().y, {.progress = nullptr});
  EXPECT_EQ(message_of([&] { setting().fit(bare, file.at); }),
            "fit: " + file.at.string() +
                ": it is of fit 1, which keeps no state here: remove the file to start anew");
  EXPECT_TRUE(bytes == bytes_of(file.at));
}

TEST(Identity, TellsAFileThatDoesNotKnowThisFit) {
  const own_file file;
  sequential m = setting().make();
  m.fit(setting().x, setting().y, {.progress = nullptr});
  setting().fit(m, file.at);  // keeps the second only
  sequential other = setting().make();
  EXPECT_EQ(message_of([&] { setting().fit(other, file.at); }),
            "fit: " + file.at.string() +
                ": it is of fit 2 and does not tell of fit 1: remove the file to start anew");
}

// The second fold of a cross-validation took over the weights of the first.
TEST(Identity, TellsTheFoldsOfACrossValidation) {
  const own_file file;
  setting fold;
  fold.trained(file.at);
  fold.x = array{{9, 8}, {7, 6}, {5, 4}};
  sequential m = fold.make();
  EXPECT_EQ(message_of([&] { fold.fit(m, file.at); }),
            "fit: " + file.at.string() +
                ": its data of input 0 differ from those here: remove the file to start anew");
}

TEST(Identity, TellsData) {
  EXPECT_EQ(refusal_if([](setting& s) { s.x(2, 1) = 8; }),
            "its data of input 0 differ from those here");
  EXPECT_EQ(refusal_if([](setting& s) { s.y(2, 0) = 0; }),
            "its data of target 0 differ from those here");
  EXPECT_EQ(refusal_if([](setting& s) { std::swap(s.x(0, 0), s.x(1, 0)); }),
            "its data of input 0 differ from those here");
  const column y1 = {{1}, {1}}, y2 = {{1}, {2}};
  const array x = {{1, 2}, {3, 4}}, z = {{1, 2}, {3, 5}};
  setting kept, here;
  kept.validation_x = here.validation_x = x;
  kept.validation_y = y1;
  here.validation_y = y2;
  EXPECT_EQ(refusal(kept, here), "its data of validation target 0 differ from those here");
  here.validation_x = z;
  here.validation_y = y1;
  EXPECT_EQ(refusal(kept, here), "its data of validation input 0 differ from those here");
  EXPECT_EQ(refusal(kept, setting()), "it was kept with rows of validation 2, here it is 0");
}

TEST(Identity, TellsModels) {
  EXPECT_EQ(refusal_if([](setting& s) { s.seed = 1; }),
            "it was kept with seed of the model 0, here it is 1");
  EXPECT_EQ(refusal_if([](setting& s) { s.dropped = 0.5; }),
            "it was kept with operation 11 literal 0.25 : float64 () in the model, here it is "
            "literal 0.5 : float64 () in the model");
  EXPECT_EQ(refusal_if([](setting& s) {
              s.before = [](model& m) { m.parameters()[1].set_trainable(false); };
            }),
            "it was kept with parameter 'dense/bias' float64 (2,), here it is float64 (2,), not "
            "trainable");
  EXPECT_EQ(refusal_if([](setting& s) { s.activation = "relu"; }),
            "it was kept with operation 6 tanh(%5) : float64 (2, 2) in the model, here it is "
            "relu(%5) : float64 (2, 2) in the model");
  const auto plus = [](double number) {
    return [number](variable v) { return v + v.owner().constant(column{{number}}); };
  };
  setting kept, here;
  kept.last = plus(1);
  here.last = plus(2);
  EXPECT_NE(refusal(kept, here).find(" constant "), std::string::npos) << refusal(kept, here);
}

// What a model does when it predicts shows in the figures of validation alone.
TEST(Identity, TellsPredictingWhereThereIsValidation) {
  const auto predicting = [](double factor, bool validated) {
    setting s;
    if (validated) {
      s.validation_x = s.x;
      s.validation_y = s.y;
    }
    s.predicted = [factor](variable v) { return v * factor; };
    return s;
  };
  const std::string message = refusal(predicting(2, true), predicting(3, true));
  EXPECT_EQ(message,
            "its operations of the validation's batch of 3 rows: model differ from those here");
  EXPECT_EQ(refusal(predicting(2, false), predicting(3, false)), "no error");
  // A parameter that the model reads there alone is told by its value.
  const auto scaled_by = [&](double number) {
    const parameter scale("scale", number, false);
    setting s = predicting(2, true);
    s.predicted = [scale](variable v) { return v * v.owner().read(scale); };
    return s;
  };
  EXPECT_EQ(refusal(scaled_by(2), scaled_by(3)),
            "its first values of parameter 0 beside the model's, 'scale' differ from those here");
}

// Operations beyond those that are listed are told by their checksum.
TEST(Identity, TellsLongModels) {
  const auto chain = [](double last) {
    return [last](variable v) {
      for (int i = 0; i < 600; ++i) v = v + 1;
      return v * last;
    };
  };
  setting kept, here;
  kept.last = chain(1);
  here.last = chain(2);
  EXPECT_EQ(refusal(kept, here), "its operations of the model differ from those here");
}

TEST(Identity, TellsLosses) {
  EXPECT_EQ(refusal_if([](setting& s) { s.loss = "mae"; }),
            "it was kept with loss mean_squared_error, here it is mean_absolute_error");
  setting kept, here;
  kept.loss = loss_function([](variable p, variable t) { return mean(square(p - t)); });
  here.loss = loss_function([](variable p, variable t) { return mean(abs(p - t)); });
  const std::string message = refusal(kept, here);
  EXPECT_NE(message.find("in the loss, here it is abs("), std::string::npos) << message;
  // The same function under its name and as a function is the same training.
  kept.loss = "mse";
  here.loss = loss_function([](variable p, variable t) { return mean_squared_error(p, t); });
  EXPECT_EQ(refusal(kept, here), "no error");
}

TEST(Identity, TellsMetrics) {
  const auto of_power = [](double n) {
    return metric("power", [n](variable p, variable t) { return mean(power(abs(p - t), n)); });
  };
  EXPECT_EQ(refusal_if([](setting& s) { s.metrics = {"rmse"}; }),
            "it was kept with metrics mae, here it is rmse");
  setting kept, here;
  kept.metrics = {of_power(2)};
  here.metrics = {of_power(3)};
  EXPECT_EQ(
      refusal(kept, here),
      "it was kept with operation 31 literal 2 : float64 () in the metrics, here it is literal "
      "3 : float64 () in the metrics");
}

TEST(Identity, TellsOptimizers) {
  const auto with = [](auto a, auto b) {
    setting kept, here;
    kept.how = [a] { return a(); };
    here.how = [b] { return b(); };
    return refusal(kept, here);
  };
  EXPECT_EQ(with([] { return adam({.rate = 0.01}); }, [] { return adamw({.rate = 0.01}); }),
            "it was kept with optimizer adam, here it is adamw");
  EXPECT_EQ(with([] { return rmsprop({.rate = 0.01}); }, [] { return adagrad({.rate = 0.01}); }),
            "it was kept with optimizer rmsprop, here it is adagrad");
  EXPECT_EQ(with([] { return adam({.beta1 = 0.9}); }, [] { return adam({.beta1 = 0.95}); }),
            "it was kept with adam's beta1 0.9, here it is 0.95");
  EXPECT_EQ(with([] { return adam(); }, [] { return adam({.beta2 = 0.99}); }),
            "it was kept with adam's beta2 0.999, here it is 0.99");
  EXPECT_EQ(with([] { return adam(); }, [] { return adam({.epsilon = 1e-8}); }),
            "it was kept with adam's epsilon 1e-07, here it is 1e-08");
  EXPECT_EQ(with([] { return adam(); }, [] { return adam({.gradients = {.clip_norm = 1}}); }),
            "it was kept with adam's clip_norm 0, here it is 1");
  EXPECT_EQ(with([] { return sgd({.momentum = 0.9}); },
                 [] { return sgd({.momentum = 0.9, .nesterov = true}); }),
            "it was kept with sgd's nesterov false, here it is true");
  EXPECT_EQ(with([] { return sgd({.momentum = 0.9}); }, [] { return sgd({.momentum = 0.8}); }),
            "it was kept with sgd's momentum 0.9, here it is 0.8");
  EXPECT_EQ(with([] { return rmsprop({.rho = 0.9}); }, [] { return rmsprop({.rho = 0.8}); }),
            "it was kept with rmsprop's rho 0.9, here it is 0.8");
  EXPECT_EQ(with([] { return adagrad(); }, [] { return adagrad({.epsilon = 1e-6}); }),
            "it was kept with adagrad's epsilon 1e-07, here it is 1e-06");
  EXPECT_EQ(with([] { return adamw(); }, [] { return adamw({.weight_decay = 0.1}); }),
            "it was kept with adamw's weight_decay of weights 0.01, here it is 0.1");
}

// An optimizer of one's own, which says nothing of its options.
class scaled : public optimizer {
 public:
  explicit scaled(double scale) : optimizer(0.01, 0), scale_(scale) {}

 protected:
  updated update(variable w, variable g, const std::vector<variable>&, variable rate) override {
    return {w - scale_ * rate * g, {}};
  }

 private:
  double scale_;
};

TEST(Identity, TellsOptimizersOfOnesOwnByWhatTheyRecord) {
  setting kept, here;
  kept.how = [] { return scaled(1.5); };
  here.how = [] { return scaled(2.5); };
  EXPECT_EQ(refusal(kept, here),
            "it was kept with operation 62 literal 1.5 : float64 () in the update, here it is "
            "literal 2.5 : float64 () in the update");
}

constexpr const char* choice =
    ", or choose checkpoint's {.rate = resumed_rate::given} to go on with the rate here";

TEST(Identity, TellsARateThatTheUserChanged) {
  const std::string message = std::string("it was kept with rate 0.01, here it is 0.1") + choice;
  EXPECT_EQ(refusal_if([](setting& s) { s.how = [] { return adam({.rate = 0.1}); }; }), message);
  static sgd by_hand{{.rate = 0.01}};  // set after it was made
  setting kept, here;
  kept.how = [] { return optimizer_argument(by_hand); };
  here = kept;
  here.before = [](model&) { by_hand.rate().set(0.1); };
  EXPECT_EQ(refusal(kept, here), message);
}

TEST(Identity, GoesOnWithAnotherRateByChoice) {
  const own_file file;
  setting s;
  std::vector<double> rates;
  s.more = [&] {
    return callbacks{
        each_epoch([&](training& t) { rates.push_back(t.how().rate().value<double>()()); }),
        rate_on_plateau({.factor = 0.5, .patience = 1, .minimum_delta = 1e9}, "loss")};
  };
  s.trained(file.at);
  EXPECT_EQ(rates, (std::vector<double>{0.01, 0.01}));  // then it is halved
  rates.clear();
  s.how = [] { return adam({.rate = 0.2}); };
  s.options.rate = resumed_rate::given;
  s.epochs = 3;
  s.trained(file.at);
  EXPECT_EQ(rates, (std::vector<double>{0.2}));
  // The same program again goes on from what it kept: the rate, halved by now.
  rates.clear();
  s.epochs = 4;
  s.trained(file.at);
  EXPECT_EQ(rates, (std::vector<double>{0.1}));
}

// The same where the changed rate was that of a fit which is done.
TEST(Identity, GoesOnWithAnotherRateThroughDoneFits) {
  const own_file file;
  std::vector<double> rates;
  const auto run = [&](double rate, resumed_rate chosen, std::int64_t epochs) {
    rates.clear();
    setting s;
    sgd how{{.rate = rate}};
    s.how = [&how] { return optimizer_argument(how); };
    s.options.rate = chosen;
    sequential m = s.make();
    s.fit(m, file.at);
    s.more = [&] {
      return callbacks{
          each_epoch([&](training& t) { rates.push_back(t.how().rate().value<double>()()); })};
    };
    s.epochs = epochs;
    s.fit(m, file.at);
    return rates;
  };
  using list = std::vector<double>;
  EXPECT_EQ(run(0.05, resumed_rate::same, 2), (list{0.05, 0.05}));
  EXPECT_EQ(run(0.02, resumed_rate::given, 3), (list{0.02}));
  EXPECT_EQ(run(0.02, resumed_rate::given, 4), (list{0.02}));
  EXPECT_EQ(run(0.02, resumed_rate::same, 5), (list{0.02}));
  EXPECT_EQ(message_of([&] { run(0.05, resumed_rate::same, 6); }),
            "fit: " + file.at.string() +
                ": in fit 1 it was kept with rate 0.02, here it is 0.05: remove the file to start "
                "anew" +
                choice);
}

// Rates after the first 1024 were compared at powers of 2 alone.
TEST(Identity, TellsSchedulesFarAhead) {
  const auto kept_until = [](std::int64_t change, std::int64_t steps) {
    setting s;
    s.more = [=] {
      return callbacks{
          scheduled_rate([=](std::int64_t step) { return step == change ? 0.02 : 0.01; },
                         schedule_by::step),
          killer(1)};
    };
    s.epochs = steps / 2;  // of two batches
    return s;
  };
  const auto resumed = [&](std::int64_t change, std::int64_t steps) {
    const own_file file;
    expect_error<std::runtime_error>([&] { kept_until(-1, 6000).trained(file.at); }, "killed");
    std::string message;
    try {
      kept_until(change, steps).trained(file.at);
    } catch (const std::exception& e) {
      message = e.what();
    }
    const std::string before = "checksum of rates up to ";
    const auto at = message.find(before);
    if (at == message.npos) return message;
    return message.substr(at + before.size(),
                          message.find(' ', at + before.size()) - at - before.size());
  };
  EXPECT_EQ(resumed(-1, 6000), "killed");
  EXPECT_EQ(resumed(1050, 6000), "1088");
  EXPECT_EQ(resumed(1050, 9000), "1088");
  EXPECT_EQ(resumed(5999, 6000), "6000");
  EXPECT_EQ(resumed(7000, 9000), "killed");  // beyond the first
}

// An option that only one of two schedules has.
TEST(Identity, TellsTheOptionsOfWhatSetsTheRate) {
  struct own : callback {
    explicit own(named_texts options) : options_(std::move(options)) {}
    named_texts description(const training&) const override { return options_; }
    bool sets_rate() const override { return true; }
    named_texts options_;
  };
  const auto with = [](named_texts options) {
    setting s;
    s.more = [=] { return callbacks{own(options)}; };
    return s;
  };
  const auto told = [&](const named_texts& kept, const named_texts& here) {
    const std::string message = refusal(with(kept), with(here));
    const auto from = message.find("'s "), to = message.find(", or choose");
    return from == message.npos ? message : message.substr(from + 3, to - from - 3);
  };
  EXPECT_EQ(told({{"a", "1"}}, {{"a", "1"}, {"warm", "2"}}), "options a, here it is a, warm");
  EXPECT_EQ(told({{"a", "1"}, {"warm", "2"}}, {{"a", "1"}}), "options a, warm, here it is a");
  EXPECT_EQ(told({{"a", "1"}, {"at 1", "2"}}, {{"a", "1"}, {"at 1", "2"}, {"at 2", "2"}}),
            "no error");
}

// Two names could be taken for one with a comma.
TEST(Identity, TellsNamesInListsApart) {
  setting kept, here;
  kept.metrics = {metric("a", mse), metric("b", mae)};
  here.metrics = {metric("a, b", mse)};
  EXPECT_EQ(refusal(kept, here), "it was kept with metrics a, b, here it is 'a, b'");
}

// The message ended where the description held a NUL.
TEST(Identity, TellsADescriptionThatHoldsANul) {
  struct own : callback {
    explicit own(std::string text) : text_(std::move(text)) {}
    named_texts description(const training&) const override { return {{"text", text_}}; }
    std::string text_;
  };
  setting kept, here;
  kept.more = [] { return callbacks{own(std::string("a\0b", 3))}; };
  here.more = [] { return callbacks{own("c")}; };
  EXPECT_TRUE(refusal(kept, here).ends_with("'s text a\\0b, here it is c")) << refusal(kept, here);
}

TEST(Identity, TellsSchedules) {
  const auto schedule = [](double factor) {
    return [factor] { return callbacks{scheduled_rate(step_decay(0.1, factor, 1))}; };
  };
  setting kept, here;
  kept.more = schedule(0.5);
  here.more = schedule(0.25);
  EXPECT_EQ(
      refusal(kept, here),
      std::string(
          "it was kept with rate-setting scheduled_rate 0's rate at 1 0.05, here it is 0.025") +
          choice);
  here.more = [] { return callbacks{scheduled_rate(constant_rate(0.1), schedule_by::step)}; };
  EXPECT_EQ(
      refusal(kept, here),
      std::string("it was kept with rate-setting scheduled_rate 0's unit epoch, here it is step") +
          choice);
  here.more = [] { return callbacks{}; };
  EXPECT_EQ(refusal(kept, here),
            std::string("it was kept with rate set by scheduled_rate, here it is none") + choice);
  EXPECT_EQ(refusal(here, kept),
            std::string("it was kept with rate set by none, here it is scheduled_rate") + choice);
  // The rate that an optimizer is made with tells nothing where a schedule sets it.
  here.more = schedule(0.5);
  here.how = [] { return adam({.rate = 7}); };
  EXPECT_EQ(refusal(kept, here), "no error");
  // By choice the schedule here holds.
  const own_file file;
  kept.trained(file.at);
  std::vector<double> rates;
  here.more = [&] {
    return callbacks{scheduled_rate(step_decay(0.1, 0.25, 1)), each_epoch([&](training& t) {
                       rates.push_back(t.how().rate().value<double>()());
                     })};
  };
  here.options.rate = resumed_rate::given;
  here.epochs = 3;
  here.trained(file.at);
  EXPECT_EQ(rates, (std::vector<double>{0.1 / 16}));
}

TEST(Identity, TellsTheGroupsOfAnOptimizer) {
  const auto with = [](double factor) {
    return [=] {
      return adamw({.gradients = {.groups = {{.names = {"bias"}, .rate_factor = factor}}}});
    };
  };
  setting kept, here;
  kept.how = with(0.5);
  here.how = with(0.25);
  EXPECT_EQ(refusal(kept, here),
            "it was kept with adamw's groups bias: rate 0.5, decay 1, here it is bias: rate 0.25, "
            "decay 1");
  EXPECT_EQ(refusal(kept, kept), "no error");
}

TEST(Identity, TellsCallbacks) {
  const auto stop = [](early_stopping_options o) {
    return [o] { return callbacks{early_stopping(o)}; };
  };
  setting kept, here;
  kept.more = stop({.monitor = "loss", .patience = 5});
  here.more = stop({.monitor = "mae", .patience = 5});
  EXPECT_EQ(refusal(kept, here),
            "it was kept with early_stopping 0's monitor loss, here it is mae");
  here.more = stop({.monitor = "loss", .patience = 5, .minimum_delta = 1});
  EXPECT_EQ(refusal(kept, here),
            "it was kept with early_stopping 0's minimum_delta 0, here it is 1");
  here.more = stop({.monitor = "loss", .patience = 5, .restore_best_weights = false});
  EXPECT_EQ(refusal(kept, here),
            "it was kept with early_stopping 0's restore_best_weights true, here it is false");
  EXPECT_EQ(refusal(kept, setting()), "it was kept with callbacks early_stopping, here it is none");
  EXPECT_EQ(refusal(setting(), kept), "it was kept with callbacks none, here it is early_stopping");
  const auto plateau = [](plateau_options o) {
    return [o] { return callbacks{rate_on_plateau(o, "loss")}; };
  };
  kept.more = plateau({.factor = 0.5});
  here.more = plateau({.factor = 0.25});
  EXPECT_EQ(refusal(kept, here),
            "it was kept with rate_on_plateau 0's factor 0.5, here it is 0.25");
  here.more = plateau({.factor = 0.5, .lowest = 1e-5});
  EXPECT_EQ(refusal(kept, here), "it was kept with rate_on_plateau 0's lowest 0, here it is 1e-05");
}

// A callback that says what it is told to.
struct talking : callback {
  talking(named_texts says, bool sets) : says_(std::move(says)), sets_(sets) {}
  named_texts description(const training&) const override { return says_; }
  bool sets_rate() const override { return sets_; }
  named_texts says_;
  bool sets_;
};

// Options of two callbacks of one type, of which one sets the rate, had one name: the second's were
// never compared.
TEST(Identity, TellsCallbacksOfOneTypeApart) {
  const auto with = [](const char* first, const char* second) {
    setting s;
    s.more = [=] {
      return callbacks{talking({{"a", first}}, true), talking({{"a", second}}, false)};
    };
    return s;
  };
  const setting kept = with("1", "2");
  EXPECT_EQ(refusal(kept, kept), "no error");
  EXPECT_EQ(refusal(kept, with("1", "3")),
            "it was kept with (anonymous namespace)::talking 0's a 2, here it is 3");
  EXPECT_EQ(
      refusal(kept, with("3", "2")),
      std::string(
          "it was kept with rate-setting (anonymous namespace)::talking 0's a 1, here it is 3") +
          choice);
}

// Options that only one of the two trainings has were not compared.
TEST(Identity, TellsOptionsThatOnlyOneHas) {
  const auto with = [](const named_texts& says) {
    setting s;
    s.more = [=] { return callbacks{talking(says, false)}; };
    return s;
  };
  const setting one = with({{"a", "1"}}), two = with({{"a", "1"}, {"b", "2"}});
  EXPECT_EQ(refusal(one, two),
            "it was kept with (anonymous namespace)::talking 0's options a, here it is a, b");
  EXPECT_EQ(refusal(two, one),
            "it was kept with (anonymous namespace)::talking 0's options a, b, here it is a");
}

// Tabs and ends of lines, which the file parts facts by, became blanks.
TEST(Identity, TellsBlanksFromTabsAndEndsOfLines) {
  const std::string texts[]{"a b", "a\tb", "a\nb", "a\\tb", "\"a\\tb\"", "\"a\tb\""};
  const auto with = [](const named_texts& says) {
    setting s;
    s.more = [=] { return callbacks{talking(says, false)}; };
    return s;
  };
  for (const std::string& kept : texts) {
    for (const std::string& here : texts) {
      EXPECT_EQ(refusal(with({{"a", kept}}), with({{"a", here}})) == "no error", kept == here)
          << kept << " and " << here;
      EXPECT_EQ(refusal(with({{kept, "1"}}), with({{here, "1"}})) == "no error", kept == here)
          << kept << " and " << here;
    }
  }
  EXPECT_EQ(
      refusal(with({{"a", "1\t\"2\""}}), with({{"a", "1 \\2"}})),
      "it was kept with (anonymous namespace)::talking 0's a \"1\\t\"2\"\", here it is 1 \\2");
  // Parameters of such names beside each other: each is told.
  setting both;
  both.more = [] { return callbacks{talking({{"a b", "1"}, {"a\tb", "2"}}, false)}; };
  setting other = both;
  other.more = [] { return callbacks{talking({{"a b", "1"}, {"a\tb", "3"}}, false)}; };
  EXPECT_EQ(refusal(both, other),
            "it was kept with \"(anonymous namespace)::talking 0's a\\tb\" 2, here it is 3");
}

TEST(Identity, LetsDifferWhatMay) {
  const own_file log;
  setting kept, here;
  kept.more = [] {
    return callbacks{each_epoch([](training&) {}),
                     early_stopping({.monitor = "loss", .patience = 5})};
  };
  int calls = 0;
  here.more = [&] {
    return callbacks{early_stopping({.monitor = "loss", .patience = 7}),
                     csv_log(log.folder / "log.csv"), each_epoch([&](training&) { ++calls; })};
  };
  here.epochs = 3;
  const own_file file;
  kept.trained(file.at);
  sequential m = here.make();
  EXPECT_EQ(here.fit(m, file.at).epochs(), 3u);
  EXPECT_EQ(calls, 1);
  const own_file other;
  EXPECT_TRUE(same(here.trained(other.at), bits_of(m)));
}

TEST(Identity, TellsWhereATrainingBegan) {
  EXPECT_EQ(refusal_if([](setting& s) {
              s.before = [](model& m) { m.parameters()[0].set(column{{1, 2}, {3, 4}}); };
            }),
            "its first weights differ from those here");
  EXPECT_EQ(refusal_if([](setting& s) { s.before = [](model& m) { m.random().uniform({2}); }; }),
            "it was kept with random values drawn before it 2, here it is 3");
  const own_file file;
  sequential m = setting().make();
  m.fit(setting().x, setting().y, {.epochs = 1, .progress = nullptr});
  setting().fit(m, file.at);
  sequential longer = setting().make();
  longer.fit(setting().x, setting().y, {.epochs = 2, .progress = nullptr});
  EXPECT_EQ(
      message_of([&] { setting().fit(longer, file.at); }),
      "fit: " + file.at.string() +
          ": it was kept with epochs before it 1, here it is 2: remove the file to start anew");
}

// A parameter that only the step knows: its value is part of the state, the first one tells.
TEST(Identity, KeepsParametersThatTheStepReadsBesideTheModels) {
  const auto with = [](double first, std::int64_t epochs, const path& file) {
    const parameter scale("scale", first);
    const parameter grown("grown", 0.0, false);
    setting s;
    s.last = [=](variable v) {
      tape& t = v.owner();
      t.assign(grown, t.read(grown) + 1);
      return v * t.read(scale);
    };
    s.epochs = epochs;
    sequential m = s.make();
    s.fit(m, file);
    auto bits = bits_of(m);
    bits.emplace_back(scale.view());
    bits.emplace_back(grown.view());
    return bits;
  };
  const own_file once, file;
  const auto wanted = with(1, 4, once.at);
  with(1, 2, file.at);
  EXPECT_TRUE(same(with(1, 4, file.at), wanted));
  EXPECT_EQ(message_of([&] { with(2, 4, file.at); }),
            "fit: " + file.at.string() +
                ": its first values of parameter 1 beside the model's, 'scale' differ from those "
                "here: remove the file to start "
                "anew");
}

// The random numbers of a generator that the model does not own go on too.
TEST(Identity, KeepsGeneratorsOfOnesOwn) {
  const auto with = [](std::int64_t epochs, const path& file) {
    generator noise(5);
    setting s;
    s.last = [=](variable v) mutable {
      return v + noise.normal(v.owner(), v.shape(), 0, 0.1, v.dtype());
    };
    s.epochs = epochs;
    return s.trained(file);
  };
  const own_file once, file;
  const auto wanted = with(4, once.at);
  with(2, file.at);
  EXPECT_TRUE(same(with(4, file.at), wanted));
}

// Three fits with rates set by hand between them, interrupted in the third.
TEST(Identity, GoesThroughDoneFitsWithTheirRatesAndCounts) {
  const auto run = [](const path& file, bool die, double third) {
    sgd how{{.rate = 0.05}};
    setting s;
    s.how = [&how] { return optimizer_argument(how); };
    s.more = [] {
      return callbacks{
          rate_on_plateau({.factor = 0.5, .patience = 1, .minimum_delta = 1e9}, "loss")};
    };
    sequential m = s.make();
    s.fit(m, file);
    s.fit(m, file);  // begins with the rate that the first ended with
    how.rate().set(third);
    s.more = [die] {
      return callbacks{scheduled_rate([](std::int64_t epoch) {
                         return epoch < 4 ? throw std::runtime_error("before it") : 0.01;
                       }),
                       each_epoch([die](training& t) {
                         EXPECT_GE(t.epoch, 5);
                         if (die && t.epoch == 6) throw std::runtime_error("killed");
                       })};
    };
    s.epochs = 4;
    s.fit(m, file);
    return bits_of(m);
  };
  const own_file once, file;
  const auto wanted = run(once.at, false, 0.02);
  expect_error<std::runtime_error>([&] { run(file.at, true, 0.02); }, "killed");
  EXPECT_TRUE(same(run(file.at, false, 0.02), wanted));
}

TEST(Identity, TellsARateThatWasSetBetweenFits) {
  const auto run = [](const path& file, std::int64_t fits, double second) {
    sgd how{{.rate = 0.05}};
    setting s;
    s.how = [&how] { return optimizer_argument(how); };
    sequential m = s.make();
    s.fit(m, file);
    how.rate().set(second);
    for (std::int64_t i = 1; i < fits; ++i) s.fit(m, file);
    return bits_of(m);
  };
  const own_file once, file;
  const auto wanted = run(once.at, 3, 0.02);
  run(file.at, 2, 0.02);
  EXPECT_EQ(message_of([&] { run(file.at, 2, 0.01); }),
            "fit: " + file.at.string() +
                ": it was kept with rate 0.02, here it is 0.01: remove the file to start anew" +
                choice);
  EXPECT_TRUE(same(run(file.at, 3, 0.02), wanted));
}

// A finished fit cannot become longer when a later one has begun.
TEST(Identity, TellsThatADoneFitWasOfOtherEpochs) {
  const own_file file;
  setting s;
  sequential m = s.make();
  s.fit(m, file.at);
  s.fit(m, file.at);
  sequential again = s.make();
  s.epochs = 3;
  EXPECT_EQ(message_of([&] { s.fit(again, file.at); }),
            "fit: " + file.at.string() +
                ": in fit 1 it was kept with length 2 epochs, here it is 3 epochs: remove the "
                "file to start anew");
}

TEST(Identity, RefusesFilesOfALaterVersion) {
  const own_file file;
  setting().trained(file.at);
  named_tensors values = read_safetensors(file.at);
  tensor& description = values.at("fit/description/0001");
  std::string text(static_cast<const char*>(description.data()), description.type().bytes());
  const std::string version = "\nversion of the format\t";
  ASSERT_NE(text.find(version), std::string::npos);
  text[text.find(version) + version.size()] = '7';
  std::copy(text.begin(), text.end(), static_cast<char*>(description.data()));
  write_safetensors(file.at, {values.begin(), values.end()});
  sequential m = setting().make();
  EXPECT_EQ(message_of([&] { setting().fit(m, file.at); }),
            "fit: " + file.at.string() +
                ": it was kept with version of the format 7, here it is 6: remove the file to "
                "start anew");
}

TEST(Identity, RefusesFilesOfTheFirstVersion) {
  const own_file file, old;
  setting().trained(file.at);
  named_tensors values = read_safetensors(file.at);
  named_views views;
  for (const auto& [name, value] : values) {
    if (!name.starts_with("fit/description/")) views[name] = value;
  }
  const tensor settings({int64, {7}});
  views["fit/settings"] = settings;
  write_safetensors(old.at, views);
  sequential m = setting().make();
  EXPECT_EQ(message_of([&] { setting().fit(m, old.at); }),
            "fit: " + old.at.string() +
                ": it is of an earlier version, which did not say of what training it is: remove "
                "the file to start anew");
  views.erase("fit/settings");
  write_safetensors(old.at, views);
  EXPECT_EQ(message_of([&] { setting().fit(m, old.at); }),
            "fit: " + old.at.string() +
                ": it is of fit 1 and does not tell of fit 1: remove the file to start anew");
}

// Two inputs, two outputs, labels, a schedule by steps, two files; killed within an epoch.
TEST(Identity, GoesOnWithModelsOfSeveralInputsAndOutputs) {
  const auto run = [](const path& folder, std::int64_t killed_at, std::int64_t label) {
    const xt::xarray<float> a = {{1, 2}, {3, 4}, {5, 7}, {0, 1}};
    const xt::xtensor<float, 2> b = {{1}, {0}, {2}, {3}};
    const xt::xarray<std::int64_t> labels = {0, 2, 1, label};
    const input_pair in;
    model m({in.a, in.b}, {dense(1)(in.joined), dense(3, "softmax")(in.joined)}, 4);
    m.compile({"mse", "sparse_categorical_crossentropy"}, sgd({.momentum = 0.9}), {"acc"});
    m.fit({a, b}, {b, labels},
          {.batch_size = 3,
           .steps = 9,
           .callbacks = {checkpoint(folder / "1.safetensors", {.steps = 1}),
                         checkpoint(folder / "2.safetensors", {.steps = 2}), killer(killed_at),
                         scheduled_rate(cosine_decay(0.1, 9), schedule_by::step)},
           .progress = nullptr});
    return bits_of(m);
  };
  const own_file once, file;
  const auto wanted = run(once.folder, 99, 0);
  for (const std::int64_t step : {3, 7}) {
    expect_error<std::runtime_error>([&] { run(file.folder, step, 0); }, "killed");
  }
  EXPECT_EQ(message_of([&] { run(file.folder, 99, 1); }),
            "fit: " + (file.folder / "1.safetensors").string() +
                ": its data of target 1 differ from those here: remove the file to start anew");
  EXPECT_TRUE(same(run(file.folder, 99, 0), wanted));
}

// A fit that failed is tried once more, by the same object: it goes on from its file.
TEST(Identity, GoesOnAfterAFailureInTheSameProcess) {
  const own_file once, file;
  setting s;
  bool fail = false;
  s.epochs = 5;
  s.more = [&] {
    return callbacks{rate_on_plateau({.factor = 0.5, .patience = 1, .minimum_delta = 1e9}, "loss"),
                     each_epoch([&](training& t) {
                       if (fail && t.epoch == 4) throw std::runtime_error("failed");
                     })};
  };
  const auto wanted = s.trained(once.at);
  sequential m = s.make();
  fail = true;
  expect_error<std::runtime_error>([&] { s.fit(m, file.at); }, "failed");
  fail = false;
  EXPECT_EQ(s.fit(m, file.at).epochs(), 5u);
  EXPECT_TRUE(same(bits_of(m), wanted));
}

// A refusal is no beginning: a rate that it refused was taken for the one that a failed fit left.
TEST(Identity, RefusesAgainWhatItRefused) {
  const own_file file;
  sgd how{{.rate = 0.05}};
  setting s;
  s.how = [&] { return optimizer_argument(how); };
  bool fail = true;
  s.more = [&] {
    return callbacks{each_epoch([&](training&) {
      if (fail) throw std::runtime_error("failed");
    })};
  };
  sequential m = s.make();
  expect_error<std::runtime_error>([&] { s.fit(m, file.at); }, "failed");
  fail = false;
  how.rate().set(0.01);
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(message_of([&] { s.fit(m, file.at); }),
              "fit: " + file.at.string() +
                  ": it was kept with rate 0.05, here it is 0.01: remove the file to start anew" +
                  choice);
  }
}

// After a failure the weights were changed by hand: the file's are not put in their stead unsaid.
TEST(Identity, TellsWeightsThatWereChangedAfterAFailure) {
  const own_file file;
  setting s;
  bool fail = true;
  s.more = [&] {
    return callbacks{each_epoch([&](training&) {
      if (fail) throw std::runtime_error("failed");
    })};
  };
  sequential m = s.make();
  expect_error<std::runtime_error>([&] { s.fit(m, file.at); }, "failed");
  fail = false;
  m.parameters()[0].set(column{{1, 2}, {3, 4}});
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(message_of([&] { s.fit(m, file.at); }),
              "fit: " + file.at.string() +
                  ": its first weights differ from those here: remove the file to start anew");
    EXPECT_EQ(m.parameters()[0].value<double>()(1, 1), 4);
  }
}

// Fits of huge numbers of epochs and steps, which a callback ends.
TEST(Identity, AsksSchedulesForNoPositionThatOverflows) {
  constexpr auto most = std::numeric_limits<std::int64_t>::max();
  for (const schedule_by by : {schedule_by::epoch, schedule_by::step}) {
    const own_file file;
    setting s;
    s.epochs = most;
    s.more = [by] {
      return callbacks{scheduled_rate(constant_rate(0.1), by),
                       each_epoch([](training& t) { t.stop = true; })};
    };
    s.trained(file.at);
    EXPECT_NE(bytes_of(file.at).find("'s rate at 1152921504606846976\t0.1\n"), std::string::npos);
  }
}

// The description is text in the file, with no address in it: another process writes the same.
TEST(Identity, IsReadableAndTheSameInEachProcess) {
  const own_file file, other;
  setting().trained(file.at);
  setting().trained(other.at);
  EXPECT_TRUE(bytes_of(file.at) == bytes_of(other.at));
  const std::string bytes = bytes_of(file.at);
  for (const char* line : {"\nloss\tmean_squared_error\n", "\nadam's beta1\t0.9\n",
                           "\noperation 6\ttanh(%5) : float64 (2, 2) in the model\n"}) {
    EXPECT_NE(bytes.find(line), std::string::npos) << line;
  }
}

// As it was before the first step, when that has succeeded.
TEST(Identity, IsKeptOfTheBeginning) {
  const own_file file;
  setting s;
  s.more = [] {
    return callbacks{
        calling("on_batch_end", [](training&) { throw std::runtime_error("killed"); })};
  };
  sequential m = s.make();
  const auto before = bits_of(m);
  expect_error<std::runtime_error>([&] { s.fit(m, file.at); }, "killed");
  const named_tensors kept = read_safetensors(file.at);
  EXPECT_EQ(kept.at("fit/position").data_as<std::int64_t>()[5], 0);
  EXPECT_TRUE(same_bits(kept.at("model/dense/weight"), before[0]));
  const own_file once;
  EXPECT_TRUE(same(setting().trained(file.at), setting().trained(once.at)));
}

TEST(Identity, SaysThatAPathCannotBeLookedAt) {
  sequential m = setting().make();
  const own_file file;
  const path longest = file.folder / std::string(300, 'n');
  expect_error<io_error>(
      [&] { setting().fit(m, longest); },
      "checkpoint: " + longest.string() + ": cannot look at it: File name too long");
}

}  // namespace

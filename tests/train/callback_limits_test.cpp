// What a callback may not do to the fit that calls it, and what it may do beside it.
#include <gtest/gtest.h>

#include <cotape/cotape.hpp>

#include "train/setting.hpp"

namespace {

using namespace cotape;
using namespace cotape::tests;

const setting usual;

// A fit took its options by reference: one of a second model, with the same object, shortened it.
TEST(Callbacks, MayUseTheOptionsOfTheFitAgain) {
  sequential m = usual.make(), other = usual.make();
  fit_options options{.epochs = 5, .progress = nullptr};
  options.validation_data = {array(usual.x), column(usual.y)};
  std::vector<double> losses;
  const auto fit = [&](const callbacks& all) {
    options.epochs = 5;
    options.steps = 0;
    options.validation_data = {array(usual.x), column(usual.y)};
    options.callbacks = all;
    sequential trained = usual.make();
    return trained.fit(usual.x, usual.y, options).csv();
  };
  const std::string wanted = fit({});
  const std::string found = fit({each_epoch([&](training&) {
    options.callbacks = {};
    options.steps = 1;
    options.validation_data = {array(2 * usual.x), column(usual.y)};
    other.fit(usual.x, usual.y, options);
  })});
  EXPECT_EQ(found, wanted);
}

// The file does not have what is set after it was written.
TEST(Callbacks, MayNotStopTheFitWhereItsStateIsKept) {
  sequential m = usual.make();
  calling stopping("on_safe_point", [](training& t) { t.stop = true; });
  EXPECT_EQ(
      message_of([&] { m.fit(usual.x, usual.y, {.callbacks = {stopping}, .progress = nullptr}); }),
      "fit: a callback stopped the fit within on_safe_point, where the state is being kept: "
      "set `stop` within another function");
}

// What it trains is no state of the outer fit: killed and run again it was trained less often.
TEST(Callbacks, MayTrainAnotherModelButNotWithACheckpoint) {
  const own_file file;
  sequential m = usual.make(), other = usual.make();
  std::string message;
  const auto with = [&](const callbacks& inner) {
    return callbacks{each_epoch([&, inner](training&) {
      message = message_of(
          [&] { other.fit(usual.x, usual.y, {.callbacks = inner, .progress = nullptr}); });
    })};
  };
  m.fit(usual.x, usual.y, {.callbacks = with({checkpoint(file.at)}), .progress = nullptr});
  EXPECT_EQ(message,
            "fit: a fit within a callback of another one has no state that can be kept: leave its "
            "checkpoint out, or call it between fits");
  EXPECT_FALSE(std::filesystem::exists(file.at));
  m.fit(usual.x, usual.y, {.callbacks = with({}), .progress = nullptr});
  EXPECT_EQ(message, "no error");
}

// It holds no state for either.
TEST(Callbacks, MayTrainAnotherModelWithAnOptimizerThatHoldsNoState) {
  sgd plain;
  sequential m({dense(1)}), other({dense(1)});
  for (sequential* one : {&m, &other}) one->compile("mse", plain);
  const callbacks all{
      each_epoch([&](training&) { other.fit(usual.x, usual.y, {.progress = nullptr}); })};
  EXPECT_EQ(message_of([&] {
              m.fit(usual.x, usual.y, {.epochs = 2, .callbacks = all, .progress = nullptr});
            }),
            "no error");
}

TEST(Callbacks, WarningsOfTheirOwnAreKept) {
  sequential m = usual.make();
  calling warning("on_fit_begin", [](training& t) { t.so_far.warnings.emplace_back("mine"); });
  const history h = m.fit(usual.x, usual.y, {.callbacks = {warning}, .progress = nullptr});
  EXPECT_EQ(h.warnings, std::vector<std::string>{"mine"});
}

// The names of sums of rates told where the try had begun, which may be another step.
TEST(Schedules, ByStepGoOnAfterAFailureInTheSameProcess) {
  const own_file file;
  sequential m = usual.make();
  std::int64_t killed = 28;
  setting s;
  s.epochs = 750;
  s.more = [&] {
    return callbacks{scheduled_rate(cosine_decay(0.01, 1500), schedule_by::step), killer(killed)};
  };
  expect_error<std::runtime_error>([&] { s.fit(m, file.at); }, "killed");
  killed = 40;
  expect_error<std::runtime_error>([&] { s.fit(m, file.at); }, "killed");
}

}  // namespace

// State that layers and losses make while a model's functions are traced: shared by those functions
// where they make the same, and gone with a fit or an evaluation that is refused.
#include <gtest/gtest.h>

#include <cotape/cotape.hpp>

#include "train/setting.hpp"

namespace {

using namespace cotape;
using namespace cotape::tests;

const array x = {{1, 2}, {3, 4}, {5, 7}, {2, 1}, {0, 1}};
const column y = {{1}, {0}, {1}, {0}, {1}};

variable counted(variable v, const char* name) {
  tape& t = v.owner();
  const parameter seen(name, 1.0, false);
  t.assign(seen, t.read(seen) + 1);
  return v * t.read(seen);
}

// Makes state in training alone, or in both modes.
struct counting_layer : layer_body {
  explicit counting_layer(bool in_training) : in_training_(in_training) {}
  const char* kind() const override { return "counting"; }
  variable record(std::span<const variable> inputs, mode m, generator&) override {
    if (!in_training_) return counted(inputs[0], "seen");
    return m == mode::training ? inputs[0] + 0 * counted(inputs[0], "seen") : inputs[0];
  }
  bool in_training_;
};

layer counting(bool in_training) { return layer(std::make_shared<counting_layer>(in_training)); }

// The second layer's state was taken for the first one's.
TEST(TracedState, OfOneLayerIsNotTakenForAnothers) {
  for (const bool evaluates : {false, true}) {
    sequential m({counting(true), counting(false), dense(1)});
    m.compile("mse", sgd({.rate = 1e-6}));
    m.fit(x, y, {.batch_size = 5, .progress = nullptr});
    EXPECT_EQ(message_of([&] {
                if (evaluates) m.evaluate(x, y);
                else m.predict(x);
              }),
              "model: the state that is made while tracing is not that of an earlier trace, 'seen' "
              "float64 () differs: make it outside of the function");
  }
}

variable summed(variable v) {
  tape& t = v.owner();
  const parameter total("total", tensor(v.type()), false);
  t.assign(total, t.read(total) + v);
  return mean(square(v)) + 0 * sum(t.read(total));
}

// What it made stayed, and other data was refused until the model was compiled anew.
TEST(TracedState, GoesWithAFitThatIsRefused) {
  sequential m({dense(1)});
  m.compile([](variable p, variable t) { return summed(p - t); }, sgd());
  const auto fit = [&](std::int64_t batch, const callbacks& all) {
    return message_of(
        [&] { m.fit(x, y, {.batch_size = batch, .callbacks = all, .progress = nullptr}); });
  };
  EXPECT_NE(fit(2, {}), "no error");                  // its last batch has one row
  EXPECT_NE(fit(5, {early_stopping()}), "no error");  // there will be no val_loss
  EXPECT_NE(fit(1, {early_stopping()}), "no error");
  EXPECT_EQ(fit(5, {}), "no error");
  EXPECT_NE(fit(1, {}), "no error");  // other state than that of a fit which trained
}

TEST(TracedState, GoesWithAnEvaluationThatIsRefused) {
  bool refuses = true;
  sequential m({dense(1)});
  m.compile(
      [&](variable p, variable t) {
        if (refuses) p.owner().require(p > 1e9, "refused");
        return summed(p - t);
      },
      sgd());
  EXPECT_NE(message_of([&] { m.evaluate(x, y, 5); }), "no error");
  refuses = false;
  EXPECT_EQ(message_of([&] { m.fit(x, y, {.batch_size = 1, .progress = nullptr}); }), "no error");
}

}  // namespace

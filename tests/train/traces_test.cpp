// What a fit does may not depend on which batch sizes its step has been recorded for: the last
// batch is shorter.
#include <gtest/gtest.h>

#include <cotape/cotape.hpp>
#include <xtensor/xtensor.hpp>

#include "train/setting.hpp"

namespace {

using namespace cotape;
using namespace cotape::tests;

// A layer that reads a parameter in batches of one row alone: of the setting's 3 rows the last one.
template <class F> last_layer::function in_the_last_batch(F f) {
  return [f](variable v) { return v.shape()[0] == 1 ? f(v) : v; };
}

// The weights, and last the parameter, of a program that is killed at a step or is not.
template <class Use>
std::vector<tensor> run(const path& file, bool trainable, Use use, std::int64_t killed) {
  const parameter p("p", 1.5, trainable);
  setting s;
  s.epochs = 4;
  s.last = in_the_last_batch([&](variable v) { return use(v, p); });
  s.more = [killed] { return callbacks{killer(killed)}; };
  std::vector<tensor> result = s.trained(file);
  result.emplace_back(p.view());
  return result;
}

template <class Use> void expect_the_same_bits(bool trainable, Use use) {
  const std::vector<tensor> wanted = expect_the_same_after_a_kill(
      [&](const path& file, std::int64_t step) { return run(file, trainable, use, step); },
      {0, 1, 2, 4, 5});
  EXPECT_NE(*wanted.back().data_as<double>(), 1.5);
}

// Its value was that of the program's start again, and its optimizer's state was refused.
TEST(Traces, OfTheLastBatchKeepWhatTheyTrain) {
  expect_the_same_bits(true, [](variable v, const parameter& p) { return v * v.owner().read(p); });
}

TEST(Traces, OfTheLastBatchKeepWhatTheyAssign) {
  expect_the_same_bits(false, [](variable v, const parameter& p) {
    tape& t = v.owner();
    t.assign(p, t.read(p) + 1);
    return v * t.read(p);
  });
}

TEST(Traces, OfTheLastBatchTellTheTraining) {
  setting kept, here;
  kept.last = in_the_last_batch([](variable v) { return v * 2; });
  here.last = in_the_last_batch([](variable v) { return v * 3; });
  EXPECT_EQ(refusal(kept, here), "its operations of the last batch's model differ from those here");
}

// Validation of 300 rows is evaluated by 256 and 44.
TEST(Traces, OfValidationsBatchesTellWhatTheyRead) {
  const auto scaled_by = [](double number) {
    const parameter scale("scale", number, false);
    setting s;
    s.validation_x = xt::ones<double>({300, 2});
    s.validation_y = xt::ones<double>({300, 1});
    s.predicted = [scale](variable v) {
      return v.shape()[0] == 44 ? v * v.owner().read(scale) : v;
    };
    return s;
  };
  EXPECT_EQ(refusal(scaled_by(2), scaled_by(3)),
            "its first values of parameter 0 beside the model's, 'scale' differ from those here");
}

// It took effect for batch sizes that were new alone.
TEST(Trainable, IsSettledWhenAFitBegins) {
  const setting s;
  const parameter scale("scale", 1.0);  // of a function, beside the model's own
  sequential m({dense(2), layer(std::make_shared<last_layer>(
                              [&](variable v) { return v * v.owner().read(scale); }, s.last))});
  m.compile("mse", adam({.rate = 0.01}));
  m.predict(s.x);
  const auto fit = [&](std::int64_t batch, callbacks more = {}) {
    const auto bits = bits_of(m);
    const double before = scale.value<double>()();
    m.fit(s.x, column{{1, 2}, {0, 1}, {1, 0}},
          {.epochs = 2, .batch_size = batch, .callbacks = std::move(more), .progress = nullptr});
    std::vector<bool> changed;
    for (std::size_t i = 0; i < bits.size(); ++i) {
      changed.push_back(!same_bits(bits[i], m.parameters()[i].view()));
    }
    changed.push_back(before != scale.value<double>()());
    return changed;
  };
  using list = std::vector<bool>;
  EXPECT_EQ(fit(2), (list{true, true, true}));
  m.parameters()[1].set_trainable(false);
  EXPECT_EQ(fit(2), (list{true, false, true}));
  EXPECT_EQ(fit(3), (list{true, false, true}));
  scale.set_trainable(false);
  EXPECT_EQ(fit(3), (list{true, false, false}));
  EXPECT_EQ(fit(2), (list{true, false, false}));
  m.parameters()[1].set_trainable(true);
  scale.set_trainable(true);
  EXPECT_EQ(fit(1), (list{true, true, true}));
  EXPECT_EQ(fit(3), (list{true, true, true}));
  // Within a fit: from the next one on, though the last batch comes after the change.
  m.parameters()[1].set_trainable(false);
  calling thaw("on_batch_begin", [&](training&) { m.parameters()[1].set_trainable(true); });
  EXPECT_EQ(fit(2, {thaw}), (list{true, false, true}));
  EXPECT_EQ(fit(2), (list{true, true, true}));
}

}  // namespace

// What a fit settles when it begins: what it trains and what it reads. Its file tells that, and
// what callbacks change meanwhile waits for the next fit.
#include <gtest/gtest.h>

#include <cotape/cotape.hpp>
#include <xtensor/xview.hpp>

#include "train/setting.hpp"

namespace {

using namespace cotape;
using namespace cotape::tests;

const setting usual;

// Runs more programs than a model keeps: those of its steps were dropped, and recorded anew.
void predict_many(model& m) {
  for (std::size_t n = 1; n <= 80; ++n) m.predict(array(xt::ones<double>({n, std::size_t{2}})));
}

TEST(Settled, StepsStayWhateverElseRuns) {
  sequential m = usual.make();
  const parameter bias = m.parameters()[1];
  calling freezing("on_epoch_end", [&](training&) {
    bias.set_trainable(false);
    predict_many(m);
  });
  std::vector<tensor> seen;
  calling looking("on_epoch_end", [&](training&) { seen.emplace_back(bias.view()); });
  m.fit(usual.x, usual.y,
        {.epochs = 3, .batch_size = 2, .callbacks = {freezing, looking}, .progress = nullptr});
  EXPECT_FALSE(same_bits(seen[0], seen[1]));
  EXPECT_FALSE(same_bits(seen[1], seen[2]));
}

TEST(Settled, ParametersThatACallbackFreezesAreToldAsTheyAreTrained) {
  setting freezing;
  std::optional<parameter> bias;
  freezing.before = [&](model& m) { bias = m.parameters()[1]; };
  freezing.more = [&] {
    return callbacks{calling("on_fit_begin", [&](training&) { bias->set_trainable(false); })};
  };
  const own_file file, other;
  EXPECT_TRUE(same(freezing.trained(file.at), usual.trained(other.at)));
  setting longer;
  longer.epochs = 4;
  EXPECT_TRUE(same(longer.trained(file.at), longer.trained(other.at)));
}

// Two fits with something done between them, killed at a step of the second or not; then once more.
template <class F> void expect_the_same_after_a_kill(F between) {
  const auto run = [&](const path& file, std::int64_t killed) {
    setting s;
    s.more = [&] { return callbacks{killer(killed)}; };
    sequential m = s.make();
    s.fit(m, file);
    between(m);
    s.fit(m, file);
    return bits_of(m);
  };
  const own_file once, file;
  const auto wanted = run(once.at, -1);
  expect_error<std::runtime_error>([&] { run(file.at, 6); }, "killed");
  EXPECT_TRUE(same(run(file.at, -1), wanted));
}

TEST(Settled, AnotherGeneratorBetweenFitsIsDrawnFrom) {
  expect_the_same_after_a_kill([](model& m) { m.random() = generator(7); });
  sequential m = usual.make(), n = usual.make();
  for (model* one : {static_cast<model*>(&m), static_cast<model*>(&n)}) {
    one->fit(usual.x, usual.y, {.progress = nullptr});
  }
  m.random() = generator(7);
  m.fit(usual.x, usual.y, {.progress = nullptr});
  n.fit(usual.x, usual.y, {.progress = nullptr});
  EXPECT_FALSE(same(bits_of(m), bits_of(n)));
  EXPECT_EQ(m.random().counter().value<std::int64_t>()(), 1);
}

TEST(Settled, AnotherGeneratorWithinAFitWaitsForTheNext) {
  setting changing;
  model* of = nullptr;
  changing.more = [&] {
    return callbacks{calling("on_epoch_end", [&](training&) { of->random() = generator(7); })};
  };
  const auto run = [&](const setting& s, const path& file, std::int64_t epochs) {
    setting so_long = s;
    so_long.epochs = epochs;
    sequential m = so_long.make();
    of = &m;
    so_long.fit(m, file);
    return bits_of(m);
  };
  const own_file once, file;
  const auto wanted = run(usual, once.at, 4);
  EXPECT_TRUE(same(run(changing, file.at, 2), run(usual, once.folder / "2.safetensors", 2)));
  EXPECT_TRUE(same(run(usual, file.at, 4), wanted));
}

// A layer that reads a parameter by reference, which is another one in the second fit.
TEST(Settled, AnotherParameterBetweenFitsIsRead) {
  const auto run = [](const path& file, std::int64_t killed) {
    parameter scale("scale", 1.0);
    setting s;
    s.last = [&](variable v) { return v * v.owner().read(scale); };
    s.more = [&] { return callbacks{killer(killed)}; };
    sequential m = s.make();
    s.fit(m, file);
    const parameter first = scale;
    const tensor left(first.view());
    scale = parameter("other", 2.0);
    s.fit(m, file);
    EXPECT_TRUE(same_bits(left, first.view()));
    EXPECT_NE(scale.value<double>()(), 2);
    auto bits = bits_of(m);
    bits.emplace_back(scale.view());
    bits.emplace_back(m.predict(s.x));
    return bits;
  };
  const own_file once, file;
  const auto wanted = run(once.at, -1);
  expect_error<std::runtime_error>([&] { run(file.at, 6); }, "killed");
  EXPECT_TRUE(same(run(file.at, -1), wanted));
}

// Only fit moves a fit: a file of a position that no fit has was read by none.
TEST(Settled, PositionsAreForReading) {
  const std::vector<std::function<void(training&)>> changes{
      [](training& t) { const history taken = std::move(t.so_far); },
      [](training& t) { ++t.epoch; },
      [](training& t) { t.batch = 0; },
      [](training& t) { t.steps = 0; },
      [](training& t) { t.last_epoch = 9; },
      [](training& t) { t.last_step = 9; },
  };
  for (std::size_t i = 0; i < changes.size(); ++i) {
    const own_file file;
    setting s;
    s.more = [&] { return callbacks{calling("on_epoch_end", changes[i])}; };
    EXPECT_EQ(message_of([&] { s.trained(file.at); }),
              "fit: a callback changed epoch, batch, steps, last_epoch, last_step or the epochs of "
              "so_far: these are for reading, set `stop` to end the fit")
        << i;
  }
}

TEST(Settled, CallbacksAreThoseThatTheFitBeganWith) {
  fit_options o{.epochs = 2, .progress = nullptr};
  int calls = 0;
  o.callbacks = {calling("on_epoch_end", [&](training&) {
    ++calls;
    for (int i = 0; i < 100; ++i) o.callbacks.emplace_back(each_epoch([&](training&) { ++calls; }));
  })};
  sequential m = usual.make();
  m.fit(usual.x, usual.y, o);
  EXPECT_EQ(calls, 2);
}

}  // namespace

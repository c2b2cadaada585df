// Trainings of recurrent networks: states that go on from batch to batch, kills, threads.
#include <gtest/gtest.h>

#include <cotape/cotape.hpp>
#include <xtensor/xview.hpp>

#include "expect_error.hpp"
#include "model_bits.hpp"
#include "nn/drawn.hpp"
#include "train/setting.hpp"

namespace {

using namespace cotape;
using namespace cotape::tests;

constexpr std::int64_t rows = 2, steps = 3, batches = 4;

// Sequences of all steps, (rows, batches steps, 2), and the same cut: row i of batch k goes on
// where row i of batch k - 1 has ended.
struct cut_sequences {
  array whole = drawn({rows, batches*steps, 2}, 1), targets = drawn({batches * rows, 1}, 2);
  array cut = array::from_shape({batches * rows, steps, 2});
  cut_sequences() {
    for (std::int64_t k = 0; k < batches; ++k) {
      xt::view(cut, xt::range(k * rows, (k + 1) * rows)) =
          xt::view(whole, xt::all(), xt::range(k * steps, (k + 1) * steps));
    }
  }
};

array rows_of(const array& all_rows, std::int64_t batch) {
  return xt::view(all_rows, xt::range(batch * rows, (batch + 1) * rows));
}

sequential stateful_model(std::int64_t states = rows) {
  return sequential({input({steps, 2}, float64), lstm(3, {.stateful = states}), dense(1)}, 5);
}

const fit_options in_order{.epochs = 1, .batch_size = rows, .shuffle = false, .progress = nullptr};

TEST(StatefulLayers, GoOnWhereTheBatchBeforeHasEnded) {
  const cut_sequences s;
  sequential m = stateful_model();
  const auto parts = m.predict<double>(s.cut);
  sequential whole({input({batches * steps, 2}, float64), lstm(3, {.return_sequences = true}),
                    time_distributed(dense(1))},
                   5);
  const auto all_steps = whole.predict<double>(s.whole);
  for (std::int64_t k = 0; k < batches; ++k) {
    for (std::int64_t i = 0; i < rows; ++i) {
      EXPECT_NEAR(parts(k * rows + i, 0), all_steps(i, (k + 1) * steps - 1, 0), 1e-14);
    }
  }
}

TEST(StatefulLayers, BeginEachPassWithZeroAndKeepNothingOfIt) {
  const cut_sequences s;
  sequential m = stateful_model();
  m.compile("mse", sgd({.rate = 0}));
  const auto before = bits_of(m);
  const double loss = m.evaluate(s.cut, s.targets)["loss"];
  EXPECT_EQ(m.evaluate(s.cut, s.targets, 1000)["loss"], loss);
  EXPECT_TRUE(same(before, bits_of(m)));
  fit_options two = in_order;
  two.epochs = 2;
  two.validation_data = {s.cut, s.targets};
  const history h = m.fit(s.cut, s.targets, two);
  for (const char* figure : {"loss", "val_loss"}) {
    EXPECT_NEAR(h[figure][0], loss, 1e-14);
    EXPECT_NEAR(h[figure][1], loss, 1e-14);
  }
  EXPECT_FALSE(same(before, bits_of(m)));  // the states that the last epoch ended with
}

// Each batch by itself, from states that are numbers to it.
TEST(StatefulLayers, AreTrainedByTruncatedBackpropagation) {
  const cut_sequences s;
  sequential m = stateful_model();
  const lstm by_hand(3);
  const dense last(1);
  {
    tape t;
    generator random(5);
    last.record(by_hand.record(t.constant(rows_of(s.cut, 0)), random), random);
  }
  std::vector<parameter> weights = by_hand.parameters();
  weights.insert(weights.end(), last.parameters().begin(), last.parameters().end());
  const std::vector<parameter> of_m = m.parameters();
  const std::vector<std::size_t> places{0, 1, 2, 5, 6};  // 3 and 4 are the states
  for (std::size_t i = 0; i < places.size(); ++i) weights[i].set(of_m[places[i]].view());
  m.compile("mse", sgd({.rate = 0.1}));
  m.fit(s.cut, s.targets, in_order);
  tensor h(array(xt::zeros<double>({rows, 3L}))), c = h;
  for (std::int64_t k = 0; k < batches; ++k) {
    tape t;
    generator random;
    const std::vector<masked> inputs{
        {t.constant(rows_of(s.cut, k))}, {t.constant(h)}, {t.constant(c)}};
    const masked y = by_hand.body().record_masked(inputs, mode::training, random);
    const variable loss = mse(last.record(y.value, random), t.constant(rows_of(s.targets, k)));
    const std::vector<variable> slopes = gradient(loss, weights);
    std::vector<array> moved;
    for (std::size_t i = 0; i < weights.size(); ++i) {
      moved.push_back(weights[i].value<double>() - 0.1 * slopes[i].value<double>());
    }
    h = tensor(y.states[0].value<double>());
    c = tensor(y.states[1].value<double>());
    for (std::size_t i = 0; i < weights.size(); ++i) weights[i].set(moved[i]);
  }
  for (std::size_t i = 0; i < places.size(); ++i) {
    const array difference = of_m[places[i]].value<double>() - weights[i].value<double>();
    EXPECT_LT(xt::amax(xt::abs(difference))(), 1e-13) << weights[i].name();
  }
  EXPECT_LT(xt::amax(xt::abs(of_m[3].value<double>() - xt::xarray<double>(to_xarray<double>(h))))(),
            1e-13);
}

TEST(StatefulLayers, KeepTheStatesOfRowsThatABatchLacks) {
  const cut_sequences s;
  sequential m = stateful_model(), one = stateful_model();
  m.compile("mse", sgd({.rate = 0}));
  one.compile("mse", sgd({.rate = 0}));
  fit_options two_steps = in_order;
  two_steps.steps = 1;
  one.fit(s.cut, s.targets, two_steps);
  const array three = xt::view(s.cut, xt::range(0, 3));
  m.fit(three, array(xt::view(s.targets, xt::range(0, 3))), in_order);
  const array after_one = one.parameters()[3].value<double>(),
              now = m.parameters()[3].value<double>();
  EXPECT_EQ(xt::view(now, 1), xt::view(after_one, 1));
  EXPECT_NE(xt::view(now, 0), xt::view(after_one, 0));
}

TEST(StatefulLayers, SayWhatDoesNotFit) {
  const cut_sequences s;
  sequential m = stateful_model();
  m.compile("mse", sgd());
  const auto before = bits_of(m);
  fit_options shuffled = in_order;
  shuffled.shuffle = true;
  expect_error<value_error>(
      [&] { m.fit(s.cut, s.targets, shuffled); },
      "fit: 'lstm/state_h' goes on from batch to batch, so the rows must come "
      "in their order: fit with {.shuffle = false}, and not with replace");
  fit_options large = in_order;
  large.batch_size = 3;
  expect_error<shape_error>([&] { m.fit(s.cut, s.targets, large); },
                            "lstm: 3 rows in a batch, it has states for 2 (stateful)");
  EXPECT_TRUE(same(before, bits_of(m)));
  EXPECT_THROW(gru(3, {.stateful = -1}), value_error);
  EXPECT_THROW(bidirectional(gru(3, {.stateful = 2})), value_error);
  EXPECT_THROW(time_distributed(gru(3, {.stateful = 2})), value_error);
  const symbol x = input({steps, 2}), h = input({3});
  expect_error<value_error>(
      [&] {
        model(std::vector{x, h}, gru(3, {.stateful = 2})({x, h}));
      },
      "gru: a first state is given, but it is stateful");
}

// A first step that is refused changes no state.
TEST(StatefulLayers, HaveTheirStatesAfterARefusedFit) {
  const cut_sequences s;
  sequential m = stateful_model();
  m.compile("mse", sgd({.rate = 0}));
  m.fit(s.cut, s.targets, in_order);
  const auto before = bits_of(m);
  array bad = s.targets;
  m.compile([](variable p, variable t) { return mean(square(p - t)) / 0.0; }, sgd());
  EXPECT_THROW(m.fit(s.cut, bad, in_order), value_error);
  EXPECT_TRUE(same(before, bits_of(m)));
}

TEST(StatefulLayers, AndOthersGoOnAfterAKill) {
  const cut_sequences s;
  for (const bool carries : {true, false}) {
    expect_the_same_after_a_kill(
        [&](const path& file, std::int64_t step) {
          sequential m({input({steps, 2}),
                        lstm(3, {.recurrent_dropout = 0.2,
                                 .return_sequences = true,
                                 .stateful = carries ? rows : 0}),
                        bidirectional(gru(2, {.dropout = 0.1})), dense(1)},
                       5);
          m.compile("mse", adam());
          fit_options o = in_order;
          o.epochs = 3;
          o.shuffle = !carries;
          o.callbacks = {checkpoint(file, {.steps = 1}), killer(step)};
          m.fit(s.cut, s.targets, o);
          return bits_of(m);
        },
        {1, 4, 5, 10}, carries ? "stateful" : "others");
  }
}

TEST(StatefulLayers, AreKeptInFiles) {
  const cut_sequences s;
  sequential m = stateful_model();
  const own_file file;
  m.save(file.at);
  model n = load_model(file.at);
  EXPECT_EQ(m.predict<double>(s.cut), n.predict<double>(s.cut));
}

TEST(RecurrentTraining, HasTheSameBitsOnTwoThreads) {
  const xt::xarray<std::int64_t> x = xt::cast<std::int64_t>(30 * xt::abs(drawn({64, 20}, 1)));
  const array y = drawn({64, 1}, 2);
  const int before = num_threads();
  const auto trained = [&](int threads) {
    set_num_threads(threads);
    sequential m({input({20}, int64), embedding(30, 16, {.mask_zero = true}),
                  bidirectional(lstm(32, {.return_sequences = true})), gru(32), dense(1)},
                 1);
    m.compile("mse", adam());
    m.fit(x, y, {.epochs = 2, .progress = nullptr});
    return bits_of(m);
  };
  const auto one = trained(1), two = trained(2);
  set_num_threads(before);
  EXPECT_TRUE(same(one, two));
}

}  // namespace

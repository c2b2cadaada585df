// Masks from layer to layer; embeddings; layers within layers.
#include <gtest/gtest.h>

#include <cotape/cotape.hpp>
#include <xtensor/xview.hpp>

#include "expect_error.hpp"
#include "nn/drawn.hpp"

namespace {

using namespace cotape;
using namespace cotape::tests;

using array = xt::xarray<double>;

// A batch of one is what the batch's row is: padding says nothing.
TEST(Masks, LetSequencesOfAnyLengthBeOneBatch) {
  const std::vector<layer> layers{embedding(9, 3, {.mask_zero = true}), dropout(0.5),
                                  bidirectional(gru(4, {.return_sequences = true})), lstm(4)};
  sequential m{input({6}, int64)};
  for (const layer& l : layers) m.add(l);
  const xt::xarray<std::int64_t> padded = {{4, 2, 7, 0, 0, 0}, {1, 3, 0, 5, 8, 0}};
  const auto both = m.predict<float>(padded);
  // The same weights on sequences that are as long as they are.
  const auto alone = [&](const xt::xarray<std::int64_t>& row) {
    tape t;
    generator random;
    masked x{t.constant(row)};
    for (const layer& l : layers) {
      x = l.body().record_masked(std::span(&x, 1), mode::predicting, random);
      x.mask = {};
    }
    return x.value.value<float>();
  };
  EXPECT_LT(xt::amax(xt::abs(xt::view(both, 0) - xt::view(alone({{4, 2, 7}}), 0)))(), 1e-6);
  EXPECT_LT(xt::amax(xt::abs(xt::view(both, 1) - xt::view(alone({{1, 3, 5, 8}}), 0)))(), 1e-6);
}

// The second one skipped the two steps that count, not the padding.
TEST(Masks, GoBackwardsWithTheStepsThatReturnSequences) {
  const recurrent_options backwards{.return_sequences = true, .go_backwards = true};
  const std::vector<layer> layers{gru(3, backwards), bidirectional(lstm(2, backwards)),
                                  bidirectional(simple_rnn(2, {.return_sequences = true}), "sum")};
  for (const layer& first : layers) {
    const embedding words(9, 3, {.mask_zero = true});
    const gru last(2);
    const auto result = [&](const xt::xarray<std::int64_t>& row) {
      tape t;
      generator random;
      masked x{t.constant(row)};
      for (const layer& l : {layer(words), first, layer(last)}) {
        x = l.body().record_masked(std::span(&x, 1), mode::predicting, random);
      }
      return x.value.value<float>();
    };
    EXPECT_LT(xt::amax(xt::abs(result({{1, 2, 0, 0, 0}}) - result({{1, 2}})))(), 1e-6);
  }
}

TEST(Masks, EndWhereTheStepsAreMovedAway) {
  tape t;
  generator random;
  const variable x = t.constant(drawn({2, 3, 3}, 1));
  const masked in{x, t.constant(xt::xarray<std::int64_t>{{1, 1, 0}, {1, 0, 0}})};
  const auto passed = [&](const layer& l) {
    return !l.body().record_masked(std::span(&in, 1), mode::predicting, random).mask.empty();
  };
  EXPECT_TRUE(passed(dropout(0.5)));
  EXPECT_TRUE(passed(dense(3)));
  EXPECT_FALSE(passed(permute({2, 1})));
  EXPECT_FALSE(passed(to_shape({3, 3})));
  EXPECT_FALSE(passed(flatten()));
}

TEST(Masks, OfFeaturesThatAreAllAValue) {
  tape t;
  generator random;
  const array x = {{{1, 2}, {-1, -1}, {3, -1}}};
  const masked in{t.constant(x)};
  const masked y = masking(-1).body().record_masked(std::span(&in, 1), mode::predicting, random);
  EXPECT_EQ(y.value.value<double>(), (array{{{1, 2}, {0, 0}, {3, -1}}}));
  EXPECT_EQ(y.mask.value<std::int64_t>(), (xt::xarray<std::int64_t>{{1, 0, 1}}));
}

TEST(Embedding, GivesTheRowOfEachIndexAndStopsAtAnUnknownOne) {
  sequential m{input({2}, int64), embedding(3, 2)};
  m.parameters()[0].set(xt::xarray<float>{{1, 2}, {3, 4}, {5, 6}});
  EXPECT_EQ(m.predict<float>(xt::xarray<std::int64_t>{{2, 0}}),
            (xt::xarray<float>{{{5, 6}, {1, 2}}}));
  const std::string told = message_of([&] { m.predict(xt::xarray<std::int64_t>{{2, 3}}); });
  EXPECT_NE(told.find("3"), std::string::npos) << told;
  sequential of_floats{input({2}), embedding(3, 2)};
  of_floats.parameters()[0].set(xt::xarray<float>{{1, 2}, {3, 4}, {5, 6}});
  EXPECT_EQ(of_floats.predict<float>(xt::xarray<float>{{2, 0}}),
            (xt::xarray<float>{{{5, 6}, {1, 2}}}));
}

TEST(TimeDistributed, IsTheLayerAtEachStep) {
  tape t;
  generator random;
  const array x = drawn({2, 3, 4, 4, 2}, 1);
  const conv2d of(3, 2);
  const array all = time_distributed(of).record(t.constant(x), random).value<double>();
  ASSERT_EQ(all.shape(), (std::vector<std::size_t>{2, 3, 3, 3, 3}));
  for (std::size_t k = 0; k < 3; ++k) {
    const variable one = t.constant(array(xt::view(x, xt::all(), k)));
    const variable y = of.body().record(std::span(&one, 1), mode::predicting, random);
    EXPECT_EQ(array(xt::view(all, xt::all(), k)), y.value<double>());
  }
}

TEST(TimeDistributed, TrainsAndFreezesWhatIsWithin) {
  const array x = drawn({8, 3, 2}, 1), y = drawn({8, 3, 1}, 2);
  const auto trained = [&](bool frozen) {
    const layer within = time_distributed(dense(1));
    sequential m({within, dense(1)}, 1);
    m.compile("mse", sgd({.rate = 0.1}));
    m.predict(x);
    within.set_trainable(!frozen);
    const tensor before(within.parameters()[0].view());
    m.fit(x, y, {.epochs = 2, .progress = nullptr});
    return !same_bits(before, within.parameters()[0].view());
  };
  EXPECT_TRUE(trained(false));
  EXPECT_FALSE(trained(true));
}

// One within two layers was trained by the second alone, and no file kept that.
TEST(Wrapping, OwnsTheLayerWithin) {
  const lstm l(2);
  const layer once = bidirectional(l);
  const std::string refused = "the layer is within another already: use that one, or a new layer";
  EXPECT_EQ(message_of([&] { bidirectional(l); }),
            "bidirectional: the layer 'lstm' is within another already: give it a new one");
  tape t;
  generator random;
  EXPECT_EQ(message_of([&] {
              l.record(t.constant(drawn({2, 3, 4}, 1)), random);
            }),
            "lstm: " + refused);
  EXPECT_EQ(message_of([&] { sequential{input({3, 4}), l}; }).find("lstm: " + refused), 0u);
}

// The layer around it made it trainable again.
TEST(Wrapping, LeavesALayerFrozenThatTheUserHasFrozen) {
  for (const bool before : {true, false}) {
    const dense within(2);
    if (before) within.set_trainable(false);
    const layer around = time_distributed(within);
    within.set_trainable(false);
    const sequential m{input({3, 4}), around};
    EXPECT_FALSE(m.parameters()[0].trainable());
    around.set_trainable(false);
    around.set_trainable(true);
    EXPECT_FALSE(m.parameters()[0].trainable());
    EXPECT_FALSE(within.trainable());
    within.set_trainable(true);
    EXPECT_TRUE(m.parameters()[0].trainable());
  }
}

TEST(Wrapping, FreezesWhatIsWithin) {
  const batch_normalization within;
  const layer around = time_distributed(within);
  const sequential m{input({3, 4}), around};
  tape t;
  generator random;
  const variable x = t.constant(xt::xarray<float>(xt::cast<float>(drawn({2, 3, 4}, 1))));
  for (const bool trainable : {false, true, false}) {
    around.set_trainable(trainable);
    around.record(x, random, mode::training);
    EXPECT_EQ(within.trainable(), trainable);  // it normalizes by what it has learnt
    EXPECT_EQ(m.parameters()[0].trainable(), trainable);
  }
}

}  // namespace

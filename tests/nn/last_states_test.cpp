// The last states of recurrent layers: as values of a model, and as the first ones of other layers.
#include <gtest/gtest.h>

#include <cotape/cotape.hpp>
#include <xtensor/xview.hpp>

#include "expect_error.hpp"
#include "nn/drawn.hpp"
#include "own_folder.hpp"

namespace {

using namespace cotape;
using namespace cotape::tests;

using array = xt::xarray<double>;

// Outputs of all steps, and of two halves: the second begins with the states of the first.
void expect_that_halves_make_the_whole(const layer& l) {
  const std::int64_t half = 3;
  const symbol x = input({2 * half, 2}, float64), first = input({half, 2}, float64),
               second = input({half, 2}, float64);
  const symbol begun = l(first);
  std::vector<symbol> given = last_states(begun);
  given.insert(given.begin(), second);
  model in_one(x, l(x)), in_halves({first, second}, symbols{begun, l(given)});
  const array values = drawn({3, 2 * half, 2}, 1);
  const array head = xt::view(values, xt::all(), xt::range(0, half)),
              tail = xt::view(values, xt::all(), xt::range(half, 2 * half));
  const auto whole = in_one.predict<double>(values);
  const std::vector<tensor> parts = in_halves.predict_all({head, tail});
  const auto joined =
      xt::concatenate(xt::xtuple(to_xarray<double>(parts[0]), to_xarray<double>(parts[1])), 1);
  EXPECT_LT(xt::amax(xt::abs(whole - joined))(), 1e-14) << l.body().kind();
}

TEST(LastStates, LetASequenceGoOn) {
  const recurrent_options every{.return_sequences = true};
  expect_that_halves_make_the_whole(simple_rnn(3, every));
  expect_that_halves_make_the_whole(lstm(3, every));
  expect_that_halves_make_the_whole(gru(3, every));
}

TEST(LastStates, AreThoseAfterTheLastStepThatCounts) {
  const embedding words(9, 3, {.mask_zero = true});
  const lstm l(4, {.return_sequences = true});
  const symbol x = input({5}, int64), y = l(words(x));
  std::vector<symbol> outputs = last_states(y);
  outputs.push_back(y);
  model m({x}, outputs);
  const xt::xarray<std::int64_t> padded = {{4, 2, 7, 0, 0}};
  const std::vector<tensor> values = m.predict_all(padded);
  const array h = xt::cast<double>(to_xarray<float>(values[0])),
              sequence = xt::cast<double>(to_xarray<float>(values[2]));
  EXPECT_EQ(xt::view(h, 0), xt::view(sequence, 0, 2));
}

TEST(LastStates, OfBothDirectionsAreTakenInTheirOrder) {
  const lstm forward(3);
  const layer both = bidirectional(forward);
  const symbol x = input({4, 2}, float64);
  const std::vector<symbol> states = last_states(both(x));
  ASSERT_EQ(states.size(), 4u);
  std::vector<symbol> outputs = states;
  outputs.push_back(both(x));
  model m({x}, outputs);
  const array values = drawn({2, 4, 2}, 1);
  const std::vector<tensor> made = m.predict_all(values);
  const array joined = to_xarray<double>(made[4]);
  EXPECT_EQ(to_xarray<double>(made[0]), array(xt::view(joined, xt::all(), xt::range(0, 3))));
  EXPECT_EQ(to_xarray<double>(made[2]), array(xt::view(joined, xt::all(), xt::range(3, 6))));
  // Given as first states, each direction begins with its own.
  const symbol z = input({4, 2}, float64), hf = input({3}, float64), cf = input({3}, float64),
               hb = input({3}, float64), cb = input({3}, float64);
  model from({z, hf, cf, hb, cb}, both({z, hf, cf, hb, cb}));
  const array zeros = xt::zeros<double>({2, 3}), some = drawn({2, 3}, 2);
  const auto at_zero = from.predict<double>({values, zeros, zeros, zeros, zeros});
  EXPECT_EQ(at_zero, joined);
  const auto moved = from.predict<double>({values, zeros, zeros, some, zeros});
  EXPECT_EQ(xt::view(moved, xt::all(), xt::range(0, 3)),
            xt::view(joined, xt::all(), xt::range(0, 3)));
  EXPECT_NE(xt::view(moved, xt::all(), xt::range(3, 6)),
            xt::view(joined, xt::all(), xt::range(3, 6)));
}

// An encoder and a decoder that begins with its states, kept in a file.
TEST(LastStates, AreKeptInFiles) {
  const symbol x = input({4, 2}), z = input({3, 2});
  const std::vector<symbol> states = last_states(lstm(3)(x));
  model m({x, z}, gru(3)({z, states[1]}));
  const own_folder folder;
  m.save(folder.at / "m.safetensors");
  model n = load_model(folder.at / "m.safetensors");
  const array a = drawn({2, 4, 2}, 1), b = drawn({2, 3, 2}, 2);
  EXPECT_EQ(m.predict<float>({a, b}), n.predict<float>({a, b}));
}

TEST(LastStates, SayWhoHasNone) {
  const symbol x = input({4, 2}), h = input({2});
  const std::string rest =
      ", not the output of a recurrent layer (simple_rnn, lstm, gru, bidirectional)";
  EXPECT_EQ(message_of([&] { last_states(x); }), "last_states: the symbol is an input" + rest);
  EXPECT_EQ(message_of([&] { last_states(dropout(0.5)(lstm(2)(x))); }),
            "last_states: the symbol is that of a 'dropout'" + rest);
  EXPECT_TRUE(message_of([&] {
                model({x, h}, bidirectional(gru(2))({x, h}));
              }).starts_with("bidirectional: 2 inputs, it takes x, or x and 2 first states"));
}

}  // namespace

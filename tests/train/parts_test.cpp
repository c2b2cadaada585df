// Models and their parts: layers by name, what is trained of them, models as parts of others, and
// models cut at an inner output.
#include <gtest/gtest.h>

#include <cotape/cotape.hpp>
#include <xtensor/xtensor.hpp>

#include "train/setting.hpp"

namespace {

using namespace cotape;
using namespace cotape::tests;

const array x = {{1, 2}, {3, 4}, {5, 7}};
const column y = {{1}, {0}, {1}};
const fit_options quiet{.epochs = 2, .progress = nullptr};

std::vector<std::string> names_of(const model& m) {
  std::vector<std::string> result;
  for (const parameter& p : m.parameters()) result.push_back(p.name());
  return result;
}

TEST(Parts, AreFoundByName) {
  const sequential m{input({2}), dense(3, "tanh").named("hidden"), dense(1)};
  EXPECT_EQ(m.layer("hidden").parameters()[0].shape(), (shape{2, 3}));
  EXPECT_EQ(m.layer("dense").parameters()[0], m.parameters()[2]);
  EXPECT_EQ(message_of([&] { m.layer("dense_1"); }),
            "model: no layer 'dense_1'; there are: hidden, dense");
}

TEST(Parts, ThatAreFrozenDoNotMove) {
  sequential m{dense(3, "tanh"), dense(1)};
  m.compile("mse", adam({.rate = 0.1}));
  m.predict(x);
  const auto before = bits_of(m);
  m.layer("dense").set_trainable(false);
  EXPECT_FALSE(m.layer("dense").trainable());
  EXPECT_EQ(m.summary(),
            "Layer    Output shape  Parameters\n"
            "input    (None, 2)              0\n"
            "dense    (None, 3)              9  not trainable\n"
            "dense_1  (None, 1)              4\n"
            "Total: 13\nTrainable: 4\nNon-trainable: 9\n");
  m.fit(x, y, quiet);
  auto after = bits_of(m);
  EXPECT_TRUE(same_bits(before[0], after[0]) && same_bits(before[1], after[1]));
  EXPECT_FALSE(same_bits(before[2], after[2]));
  m.layer("dense").set_trainable(true);
  m.fit(x, y, quiet);
  EXPECT_FALSE(same_bits(before[0], bits_of(m)[0]));
}

TEST(Parts, KnowThatTheyAreFrozenBeforeTheyHaveWeights) {
  const dense early(3, "tanh");
  early.set_trainable(false);
  sequential m{early, dense(1)};
  m.compile("mse", adam({.rate = 0.1}));
  m.predict(x);
  EXPECT_FALSE(m.parameters()[0].trainable() || m.parameters()[1].trainable());
  const auto before = bits_of(m);
  m.fit(x, y, quiet);
  EXPECT_TRUE(same_bits(before[0], bits_of(m)[0]));
  generator random;
  tape t;
  const dense alone(2);
  alone.set_trainable(false);
  alone.record(t.constant(x), random);
  EXPECT_FALSE(alone.parameters()[0].trainable());
}

// A weight that is no one's to train stays so, and one that the user froze alone too.
TEST(Parts, AreThawedAsTheyWere) {
  sequential m{input({2}), dense(3), dense(1)};
  m.parameters()[1].set_trainable(false);
  m.set_trainable(false);
  for (const parameter& p : m.parameters()) EXPECT_FALSE(p.trainable());
  m.set_trainable(true);
  EXPECT_TRUE(m.parameters()[0].trainable());
  EXPECT_FALSE(m.parameters()[1].trainable());
  EXPECT_TRUE(m.parameters()[3].trainable());
}

// A fit that is refused leaves them as they were.
TEST(Parts, AreAsTrainableAsBeforeARefusedFit) {
  sequential m{input({2}), dense(3), dense(1)};
  m.compile("mse", sgd());
  const layer l = m.layer("dense");
  const callbacks all{calling("on_fit_begin", [&](training&) {
    l.set_trainable(false);
    throw value_error("refused");
  })};
  EXPECT_EQ(message_of([&] { m.fit(x, y, {.callbacks = all, .progress = nullptr}); }), "refused");
  EXPECT_TRUE(l.trainable());
  EXPECT_TRUE(m.parameters()[0].trainable());
}

TEST(Parts, MayBeModels) {
  sequential encoder{dense(4, "tanh"), dense(2)}, decoder{dense(4, "tanh"), dense(2)};
  encoder.set_name("encoder");
  sequential m{input({2}), encoder, decoder, dense(1)};
  EXPECT_EQ(names_of(m),
            (std::vector<std::string>{
                "encoder/dense/weight", "encoder/dense/bias", "encoder/dense_1/weight",
                "encoder/dense_1/bias", "model/dense/weight", "model/dense/bias",
                "model/dense_1/weight", "model/dense_1/bias", "dense/weight", "dense/bias"}));
  EXPECT_EQ(m.summary(),
            "Layer    Output shape  Parameters\n"
            "input    (None, 2)              0\n"
            "encoder  (None, 2)             22\n"
            "model    (None, 2)             22\n"
            "dense    (None, 1)              3\n"
            "Total: 47\nTrainable: 47\nNon-trainable: 0\n");
  m.compile("mse", adam());
  m.fit(x, y, quiet);
  // They share the weights.
  tape t;
  const variable v = t.constant(xt::xarray<float>(x));
  EXPECT_EQ(encoder.parameters()[0], m.parameters()[0]);
  const xt::xarray<float> two = decoder(encoder(v)).value<float>();
  const xt::xarray<float> inner = model(m.inputs(), m.output("model/dense_1")).predict<float>(x);
  EXPECT_EQ(two, inner);
}

TEST(Parts, ThatAreModelsPassTheModeOn) {
  const sequential inner{dropout(0.5)};
  sequential m{input({100}), inner};
  const array ones = xt::ones<double>({4, 100});
  EXPECT_EQ(m.predict<double>(ones), ones);
  tape t;
  const variable v = t.constant(xt::xarray<float>(ones));
  EXPECT_NE(m(v, mode::training).value<float>(), xt::xarray<float>(ones));
}

// Two towers that share a model of several layers.
TEST(Parts, ThatAreModelsAreAppliedToSymbols) {
  sequential tower{dense(4, "tanh"), dense(2)};
  const symbol a = input({3}), b = input({3});
  model m({a, b}, subtract({tower(a), tower(b)}));
  EXPECT_EQ(names_of(m).size(), 4u);
  const array left = {{1, 2, 3}}, right = {{0, 1, 5}};
  const array towers = tower.predict<double>(left) - tower.predict<double>(right);
  const array found = m.predict<double>({left, right});
  for (std::size_t i = 0; i < 2; ++i) EXPECT_NEAR(found(0, i), towers(0, i), 1e-6);
  const symbol z = input({3});
  model forked(z, {dense(1)(z), dense(2)(z)});
  EXPECT_EQ(forked(std::vector{a}).size(), 2u);
  EXPECT_EQ(message_of([&] { forked(a); }),
            "model: it has 2 outputs: call it with a list of symbols");
  EXPECT_EQ(message_of([&] { m(a); }), "model: 1 symbols for 2 inputs");
  EXPECT_EQ(message_of([&] { sequential{forked}; }),
            "sequential: a part has one input and one output, not 1 and 2: join symbols by "
            "model(inputs, outputs)");
  EXPECT_EQ(message_of([&] { tower.add(tower); }),
            "add: the model is at work: wait until its add is done");
}

TEST(Parts, ThatHadTheirNamesBeforeMustDiffer) {
  sequential one{input({2}), dense(2)}, two{input({2}), dense(2)}, named{input({2}), dense(2)};
  named.set_name("named");
  for (const model* m : {&one, &two}) m->parameters();
  EXPECT_EQ(names_of(named), (std::vector<std::string>{"named/dense/weight", "named/dense/bias"}));
  EXPECT_EQ(names_of(sequential{one, named}).size(), 4u);
  EXPECT_EQ(message_of([&] {
              sequential{one, two}.parameters();
            }),
            "model: two layers are named 'dense': give the models that are parts names (set_name) "
            "before their first use");
  EXPECT_EQ(message_of([&] { one.set_name("late"); }),
            "model: its parameters have their names already: name it 'late' before it is first "
            "used");
}

// Transfer learning: a new head on the hidden layers of a trained model, which stay as they are.
TEST(Parts, AreTheBaseOfAnotherModel) {
  sequential base{dense(4, "tanh"), dense(3, "tanh").named("features"), dense(1)};
  base.compile("mse", adam({.rate = 0.05}));
  base.fit(x, y, quiet);
  model tuned(base.inputs(), dense(2)(base.output("features")));
  base.set_trainable(false);
  EXPECT_EQ(names_of(tuned).size(), 6u);
  EXPECT_EQ(tuned.parameters()[0], base.parameters()[0]);
  const array targets = {{1, 0}, {0, 1}, {1, 1}};
  tuned.compile("mse", adam({.rate = 0.05}));
  const auto before = bits_of(tuned);
  const history h = tuned.fit(x, targets, {.epochs = 50, .progress = nullptr});
  EXPECT_LT(h["loss"].back(), h["loss"].front());
  const auto after = bits_of(tuned);
  for (std::size_t i = 0; i < 4; ++i) EXPECT_TRUE(same_bits(before[i], after[i])) << i;
  EXPECT_FALSE(same_bits(before[4], after[4]));
}

TEST(Parts, SayWhereAModelCannotBeCut) {
  sequential m{dense(2)};
  EXPECT_EQ(message_of([&] { m.inputs(); }),
            "model: the input's shape is not known yet: add input({...}) first");
  const symbol a = input({2});
  const dense twice(2);
  model n(a, twice(twice(a)));
  EXPECT_EQ(message_of([&] { n.output("dense"); }),
            "model: the layer 'dense' stands in 2 places: keep the symbol of the one that is "
            "meant");
  EXPECT_EQ(message_of([&] { n.output("other"); }), "model: no layer 'other'; there are: dense");
}

}  // namespace

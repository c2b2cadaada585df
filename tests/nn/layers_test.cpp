// Layers, symbols, and models as functions over variables.
#include <gtest/gtest.h>

#include <cotape/cotape.hpp>

#include "expect_error.hpp"

namespace cotape {
namespace {

using tests::expect_error;
using tests::message_of;
using names = std::vector<std::string>;

names names_of(const model& m) {
  names result;
  for (const parameter& p : m.parameters()) result.push_back(p.name());
  return result;
}

// A model that has its weights.
template <class... Layers> sequential built(const shape& row, const Layers&... layers) {
  sequential m;
  m.add(input(row));
  (m.add(layers), ...);
  m.parameters();
  return m;
}

// How an error of a layer ends.
std::string end_of_error(const std::string& layer, int line, const std::string& rest) {
  return " [layer '" + layer + "' at layers_test.cpp:" + std::to_string(line) + rest;
}

TEST(Layers, AreNamedByTheModelUnlessTheUserDoes) {
  const sequential m =
      built({2}, dense(4), dense(5).named("middle"), dense(3, "relu"), dense(1).named("dense_1"));
  EXPECT_EQ(names_of(m),
            (names{"dense/weight", "dense/bias", "middle/weight", "middle/bias", "dense_2/weight",
                   "dense_2/bias", "dense_1/weight", "dense_1/bias"}));
}

TEST(Layers, OfOneNameAreRefused) {
  EXPECT_EQ(message_of([] { built({2}, dense(4).named("a"), dense(4).named("a")); }),
            "model: two layers are named 'a'");
  const dense used(3);
  built({2}, used);
  EXPECT_EQ(message_of([&] { used.named("late"); }),
            "layer: 'dense' has its parameters' names already: name it 'late' before it is first "
            "used");
}

TEST(Layers, DenseTakesTheDtypeOfItsInput) {
  sequential m{dense(4)};
  tape t;
  EXPECT_EQ(m(t.input(float64, {3, 2})).dtype(), float64);
  EXPECT_EQ(m.parameters()[0].dtype(), float64);
}

TEST(Layers, DenseDoesWithoutABias) {
  const sequential m = built(
      {2}, dense(
               4, "linear", [](generator& r, const shape& s) { return he_normal(r, s); }, false));
  EXPECT_EQ(names_of(m), (names{"dense/weight"}));
}

TEST(Layers, FlattenKeepsTheBatch) {
  sequential m{flatten(), dense(3)};
  tape t;
  EXPECT_EQ(m(t.input(float32, {5, 2, 4})).shape(), (shape{5, 3}));
  EXPECT_EQ(m.parameters()[0].shape(), (shape{8, 3}));
}

TEST(Layers, ActivationActs) {
  sequential m{lambda([](variable x) { return x * 2; }), activation("relu")};
  tape t;
  const variable y = m(t.constant(xt::xarray<float>{{-1.0f, 2.0f}}));
  EXPECT_EQ(y.value<float>(), (xt::xarray<float>{{0.0f, 4.0f}}));
  expect_error<value_error>([] { activation("sigmod"); }, "activate: no activation 'sigmod'");
}

TEST(Layers, DropoutActsInTrainingOnly) {
  sequential m(7);
  m.add(dropout(0.25));
  auto predict = compile([&](variable x) { return m(x); });
  auto train = compile([&](variable x) { return m(x, mode::training); });
  const xt::xarray<float> x = xt::ones<float>({100, 100});
  EXPECT_EQ(xt::xarray<float>(predict(x)), x);
  const xt::xarray<float> first = train(x), second = train(x);
  EXPECT_NE(first, second);
  double sum = 0;
  for (const float v : first) {
    EXPECT_TRUE(v == 0 || v == 1 / 0.75f) << v;
    sum += v;
  }
  EXPECT_NEAR(sum / 1e4, 1, 0.03);
  EXPECT_EQ(xt::xarray<float>(predict(x)), x);
  // The same state of the generator gives the same masks.
  m.random().counter().set(std::int64_t{0});
  EXPECT_EQ(xt::xarray<float>(train(x)), first);
}

TEST(Layers, SayWhatIsWrong) {
  EXPECT_EQ(message_of([] { dropout(1); }), "dropout: 1 not in [0, 1)");
  EXPECT_EQ(message_of([] { dropout(-0.1); }), "dropout: -0.1 not in [0, 1)");
  EXPECT_EQ(message_of([] { dense(-1); }), "dense: -1 units");
  EXPECT_EQ(message_of([] { dense(1)(std::vector<symbol>{}); }), "dense: no inputs");
  generator random;
  tape t;
  const variable scalar = t.constant(1.0f);
  EXPECT_EQ(message_of([&] { flatten().record(scalar, random); }),
            "flatten: the input () has no batch axis");
  EXPECT_EQ(message_of([&] { dense(1).record(scalar, random); }),
            "dense: the input () has no batch axis");
  const symbol x = input({2});
  EXPECT_EQ(message_of([&] {
              model(x, dense(1)({x, x}));
            }).find("dense: 2 inputs, it takes one ["),
            0u);
}

// A layer that does not fit is named, and the line where it became one of the model's: at the
// model's construction where its input is known, else with its first data.
TEST(Layers, ThatDoNotFitAreNamedWithTheUsersLine) {
  const auto ends_at = [](const std::string& text, const char* layer, int line, const char* rest) {
    const std::string end = end_of_error(layer, line, rest);
    EXPECT_TRUE(text.ends_with(end)) << text << "\nwanted: " << end;
    EXPECT_EQ(text.find(".cpp:"), text.find("layers_test.cpp:") + 11) << text;
  };
  const char* tried = ", tried with 2 rows]";
  const symbol four = input({4});
  const layer image = conv2d(8, 3), slope = prelu({7}),
              product = lambda([](variable v) { return matmul(v, v); });
  int line = __LINE__ + 1;
  ends_at(message_of([&] { sequential({four, dense(3), image}); }), "conv2d", line, tried);
  line = __LINE__ + 1;
  ends_at(message_of([&] { sequential({four, slope, dense(3)}); }), "prelu", line, tried);
  line = __LINE__ + 1;
  sequential open{dense(3), dense(4).named("last"), product};
  tape t;
  const std::string text = message_of([&] { open(t.input(float32, {5, 2})); });
  EXPECT_EQ(text.find("matmul: cannot multiply"), 0u);
  ends_at(text, "lambda", line, tried);
  sequential grown;
  grown.add(input({4})).add(dense(3));
  line = __LINE__ + 1;
  grown.add(conv1d(8, 3));
  ends_at(message_of([&] { grown.summary(); }), "conv1d", line, tried);
}

// What a model tries out at its construction leaves no trace.
TEST(Models, AreTriedOutWithoutATrace) {
  int drawn = 0;
  const initializer counting = [&](generator& r, const shape& s) {
    ++drawn;
    return r.normal(s);
  };
  const dense inner(3, "tanh", counting);
  sequential m{input({2}), inner, dropout(0.5), dense(1)};
  EXPECT_EQ(drawn, 0);
  EXPECT_TRUE(inner.parameters().empty());
  m.random() = generator(7);
  m.set_name("late");
  EXPECT_EQ(m.parameters()[0].name(), "late/dense/weight");
  EXPECT_EQ(drawn, 1);
  generator same(7);
  EXPECT_TRUE(same_bits(m.parameters()[0].view(), same.normal({2, 3})));
}

TEST(Models, AreNamedInPassing) {
  sequential m = sequential{input({2}), dense(1)}.set_name("encoder");
  EXPECT_EQ(m.parameters()[0].name(), "encoder/dense/weight");
  sequential n{input({2})};
  n.set_name("decoder").add(dense(1));
  EXPECT_EQ(n.parameters()[0].name(), "decoder/dense/weight");
}

// A function that is a layer knows whether it trains, and draws from the model's generator.
TEST(Lambdas, MayAskWhetherTheyTrainAndDraw) {
  const auto noise = [](variable x, const layer_context& c) {
    return c.training ? x + c.random.normal_like(x, 0, 0.1) : x;
  };
  sequential own({input({50}), lambda(noise)}, 3), other({input({50}), gaussian_noise(0.1)}, 3);
  tape t;
  const variable x = t.constant(tensor({float32, {4, 50}}));
  EXPECT_EQ(own(x).value<float>(), x.value<float>());
  EXPECT_EQ(own(x, mode::training).value<float>(), other(x, mode::training).value<float>());
  const symbol a = input({2}), b = input({2});
  model joined({a, b}, lambda([](std::span<const variable> v, const layer_context& c) {
                 return c.training ? v[0] + v[1] * c.random.uniform_like(v[0], 2, 3) : v[0];
               })({a, b}));
  const variable ones = t.constant(xt::xarray<float>{{1, 1}});
  EXPECT_EQ(joined({ones, ones})[0].value<float>(), ones.value<float>());
  const xt::xarray<float> drawn = joined({ones, ones}, mode::training)[0].value<float>();
  for (const float y : drawn) EXPECT_TRUE(y >= 3 && y <= 4) << y;
  EXPECT_EQ(message_of([&] { lambda(std::function<variable(variable, const layer_context&)>()); }),
            "lambda: the function is empty");
  EXPECT_EQ(message_of([&] {
              model({a, b}, lambda(noise)({a, b}));
            }).find("lambda: 2 inputs, it"),
            0u);
}

TEST(Generator, DrawsLikeAnotherValue) {
  tape t;
  generator a(1), b(1);
  const variable x = t.input(float64, {3, 2});
  EXPECT_EQ(a.normal_like(x, 1, 2).value<double>(),
            b.normal(t, {3, 2}, 1, 2, float64).value<double>());
  EXPECT_EQ(a.uniform_like(x, 1, 2).value<double>(),
            b.uniform(t, {3, 2}, 1, 2, float64).value<double>());
}

// y = x * scale: a layer with weights of the user's own.
struct scaling_layer : layer_body {
  const char* kind() const override { return "scaling"; }
  variable record(std::span<const variable> x, mode, generator&) override {
    if (parameters.empty()) parameters.emplace_back(name + "/scale", 3.0f);
    return x[0] * parameters[0];
  }
};

TEST(Layers, OfTheUsersOwnAreLayers) {
  sequential m{layer(std::make_shared<scaling_layer>()), layer(std::make_shared<scaling_layer>())};
  tape t;
  const variable y = m(t.constant(xt::xarray<float>{{1.0f, 2.0f}}));
  EXPECT_EQ(y.value<float>(), (xt::xarray<float>{{9.0f, 18.0f}}));
  EXPECT_EQ(names_of(m), (names{"scaling/scale", "scaling_1/scale"}));
}

TEST(Symbols, MakeModelsOfSeveralInputsAndSharedLayers) {
  const symbol a = input({2}), b = input({2});
  const dense shared(3, "tanh");
  const symbol joined = concatenate({shared(a), shared(b)});
  model m({a, b}, {dense(1)(joined), joined}, 3);
  EXPECT_EQ(names_of(m), (names{"dense/weight", "dense/bias", "dense_1/weight", "dense_1/bias"}));
  tape t;
  const xt::xarray<float> x = {{1.0f, 2.0f}}, y = {{-1.0f, 0.5f}};
  const auto out = m({t.constant(x), t.constant(y)});
  ASSERT_EQ(out.size(), 2u);
  EXPECT_EQ(out[0].shape(), (shape{1, 1}));
  const variable w = t.read(m.parameters()[0]);
  const xt::xarray<float> left = tanh(matmul(t.constant(x), w)).value<float>();
  const xt::xarray<float> both = out[1].value<float>();
  for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(both(0, i), left(0, i));
}

TEST(Symbols, OfALongChainMakeAModel) {
  const symbol x = input({2});
  symbol y = x;
  for (int i = 0; i < 300; ++i) y = activation("tanh")(y);
  model m(x, y);
  tape t;
  EXPECT_EQ(m(t.input(float32, {4, 2})).shape(), (shape{4, 2}));
}

TEST(Symbols, ThatMakeNoModelAreRefused) {
  const symbol x = input({2}), y = input({2});
  expect_error<value_error>(
      [&] {
        model(x, dense(1)(concatenate({x, y})));
      },
      "model: an output needs an input that is not given [made at "
      "layers_test.cpp:");
  EXPECT_EQ(message_of([&] { model({x, x}, dense(1)(x)); }), "model: an input is given twice");
  EXPECT_EQ(message_of([&] { model(dense(1)(x), dense(1)(x)); }),
            "model: an input was not made by input()");
  EXPECT_EQ(message_of([&] { model(x, std::vector<symbol>{}); }),
            "model: it needs inputs and outputs");
  // The message names the line where the layer was called.
  expect_error<shape_error>(
      [&] {
        model(x, lambda([](variable v) { return v + 0 * sum(v, 0); })(
                     lambda([](variable v) { return sum(v); })(x)));
      },
      "model: a value of shape () has no batch axis");
  const symbol wide = input({3});
  expect_error<shape_error>(
      [&] {
        model({x, wide},
              lambda([](std::span<const variable> v) { return v[0] + v[1]; })({x, wide}));
      },
      "layers_test.cpp:");
}

TEST(Models, SayWhatTheyAreCalledWithWrongly) {
  const symbol x = input({2}), y = input({2});
  model two({x, y}, {dense(1)(x), dense(1)(y)});
  tape t;
  const variable v = t.input(float32, {1, 2});
  EXPECT_EQ(message_of([&] { two(v); }), "model: 1 values for 2 inputs");
  model forked(x, {dense(1)(x), dense(2)(x)});
  EXPECT_EQ(message_of([&] { forked(v); }),
            "model: it has 2 outputs: call it with a list of variables");
  sequential m{dense(1)};
  EXPECT_EQ(message_of([&] { m.summary(); }),
            "model: the input's shape is not known yet: add input({...}) first");
  EXPECT_EQ(message_of([&] { m.add(input({2})); }),
            "sequential: the input must be added before any layer");
  EXPECT_EQ(message_of([&] { sequential().add(dense(1)(x)); }),
            "sequential: add takes layers and input(), no symbol");
  EXPECT_EQ(message_of([] { sequential().summary(); }),
            "sequential: the model has no layers, add some");
}

TEST(Models, CanBeTriedAgainAfterAnErrorOfShapes) {
  sequential m{dense(3), lambda([](variable x) {
                 return x + x.owner().constant(xt::xarray<float>{{1.0f, 2.0f, 3.0f}});
               })};
  tape t;
  EXPECT_THROW(m(t.input(float32, {2})), shape_error);
  EXPECT_EQ(m(t.input(float32, {4, 5})).shape(), (shape{4, 3}));
  EXPECT_EQ(m.parameters()[0].shape(), (shape{5, 3}));
}

TEST(Models, PrintTheirSummary) {
  sequential m;
  m.add(input({2})).add(dense(4, "sigmoid")).add(dense(5, "sigmoid")).add(dense(1, "sigmoid"));
  EXPECT_EQ(m.summary(),
            "Layer    Output shape  Parameters\n"
            "input    (None, 2)              0\n"
            "dense    (None, 4)             12\n"
            "dense_1  (None, 5)             25\n"
            "dense_2  (None, 1)              6\n"
            "Total: 43\n"
            "Trainable: 43\n"
            "Non-trainable: 0\n");
  m.parameters()[0].set_trainable(false);
  EXPECT_TRUE(m.summary().ends_with("Total: 43\nTrainable: 35\nNon-trainable: 8\n"));
}

}  // namespace
}  // namespace cotape

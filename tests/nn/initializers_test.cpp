// First values of weights: ranges, moments and seeds; layers and activations by name.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "cotape/cotape.hpp"

namespace cotape {
namespace {

struct moments {
  double mean = 0, variance = 0, largest = 0;
  explicit moments(const tensor& x) {
    const float* p = x.data_as<float>();
    const auto n = static_cast<std::size_t>(x.shape().elements());
    for (std::size_t i = 0; i < n; ++i) mean += double{p[i]} / static_cast<double>(n);
    for (std::size_t i = 0; i < n; ++i) {
      variance += (p[i] - mean) * (p[i] - mean) / static_cast<double>(n);
      largest = std::max(largest, std::abs(double{p[i]}));
    }
  }
};

TEST(Initializers, HaveTheVarianceTheyPromise) {
  generator random(3);
  const shape s{300, 500};
  const moments glorot(glorot_uniform(random, s)), he(he_normal(random, s));
  EXPECT_NEAR(glorot.mean, 0, 1e-3);
  EXPECT_NEAR(glorot.variance, 2.0 / 800, 2e-5);
  EXPECT_LE(glorot.largest, std::sqrt(6.0 / 800));
  EXPECT_GT(glorot.largest, 0.99 * std::sqrt(6.0 / 800));
  EXPECT_NEAR(he.variance, 2.0 / 300, 6e-5);
  EXPECT_NEAR(moments(he_uniform(random, s)).variance, 2.0 / 300, 6e-5);
  EXPECT_NEAR(moments(glorot_normal(random, s)).variance, 2.0 / 800, 2e-5);
  EXPECT_EQ(moments(zeros(s)).largest, 0);
}

TEST(Generator, RepeatsWithItsSeedAndNeverWithoutIt) {
  generator a(1), b(1), c(2);
  const tensor first = a.uniform({100}), again = b.uniform({100});
  EXPECT_TRUE(same_bits(first, again));
  EXPECT_FALSE(same_bits(first, a.uniform({100})));
  EXPECT_FALSE(same_bits(first, c.uniform({100})));
}

TEST(Generator, DrawsAnewAtEachRunOfAProgram) {
  generator random(7);
  auto draw = compile([&](variable unused) {
    return random.uniform(unused.owner(), {4}) + random.uniform(unused.owner(), {4});
  });
  const xt::xarray<float> first = draw(0.0f), second = draw(0.0f);
  EXPECT_NE(first, second);
  EXPECT_EQ(random.counter().value<std::int64_t>()(), 4);
  random.counter().set(std::int64_t{0});
  EXPECT_EQ(first, xt::xarray<float>(draw(0.0f)));
}

TEST(Layers, MakeTheirWeightsWhenFirstCalled) {
  sequential model(5);
  model.add(dense(4, "relu")).add(dense(3));
  EXPECT_TRUE(model.parameters().empty());
  tape t;
  EXPECT_EQ(model(t.input(float32, {8, 2})).shape(), (shape{8, 3}));
  ASSERT_EQ(model.parameters().size(), 4u);
  EXPECT_EQ(model.parameters()[0].shape(), (shape{2, 4}));
  EXPECT_EQ(model.parameters()[3].shape(), (shape{3}));
  EXPECT_THROW(model(t.input(float32, {8, 7})), shape_error);
}

TEST(Layers, MakeTheirWeightsWithAnInitializer) {
  const auto first_weight = [](const dense& layer) {
    sequential model({input({50}), layer}, 5);
    return to_xarray<float>(model.parameters()[0].view());
  };
  generator random(5);
  EXPECT_EQ(first_weight(dense(4, "relu", he_normal)),
            to_xarray<float>(he_normal(random, {50, 4})));
  EXPECT_EQ(first_weight(dense(4, "relu", zeros)), (xt::zeros<float>({50, 4})));
  const tensor mine = random.uniform({50, 4}, 2, 3, float32);
  EXPECT_EQ(first_weight(dense(4, "relu", [&](generator&, const shape&) { return tensor(mine); })),
            to_xarray<float>(mine));
}

TEST(Layers, RefuseWhatTheyCannotDo) {
  tape t;
  const variable x = t.input(float32, {2});
  EXPECT_THROW(dense(0), value_error);
  EXPECT_THROW(sequential()(x), value_error);
  sequential model;
  model.add(dense(1));
  EXPECT_THROW(model(x), shape_error);
  try {
    activate("sigmod", x);
    FAIL();
  } catch (const value_error& e) {
    EXPECT_EQ(
        std::string(e.what()),
        "activate: no activation 'sigmod'; there are: identity, linear, heaviside, sign, "
        "sigmoid, tanh, relu, leaky_relu, relu6, elu, selu, celu, maxout, softplus, silu, gelu, "
        "gelu_tanh, mish, log_sigmoid, softsign, hard_sigmoid, hard_silu, hard_tanh, "
        "exponential, glu, softmax, log_softmax, argmax");
  }
}

TEST(Activate, FindsEveryActivationByItsName) {
  tape t;
  const variable x = t.constant(xt::xarray<double>{-1, 0, 0.5, 2});
  const auto expect = [&](const char* name, const variable& wanted) {
    EXPECT_EQ(activate(name, x).value<double>(), wanted.value<double>()) << name;
  };
  for (const char* name : {"", "identity", "linear"}) {
    EXPECT_EQ(activate(name, x).index(), x.index());
  }
  expect("heaviside", heaviside(x));
  expect("sign", sign(x));
  expect("sigmoid", sigmoid(x));
  expect("tanh", tanh(x));
  expect("relu", relu(x));
  expect("leaky_relu", leaky_relu(x));
  expect("relu6", relu6(x));
  expect("elu", elu(x));
  expect("selu", selu(x));
  expect("celu", celu(x));
  expect("mish", mish(x));
  expect("softsign", softsign(x));
  expect("hard_sigmoid", hard_sigmoid(x));
  expect("hard_silu", hard_silu(x));
  expect("hard_tanh", hard_tanh(x));
  expect("exponential", exp(x));
  expect("glu", glu(x));
  expect("maxout", maxout(x));
  expect("softplus", softplus(x));
  expect("silu", silu(x));
  expect("gelu", gelu(x));
  expect("gelu_tanh", gelu_tanh(x));
  expect("log_sigmoid", log_sigmoid(x));
  expect("softmax", softmax(x));
  expect("log_softmax", log_softmax(x));
  EXPECT_EQ(activate("argmax", x).value<std::int64_t>()(), 3);
  const parameter p("p", 1.0);
  EXPECT_THROW(activate("identity", p), tape_error);
}

}  // namespace
}  // namespace cotape

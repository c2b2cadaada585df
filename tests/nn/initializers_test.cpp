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

TEST(Initializers, WithOptionsHaveTheMomentsTheyPromise) {
  generator random(4);
  const shape s{300, 500};
  const auto drawn = [&](const initializer& make) { return tensor(make(random, s), float32); };
  const moments lecun(lecun_normal(random, s)), flat(lecun_uniform(random, s));
  EXPECT_NEAR(lecun.variance, 1.0 / 300, 3e-5);
  EXPECT_NEAR(flat.variance, 1.0 / 300, 3e-5);
  EXPECT_LE(flat.largest, std::sqrt(3.0 / 300));
  const moments normal(drawn(random_normal())), shifted(drawn(random_normal(3, 0.5)));
  EXPECT_NEAR(normal.mean, 0, 5e-4);
  EXPECT_NEAR(normal.variance, 0.0025, 3e-5);
  EXPECT_NEAR(shifted.mean, 3, 5e-3);
  EXPECT_NEAR(shifted.variance, 0.25, 3e-3);
  const moments uniform(drawn(random_uniform())), other(drawn(random_uniform(1, 3)));
  EXPECT_NEAR(uniform.variance, 0.01 / 12, 1e-5);
  EXPECT_LE(uniform.largest, 0.05);
  EXPECT_NEAR(other.mean, 2, 5e-3);
  // The variance of a normal distribution that is cut at two deviations.
  const moments cut(drawn(truncated_normal()));
  EXPECT_NEAR(cut.mean, 0, 5e-4);
  EXPECT_NEAR(cut.variance, 0.0025 * 0.7737413, 3e-5);
  EXPECT_LE(cut.largest, 0.1f);
  EXPECT_GT(cut.largest, 0.0999);
}

TEST(Initializers, RepeatWithTheirSeed) {
  for (const initializer& make :
       {initializer(lecun_normal), initializer(lecun_uniform), random_normal(), random_uniform(),
        truncated_normal(), orthogonal()}) {
    generator a(1), b(1), c(2);
    const tensor first = make(a, {20, 30});
    EXPECT_TRUE(same_bits(first, make(b, {20, 30})));
    EXPECT_FALSE(same_bits(first, make(a, {20, 30})));
    EXPECT_FALSE(same_bits(first, make(c, {20, 30})));
  }
}

// The products of all columns, or of all rows of a wide one, with each other.
TEST(Initializers, OrthogonalOnesAreSo) {
  for (const shape& s : {shape{40, 30}, shape{30, 40}, shape{25, 25}, shape{3, 3, 4, 20},
                         shape{1, 1}, shape{5, 1}, shape{4, 0}}) {
    generator random(7);
    const tensor w = orthogonal(2)(random, s);
    ASSERT_EQ(w.shape(), s);
    const std::int64_t columns = s[s.rank() - 1];
    const std::int64_t rows = columns == 0 ? 0 : s.elements() / columns;
    const bool tall = rows >= columns;
    const auto at = [&](std::int64_t i, std::int64_t j) {
      return w.data_as<double>()[tall ? j * columns + i : i * columns + j];
    };
    for (std::int64_t i = 0; i < std::min(rows, columns); ++i) {
      for (std::int64_t k = 0; k <= i; ++k) {
        double product = 0;
        for (std::int64_t j = 0; j < std::max(rows, columns); ++j) product += at(i, j) * at(k, j);
        EXPECT_NEAR(product, i == k ? 4 : 0, 1e-13) << s.text() << " " << i << " " << k;
      }
    }
  }
}

TEST(Initializers, OfGivenNumbers) {
  generator random;
  const auto values = [&](const initializer& make, const shape& s) {
    return to_xarray<double>(tensor(make(random, s), float64));
  };
  EXPECT_EQ(values(constant_value(0.1), {2}), (xt::xarray<double>{0.1, 0.1}));
  EXPECT_EQ(values(ones, {2}), (xt::xarray<double>{1, 1}));
  EXPECT_EQ(values(identity_matrix(3), {2, 3}), (xt::xarray<double>{{3, 0, 0}, {0, 3, 0}}));
  EXPECT_EQ(ones({2}, float32).dtype(), float32);
  EXPECT_EQ(random.counter().value<std::int64_t>()(), 0);
}

TEST(Initializers, RefuseWhatTheyCannotMake) {
  const auto message = [](const std::function<void()>& f) {
    try {
      f();
    } catch (const error& e) {
      return std::string(e.what());
    }
    return std::string("no error");
  };
  generator random;
  EXPECT_EQ(message([] { random_normal(0, -1); }),
            "random_normal: a mean of 0 and a deviation of -1");
  EXPECT_EQ(message([] { truncated_normal(std::nan(""), 1); }),
            "truncated_normal: a mean of nan and a deviation of 1");
  EXPECT_EQ(message([] { random_uniform(1, 0); }), "random_uniform: nothing lies between 1 and 0");
  EXPECT_EQ(message([&] { orthogonal()(random, {3}); }), "orthogonal: (3,) has less than two axes");
  EXPECT_EQ(message([&] {
              identity_matrix()(random, {3, 3, 1});
            }),
            "identity_matrix: (3, 3, 1) is no matrix");
  const initializer other = [](generator&, const shape&) { return zeros({2, 2}); };
  EXPECT_EQ(message([&] {
              sequential({input({3}), dense(4, "relu", other)}).parameters();
            }).find("dense: the initializer gives (2, 2) for 'weight', which is (3, 4) ["),
            0u);
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

TEST(Layers, MakeTheirBiasesWithAnInitializer) {
  const sequential m{input({2}, float64),
                     dense(3, {.weights = constant_value(0.1), .bias_initializer = ones})};
  EXPECT_EQ(m.parameters()[0].value<double>(), 0.1 * xt::ones<double>({2, 3}));
  EXPECT_EQ(m.parameters()[1].value<double>(), (xt::xarray<double>{1, 1, 1}));
  const sequential images{input({5, 5, 1}),
                          conv2d(2, 3, {.bias_initializer = constant_value(0.5)})};
  EXPECT_EQ(images.parameters()[1].value<float>(), (xt::xarray<float>{0.5f, 0.5f}));
  EXPECT_THROW(dense(3, {.bias_initializer = nullptr}), value_error);
  EXPECT_THROW(conv2d(3, 2, {.bias_initializer = nullptr}), value_error);
  // One option alone is no string.
  EXPECT_EQ(sequential({input({2}), dense(3, {.bias = false})}).parameters().size(), 1u);
  EXPECT_EQ(sequential({input({2}), dense(3, {.activation = "relu"})}).parameters().size(), 2u);
  EXPECT_EQ(sequential({input({2}), dense(3, {})}).parameters().size(), 2u);
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

// Attention by heads against plain loops, what is causal, weights, gradients, dropout, errors;
// learned positions.
#include <gtest/gtest.h>

#include <cmath>
#include <cotape/cotape.hpp>
#include <random>
#include <xtensor/xview.hpp>

#include "expect_error.hpp"
#include "model_bits.hpp"

namespace {

using namespace cotape;
using namespace cotape::tests;

using array = xt::xarray<double>;
using floats = xt::xarray<float>;

floats drawn(std::vector<std::size_t> shape, unsigned seed = 7) {
  std::mt19937 engine(seed);
  std::normal_distribution<double> normal;
  floats x = xt::zeros<float>(shape);
  for (float& e : x) e = static_cast<float>(normal(engine));
  return x;
}

std::vector<std::string> weights_of(const layer& l) {
  std::vector<std::string> result;
  for (const parameter& p : l.parameters()) result.push_back(p.name() + " " + p.shape().text());
  return result;
}

variable recorded(const layer& l, std::span<const variable> x, mode m = mode::predicting) {
  static generator random(3);
  if (l.body().name.empty()) l.body().name = l.body().kind();
  return l.body().record(x, m, random);
}

// What a layer with several heads makes, by the definition.
struct by_loops {
  std::vector<array> w;  // weights and biases in turn
  std::size_t heads;
  bool causal;

  double projected(const array& x, std::size_t n, std::size_t t, std::size_t which,
                   std::size_t column) const {
    double total = w[2 * which + 1](column);
    for (std::size_t i = 0; i < x.shape(2); ++i) total += x(n, t, i) * w[2 * which](i, column);
    return total;
  }

  array operator()(const array& query, const array& value, const array& key) const {
    const std::size_t batch = query.shape(0), rows = query.shape(1), keys = key.shape(1),
                      k = w[0].shape(1) / heads, v = w[4].shape(1) / heads;
    array seen = xt::zeros<double>({batch, rows, heads * v});
    for (std::size_t n = 0; n < batch; ++n) {
      for (std::size_t h = 0; h < heads; ++h) {
        for (std::size_t t = 0; t < rows; ++t) {
          std::vector<double> e;
          double total = 0;
          for (std::size_t s = 0; s < (causal ? std::min(keys, t + 1) : keys); ++s) {
            double score = 0;
            for (std::size_t i = h * k; i < (h + 1) * k; ++i) {
              score += projected(query, n, t, 0, i) * projected(key, n, s, 1, i);
            }
            e.push_back(std::exp(score / std::sqrt(static_cast<double>(k))));
            total += e.back();
          }
          for (std::size_t i = h * v; i < (h + 1) * v; ++i) {
            for (std::size_t s = 0; s < e.size(); ++s) {
              seen(n, t, i) += e[s] / total * projected(value, n, s, 2, i);
            }
          }
        }
      }
    }
    array y = xt::zeros<double>({batch, rows, w[6].shape(1)});
    for (std::size_t n = 0; n < batch; ++n) {
      for (std::size_t t = 0; t < rows; ++t) {
        for (std::size_t i = 0; i < y.shape(2); ++i) y(n, t, i) = projected(seen, n, t, 3, i);
      }
    }
    return y;
  }
};

const multi_head_attention_options with_biases{.value_dim = 2,
                                               .bias_initializer = random_normal(0, 1)};

TEST(MultiHeadAttention, IsWhatPlainLoopsGive) {
  const array query = drawn({2, 3, 6}, 1), value = drawn({2, 5, 4}, 2), key = drawn({2, 5, 7}, 3);
  for (const bool causal : {false, true}) {
    multi_head_attention_options o = with_biases;
    o.causal = causal;
    const auto expect = [&](const std::vector<array>& given, const array& v, const array& k) {
      const multi_head_attention l(3, 4, o);
      tape t;
      std::vector<variable> in;
      for (const array& a : given) in.push_back(t.constant(a));
      const array got = recorded(l, in).value<double>();
      by_loops wanted{{}, 3, causal};
      for (const parameter& p : l.parameters()) wanted.w.push_back(p.value<double>());
      EXPECT_LE(xt::amax(xt::abs(got - wanted(query, v, k)))(), 1e-12) << given.size();
    };
    expect({query}, query, query);
    expect({query, value}, value, value);
    expect({query, value, key}, value, key);
  }
}

TEST(MultiHeadAttention, HasTheWeightsOfKeras) {
  const multi_head_attention l(3, 4, with_biases), plain(2, 5, {.bias = false});
  tape t;
  const std::vector<variable> in{t.constant(drawn({2, 3, 6})), t.constant(drawn({2, 5, 4})),
                                 t.constant(drawn({2, 5, 7}))};
  EXPECT_EQ(recorded(l, in).shape(), shape({2, 3, 6}));
  EXPECT_EQ(
      weights_of(l),
      (std::vector<std::string>{
          "multi_head_attention/query/weight (6, 12)", "multi_head_attention/query/bias (12,)",
          "multi_head_attention/key/weight (7, 12)", "multi_head_attention/key/bias (12,)",
          "multi_head_attention/value/weight (4, 6)", "multi_head_attention/value/bias (6,)",
          "multi_head_attention/output/weight (6, 6)", "multi_head_attention/output/bias (6,)"}));
  recorded(plain, std::span(in).first(1));
  EXPECT_EQ(weights_of(plain),
            (std::vector<std::string>{"multi_head_attention/query/weight (6, 10)",
                                      "multi_head_attention/key/weight (6, 10)",
                                      "multi_head_attention/value/weight (6, 10)",
                                      "multi_head_attention/output/weight (10, 6)"}));
}

// Short, and in blocks.
TEST(MultiHeadAttention, ThatIsCausalDoesNotSeeLaterRows) {
  for (const std::size_t length : {10U, 300U}) {
    const multi_head_attention l(2, 4, {.causal = true});
    floats x = drawn({2, length, 6});
    const auto y = [&] {
      tape t;
      const variable v = t.constant(x);
      return floats(recorded(l, {&v, 1}).value<float>());
    };
    const floats before = y();
    const std::size_t changed = length - 4;
    x(0, changed, 1) += 1;
    const floats after = y();
    EXPECT_EQ(floats(xt::view(before, xt::all(), xt::range(0, changed))),
              floats(xt::view(after, xt::all(), xt::range(0, changed))));
    EXPECT_NE(floats(xt::view(before, 0, changed)), floats(xt::view(after, 0, changed)));
    EXPECT_EQ(floats(xt::view(before, 1)), floats(xt::view(after, 1)));
  }
}

TEST(MultiHeadAttention, DoesNotSeeMaskedSteps) {
  const multi_head_attention l(2, 3);
  tape t;
  generator random(3);
  const floats x = drawn({1, 5, 6});
  const masked in{t.constant(x), t.constant(xt::xarray<std::int64_t>{{1, 1, 0, 1, 0}})};
  l.body().name = "attention";
  const masked y = l.body().record_masked(std::span(&in, 1), mode::predicting, random);
  EXPECT_EQ(y.mask.index(), in.mask.index());
  const auto rows = [](const floats& of) {
    return floats(xt::view(of, xt::all(), xt::keep(0, 1, 3), xt::all()));
  };
  const floats alone = l.record(t.constant(rows(x)), random).value<float>();
  EXPECT_LT(xt::amax(xt::abs(rows(y.value.value<float>()) - alone))(), 1e-5);
  const masked pair[]{{in.value}, in};  // the query has none
  const masked z = l.body().record_masked(pair, mode::predicting, random);
  EXPECT_TRUE(z.mask.empty());
  EXPECT_LT(xt::amax(xt::abs(rows(z.value.value<float>()) - alone))(), 1e-5);
}

TEST(MultiHeadAttention, HasRightGradients) {
  const auto x = input({5, 4}), memory = input({3, 2});
  const auto h = position_embedding(7)(x);
  const auto y = multi_head_attention(
      2, 3, with_biases)(std::vector{multi_head_attention(2, 3, {.causal = true})(h), memory});
  model m({x, memory}, {dense(1)(y)});
  m.compile("mse");
  const gradient_check check = m.check_gradient({drawn({6, 5, 4}), drawn({6, 3, 2})},
                                                {drawn({6, 5, 1})}, {.second_order = true});
  EXPECT_TRUE(check.ok()) << check.table();
}

TEST(MultiHeadAttention, DropsWeightsInTrainingAlone) {
  const multi_head_attention l(2, 4, {.dropout = 0.5}), all(2, 4);
  tape t;
  const variable x = t.constant(drawn({2, 8, 6}));
  const auto value = [&](const layer& of, mode m) {
    return floats(recorded(of, {&x, 1}, m).value<float>());
  };
  EXPECT_EQ(value(l, mode::predicting), value(l, mode::predicting));
  EXPECT_NE(value(l, mode::predicting), value(l, mode::training));
  EXPECT_EQ(value(all, mode::predicting), value(all, mode::training));
}

// Weights of ones and biases of 1/2: terms of the loss, and bounds after a step that moves nothing.
TEST(MultiHeadAttention, AppliesItsRulesToAllWeightsOrBiases) {
  const auto trained = [](const multi_head_attention_options& o) {
    sequential m{input({3, 4}), multi_head_attention(2, 3, o)};
    m.compile("mse", sgd({.rate = 0}));
    m.fit(drawn({8, 3, 4}), drawn({8, 3, 4}), {.progress = nullptr});
    return m;
  };
  multi_head_attention_options o{.weights = ones, .bias_initializer = constant_value(0.5)};
  const auto loss = [&] { return trained(o).evaluate(drawn({8, 3, 4}), drawn({8, 3, 4}))["loss"]; };
  const double plain = loss();
  o.weights_regularizer = l1(1);
  EXPECT_NEAR(loss() - plain, 4 * 24, 1e-3);
  o.weights_regularizer = {};
  o.bias_regularizer = l1(1);
  EXPECT_NEAR(loss() - plain, (3 * 6 + 4) * 0.5, 1e-3);
  o.activity_regularizer = l1(1);
  EXPECT_GT(loss() - plain, 12);
  o.weights_constraint = o.bias_constraint = unit_norm();
  for (const parameter& p : trained(o).parameters()) {
    const floats w = p.value<float>();
    const double count = static_cast<double>(w.shape(0));
    for (float e : w) EXPECT_NEAR(e, 1 / std::sqrt(count), 1e-6) << p.name();
  }
}

// A model that learns which of its rows comes first.
TEST(MultiHeadAttention, LearnsToLookBack) {
  floats x = drawn({256, 6, 2}), y = xt::zeros<float>({256, 6, 1});
  for (std::size_t n = 0; n < 256; ++n) {
    for (std::size_t t = 0; t < 6; ++t) y(n, t, 0) = x(n, t == 0 ? 0 : t - 1, 0);
  }
  const auto in = input({6, 2});
  const auto h = position_embedding(6)(dense(16)(in));
  model m(in, dense(1)(multi_head_attention(2, 8, {.causal = true})(h)));
  m.compile("mse", adam({.rate = 0.01}));
  m.fit(x, y, {.epochs = 60, .progress = nullptr});
  EXPECT_LT(m.evaluate(x, y)["loss"], 0.1);
}

TEST(PositionEmbedding, AddsARowForEachPosition) {
  const position_embedding l(5, random_normal(0, 1));
  tape t;
  const array x = drawn({2, 3, 4});
  const variable v = t.constant(x);
  const array y = recorded(l, {&v, 1}).value<double>();
  EXPECT_EQ(weights_of(l), (std::vector<std::string>{"position_embedding/weight (5, 4)"}));
  const array w = l.parameters()[0].value<double>();
  EXPECT_EQ(y, array(x + xt::view(w, xt::range(0, 3))));
}

TEST(AttentionLayers, SayWhatDoesNotFit) {
  EXPECT_EQ(message_of([] { multi_head_attention(0, 3); }),
            "multi_head_attention: 0 heads, key_dim 3, value_dim 3");
  EXPECT_EQ(message_of([] { multi_head_attention(1, 3, {.value_dim = -1}); }),
            "multi_head_attention: 1 heads, key_dim 3, value_dim -1");
  EXPECT_EQ(message_of([] { multi_head_attention(1, 3, {.dropout = 1}); }),
            "multi_head_attention: dropout 1 not in [0, 1)");
  EXPECT_EQ(message_of([] { multi_head_attention(1, 3, {.weights = {}}); }),
            "multi_head_attention: the initializer is empty");
  EXPECT_EQ(message_of([] { position_embedding(0); }),
            "position_embedding: the length 0 is below 1");
  EXPECT_EQ(message_of([] { position_embedding(3, {}); }),
            "position_embedding: the initializer is empty");
  tape t;
  const variable x = t.constant(drawn({2, 4, 6})), flat = t.constant(drawn({2, 4}));
  const auto message = [](const layer& l, std::vector<variable> in) {
    const std::string all = message_of([&] { recorded(l, in); });
    return all.substr(0, all.find(" ["));
  };
  EXPECT_EQ(message(multi_head_attention(1, 3), {x, x, x, x}),
            "multi_head_attention: 4 inputs, it takes query, value and key");
  EXPECT_EQ(message(multi_head_attention(1, 3), {x, flat}),
            "multi_head_attention: the input (2, 4) is not (batch, length, features)");
  EXPECT_EQ(message(multi_head_attention(1, 3), {x, x, t.constant(drawn({2, 3, 6}))}),
            "attention: k (2, 1, 3, 3) and v (2, 1, 4, 3) differ in their rows");
  EXPECT_EQ(message(position_embedding(3), {x}),
            "position_embedding: the input (2, 4, 6) is longer than 3");
  EXPECT_EQ(message(position_embedding(3), {flat}),
            "position_embedding: the input (2, 4) is not (batch, length, features)");
}

}  // namespace

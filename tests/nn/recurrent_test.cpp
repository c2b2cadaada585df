// Recurrent layers against loops over single numbers in long double: every cell, both directions,
// first states, masks, one step; their derivatives against differences.
#include <gtest/gtest.h>

#include <cmath>
#include <cotape/cotape.hpp>
#include <xtensor/xview.hpp>

#include "expect_error.hpp"
#include "nn/drawn.hpp"

namespace {

using namespace cotape;
using namespace cotape::tests;

using array = xt::xarray<double>;
using number = long double;

number sigmoid_of(number x) { return 1 / (1 + std::exp(-x)); }

enum class cell { simple, lstm, gru, gru_reset_before };

struct example {
  std::string name;
  cell of;
  std::int64_t batch = 2, steps = 5, features = 3, units = 4;
  bool backwards = false, sequences = true, states = false, masks = false, bias = true;
};

std::ostream& operator<<(std::ostream& out, const example& e) { return out << e.name; }

std::vector<example> examples() {
  std::vector<example> all;
  for (const auto& [name, of] :
       {std::pair("Simple", cell::simple), std::pair("Lstm", cell::lstm),
        std::pair("Gru", cell::gru), std::pair("GruResetBefore", cell::gru_reset_before)}) {
    const example usual{name, of};
    const auto add = [&](const char* what, auto change) {
      example e = usual;
      e.name += what;
      change(e);
      all.push_back(e);
    };
    add("", [](example&) {});
    add("LastOnly", [](example& e) { e.sequences = false; });
    add("Backwards", [](example& e) { e.backwards = true; });
    add("States", [](example& e) { e.states = true; });
    add("OneStep", [](example& e) { e.steps = 1; });
    add("NoBias", [](example& e) { e.bias = false; });
    add("Masks", [](example& e) { e.masks = true; });
    add("BackwardsWithMasksAndStates", [](example& e) {
      e.backwards = e.masks = e.states = true;
      e.batch = 3;
    });
    add("MaskedLastOnly", [](example& e) {
      e.masks = true;
      e.sequences = false;
    });
  }
  return all;
}

std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }

struct problem {
  example e;
  std::int64_t gates;
  array x, w, u, b, h, c, mask;  // b (2, gates units): what acts on x and on h

  explicit problem(const example& of)
      : e(of),
        gates(e.of == cell::simple ? 1
              : e.of == cell::lstm ? 4
                                   : 3) {
    const std::int64_t n = gates * e.units;
    x = drawn({e.batch, e.steps, e.features}, 1);
    w = drawn({e.features, n}, 2);
    u = drawn({e.units, n}, 3);
    b = drawn({2, n}, 4);
    if (!e.bias) b = 0 * b;
    if (e.of != cell::gru) xt::view(b, 1) = 0;
    h = e.states ? drawn({e.batch, e.units}, 5) : array(xt::zeros<double>({e.batch, e.units}));
    c = e.states ? drawn({e.batch, e.units}, 6) : array(xt::zeros<double>({e.batch, e.units}));
    mask = xt::ones<double>({e.batch, e.steps});
    if (!e.masks) return;
    for (std::int64_t i = 0; i < e.batch; ++i) {  // ragged, and a hole
      for (std::int64_t t = e.steps - 1 - i; t < e.steps; ++t) mask(i, t) = 0;
    }
    mask(0, 1) = 0;
  }

  // x W + b of a gate's unit j, and h U + b'.
  number fed(std::int64_t row, std::int64_t t, std::int64_t gate, std::int64_t j) const {
    const std::int64_t k = gate * e.units + j;
    number sum = b(0, k);
    for (std::int64_t f = 0; f < e.features; ++f) sum += number(x(row, t, f)) * w(f, k);
    return sum;
  }
  number from(const std::vector<number>& state, std::int64_t gate, std::int64_t j) const {
    const std::int64_t k = gate * e.units + j;
    number sum = b(1, k);
    for (std::int64_t i = 0; i < e.units; ++i) sum += state[at(i)] * u(i, k);
    return sum;
  }

  void step(std::int64_t row, std::int64_t t, std::vector<number>& s,
            std::vector<number>& m) const {
    std::vector<number> next(s.size()), memory = m, reset(s.size());
    const auto gate = [&](std::int64_t g, std::int64_t j) {
      return sigmoid_of(fed(row, t, g, j) + from(s, g, j));
    };
    for (std::int64_t j = 0; j < e.units; ++j) {
      if (e.of == cell::gru_reset_before) reset[at(j)] = gate(1, j) * s[at(j)];
    }
    for (std::int64_t j = 0; j < e.units; ++j) {
      const std::size_t i = at(j);
      if (e.of == cell::simple) next[i] = std::tanh(fed(row, t, 0, j) + from(s, 0, j));
      if (e.of == cell::lstm) {
        const number g = std::tanh(fed(row, t, 2, j) + from(s, 2, j));
        memory[i] = gate(1, j) * m[i] + gate(0, j) * g;
        next[i] = gate(3, j) * std::tanh(memory[i]);
      }
      if (e.of == cell::gru) {
        const number g = std::tanh(fed(row, t, 2, j) + gate(1, j) * from(s, 2, j));
        next[i] = gate(0, j) * s[i] + (1 - gate(0, j)) * g;
      }
      if (e.of == cell::gru_reset_before) {
        const number g = std::tanh(fed(row, t, 2, j) + from(reset, 2, j));
        next[i] = gate(0, j) * s[i] + (1 - gate(0, j)) * g;
      }
    }
    s = next;
    m = memory;
  }

  array by_hand() const {
    array all = xt::zeros<double>({e.batch, e.steps, e.units});
    for (std::int64_t row = 0; row < e.batch; ++row) {
      std::vector<number> s, m;
      for (std::int64_t j = 0; j < e.units; ++j) s.push_back(h(row, j)), m.push_back(c(row, j));
      for (std::int64_t k = 0; k < e.steps; ++k) {
        const std::int64_t t = e.backwards ? e.steps - 1 - k : k;
        if (mask(row, t) != 0) step(row, t, s, m);
        for (std::int64_t j = 0; j < e.units; ++j) all(row, k, j) = static_cast<double>(s[at(j)]);
      }
    }
    if (e.sequences) return all;
    return xt::view(all, xt::all(), e.steps - 1, xt::all());
  }

  recurrent_options options() const {
    recurrent_options o;
    o.bias = e.bias;
    o.return_sequences = e.sequences;
    o.go_backwards = e.backwards;
    o.reset_after = e.of == cell::gru;
    return o;
  }
  layer made() const {
    if (e.of == cell::simple) return simple_rnn(e.units, options());
    if (e.of == cell::lstm) return lstm(e.units, options());
    return gru(e.units, options());
  }
  std::vector<array> weights() const {
    std::vector<array> all{w, u};
    if (!e.bias) return all;
    all.push_back(e.of == cell::gru ? b : array(xt::view(b, 0)));
    return all;
  }
  // The layer, its weights as those of the problem.
  variable recorded(const layer& l, tape& t, const variable& in, const variable& first_h,
                    const variable& first_c) const {
    generator random;
    std::vector<masked> inputs{{in}};
    if (e.masks)
      inputs[0].mask = t.constant(xt::xarray<std::int64_t>(xt::cast<std::int64_t>(mask)));
    if (e.states) inputs.push_back({first_h});
    if (e.states && e.of == cell::lstm) inputs.push_back({first_c});
    if (l.parameters().empty()) {
      l.body().record_masked(inputs, mode::predicting, random);
      const auto values = weights();
      EXPECT_EQ(values.size(), l.parameters().size());
      for (std::size_t i = 0; i < values.size(); ++i) {
        const parameter& to = l.parameters()[i];
        if (to.dtype() == float64) to.set(values[i]);
        else to.set(xt::xarray<float>(xt::cast<float>(values[i])));
      }
    }
    return l.body().record_masked(inputs, mode::training, random).value;
  }
};

class Recurrent : public testing::TestWithParam<example> {};
INSTANTIATE_TEST_SUITE_P(Cells, Recurrent, testing::ValuesIn(examples()),
                         [](const auto& made) { return made.param.name; });

TEST_P(Recurrent, IsItsLoop) {
  const problem p(GetParam());
  tape t;
  const variable y = p.recorded(p.made(), t, t.constant(p.x), t.constant(p.h), t.constant(p.c));
  const array found = y.value<double>(), wanted = p.by_hand();
  ASSERT_EQ(found.shape(), wanted.shape());
  EXPECT_LT(xt::amax(xt::abs(found - wanted))(), 1e-14);
}

TEST_P(Recurrent, HasDerivativesOfFirstAndSecondOrder) {
  const problem p(GetParam());
  const layer l = p.made();
  const auto f = [&](variable x, variable h, variable c) {
    return sum(square(p.recorded(l, x.owner(), x, h, c)));
  };
  const gradient_check first = check_gradient(f, {p.x, p.h, p.c});
  EXPECT_TRUE(first.ok()) << first;
  const auto slope = [&](variable x, variable h, variable c) {
    return sum(square(gradient(f(x, h, c), x)));
  };
  const gradient_check second = check_gradient(slope, {p.x, p.h, p.c});
  EXPECT_TRUE(second.ok()) << second;
}

// Also those of the weights, by the model's own check.
TEST(RecurrentLayers, HaveGradientsOfTheirWeights) {
  for (const layer& l :
       {layer(simple_rnn(3)), layer(lstm(3)), layer(gru(3)), layer(gru(3, {.reset_after = false})),
        layer(bidirectional(lstm(2, {.return_sequences = true})))}) {
    sequential m{input({4, 2}), l, flatten(), dense(1)};
    m.compile("mse", "sgd");
    const auto c = m.check_gradient(drawn({3, 4, 2}, 1), drawn({3, 1}, 2));
    EXPECT_TRUE(c.ok()) << c;
  }
}

std::vector<std::string> weights_of(const model& m) {
  std::vector<std::string> result;
  for (const parameter& p : m.parameters()) result.push_back(p.name() + " " + p.shape().text());
  return result;
}

TEST(RecurrentLayers, HaveTheWeightsOfKeras) {
  const sequential m{input({7}, int64),
                     embedding(20, 3),
                     simple_rnn(2, {.return_sequences = true}),
                     bidirectional(lstm(4, {.return_sequences = true})),
                     time_distributed(dense(5)),
                     gru(6, {.reset_after = false, .return_sequences = true}),
                     gru(6)};
  EXPECT_EQ(
      weights_of(m),
      (std::vector<std::string>{
          "embedding/weight (20, 3)", "simple_rnn/weight (3, 2)",
          "simple_rnn/recurrent_weight (2, 2)", "simple_rnn/bias (2,)",
          "bidirectional/forward/weight (2, 16)", "bidirectional/forward/recurrent_weight (4, 16)",
          "bidirectional/forward/bias (16,)", "bidirectional/backward/weight (2, 16)",
          "bidirectional/backward/recurrent_weight (4, 16)", "bidirectional/backward/bias (16,)",
          "time_distributed/weight (8, 5)", "time_distributed/bias (5,)", "gru/weight (5, 18)",
          "gru/recurrent_weight (6, 18)", "gru/bias (18,)", "gru_1/weight (6, 18)",
          "gru_1/recurrent_weight (6, 18)", "gru_1/bias (2, 18)"}));
}

TEST(RecurrentLayers, BeginAsKerassDo) {
  const sequential m{input({3, 2}), lstm(2)};
  const auto bias = m.parameters()[2].value<float>();
  EXPECT_EQ(bias, (xt::xarray<float>{0, 0, 1, 1, 0, 0, 0, 0}));
  const xt::xarray<float> u = m.parameters()[1].value<float>();
  for (std::size_t i = 0; i < 2; ++i) {  // orthogonal rows of length 1
    for (std::size_t j = 0; j < 2; ++j) {
      EXPECT_NEAR(xt::sum(xt::view(u, i) * xt::view(u, j))(), i == j ? 1 : 0, 1e-6);
    }
  }
}

TEST(RecurrentLayers, DropTheSameAtEachStepInTraining) {
  tape t;
  generator random(3);
  const array x = xt::ones<double>({4, 3, 5});
  const auto dropped = [&](recurrent_options o, mode m) {
    o.activation = "identity";
    o.weights = ones;
    o.recurrent_weights = zeros;
    o.return_sequences = true;
    return simple_rnn(1, o).record(t.constant(x), random, m).value<double>();
  };
  const array y = dropped({.dropout = 0.5}, mode::training);
  EXPECT_EQ(y, xt::broadcast(xt::view(y, xt::all(), xt::range(0, 1), xt::all()), y.shape()));
  EXPECT_GT(xt::variance(y)(), 0);
  EXPECT_EQ(dropped({.dropout = 0.5}, mode::predicting), (array(xt::ones<double>({4, 3, 1}) * 5)));
  EXPECT_EQ(dropped({.recurrent_dropout = 0.5}, mode::training),
            (array(xt::ones<double>({4, 3, 1}) * 5)));  // U is 0
}

// A declared input of a hundred million steps: only its types are looked at.
TEST(RecurrentLayers, AreTriedOutWithoutTheirSteps) {
  const std::int64_t steps = 100'000'000;
  for (const bool every : {false, true}) {
    const recurrent_options o{.return_sequences = every};
    EXPECT_NO_THROW((sequential{input({steps, 1}), masking(), lstm(2, o), dropout(0.5)}));
    EXPECT_NO_THROW((sequential{input({steps, 1}), bidirectional(gru(2, o)), dense(1)}));
  }
}

TEST(RecurrentLayers, SayWhatDoesNotFit) {
  const auto message = [](auto f) {
    const std::string all = message_of(f);
    return all.substr(0, all.find(" [at"));
  };
  tape t;
  generator random;
  const variable x = t.constant(drawn({2, 3, 4}, 1)), flat = t.constant(drawn({2, 3}, 1));
  EXPECT_EQ(message([] { lstm(0); }), "lstm: 0 units");
  EXPECT_EQ(message([] { lstm(std::int64_t{1} << 61); }), "lstm: 2305843009213693952 units");
  EXPECT_EQ(message([] { multi_head_attention(std::int64_t{1} << 40, 1 << 30); }),
            "multi_head_attention: 1099511627776 heads, key_dim 1073741824, value_dim 1073741824");
  EXPECT_EQ(message([] { gru(2, {.dropout = 1}); }), "gru: dropout 1 not in [0, 1)");
  EXPECT_EQ(message([] { lstm(2, {.recurrent_dropout = -1}); }),
            "lstm: recurrent_dropout -1 not in [0, 1)");
  EXPECT_EQ(message([] { lstm(2, {.recurrent_weights = {}}); }), "lstm: the initializer is empty");
  EXPECT_TRUE(message([] {
                lstm(2, {.activation = "swish"});
              }).starts_with("activate: no activation 'swish'; there are: identity"));
  EXPECT_EQ(message([&] { lstm(2).record(flat, random); }),
            "lstm: the input (2, 3) is not (batch, steps, features)");
  EXPECT_EQ(message([&] {
              gru(2).record(t.constant(array(xt::zeros<double>({2, 0, 3}))), random);
            }),
            "gru: the input (2, 0, 3) is not (batch, steps, features) with a step");
  const auto with = [&](const layer& l, const std::vector<variable>& inputs) {
    return message([&] { l.body().record(inputs, mode::predicting, random); });
  };
  EXPECT_EQ(with(lstm(3), {x, flat}), "lstm: 2 inputs, it takes x, or x and h and c");
  EXPECT_EQ(with(gru(3), {x, flat, flat}), "gru: 3 inputs, it takes x, or x and h");
  EXPECT_EQ(with(gru(2), {x, flat}), "gru: the first state is (2, 3), not (2, 2) (batch, units)");
  EXPECT_EQ(message([] { bidirectional(dense(3)); }),
            "bidirectional: a 'dense' is no recurrent layer (simple_rnn, lstm, gru)");
  EXPECT_EQ(message([] { bidirectional(lstm(3), "add"); }),
            "bidirectional: no merge 'add'; there are: concat, sum, mul, ave");
  const lstm used(2);
  used.record(x, random);
  EXPECT_EQ(message([&] { bidirectional(used); }),
            "bidirectional: the layer 'lstm' has its weights already: give it a new one");
  EXPECT_EQ(message([] { lstm(3, {.activation = "glu"}); }),
            "lstm: 'glu' does not act on each element");
  EXPECT_EQ(message([] { gru(3, {.recurrent_activation = "argmax"}); }),
            "gru: 'argmax' does not act on each element");
  EXPECT_EQ(message([] { embedding(0, 3); }), "embedding: 0 inputs, 3 outputs");
  EXPECT_EQ(message([] { repeat_vector(0); }), "repeat_vector: 0 times");
  EXPECT_EQ(message([&] { masking().record(flat, random); }),
            "masking: the input (2, 3) is not (batch, steps, features)");
  EXPECT_EQ(message([&] { time_distributed(dense(2)).record(flat, random); }),
            "time_distributed: the input (2, 3) is not (batch, steps, a...)");
}

}  // namespace

// Worked examples of the chain rule as graphs, in double, to 1e-9 of max(1, |reference|).
#include "support.hpp"

namespace cotape::tests {

namespace {

// One number of a graph over inputs that are single numbers.
class example {
 public:
  variable operator()(double value) { return g_.input(float64, array({}, value)); }
  variables operator()(const numbers& values) {
    variables result;
    for (double v : values) result.push_back((*this)(v));
    return result;
  }
  void expect(const variable& got, double wanted) { expect_close(g_.run(got), array({}, wanted)); }
  void expect(const variables& got, const numbers& wanted) {
    ASSERT_EQ(got.size(), wanted.size());
    for (std::size_t i = 0; i < got.size(); ++i) {
      SCOPED_TRACE(i);
      expect(got[i], wanted[i]);
    }
  }

 private:
  graph_under_test g_;
};

constexpr double sigmoid_of_1 = 0.731058578630005;
const numbers neuron_dw{-0.196611933241482, -0.393223866482964, 0.196611933241482};
const numbers neuron_dx{0.393223866482964, -0.589835799724446};

template <class Activation> void expect_neuron(Activation activation) {
  example e;
  const variables w = e({2, -3, -3}), x = e({-1, -2});
  const variable y = activation(w[0] * x[0] + w[1] * x[1] + w[2]);
  e.expect(y, sigmoid_of_1);
  e.expect(gradient(y, w), neuron_dw);
  e.expect(gradient(y, x), neuron_dx);
}

}  // namespace

TEST(WorkedExample, TwoApplesWithTax) {
  example e;
  const variable price = e(100), count = e(2), tax = e(1.1);
  const variable total = price * count * tax;
  e.expect(total, 220);
  e.expect(gradient(total, {price, count, tax}), {2.2, 110, 200});
}

TEST(WorkedExample, ApplesAndOrangesWithTax) {
  example e;
  const variable apple = e(100), apples = e(2), orange = e(150), oranges = e(3), tax = e(1.1);
  const variable total = (apple * apples + orange * oranges) * tax;
  e.expect(total, 715);
  e.expect(gradient(total, {apple, apples, orange, oranges, tax}), {2.2, 110, 3.3, 165, 650});
}

TEST(WorkedExample, SumTimesFactor) {
  example e;
  const variable x = e(-2), y = e(5), z = e(-4);
  const variable f = (x + y) * z;
  e.expect(f, -12);
  e.expect(gradient(f, {x, y, z}), {-4, -4, 3});
}

TEST(WorkedExample, SquareOfASum) {
  example e;
  const variable x = e(-2), y = e(5);
  const variable t = x + y, u = square(t);
  e.expect(u, 9);
  e.expect(gradient(u, {t, x, y}), {6, 6, 6});
}

TEST(WorkedExample, NeuronOfSinglePrimitives) {
  expect_neuron([](variable z) { return reciprocal(1 + exp(z * -1)); });
}

TEST(WorkedExample, NeuronOfTheSigmoidOperation) {
  expect_neuron([](variable z) { return sigmoid(z); });
}

TEST(WorkedExample, FiveReciprocalsAndASigmoid) {
  example e;
  const variables x = e({1.7, 3.5}), w1 = e({.1, .5, .3, 2.1, -.2}), w2 = e({1.1, 0, .4, -.1, 1.3});
  variables v;
  for (std::size_t j = 0; j < 5; ++j) v.push_back(1 / (w1[j] * x[0] + w2[j] * x[1]));
  const variable f = v[0] * v[1] + v[2] / v[3] - v[4], loss = square(sigmoid(f) - 2);
  e.expect(f, 1.740988558317057);
  e.expect(loss, 1.320631709693144);
  e.expect(gradient(loss, w1), {0.036104790926035, 0.170754422967835, 0.437748839615237,
                                -0.259658473187920, -0.027981543987504});
  e.expect(gradient(loss, w2), {0.074333393083013, 0.351553223757307, 0.901247610972547,
                                -0.534590974210424, -0.057609061150744});
  e.expect(gradient(loss, x), {-0.187867142609435, 0.120238027058688});
}

TEST(WorkedExample, MatrixTimesVector) {
  graph_under_test g;
  const variable w = g.input(float64, array({2, 3}, {2, 3, 1, -1, 2, 3}));
  const variable x = g.input(float64, array({3}, {5, -2, 3}));
  expect_close(g.run(matmul(w, x)), array({2}, {7, 0}), 0);
}

TEST(WorkedExample, SumOfTwoProductsThatShareAFactor) {
  example e;
  const variable x = e(1.5), y = e(-2), z = e(4);
  e.expect(gradient(x * y + y * z, {x, y, z}), {-2, 5.5, -2});  // (y, x + z, y)
}

TEST(WorkedExample, ProductOfAProductAndASum) {
  example e;
  const variable a = e(2), b = e(3), x = a * b, y = a + b, loss = x * y;
  e.expect(loss, 30);
  e.expect(gradient(loss, {a, b}), {21, 16});
}

TEST(WorkedExample, TwoWeightsInARow) {
  example e;
  const variable x = e(1), w1 = e(.5), w2 = e(2), y = w2 * sigmoid(x * w1);
  e.expect(y, 1.244918662404);
  e.expect(gradient(y, {w1, w2}), {0.470007424403, 0.622459331202});
  e.expect(gradient(square(y - 1), {w1, w2}), {0.230227179409, 0.304903813597});
}

TEST(WorkedExample, AffineLayerOnABatch) {
  engine random(1);
  const array x = draw_normal({5, 3}, random), w = draw_normal({3, 2}, random);
  const array b = draw_normal({2}, random), dy = draw_normal({5, 2}, random);
  array y({5, 2}), dx({5, 3}), dw({3, 2}), db({2});
  for (std::int64_t n = 0; n < 5; ++n) {
    for (std::int64_t j = 0; j < 2; ++j) {
      y[{n, j}] += b[{j}];
      db[{j}] += dy[{n, j}];
      for (std::int64_t i = 0; i < 3; ++i) {
        y[{n, j}] += x[{n, i}] * w[{i, j}];
        dx[{n, i}] += dy[{n, j}] * w[{i, j}];  // dY W^T
        dw[{i, j}] += x[{n, i}] * dy[{n, j}];  // X^T dY
      }
    }
  }
  graph_under_test g;
  const variable vx = g.input(float64, x), vw = g.input(float64, w), vb = g.input(float64, b);
  const variable layer = matmul(vx, vw) + vb;
  expect_close(g.run(layer), y);
  const arrays got = g.run(vjp(layer, {vx, vw, vb}, g.input(float64, dy)));
  expect_close(got[0], dx);
  expect_close(got[1], dw);
  expect_close(got[2], db);
}

TEST(WorkedExample, SoftmaxWithCrossEntropy) {
  engine random(2);
  const array z = draw_normal({4, 3}, random);
  array t({4, 3}), wanted({4, 3});
  for (std::int64_t n = 0; n < 4; ++n) {
    double total = 0;
    for (std::int64_t k = 0; k < 3; ++k) total += std::exp(z[{n, k}]);
    t[{n, n % 3}] = 1;
    for (std::int64_t k = 0; k < 3; ++k) {
      wanted[{n, k}] = (std::exp(z[{n, k}]) / total - t[{n, k}]) / 4;  // (y - t) / N
    }
  }
  graph_under_test g;
  const variable vz = g.input(float64, z), vt = g.input(float64, t);
  const variable labels = g.input(int64, array({4}, {0, 1, 2, 0}));
  expect_close(g.run(gradient(categorical_crossentropy_from_logits(vz, vt), vz)), wanted);
  expect_close(g.run(gradient(sparse_categorical_crossentropy_from_logits(vz, labels), vz)),
               wanted);
  expect_close(g.run(gradient(mean(-sum(vt * log(softmax(vz)), 1)), vz)), wanted);
}

TEST(WorkedExample, MaxGateRoutesItsAdjointToTheLargerInput) {
  example e;
  const variable x1 = e(1), w1 = e(-2), x2 = e(3), w2 = e(-1);
  const variable loss = sigmoid(w1 * x1 + maximum(x2, w2));
  e.expect(gradient(loss, {x1, w1, x2, w2}),
           {-0.393223866482964, 0.196611933241482, 0.196611933241482, 0});
}

TEST(WorkedExample, TextbookDerivativesOfActivations) {
  for (double at : {-2.5, -0.5, 0.75, 3.0}) {
    example e;
    const variable x = e(at);
    const double s = 1 / (1 + std::exp(-at)), t = std::tanh(at);
    e.expect(gradient(relu(x), x), at > 0 ? 1 : 0);
    e.expect(gradient(tanh(x), x), 1 - t * t);
    e.expect(gradient(sigmoid(x), x), s * (1 - s));
    e.expect(gradient(gradient(tanh(x), x), x), -2 * t * (1 - t * t));
    e.expect(gradient(gradient(sigmoid(x), x), x), s * (1 - s) * (1 - 2 * s));
  }
}

// A tape that merged x*1 with x would say 2.
TEST(WorkedExample, ProductWithOneIsAValueOfItsOwn) {
  example e;
  const variable x = e(7), same = x * 1, y = same + x;
  e.expect(gradient(y, same), 1);
  e.expect(gradient(y, x), 2);
}

TEST(WorkedExample, SecondDerivativeOfXSinXAtZero) {
  example e;
  const variable x = e(0), y = x * sin(x);
  e.expect(gradient(gradient(y, x), x), 2);
}

TEST(WorkedExample, JacobianVectorProductByTwoVectorJacobianProducts) {
  graph_under_test g;
  const variable x = g.input(float64, array({3}, {1, 2, 3}));
  const variable w = g.input(float64, array({2, 3}, {1, 0, -1, 2, 1, 0.5}));
  const variable v = g.input(float64, array({3}, {0.5, -1, 2}));
  const variable y = matmul(w, x * x);  // J v = W (2 x v)
  expect_close(g.run(jvp(y, {x}, {v})), array({2}, {1 - 12, 2 - 4 + 6}));
  const variable dw = g.input(float64, array({2, 3}, {1, 1, 1, 0, 0, 1}));
  expect_close(g.run(jvp(y, {x, w}, {v, dw})), array({2}, {-11 + 14, 4 + 9}));
}

TEST(WorkedExample, GradientOfTheBranchNotTakenIsZero) {
  example e;
  const variable x = e(-1);
  e.expect(gradient(where(x > 0, sqrt(x), 0), x), 0);
}

}  // namespace cotape::tests

// Broadcasting: values and gradients of element-wise operations whose operands' shapes differ.
#include "accuracy.hpp"
#include "support.hpp"

namespace cotape::tests {

namespace {

using pattern = std::pair<shape, shape>;

// The larger ones span several tiles of a fused loop.
const std::vector<pattern>& patterns() {
  static const std::vector<pattern> list{{{3, 1}, {1, 4}},
                                         {{4}, {3, 4}},
                                         {{}, {3, 4}},
                                         {{2, 1, 3}, {4, 1}},
                                         {{5, 1}, {5, 600}},
                                         {{1, 600}, {5, 600}},
                                         {{600}, {5, 600}},
                                         {{1}, {7}},
                                         {{1, 1}, {3, 4}},
                                         {{}, {}},
                                         {{}, {1}},
                                         {{3, 1}, {3, 0}},
                                         {{0, 1}, {1, 4}},
                                         {{2, 3, 1, 5}, {3, 4, 1}},
                                         {{2, 1, 300}, {1, 7, 1}},
                                         {{700, 1}, {1, 3}},
                                         {{1, 1, 1, 1}, {2, 3}},
                                         {{2, 1, 2, 1, 2}, {3, 1, 3, 1}}};
  return list;
}

template <class F> void for_patterns(F f) {
  for (const auto& [a, b] : patterns()) {
    f(a, b);
    f(b, a);
  }
}

std::vector<const op_case*> with_operands(std::size_t n) {
  std::vector<const op_case*> rows;
  for (const op_case& c : op_cases()) {
    if (c.elementwise && c.inputs.size() == n) rows.push_back(&c);
  }
  return rows;
}

void expect_value(const op_case& c, const std::vector<shape>& shapes, engine& random) {
  for (dtype d : {float64, float32}) {
    arrays x = draw(c, shapes, random);
    for (array& a : x) a = rounded(a, d);
    graph_under_test g(c, x, d);
    expect_accurate(c, x, g.run(c.apply(g.inputs)), d);
  }
}

// An input of size 1 on an axis is one number used many times: its gradient is the sum over the
// gradients of a materialised copy.
void expect_summed_gradient(const op_case& c, const std::vector<shape>& shapes, engine& random) {
  const arrays x = draw(c, shapes, random);
  const shape joint = joint_shape(x);
  const array w = draw_normal(joint, random);
  graph_under_test g(c, x, float64);
  const arrays got = g.run(vjp(c.apply(g.inputs), g.inputs, g.t.constant(to_tensor(w, float64))));
  arrays copies;
  for (const array& a : x) copies.push_back(rearranged(a, joint, [](const index& i) { return i; }));
  graph_under_test whole(c, copies, float64);
  const arrays parts =
      whole.run(vjp(c.apply(whole.inputs), whole.inputs, whole.t.constant(to_tensor(w, float64))));
  for (std::size_t i = 0; i < x.size(); ++i) {
    array wanted(x[i].shape);
    each(joint, [&](const index& at) { wanted[at] += parts[i][at]; });
    expect_close(got[i], wanted, 1e-12 * std::max(1.0, std::sqrt(joint.elements())));
  }
}

}  // namespace

TEST(Broadcasting, FollowsNumpyForEveryOperation) {
  engine random(1);
  for (const op_case* c : with_operands(2)) {
    for_patterns([&](const shape& a, const shape& b) {
      SCOPED_TRACE(c->text() + " of " + a.text() + " and " + b.text());
      expect_value(*c, {a, b}, random);
    });
  }
}

TEST(Broadcasting, CoversAllThreeOperands) {
  engine random(2);
  for (const op_case* c : with_operands(3)) {
    for_patterns([&](const shape& a, const shape& b) {
      SCOPED_TRACE(c->text() + " of " + a.text() + " and " + b.text());
      expect_value(*c, {a, b, {}}, random);
      expect_value(*c, {{}, a, b}, random);
      expect_value(*c, {b, {1}, a}, random);
    });
  }
}

TEST(Broadcasting, SumsTheGradientBackToTheInputsShape) {
  engine random(3);
  for (const op_case* c : with_operands(2)) {
    for_patterns([&](const shape& a, const shape& b) {
      SCOPED_TRACE(c->text() + " of " + a.text() + " and " + b.text());
      expect_summed_gradient(*c, {a, b}, random);
    });
  }
  for (const op_case* c : with_operands(3)) {
    for_patterns([&](const shape& a, const shape& b) {
      SCOPED_TRACE(c->text() + " of " + a.text() + " and " + b.text());
      expect_summed_gradient(*c, {a, b, {}}, random);
      expect_summed_gradient(*c, {b, {1}, a}, random);
    });
  }
}

// x and x broadcast in two ways, added: adjoints of both uses meet at one input.
TEST(Broadcasting, AddsTheAdjointsOfOneInputUsedTwice) {
  graph_under_test g;
  const variable x = g.input(float64, array({3, 1}, {1, 2, 3}));
  const variable row = g.input(float64, array({1, 2}, {10, 20}));
  const variable y = sum(x * row + x * x);
  expect_close(g.run(gradient(y, x)), array({3, 1}, {34, 38, 42}));
  expect_close(g.run(gradient(y, row)), array({1, 2}, {6, 6}));
}

}  // namespace cotape::tests

// First and second derivatives of every operation against central differences, in float64, in
// random directions with random cotangents.
#include "gradient_check.hpp"

namespace cotape::tests {

namespace {

// The gradient's component along the trial's second direction.
double slope_at(const trial& t, const arrays& x) {
  differentiated d(t, x);
  return dot(d.g.run(d.gradients), floating(t.c, t.second_direction));
}

void expect_slope(double got, double wanted, double tolerance) {
  EXPECT_TRUE(agree(got, wanted, tolerance)) << got << " for " << wanted;
}

template <class F> void for_smooth_cases(F f) {
  for (const op_case& c : op_cases()) {
    if (c.derivative != slope::smooth) continue;
    SCOPED_TRACE(c.text());
    for (const auto& at_shapes : trials_of(c)) {
      for (const trial& t : at_shapes) f(t);
    }
  }
}

}  // namespace

TEST(EveryOperation, HasTheGradientThatDifferencesShow) {
  for_smooth_cases([](const trial& t) {
    differentiated d(t, t.x);
    const double got = slope_by_gradients(t, d.g.run(d.gradients));
    const double wanted = slope_by_differences(t);
    EXPECT_TRUE(agree(got, wanted)) << got << " for " << wanted;
  });
}

// The gradient's own gradient, in its inputs and in the cotangent: rules are differentiable in dy.
TEST(EveryOperation, HasTheSecondDerivativeThatDifferencesShow) {
  for_smooth_cases([](const trial& t) {
    differentiated d(t, t.x);
    const arrays directions = floating(t.c, t.second_direction);
    variable along;
    for (std::size_t i = 0; i < d.xs.size(); ++i) {
      const variable part = sum(d.gradients[i] * d.g.t.constant(to_tensor(directions[i], float64)));
      along = along.empty() ? part : along + part;
    }
    variables second = gradient(along, d.xs);
    second.push_back(gradient(along, d.w));
    arrays got = d.g.run(second);
    const array in_cotangent = got.back();
    got.pop_back();
    const double wanted =
        difference([&](double h) { return slope_at(t, moved(t.x, h, t.direction)); });
    expect_slope(dot(got, floating(t.c, t.direction)), wanted, 1e-7);
    // w . dy(direction) is linear in w: its gradient times w is the slope itself.
    expect_slope(dot(in_cotangent, t.w), slope_at(t, t.x), 1e-10);
  });
}

TEST(EveryOperation, HasAGradientOfZerosWhereItsSlopeIsZero) {
  engine random(12);
  for (const op_case& c : op_cases()) {
    if (c.derivative != slope::zero) continue;
    SCOPED_TRACE(c.text());
    graph_under_test g(c, draw(c, random), float64);
    const variable y = sum(cast(c.apply(g.inputs), float64));
    for (std::size_t i = 0; i < g.inputs.size(); ++i) {
      if (g.inputs[i].dtype() == int64) {
        EXPECT_THROW(gradient(y, g.inputs[i]), dtype_error);
      } else {
        const array zeros = g.run(gradient(y, g.inputs[i]));
        expect_near(zeros, array(c.inputs[i].shape), float64, 0, 0);
      }
    }
  }
}

TEST(EveryOperation, HasAtAKinkTheGradientOfItsRowAndNoCurvature) {
  engine random(14);
  int kinked = 0;
  for (const op_case& c : op_cases()) {
    if (c.derivative != slope::kinked) continue;
    SCOPED_TRACE(c.text());
    ++kinked;
    for (dtype d : {float64, float32}) {
      graph_under_test g(c, draw(c, random), d);
      const variable x = g.inputs[0], y = sum(c.apply(g.inputs));
      const arrays got = g.run({gradient(y, x), hessian(y, x)});
      expect_near(got[0], array(got[0].shape, c.gradient), d, 1, 0);
      expect_near(got[1], array(got[1].shape), d, 0, 0);
    }
  }
  EXPECT_GE(kinked, 10);
}

// Conditions and the like: inputs whose changes do not matter.
TEST(EveryOperation, HasNoSlopeInWholeNumberedInputs) {
  engine random(13);
  for (const op_case& c : op_cases()) {
    for (std::size_t i = 0; i < c.inputs.size(); ++i) {
      if (c.inputs[i].from.kind != domain::kind::whole) continue;
      SCOPED_TRACE(c.text());
      graph_under_test g(c, draw(c, random), float64);
      const variable y = sum(cast(c.apply(g.inputs), float64));
      expect_near(g.run(gradient(y, g.inputs[i])), array(c.inputs[i].shape), float64, 0, 0);
    }
  }
}

}  // namespace cotape::tests

// What the checker says of functions of variables: each verdict by a real case, and mistakes of
// five kinds traced to their operation and line.
#include <gtest/gtest.h>
#include <cotape/cotape.hpp>
#include <cotape/testing.hpp>

#include <gtest/gtest-spi.h>

#include <cmath>

#include "check/blame.hpp"

#include "draw.hpp"
#include "expect_error.hpp"
#include "op_cases.hpp"

namespace {

using namespace cotape;
using list = std::vector<variable>;

const xt::xarray<double> x = {{0.5, -1.0, 2.0}, {1.5, 0.3, -0.5}};
const xt::xarray<double> w = {{0.1, 0.4}, {-0.3, 0.2}, {0.5, -0.6}};
const xt::xarray<double> triple = {0.7, -0.2, 1.1};

struct scaled_wrongly {  // y = x^3, dy/dx = 3 x^2 (1.001)
  static constexpr auto name = "scaled_wrongly";
  template <class T> static T kernel(T v) { return v * v * v; }
  static variable derivative(variable v, variable, variable dy) {
    return chain(dy, 3.003 * square(v));
  }
};

struct wrong_sign {  // y = a - b, dy/db = 1
  static constexpr auto name = "wrong_sign";
  template <class T> static T kernel(T a, T b) { return a - b; }
  static variable derivative(int, variable, variable, variable, variable dy) { return dy; }
};

struct nonlinear_rule {  // y = x; the rule gives the right adjoint, but not as a function of dy
  static constexpr auto name = "nonlinear_rule";
  template <class T> static T kernel(T v) { return v; }
  static variable derivative(variable, variable, variable dy) { return stop_gradient(dy); }
};

struct flat_slope {  // y = x^3, right in the first order
  static constexpr auto name = "flat_slope";
  template <class T> static T kernel(T v) { return v * v * v; }
  static variable derivative(variable v, variable, variable dy) {
    return chain(dy, 3 * apply<scaled_wrongly>(v) / v);
  }
};

// The check fails, and the first input is traced to the operation of that line.
void expect_traced(const gradient_check& c, const std::string& op, int line,
                   const std::vector<shape>& operands) {
  EXPECT_FALSE(c.ok());
  const input_check& first = c.inputs.at(0);
  EXPECT_EQ(first.found, verdict::wrong) << c;
  ASSERT_TRUE(first.node) << c;
  EXPECT_EQ(first.node->op, op) << c;
  EXPECT_EQ(first.node->operands, operands) << c;
  EXPECT_EQ(first.node->where.line, line) << c;
  EXPECT_NE(c.table().find("verdicts_test.cpp:" + std::to_string(line)), std::string::npos) << c;
}

TEST(Verdict, OkForAnyShapeOfTheResult) {
  const auto c =
      check_gradient([](variable a, variable b) { return softmax(matmul(a, b)); }, {x, w});
  ASSERT_EQ(c.inputs.size(), 2u);
  EXPECT_TRUE(c.ok()) << c;
  EXPECT_EQ(c.inputs[0].name, "input 0");
  EXPECT_EQ(c.inputs[1].shape, (shape{3, 2}));
  EXPECT_LT(c.worst_error(), 1e-7);
}

TEST(Verdict, OkWhereTheFirstStepLeavesTheDomainOrAllThatIsSmooth) {
  using array = xt::xarray<double>;
  EXPECT_TRUE(check_gradient([](variable a) { return sum(log(a)); }, {array{1, 20000}}).ok());
  EXPECT_TRUE(check_gradient([](variable a) { return sum(sqrt(a)); }, {array{1e-5, 1}}).ok());
  EXPECT_TRUE(check_gradient([](variable a) { return xlogy(a, a); }, {array{.99995, .00005}}).ok());
  EXPECT_TRUE(check_gradient([](variable a) { return sum(log(a)); }, {array{1, 20000}},
                             {.each_element = true})
                  .ok());
  EXPECT_TRUE(check_gradient([](variable a) { return sum(tanh(a)); }, {array{1e-3, 3e5}}).ok());
  const auto outside = check_gradient([](variable a) { return sum(log(a)); }, {array{-1, 1}});
  EXPECT_EQ(outside.inputs[0].found, verdict::non_finite);
}

TEST(Verdict, OkWhereTheFunctionIsStationary) {
  using array = xt::xarray<double>;
  EXPECT_TRUE(check_gradient([](variable a) { return sum(square(a)); }, {array{0, 0}}).ok());
  EXPECT_TRUE(
      check_gradient([](variable a) { return mean(square(a / 3 - 1)); }, {array{3, 3}}).ok());
  const auto tilted = [](variable a) {
    return custom_gradient([](const auto& v) { return sum(square(v[0])); }, {a},
                           [](const auto& v, variable, variable dy) {
                             return std::vector<variable>{dy * (2 * v[0] + 1e-3)};
                           });
  };
  EXPECT_EQ(check_gradient(tilted, {array{0, 0}}).inputs[0].found, verdict::wrong);
}

TEST(Verdict, CoversTheParametersThatAreRead) {
  const parameter p("p", xt::xarray<float>{0.5f, -1, 2}), frozen("f", xt::xarray<float>{1}, false);
  const auto c = check_gradient([&](variable a) { return a * p + frozen; }, {x});
  ASSERT_EQ(c.inputs.size(), 2u);
  EXPECT_EQ(c.inputs[1].name, "p");
  EXPECT_TRUE(c.ok()) << c;
}

TEST(Verdict, TakesListsAndPassesIntegersOn) {
  const xt::xarray<std::int64_t> rows = {1, 0, 1};
  const auto c =
      check_gradient([](const list& v) { return gather(v[0], v[1]) * v[2]; }, {x, rows, 2.5});
  ASSERT_EQ(c.inputs.size(), 2u);
  EXPECT_EQ(c.inputs[1].name, "input 2");
  EXPECT_TRUE(c.ok()) << c;
}

TEST(Verdict, HoldsForAModel) {
  sequential m{dense(4, "tanh"), dropout(0.5), dense(2)};
  m.predict(x);
  const auto c = check_gradient(m, {x});
  EXPECT_EQ(c.inputs.size(), 5u);
  EXPECT_TRUE(c.ok()) << c;
  const auto training = check_gradient([&](variable v) { return m(v, mode::training); }, {x});
  EXPECT_TRUE(training.ok()) << training;
}

TEST(Verdict, RandomMasksStayWhileDifferencesAreTaken) {
  generator random(3);
  const auto f = [&](variable a) { return a * (random.uniform(a.owner(), a.shape()) > 0.5); };
  const auto c = check_gradient(f, {x});
  EXPECT_TRUE(c.ok()) << c;
  EXPECT_LT(c.worst_error(), 1e-9);
}

TEST(Verdict, WrongIsTracedToAFactorOf1001) {
  const auto c = check_gradient(
      [](variable a, variable b) {
        variable h = softmax(matmul(a, b));
        return exp(tanh(apply<scaled_wrongly>(h)));
      },
      {x, w});
  expect_traced(c, "scaled_wrongly", __LINE__ - 3, {{2, 2}});
  EXPECT_NEAR(c.inputs[0].node->by_rule / c.inputs[0].node->by_differences, 1.001, 1e-8);
}

TEST(Verdict, WrongIsTracedToAWrongSignOfOneOperand) {
  const auto c = check_gradient(
      [](variable a, variable b) { return sum(sin(apply<wrong_sign>(exp(b), tanh(a)))); },
      {x, triple});
  expect_traced(c, "wrong_sign", __LINE__ - 2, {{3}, {2, 3}});
  EXPECT_EQ(c.inputs[0].node->operand, 1u);
  EXPECT_EQ(c.inputs[1].found, verdict::ok) << c;
}

TEST(Verdict, WrongIsTracedToAForgottenTerm) {
  const auto c = check_gradient(
      [](variable a) {
        variable e = exp(a);
        return tanh(custom_gradient(
            [](const list& in) { return in[0] * sin(in[0]); }, {e},
            [](const list& in, variable, variable dy) { return list{dy * sin(in[0])}; }));
      },
      {x});
  expect_traced(c, "custom_gradient", __LINE__ - 4, {{2, 3}});
}

// The rule captures a value that depends on the input, and calls another such operation.
TEST(Verdict, WrongIsTracedThroughOperationsWithinOthers) {
  const auto right = [](variable v) {
    return custom_gradient(
        [](const list& in) { return sigmoid(in[0]); }, {v},
        [](const list&, variable y, variable dy) { return list{dy * y * (1 - y)}; });
  };
  const auto c = check_gradient(
      [&](variable a) {
        variable s = sin(a);
        variable good = custom_gradient([&](const list& in) { return right(in[0]) * 2; }, {s},
                                        [right, s](const list&, variable, variable dy) {
                                          variable y = right(s);
                                          return list{2 * dy * y * (1 - y)};
                                        });
        return apply<scaled_wrongly>(good);
      },
      {x});
  expect_traced(c, "scaled_wrongly", __LINE__ - 3, {{2, 3}});
}

TEST(Verdict, WrongIsTracedToAWrongSumOverABroadcastAxis) {
  const auto c = check_gradient(
      [](variable b, variable a) {
        variable bias = 2 * b;
        return square(custom_gradient([](const list& in) { return in[0] + in[1]; }, {a, bias},
                                      [](const list&, variable, variable dy) {
                                        return list{dy, mean(dy, 0)};
                                      }));
      },
      {triple, x});
  expect_traced(c, "custom_gradient", __LINE__ - 6, {{2, 3}, {3}});
  EXPECT_EQ(c.inputs[0].node->operand, 1u);
}

TEST(Verdict, WrongIsTracedToATransposedFactor) {
  const xt::xarray<double> m = {{1, 2}, {-0.5, 0.3}};
  const auto c = check_gradient(
      [](variable a, variable b) {
        return tanh(custom_gradient([](const list& in) { return matmul(in[0], in[1]); }, {a, b},
                                    [](const list& in, variable, variable dy) {
                                      return list{matmul(dy, in[1]), matmul(transpose(in[0]), dy)};
                                    }));
      },
      {m, xt::xarray<double>{{0.2, 0.7}, {-1.1, 0.4}}});
  expect_traced(c, "custom_gradient", __LINE__ - 6, {{2, 2}, {2, 2}});
  EXPECT_EQ(c.inputs[1].found, verdict::ok) << c;
}

TEST(Verdict, WrongIsTracedToStopGradientIfNothingElseIsWrong) {
  const auto c = check_gradient([](variable a) { return exp(stop_gradient(a) * a); }, {x});
  expect_traced(c, "stop_gradient", __LINE__ - 1, {{2, 3}});
  EXPECT_EQ(c.inputs[0].node->by_rule, 0);
}

TEST(Verdict, WrongIfTheDotProductTestFails) {
  const auto c = check_gradient([](variable a) { return exp(apply<nonlinear_rule>(a)); }, {x});
  EXPECT_EQ(c.inputs[0].found, verdict::wrong) << c;
  EXPECT_NE(c.table().find(" by vjp, 0 by jvp\n"), std::string::npos) << c;
  EXPECT_NEAR(c.inputs[0].by_gradient, c.inputs[0].by_differences, 1e-8);
  ASSERT_TRUE(c.inputs[0].node);
  EXPECT_EQ(c.inputs[0].node->op, "nonlinear_rule");
}

TEST(Verdict, AKinkIsTracedToItsElement) {
  const xt::xarray<double> at = {{0.5, -1.0}, {1.5, 0.25}};
  const auto c = check_gradient([](variable a) { return exp(maximum(2 * a - 0.5, 0)); }, {at});
  const input_check& found = c.inputs[0];
  EXPECT_EQ(found.found, verdict::kink) << c;
  ASSERT_TRUE(found.node);
  EXPECT_EQ(found.node->op, "maximum");
  EXPECT_EQ(found.node->element, (std::vector<std::int64_t>{1, 1}));
  EXPECT_EQ(found.node->value, 0);
  EXPECT_EQ(found.node->where.line, __LINE__ - 7);
}

TEST(Verdict, ElementByElementNamesTheElement) {
  const xt::xarray<double> at = {{0.5, -1.0}, {1.5, 0}};
  const auto c = check_gradient([](variable a) { return abs(a); }, {at}, {.each_element = true});
  EXPECT_EQ(c.inputs[0].found, verdict::kink);
  EXPECT_EQ(c.inputs[0].directions, 3);
  EXPECT_EQ(c.inputs[0].element, (std::vector<std::int64_t>{1, 1}));
  EXPECT_NE(c.table().find("kink in element (1, 1)\n  abs of (2, 2) at "), std::string::npos) << c;
  const auto wrong = check_gradient([](variable a) { return apply<scaled_wrongly>(a); }, {triple},
                                    {.each_element = true});
  EXPECT_EQ(wrong.inputs[0].found, verdict::wrong);
  EXPECT_EQ(wrong.inputs[0].directions, 3);
}

TEST(Verdict, IllConditionedShowsTheErrorBar) {
  const auto c = check_gradient([](variable a) { return sum(a) * 1e-9 + 1e6; }, {x});
  EXPECT_EQ(c.inputs[0].found, verdict::ill_conditioned);
  EXPECT_GT(c.inputs[0].error_bar, 1e-9);
  EXPECT_NE(c.table().find("ill-conditioned: "), std::string::npos);
}

TEST(Verdict, VacuousIfNothingMoves) {
  const auto c = check_gradient([](variable a) { return a > 10; }, {x});
  EXPECT_EQ(c.inputs[0].found, verdict::vacuous);
  EXPECT_FALSE(c.ok());
  const auto of_two =
      check_gradient([](variable a, variable b) { return exp(a) + (b > 10); }, {x, x});
  EXPECT_EQ(of_two.inputs[1].found, verdict::vacuous);
  EXPECT_TRUE(of_two.ok());
}

// As of a bias before a batch norm: what is left of the gradient is rounding.
TEST(Verdict, VacuousIfWhatMovesIsTakenAwayAgain) {
  const xt::xarray<double> shift = {0.5, -2, 1e-3};
  const auto c = check_gradient(
      [](variable a, variable b) {
        const variable z = a + b;
        return sum(sin(z - mean(z, 0, keep_dims)) * a);
      },
      {x, shift});
  EXPECT_EQ(c.inputs[0].found, verdict::ok) << c;
  EXPECT_EQ(c.inputs[1].found, verdict::vacuous) << c;
  EXPECT_TRUE(c.ok());
  // Small is not nothing.
  const auto small = check_gradient(
      [](variable a, variable b) { return sum(exp(a)) + sum(b) * 1e-9 + 1e6; }, {x, shift});
  EXPECT_EQ(small.inputs[1].found, verdict::ill_conditioned) << small;
}

TEST(Verdict, ANonFiniteValueIsTracedToItsElement) {
  const xt::xarray<double> at = {1.0, 0.0, -2.0};
  const auto forward = check_gradient([](variable a) { return exp(-log(square(a))); }, {at});
  EXPECT_EQ(forward.inputs[0].found, verdict::non_finite);
  ASSERT_TRUE(forward.inputs[0].node);
  EXPECT_EQ(forward.inputs[0].node->op, "log");
  EXPECT_EQ(forward.inputs[0].node->element, std::vector<std::int64_t>{1});
  EXPECT_EQ(forward.inputs[0].node->value, -INFINITY);
  // Finite values, but an infinite derivative.
  const auto backward =
      check_gradient([](variable a) { return sqrt(square(square(a))) * 0.5; }, {at});
  EXPECT_EQ(backward.inputs[0].found, verdict::non_finite) << backward;
  ASSERT_TRUE(backward.inputs[0].node);
  EXPECT_EQ(backward.inputs[0].node->op, "divide");
}

TEST(Verdict, SecondOrderOnRequest) {
  const auto f = [](variable a) { return apply<flat_slope>(exp(a)); };
  EXPECT_TRUE(check_gradient(f, {x}).ok());
  const auto c = check_gradient(f, {x}, {.second_order = true});
  ASSERT_EQ(c.inputs.size(), 2u);
  EXPECT_EQ(c.inputs[0].found, verdict::ok);
  EXPECT_EQ(c.inputs[1].name, "input 0, order 2");
  EXPECT_EQ(c.inputs[1].found, verdict::wrong) << c;
  ASSERT_TRUE(c.inputs[1].node);
  EXPECT_EQ(c.inputs[1].node->op, "scaled_wrongly");
}

// A row of the table as a function of its inputs that are differentiated.
struct row_function {
  explicit row_function(const tests::op_case& c, tests::engine& random) : row(c) {
    for (const tests::array& a : tests::draw(c, random)) {
      const tests::domain& from = c.inputs[values.size()].from;
      values.push_back(tests::to_tensor(a, from.in(float64)));
      moves.push_back(from.kind != tests::domain::kind::whole && from.in(float64) != int64);
    }
  }
  template <class T> std::vector<T> moving(const std::function<T(const tensor&)>& as) const {
    std::vector<T> result;
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (moves[i]) result.push_back(as(values[i]));
    }
    return result;
  }
  variable operator()(const list& v) const {
    list in;
    std::size_t next = 0;
    for (std::size_t i = 0; i < values.size(); ++i) {
      in.push_back(moves[i] ? v[next++] : v[0].owner().constant(values[i]));
    }
    return row.apply(in);
  }

  const tests::op_case& row;
  std::vector<tensor> values;
  std::vector<bool> moves;
};

// Or vacuous: some rows have empty tensors, or results that do not move.
TEST(Verdict, OkForEveryOperationInBothOrders) {
  tests::engine random(21);
  int unresolved = 0;
  for (const tests::op_case& row : tests::op_cases()) {
    if (row.derivative != tests::slope::smooth) continue;
    SCOPED_TRACE(row.text());
    const row_function f(row, random);
    const auto at = f.moving<array_argument>([](const tensor& v) { return array_argument(v); });
    const auto c =
        cotape::detail::check_gradient(f, 0, at, {.directions = 2, .second_order = true});
    for (const input_check& i : c.inputs) {
      EXPECT_GE(i.found, verdict::ill_conditioned) << c;
      unresolved += i.found == verdict::ill_conditioned;
    }
  }
  EXPECT_LE(unresolved, 2);  // the curvature of |x|, 0 but for rounding
}

// Taken alone every rule is right, however operations are composed. (softmax and others shift by a
// maximum through which they stop the gradient on purpose.)
TEST(Verdict, BlamesNoOperationOfTheLibrary) {
  tests::engine random(22);
  for (const tests::op_case& row : tests::op_cases()) {
    if (row.derivative != tests::slope::smooth) continue;
    SCOPED_TRACE(row.text());
    const row_function f(row, random);
    tape t(precision::float64);
    const auto from = f.moving<variable>([&](const tensor& v) { return t.constant(v); });
    check::line l(t, from, f, 1);
    for (std::size_t i = 0; i < from.size(); ++i) {
      const auto blamed = check::find_wrong(l, i, {});
      EXPECT_TRUE(!blamed || blamed->op == "stop_gradient") << blamed->op << " of input " << i;
    }
  }
}

TEST(Verdict, RefusesWhatItCannotCheck) {
  EXPECT_EQ(tests::message_of([] {
              check_gradient([](variable a, variable) { return a; }, {x, x, x});
            }),
            "check_gradient: the function takes 2 variables, 3 arrays are given");
  EXPECT_EQ(
      tests::message_of([] { check_gradient([](variable a) { return cast(a, int64); }, {x}); }),
      "check_gradient: the function gives int64 (2, 3), which has no derivative");
}

TEST(ExpectGradients, PassesAndFailsWithTheTable) {
  const parameter p("p", xt::xarray<float>{0.5f, -1, 2});
  EXPECT_GRADIENTS([](variable a, variable b) { return matmul(a, b); }, x, w);
  EXPECT_GRADIENTS([&, two = 2.0](tape& t) { return exp(t.read(p) * two); });
  EXPECT_NONFATAL_FAILURE(EXPECT_GRADIENTS([](variable a) { return apply<scaled_wrongly>(a); }, x),
                          "scaled_wrongly of (2, 3) at verdicts_test.cpp:");
}

}  // namespace

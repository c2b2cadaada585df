// The mechanics of the reverse sweep; each operation's own derivative is tested with the op cases.
#include <cmath>

#include "expect_error.hpp"
#include "many.hpp"

namespace cotape {
namespace {

using tests::expect_error;
using array = xt::xarray<double>;

array filled(const std::vector<std::size_t>& sizes, double value) { return array(sizes, value); }

double number(variable v, std::initializer_list<binding> inputs = {}) {
  return v.value<double>(inputs)();
}

TEST(Sweep, AddsUpTheAdjointsOfAValueUsedTwice) {
  tape t;
  const variable x = t.constant(3.0);
  EXPECT_EQ(number(gradient(x * x * x, x)), 27);
  EXPECT_EQ(number(gradient(x + x + x, x)), 3);
  const variable y = x * 1 + x;
  EXPECT_EQ(number(gradient(y, x)), 2);
}

TEST(Sweep, OfAnIntermediateValueStopsThere) {
  tape t;
  const variable x = t.constant(3.0), y = x * x, z = y * x;
  EXPECT_EQ(number(gradient(z, y)), 3);  // x is another path, not y's
  EXPECT_EQ(number(gradient(z, x)), 27);
  const std::vector<variable> both = gradient(z, {x, y});
  EXPECT_EQ(number(both[0]), 27);
  EXPECT_EQ(number(both[1]), 3);
}

TEST(Sweep, OfTheOutputItselfIsOne) {
  tape t;
  const variable x = t.constant(filled({1, 1}, 3));
  EXPECT_EQ(gradient(x, x).value<double>(), filled({1, 1}, 1));
  const variable y = t.constant(array{1, 2});
  EXPECT_EQ(vjp(y, {y}, t.constant(array{5, 6}))[0].value<double>(), (array{5, 6}));
}

TEST(Sweep, OfWhatTheOutputDoesNotDependOnIsZeros) {
  tape t;
  const variable x = t.constant(array{1, 2}), y = t.constant(array{{1, 2}, {3, 4}});
  const variable after = sum(x);
  const variable later = sin(x);
  EXPECT_EQ(gradient(after, y).value<double>(), xt::zeros<double>({2, 2}));
  EXPECT_EQ(gradient(after, later).value<double>(), (array{0, 0}));  // recorded after the output
  EXPECT_EQ(gradient(after, later).type(), later.type());
}

TEST(Sweep, SumsBroadcastsBackToTheInputsShape) {
  tape t;
  const variable m = t.constant(xt::ones<double>({2, 3}));
  const auto check = [&](const array& a, const array& wanted) {
    const variable x = t.constant(a);
    const variable g = gradient(sum(m * x), x);
    EXPECT_EQ(g.shape(), x.shape());
    EXPECT_EQ(g.value<double>(), wanted);
  };
  check(array(2.0), array(6.0));
  check(array{1}, array{6});
  check(array{1, 2, 3}, array{2, 2, 2});
  check(filled({2, 1}, 5), filled({2, 1}, 3));
  check(array{{1, 2, 3}}, array{{2, 2, 2}});
  check(filled({1, 1}, 2), filled({1, 1}, 6));
  check(xt::ones<double>({4, 1, 3}), xt::ones<double>({4, 1, 3}) * 2.0);
  check(xt::ones<double>({2, 1, 1}), xt::ones<double>({2, 1, 1}) * 6.0);
}

TEST(Sweep, GoesThroughEmptyValues) {
  tape t;
  const variable x = t.constant(array{2}), e = t.constant(xt::zeros<double>({0, 1}));
  const variable y = sum(x * e);
  EXPECT_EQ(gradient(y, x).value<double>(), (array{0}));
  EXPECT_EQ(gradient(y, e).shape(), (shape{0, 1}));
}

TEST(Sweep, VisitsOnlyNodesBetweenInputsAndOutput) {
  tape t;
  const variable x = t.constant(2.0);
  variable aside = x, before = x;
  for (int i = 0; i < 1000; ++i) before = sin(before);
  const variable y = before * before;
  for (int i = 0; i < 1000; ++i) aside = cos(aside);
  const std::size_t recorded = t.size();
  gradient(y, before);
  EXPECT_LE(t.size() - recorded, 6u);  // not the 1000 nodes before or aside
}

TEST(Sweep, StopsAtIntegersAndStopGradient) {
  tape t;
  const variable x = t.constant(array{1.7, 2.2});
  EXPECT_EQ(gradient(sum(x * stop_gradient(x)), x).value<double>(), (array{1.7, 2.2}));
  EXPECT_EQ(gradient(sum(cast(cast(x, int64), float64) * x), x).value<double>(), (array{1, 2}));
}

TEST(Sweep, IsDifferentiatedAgain) {
  tape t;
  const variable x = t.constant(0.0);
  const variable first = gradient(x * sin(x), x);
  EXPECT_EQ(number(gradient(first, x)), 2);  // (x sin x)'' at 0
  variable y = exp(t.constant(0.5) + x);
  for (int order = 0; order < 5; ++order) y = gradient(y, x);
  EXPECT_NEAR(number(y), std::exp(0.5), 1e-12);
}

TEST(Sweep, KeepsOnesThatTheUserWrote) {
  tape t;
  const variable x = t.constant(2.0), one = x * 1;
  EXPECT_EQ(number(gradient(one + x, one)), 1);
  EXPECT_EQ(number(gradient(one + x, x)), 2);
}

TEST(Sweep, RepeatsAGradientWithoutChange) {
  tape t;
  const variable x = t.input(float64, {3}), y = sum(tanh(x) * x);
  const variable a = gradient(y, x), b = gradient(y, x);
  const array at{0.1, -0.5, 2};
  EXPECT_EQ(a.value<double>({{x, at}}), b.value<double>({{x, at}}));
}

// Slices, gathers and whole uses of one value, some of them overlapping, against the same written
// with matrices that choose the elements.
TEST(Sweep, PutsSharesOfPartsTogether) {
  tape t;
  const variable x = t.constant(array{1, 2, 3, 4, 5, 6});
  const xt::xarray<std::int64_t> at = {5, 0, 0};
  const variable chosen = gather(x, t.constant(at));
  const variable front = slice(x, {{0, 4}}), back = slice(x, {{std::nullopt, 1, -2}});
  const variable y = sum(front * front) + sum(back * t.constant(array{7, 8})) +
                     sum(chosen * chosen) + sum(x) + slice(x, {2}) * slice(x, {3});
  // 2 x on the first four; 7 at 5, 8 at 3; 2 x at 5 and twice at 0; 1 everywhere; x_3 and x_2.
  EXPECT_EQ(gradient(y, x).value<double>(),
            (array{2 + 4 + 1, 4 + 1, 6 + 1 + 4, 8 + 8 + 1 + 3, 1, 7 + 12 + 1}));
  const variable g = gradient(y, x);  // and once more
  EXPECT_EQ(gradient(sum(g * g), x).value<double>(),
            (array{2 * 6 * 7, 2 * 2 * 5, 2 * 2 * 11 + 2 * 20, 2 * 2 * 20 + 2 * 11, 0, 2 * 2 * 20}));
}

TEST(Sweep, RecordsOneNodeForTheSharesOfAllParts) {
  tape t;
  const variable x = t.input(float64, {4, 3}), w = t.input(float64, {3});
  std::vector<operand> rows;
  for (const variable& row : split(x, 4)) rows.emplace_back(exp(row) * w);
  const variable y = sum(concatenate(rows));
  const std::size_t before = t.size();
  const variable g = gradient(y, x);
  EXPECT_STREQ(t.nodes()[g.index()].op->name, "assemble");
  EXPECT_EQ(t.operands_of(g.index()).size(), 4u);
  std::size_t whole = 0;  // sums of whole values
  for (auto i = static_cast<std::uint32_t>(before); i < t.size(); ++i) {
    whole += t.nodes()[i].op->name == std::string("add") && t.type_of(i).shape == x.shape();
  }
  EXPECT_EQ(whole, 0u);
}

// Shares that are put together by one node need no node each before.
TEST(Sweep, RecordsNothingThatNobodyReads) {
  tape t;
  const variable x = t.input(float64, {4, 3}), at = t.input(int64, {2});
  const auto unread = [&](const variable& y) {
    const auto first = static_cast<std::uint32_t>(t.size());
    const variable g = gradient(y, x);
    std::vector<bool> read(t.size(), false);
    read[g.index()] = true;
    for (auto i = static_cast<std::uint32_t>(t.size()); i-- > first;) {
      for (std::uint32_t k : t.operands_of(i)) read[k] = true;
    }
    return std::count(read.begin() + first, read.end(), false);
  };
  const variable rows = slice(x, {{1, 3}});
  EXPECT_EQ(unread(sum(rows)), 0);
  EXPECT_EQ(unread(sum(gather(x, at))), 0);
  EXPECT_EQ(unread(sum(rows * gather(x, at) * slice(x, {{0, 2}}))), 0);
  EXPECT_EQ(unread(sum(concatenate(std::vector<operand>(2, rows)) * x)), 0);
}

TEST(Sweep, TakesOneInputSeveralTimes) {
  tape t;
  const variable x = t.constant(3.0);
  const std::vector<variable> g = gradient(x * x, {x, x});
  EXPECT_EQ(number(g[0]), 6);
  EXPECT_EQ(number(g[1]), 6);
  EXPECT_TRUE(gradient(x * x, std::vector<variable>{}).empty());
}

TEST(Sweep, TakesParametersAndListsOfThem) {
  tape t;
  const parameter w("w", array{1, 2}), b("b", 3.0), unused("unused", 4.0);
  const variable x = t.read(w), y = sum(square(x) * t.read(b));
  EXPECT_EQ(gradient(y, w).value<double>(), (array{6, 12}));
  const std::vector<variable> pair = gradient(y, {w, b}), list = gradient(y, std::vector{b, w}),
                              mixed = gradient(y, {x, b, unused}), one = gradient(y, {w});
  EXPECT_EQ(pair[0].value<double>(), (array{6, 12}));
  EXPECT_EQ(number(pair[1]), 5);
  EXPECT_EQ(number(list[0]), 5);
  EXPECT_EQ(list[1].value<double>(), (array{6, 12}));
  EXPECT_EQ(mixed[0].value<double>(), (array{6, 12}));
  EXPECT_EQ(number(mixed[1]), 5);
  EXPECT_EQ(number(mixed[2]), 0);
  EXPECT_EQ(one[0].value<double>(), (array{6, 12}));
  EXPECT_TRUE(gradient(y, {}).empty());
  EXPECT_EQ(jacobian(square(x), w).value<double>(), (array{{2, 0}, {0, 4}}));
  EXPECT_EQ(jacobian<double>(square(x), w), (array{{2, 0}, {0, 4}}));
  EXPECT_EQ(hessian(y, w).value<double>(), (array{{6, 0}, {0, 6}}));
  EXPECT_EQ(hessian<double>(y, w), (array{{6, 0}, {0, 6}}));
  // After an assign w is the new value: of what was recorded before there is no gradient by it.
  t.assign(w, t.read(w) * 2);
  const std::string at = " [at sweep_test.cpp:" + std::to_string(__LINE__ + 2) + "]";
  expect_error<value_error>(
      [&] { gradient(y, w); },
      "gradient: 'w' was assigned after the output was recorded: record the output anew" + at);
  EXPECT_EQ(gradient(sum(square(t.read(w))), w).value<double>(), (array{4, 8}));
  t.commit();
  EXPECT_EQ(gradient(y, w).value<double>(), (array{12, 24}));
}

TEST(Vjp, WeighsTheRowsOfTheJacobian) {
  tape t;
  const variable x = t.constant(array{1, 2, 3}), w = t.constant(array{1, 10, 100});
  EXPECT_EQ(vjp(x * x, {x}, w)[0].value<double>(), (array{2, 40, 600}));
  const parameter p("p", array{1, 0, 0});
  EXPECT_EQ(vjp(x * x, {x}, p)[0].value<double>(), (array{2, 0, 0}));
  EXPECT_EQ(number(vjp(sum(x), {x}, 5)[0], {}), 5) << "a number for a scalar";
}

TEST(Jvp, IsTheJacobianTimesADirection) {
  tape t;
  const variable x = t.constant(array{1, 2, 3}), y = t.constant(array{4, 5, 6});
  const variable dx = t.constant(array{1, 10, 100}), dy = t.constant(array{2, 2, 2});
  // d(x^2 y) = 2xy dx + x^2 dy
  EXPECT_EQ(jvp(x * x * y, {x, y}, {dx, dy}).value<double>(), (array{8 + 2, 200 + 8, 3600 + 18}));
  EXPECT_EQ(jvp(sum(x * x), {x}, {dx}).value<double>(), array(2.0 + 40 + 600));
  EXPECT_EQ(jvp(x, {y}, {dy}).value<double>(), (array{0, 0, 0}));  // no dependence
  EXPECT_EQ(jvp(x, {}, {}).value<double>(), (array{0, 0, 0}));
}

TEST(Sweep, ReachesEachOfManyOperands) {
  tape t;
  std::vector<variable> x;
  for (int n = 0; n < 300; ++n) x.push_back(t.constant(double(n)));
  std::vector<variable> twice = x;
  twice.insert(twice.end(), x.begin(), x.end());
  const std::vector<variable> g = gradient(tests::many(twice), x);
  for (int n = 0; n < 300; ++n) EXPECT_EQ(number(g[std::size_t(n)]), 2 * (n + 1) + 300) << n;
  const std::vector<variable> few =
      gradient(tests::many(x), {x[7], x[299]});  // the others: not asked
  EXPECT_EQ(number(few[0]), 8);
  EXPECT_EQ(number(few[1]), 300);
}

TEST(CustomGradient, TakesAnyNumberOfInputs) {
  tape t;
  std::vector<variable> x;
  for (int n = 0; n < 6; ++n) x.push_back(t.input(float64, {}));
  const variable y =
      custom_gradient([](const std::vector<variable>& in) { return in[0] * in[5]; }, x,
                      [](const std::vector<variable>& in, variable out, variable dy) {
                        std::vector<variable> adjoints;
                        for (const variable& v : in) adjoints.push_back(dy * v * out);
                        return adjoints;
                      });
  const std::vector<variable> g = gradient(y, x);
  for (int n = 0; n < 6; ++n) {
    const double wanted = (n + 2) * 2.0 * 7;
    EXPECT_EQ(
        number(g[std::size_t(n)],
               {{x[0], 2.0}, {x[1], 3.0}, {x[2], 4.0}, {x[3], 5.0}, {x[4], 6.0}, {x[5], 7.0}}),
        wanted);
  }
  // The value needs what it is computed from, not all that its rule takes.
  EXPECT_EQ(number(y, {{x[0], 2.0}, {x[5], 7.0}}), 14);
}

TEST(CustomGradient, DoesNotGoThroughTheValue) {
  tape t;
  const variable x = t.constant(3.0), w = t.constant(5.0);
  variable inside;
  const variable y =
      custom_gradient([&](const std::vector<variable>& in) { return inside = in[0] * w; }, {x},
                      [](const std::vector<variable>&, variable, variable dy) {
                        return std::vector<variable>{dy * 7};
                      });
  EXPECT_EQ(number(gradient(y, x)), 7);
  const std::size_t nodes = t.size();
  EXPECT_EQ(number(gradient(y, w)), 0);
  EXPECT_EQ(number(gradient(y, inside)), 0);
  EXPECT_EQ(t.size(), nodes + 6);  // the 1 that it starts with, and zeros: no rule was called
}

TEST(CustomGradient, ReplacesTheDerivativeOfAComposition) {
  tape t;
  const variable x = t.constant(array{1, 2}), w = t.constant(array{3, 4});
  const variable y =
      custom_gradient([](const std::vector<variable>& in) { return sin(in[0]) * in[1]; }, {x, w},
                      [](const std::vector<variable>& in, variable, variable dy) {
                        return std::vector<variable>{dy * in[1] * 100, variable()};
                      });
  const std::vector<variable> g = gradient(sum(y * 2), {x, w});
  EXPECT_EQ(g[0].value<double>(), (array{600, 800}));
  EXPECT_EQ(g[1].value<double>(), (array{0, 0}));  // an empty adjoint is zero
  EXPECT_NEAR(y.value<double>()(0), std::sin(1.0) * 3, 1e-12);
  EXPECT_EQ(gradient(sum(g[0]), w).value<double>(), (array{200, 200}));  // the rule's own graph
}

TEST(Sweep, IsRememberedByTheTapeUntilItIsRewound) {
  tape t;
  const variable x = t.constant(3.0),
                 y = custom_gradient(
                     [](const std::vector<variable>&in) { return exp(in[0]); }, {x},
                     [](const std::vector<variable>&in, variable, variable dy) {
                       return std::vector<variable>{
                           dy * gradient(sin(in[0]), in[0])};  // a sweep within the sweep
                     });
  const tape_mark mark = t.mark();
  const variable dx = gradient(y, x);
  ASSERT_EQ(t.sweeps.size(), 1u);
  EXPECT_GE(t.sweeps[0].first, y.index());
  EXPECT_EQ(t.sweeps[0].of, y.index());
  EXPECT_EQ(t.sweeps[0].last, dx.index() + 1);
  exp(dx);
  gradient(dx, x);
  ASSERT_EQ(t.sweeps.size(), 2u);
  EXPECT_GT(t.sweeps[1].first, t.sweeps[0].last);
  t.rewind(mark);
  EXPECT_TRUE(t.sweeps.empty());
}

TEST(SweepErrors, ANonScalarOutputThrowsAndNamesVjp) {
  tape t;
  const variable x = t.input(float32, {2, 3});
  expect_error<shape_error>([&] { gradient(x * x, x); },
                            "gradient: the output has shape (2, 3), a gradient needs one element: "
                            "use vjp");
  expect_error<shape_error>([&] { gradient(slice(x, {range(0, 0)}), x); }, "shape (0, 3)");
}

TEST(SweepErrors, AnAdjointOfAnotherTypeThrows) {
  tape t;
  const variable x = t.input(float32, {2}), y = t.input(float32, {3}), z = t.input(float64, {2});
  expect_error<shape_error>([&] { vjp(x * x, {x}, y); },
                            "vjp: the adjoint is float32 (3,), the output float32 (2,): they must "
                            "be equal");
  expect_error<shape_error>([&] { vjp(x * x, {x}, z); }, "vjp: the adjoint is float64 (2,)");
  expect_error<shape_error>([&] { vjp(x * x, {x}, 1); }, "vjp: the adjoint is float32 ()");
}

TEST(SweepErrors, VariablesOfDifferentTapesThrow) {
  tape t, other;
  const variable x = t.input(float32, {2}), y = other.input(float32, {2});
  expect_error<tape_error>([&] { gradient(sum(x), y); },
                           "gradient: the variables live on different tapes");
  expect_error<tape_error>([&] { vjp(x, {x}, y); }, "vjp: the adjoint lives on another tape");
}

TEST(SweepErrors, IntegersHaveNoDerivative) {
  tape t;
  const variable x = t.input(float32, {2}), i = t.input(int64, {2});
  expect_error<dtype_error>([&] { gradient(sum(x), i); },
                            "gradient: int64 values have no derivative");
}

TEST(SweepErrors, JvpNeedsADirectionForEachVariable) {
  tape t;
  const variable x = t.input(float32, {2});
  expect_error<value_error>([&] { jvp(x * x, {x}, {}); },
                            "jvp: 0 directions for 1 variables [output made at sweep_test.cpp:");
}

TEST(SweepErrors, AJvpsDirectionMustBeOfItsVariablesType) {
  tape t;
  const variable x = t.input(float32, {2}), d = t.input(float32, {2, 2});
  expect_error<shape_error>([&] { jvp(x * x, {x}, {d}); },
                            "jvp: direction 0 is float32 (2, 2), its variable float32 (2,): they "
                            "must be equal");
}

TEST(SweepErrors, ACustomRuleMustFit) {
  tape t;
  const variable x = t.input(float32, {2});
  const auto with_rule = [&](const derivative_rule& rule) {
    return custom_gradient([](const std::vector<variable>& in) { return sum(in[0]); }, {x}, rule);
  };
  const variable none =
      with_rule([](const auto&, variable, variable) { return std::vector<variable>(); });
  expect_error<value_error>([&] { gradient(none, x); },
                            "custom_gradient: the rule gave 0 adjoints for 1 inputs");
  const variable wrong = with_rule([](const auto& in, variable, variable) {
    return std::vector<variable>{concatenate({in[0], in[0]})};
  });
  expect_error<shape_error>(
      [&] { gradient(wrong, x); },
      "custom_gradient: the rule's adjoint 0 is float32 (4,), the input float32 (2,)");
}

TEST(SweepErrors, ANumberIsNoVariable) {
  tape t;
  const variable x = t.input(float32, {});
  const std::string at =
      "gradient: a number is no variable: give a variable or a parameter [at "
      "sweep_test.cpp:";
  expect_error<value_error>([&] { gradient(x, 2); }, at + std::to_string(__LINE__));
  expect_error<value_error>([&] { gradient(x, {x, 2.0}); }, at);
  expect_error<value_error>([&] { jacobian(x, 2); }, at);
  expect_error<value_error>([&] { hessian(x, 2); }, at);
}

// What a rule records is the sweep's; what stood there before is needed.
struct rewinding_op {
  static constexpr auto name = "rewinding";
  static inline tape_mark to;
  template <class T> static T kernel(T x) noexcept { return x; }
  static variable derivative(variable x, variable, variable dy) {
    x.owner().rewind(to);
    return dy;
  }
};

TEST(SweepErrors, ARuleThatRewindsTheTapeThrows) {
  tape t;
  const variable x = t.input(float64, {2});
  const tape_mark start = t.mark();
  bool too_far = false;
  const auto rule = [&](const std::vector<variable>& in, variable, variable dy) {
    const tape_mark own = t.mark();
    const array slope = jacobian<double>(sum(in[0]), in[0], {{x, array{1, 2}}});  // rewinds
    EXPECT_EQ(slope, (array{1, 1}));
    cos(gradient(sum(sin(in[0])), in[0]));  // a sweep within the sweep
    t.rewind(own);
    if (too_far) t.rewind(start);
    return std::vector<variable>{dy * 7};
  };
  const auto identity = [](const std::vector<variable>& in) { return in[0] * 1; };
  const variable y = sum(custom_gradient(identity, {custom_gradient(identity, {x}, rule)}, rule));
  EXPECT_EQ(gradient(y, x).value<double>(), (array{49, 49}));
  too_far = true;
  const std::string text = "rewind: a reverse sweep needs what was recorded after the mark";
  expect_error<tape_error>([&] { gradient(y, x); }, text);
  rewinding_op::to = start;
  const variable z = sum(apply<rewinding_op>(x));
  expect_error<tape_error>([&] { gradient(z, x); }, text);
  EXPECT_EQ(y.value<double>({{x, array{1, 2}}}), array(3.0));  // the tape is usable
  t.rewind(start);                                             // and so is the mark
  EXPECT_EQ(t.size(), 1u);
}

TEST(SweepErrors, AThrowingRuleLeavesTheTapeUsable) {
  tape t;
  const variable x = t.input(float32, {2});
  const variable y = custom_gradient(
      [](const std::vector<variable>& in) { return sum(in[0]); }, {x},
      [](const auto&, variable, variable) -> std::vector<variable> { throw value_error("mine"); });
  expect_error<value_error>([&] { gradient(y, x); }, "mine");
  const int line = __LINE__ + 1;
  const variable z = sin(x);
  EXPECT_EQ(t.place_of(z.index()).line, line);
}

}  // namespace
}  // namespace cotape

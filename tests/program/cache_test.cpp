// value(): compiled on the spot, found again for the same structure, with other numbers bound.
#include <xtensor/xview.hpp>

#include "expect_error.hpp"
#include "many.hpp"

namespace cotape {
namespace {

using tests::expect_error;
using array = xt::xarray<double>;

TEST(Value, EvaluatesAnything) {
  tape t;
  const parameter w("w", array{3, 4});
  const variable x = t.input(float64, {2}), c = t.constant(array{5, 6});
  EXPECT_EQ(x.value<double>({{x, array{1, 2}}}), (array{1, 2}));
  EXPECT_EQ((x * 1).value<double>({{x, array{1, 2}}}), (array{1, 2}));
  EXPECT_EQ(t.read(w).value<double>(), (array{3, 4}));
  EXPECT_EQ(c.value<double>(), (array{5, 6}));
  EXPECT_EQ((c * 1).value<double>(), (array{5, 6}));
  EXPECT_EQ(reshape(c, {2, 1}).value<double>()(1, 0), 6);
  EXPECT_EQ(t.literal(2.5, float64, {}).value<double>()(), 2.5);
  EXPECT_EQ(gradient(sum(x * c), x).value<double>({{x, array{1, 2}}}), (array{5, 6}));
  EXPECT_EQ((x + c + w).value<double>({{x, array{1, 2}}}), (array{9, 12}));
}

TEST(Value, TakesAnyExpressionAndMoreBindingsThanNeeded) {
  tape t;
  const variable x = t.input(float64, {2}), y = t.input(float64, {2});
  const array m{{1, 2}, {3, 4}};
  EXPECT_EQ((x * 2).value<double>({{x, xt::view(m, 1)}, {y, m}}), (array{6, 8}));
  EXPECT_EQ((x * 2).value<double>({{x, xt::xarray<float>{1, 2}}}), (array{2, 4}));
}

TEST(Value, FindsItsProgramAgain) {
  tape t;
  const variable x = t.input(float64, {2}), y = sin(x) * 2;
  EXPECT_EQ(cached_programs(t), 0u);
  for (int i = 0; i < 5; ++i) y.value<double>({{x, array{1, 2}}});
  EXPECT_EQ(cached_programs(t), 1u);
  (y + 1).value<double>({{x, array{1, 2}}});
  EXPECT_EQ(cached_programs(t), 2u);
}

TEST(Value, TellsProgramsApartByAnyOperand) {
  tape t;
  std::vector<variable> x;
  for (int n = 0; n < 6; ++n) x.push_back(t.constant(array{1.0 * n, 2}) * 2);
  const auto value = [&](std::size_t last) {
    return tests::many({x[1], x[2], x[3], x[4], x[last]}).value<double>();
  };
  EXPECT_EQ(value(4), (array{2, 4}));
  EXPECT_EQ(value(3), (array{2, 4}));
  EXPECT_EQ(cached_programs(t), 2u);
  EXPECT_EQ(value(4), (array{2, 4}));
  EXPECT_EQ(cached_programs(t), 2u);
}

// The same structure, recorded anew after a rewind, with everything else different.
TEST(Value, RecordedAnewBindsOtherLiteralsConstantsAndInputs) {
  tape t;
  const tape_mark start = t.mark();
  for (int i = 1; i <= 20; ++i) {
    const double n = i + 0.25;
    const variable x = t.input(float64, {2}), c = t.constant(array{n, 2 * n});
    const variable folded = sin(c * (n / 10)) + t.literal(n, float64, {}) * 3;
    const variable y = matmul(reshape(x, {1, 2}), reshape(c, {2, 1})) * (n + 0.5) + sum(folded);
    const double wanted = (n * 5 * n + 7 * 2 * n) * (n + 0.5) + std::sin(n * (n / 10)) +
                          std::sin(2 * n * (n / 10)) + 2 * n * 3;
    EXPECT_NEAR(y.value<double>({{x, array{5 * n, 7}}})(0, 0), wanted, 1e-9) << i;
    t.rewind(start);
  }
  EXPECT_EQ(cached_programs(t), 1u);
}

TEST(Value, RecordedAtOtherIndicesIsTheSameStructure) {
  tape t;
  const variable x = t.input(float64, {2});
  for (int i = 1; i <= 5; ++i) {
    for (int k = 0; k < i; ++k) cos(x);  // shifts all that follows
    const double n = i + 1;
    const variable y = x * n + t.constant(array{n, n});
    EXPECT_EQ(y.value<double>({{x, array{1, 2}}}), (array{2 * n, 3 * n}));
  }
  EXPECT_EQ(cached_programs(t), 1u);
}

TEST(Value, TellsPatternsOfEqualLiteralsApart) {
  tape t;
  const variable x = t.constant(array{1, 2}), y = t.constant(array{10, 20});
  const auto near = [](variable v, double a, double b) {
    const array found = v.value<double>();
    EXPECT_NEAR(found(0), a, 1e-12);
    EXPECT_NEAR(found(1), b, 1e-12);
  };
  near(x * 0.1 + y * 0.1, 1.1, 2.2);
  near(x * 0.2 + y * 0.3, 3.2, 6.4);
  near(x * 0.4 + y * 0.4, 4.4, 8.8);
  near(x * 0.3 + y * 0.2, 2.3, 4.6);
  EXPECT_EQ(cached_programs(t), 2u);  // equal and different
  // A factor of 1 is dropped from the program, so it has one of its own.
  near(x * 1 + y * 0.5, 6, 12);
  near(x * 0.5 + y * 1, 10.5, 21);
  near(x * 1 + y * 1, 11, 22);
  near(x * 2 + y * 2, 22, 44);
  near(x * 3 + y * 1, 13, 26);
  near(x * 0 + y * 0, 0, 0);
  EXPECT_EQ(cached_programs(t), 6u);  // so has 0, which is not folded into a product of matrices
  // -0 and 0 are equal numbers with different bits.
  EXPECT_EQ((1 / (x * -0.0) + y).value<double>()(0), -INFINITY);
  EXPECT_EQ((1 / (x * 0.0) + y).value<double>()(0), INFINITY);
}

TEST(Commit, FindsTheProgramOfTheSameUpdatesAgain) {
  tape t;
  const tape_mark start = t.mark();
  const parameter a("a", array{1, 2}), b("b", array{1, 2});
  const auto step = [&](const parameter& p, double factor, const std::string& message) {
    t.rewind(start);
    const variable x = t.input(float64, {2});
    t.assign(p, t.read(p) * factor + x);
    t.require(less(x, 100), message);
    t.commit({{x, array{1, 1}}});
  };
  for (double factor : {3.0, 2.0, 5.0}) step(a, factor, "too large");
  EXPECT_EQ(a.value<double>(), (array{46, 76}));
  EXPECT_EQ(cached_programs(t), 1u);
  step(b, 3, "too large");  // another parameter
  EXPECT_EQ(b.value<double>(), (array{4, 7}));
  EXPECT_EQ(a.value<double>(), (array{46, 76}));
  EXPECT_EQ(cached_programs(t), 2u);
  step(a, 3, "too big");  // another message
  EXPECT_EQ(cached_programs(t), 3u);
}

TEST(Value, TellsFactorsOfMinusOneApart) {
  tape t;
  const variable x = t.constant(xt::xtensor<double, 2>{{1, 2}, {3, 4}});
  for (double factor : {-1.0, -2.0, 3.0, -1.0}) {
    EXPECT_EQ((factor * matmul(x, x)).value<double>()(1, 1), factor * 22);
    EXPECT_EQ((x - factor * matmul(x, x)).value<double>()(1, 1), 4 - factor * 22);
  }
}

TEST(Value, TellsShapesTypesAttributesAndParametersApart) {
  tape t;
  const parameter w("w", array{1, 2}), v("v", array{3, 4});
  EXPECT_EQ((t.read(w) * 2).value<double>(), (array{2, 4}));
  EXPECT_EQ((t.read(v) * 2).value<double>(), (array{6, 8}));
  const variable m = t.constant(array{{1, 2}, {3, 4}});
  EXPECT_EQ(cumsum(m, 0).value<double>(), (array{{1, 2}, {4, 6}}));
  EXPECT_EQ(cumsum(m, 1).value<double>(), (array{{1, 3}, {3, 7}}));
  EXPECT_EQ(sum(t.constant(array{1, 2, 3})).value<double>()(), 6);
  EXPECT_EQ(sum(t.constant(array{1, 2})).value<double>()(), 3);
  EXPECT_EQ(sum(t.constant(xt::xarray<float>{1, 2})).value<float>()(), 3);
  // x - y and y - x have one structure of operations and two of operands.
  const variable x = t.constant(array{1, 2}), y = t.constant(array{5, 5});
  EXPECT_EQ((x / y + y).value<double>()(0), 5.2);
  EXPECT_EQ((y / x + y).value<double>()(0), 10);
  EXPECT_EQ((x / x + y).value<double>()(0), 6);
}

TEST(Value, OfAParameterFollowsIt) {
  tape t;
  const parameter w("w", array{1, 2});
  const variable y = t.read(w) * 2;
  EXPECT_EQ(y.value<double>(), (array{2, 4}));
  w.set(array{5, 6});
  EXPECT_EQ(y.value<double>(), (array{10, 12}));
}

TEST(Value, DoesNotMistakeANewParameterForADeadOne) {
  tape t;
  const tape_mark start = t.mark();
  for (int i = 0; i < 20; ++i) {  // the allocator may give the same address again
    const parameter w("w", array{double(i), 1});
    EXPECT_EQ((t.read(w) * 2).value<double>()(0), 2 * i);
    t.rewind(start);
  }
}

TEST(Value, KeepsABoundedNumberOfPrograms) {
  tape t;
  const variable x = t.constant(array{1, 2});
  variable y = x;
  for (int i = 0; i < 200; ++i) {
    y = sin(y);
    y.value<double>();
  }
  EXPECT_EQ(cached_programs(t), 64u);
}

TEST(Value, IsIndependentOfLaterRewinds) {
  tape t;
  const variable x = t.input(float64, {2});
  const tape_mark m = t.mark();
  const auto record = [&](double n) { return x * t.constant(array{n, n}); };
  EXPECT_EQ(record(2).value<double>({{x, array{1, 2}}}), (array{2, 4}));
  t.rewind(m);
  for (int i = 0; i < 50; ++i) t.constant(array{9, 9});  // overwrites what the rewind freed
  EXPECT_EQ(record(3).value<double>({{x, array{1, 2}}}), (array{3, 6}));
}

TEST(ValueErrors, AnInputThatIsNotBoundThrows) {
  tape t;
  const int line = __LINE__ + 1;
  const variable x = t.input(float64, {2}, "x"), y = t.input(float64, {2});
  const std::string at =
      " is needed but not bound [made at cache_test.cpp:" + std::to_string(line) + "]";
  expect_error<value_error>([&] { (x + 1).value<double>(); }, "value: input x" + at);
  expect_error<value_error>(
      [&] {
        (y + 1).value<double>({{x, array{1, 2}}});
      },
      "value: input 1" + at);
}

TEST(ValueErrors, ValuesThatDoNotFitThrow) {
  tape t;
  const variable x = t.input(float32, {2}, "x");
  expect_error<shape_error>(
      [&] {
        x.value<float>({{x, xt::xarray<float>{1}}});
      },
      "has shape (2,), the value (1,)");
  expect_error<dtype_error>(
      [&] {
        x.value<float>({{x, array{1, 2}}});
      },
      "is float32, the value float64: convert it");
  expect_error<dtype_error>(
      [&] {
        x.value<double>({{x, xt::xarray<float>{1, 2}}});
      },
      "data_as: float64 was asked for, but the value is float32");
}

}  // namespace
}  // namespace cotape

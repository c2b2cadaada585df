// Effects: what a run writes to parameters, when, and what it leaves alone.
#include <fmt/format.h>

#include <cmath>
#include <xtensor/xview.hpp>

#include "expect_error.hpp"
#include "explained.hpp"

namespace cotape {
namespace {

using tests::computes;
using tests::count;
using tests::expect_error;
using array = xt::xarray<double>;

array_view view_of(const array& a) { return {{float64, detail::shape_of(a)}, a.data()}; }

array square_matrix(std::size_t n, double seed) {
  array m(std::vector<std::size_t>{n, n});
  for (std::size_t i = 0; i < n * n; ++i) m.flat(i) = std::sin(seed + static_cast<double>(i));
  return m;
}

// A plain product.
array product(const array& a, const array& b) {
  array y(std::vector<std::size_t>{a.shape()[0], b.shape()[1]}, 0.0);
  for (std::size_t i = 0; i < a.shape()[0]; ++i) {
    for (std::size_t k = 0; k < b.shape()[0]; ++k) {
      for (std::size_t j = 0; j < b.shape()[1]; ++j) y(i, j) += a(i, k) * b(k, j);
    }
  }
  return y;
}

void expect_near(const array& found, const array& wanted) {
  ASSERT_EQ(found.shape(), wanted.shape());
  for (std::size_t i = 0; i < found.size(); ++i) {
    EXPECT_NEAR(found.flat(i), wanted.flat(i), 1e-12) << i;
  }
}

TEST(Effects, ValueAfterMinimizingLeavesParametersAlone) {
  tape t;
  const parameter w("w", array{1, 2});
  const variable loss = sum(square(t.read(w)));
  sgd optimizer(sgd_options{.rate = 0.1});
  optimizer.minimize(loss);
  EXPECT_EQ(loss.value<double>()(), 5);
  EXPECT_EQ(loss.value<double>()(), 5);
  expect_near(t.read(w).value<double>(), array{0.8, 1.6});  // the new value, not yet written
  EXPECT_EQ(w.value<double>(), (array{1, 2}));
}

TEST(Effects, AProgramWritesAtEachRun) {
  tape t;
  const parameter w("w", array{1, 2});
  t.assign(w, t.read(w) * 2);
  program code(t, {}, {});
  EXPECT_EQ(w.value<double>(), (array{1, 2}));  // compiling writes nothing
  for (const double n : {2.0, 4.0, 8.0}) {
    code.run({});
    EXPECT_EQ(w.value<double>(), (array{n, 2 * n}));
  }
}

TEST(Effects, AreLeftOutIfNotWanted) {
  tape t;
  const parameter w("w", array{1, 2});
  t.assign(w, t.read(w) * 2);
  t.require(t.read(w) < 0, "never");
  program code(t, {}, {t.read(w)}, {.effects = false});
  code.run({});
  EXPECT_EQ(code.output(0).value<double>(), (array{2, 4}));
  EXPECT_EQ(w.value<double>(), (array{1, 2}));
}

TEST(Effects, AProgramReadsParametersAsTheyAreWhenItRuns) {
  tape t;
  const parameter w("w", array{1, 2});
  const variable y = t.read(w) * 10;
  program code(t, {}, {y});
  w.set(array{3, 4});
  code.run({});
  EXPECT_EQ(code.output(0).value<double>(), (array{30, 40}));
  EXPECT_EQ(y.value<double>(), (array{30, 40}));
}

// The update of W is folded into the product that makes dW, which then writes W in place. dX needs
// the old W, whether it was recorded before the update or after it.
class FoldedUpdate : public ::testing::TestWithParam<bool> {};

TEST_P(FoldedUpdate, LetsDxUseTheOldW) {
  const bool before = GetParam();
  tape t;
  const array x = square_matrix(6, 1), w0 = square_matrix(6, 2);
  const parameter w("w", w0);
  const variable in = t.input(float64, {6, 6}), weights = t.read(w), y = matmul(in, weights);
  const variable loss = sum(square(y));
  variable dx = before ? gradient(loss, in) : variable();
  const variable dw = gradient(loss, weights);
  t.assign(w, weights + -0.25 * dw);
  if (!before) dx = gradient(loss, in);
  program code(t, {in}, {dx, loss});
  EXPECT_EQ(count(code.explain(), "*alpha +C"), 1) << code.explain();
  if (before) {
    EXPECT_EQ(count(code.explain(), "+C->'w'"), 1) << code.explain();
  }
  const std::vector<array_view> inputs{view_of(x)};
  array now = w0;
  for (int i = 0; i < 3; ++i) {
    code.run(inputs);
    const array dy = product(x, now) * 2.0;
    expect_near(code.output(0).value<double>() / 100.0, product(dy, xt::transpose(now)) / 100.0);
    now -= 0.25 * product(xt::transpose(x), dy);
    expect_near(w.value<double>() / 100.0, now / 100.0);
    now = square_matrix(6, 3 + i);
    w.set(now);
  }
}
INSTANTIATE_TEST_SUITE_P(BeforeAndAfterTheAssign, FoldedUpdate, ::testing::Bool());

TEST(Effects, AllUpdatesUseTheOldValues) {
  tape t;
  const parameter a("a", array{1, 2}), b("b", array{10, 20}), c("c", array{100, 200});
  const variable x = t.read(a), y = t.read(b), z = t.read(c);
  t.assign(a, x + y);
  t.assign(b, x + z);
  t.assign(c, x * y + z);
  program code(t, {}, {});
  code.run({});
  EXPECT_EQ(a.value<double>(), (array{11, 22}));
  EXPECT_EQ(b.value<double>(), (array{101, 202}));
  EXPECT_EQ(c.value<double>(), (array{110, 240}));
}

TEST(Effects, ReadsAfterAnAssignUseTheNewValue) {
  tape t;
  const parameter a("a", array{1, 2}), b("b", array{10, 20});
  t.assign(a, t.read(a) * 2);
  t.assign(b, t.read(b) + t.read(a));
  t.assign(a, t.read(a) + 1);  // replaces the first assign
  program code(t, {}, {t.read(a), t.read(b)});
  code.run({});
  EXPECT_EQ(a.value<double>(), (array{3, 5}));
  EXPECT_EQ(b.value<double>(), (array{12, 24}));
  EXPECT_EQ(code.output(0).value<double>(), (array{3, 5}));
  EXPECT_EQ(code.output(1).value<double>(), (array{12, 24}));
}

// Through values, factors of one, and views: nothing may be written before both were read.
TEST(Effects, SwapTwoParameters) {
  for (int kind = 0; kind < 4; ++kind) {
    tape t;
    const parameter p("p", array{1, 2}), q("q", array{3, 4});
    const variable x = t.read(p), y = t.read(q);
    const auto of = [&](variable v) {
      return kind == 0 ? v : kind == 1 ? v * 1 : kind == 2 ? reshape(v, {2}) : v + 0;
    };
    t.assign(p, of(y));
    t.assign(q, of(x));
    for (const bool fuse : {true, false}) {
      program code(t, {}, {}, {.fuse = fuse});
      code.run({});
      EXPECT_EQ(p.value<double>(), (array{3, 4})) << kind;
      EXPECT_EQ(q.value<double>(), (array{1, 2})) << kind;
      code.run({});
      EXPECT_EQ(p.value<double>(), (array{1, 2})) << kind;
      EXPECT_EQ(q.value<double>(), (array{3, 4})) << kind;
    }
  }
}

TEST(Effects, RotateThreeParameters) {
  tape t;
  const parameter p("p", array{1}), q("q", array{2}), r("r", array{3});
  const variable x = t.read(p), y = t.read(q), z = t.read(r);
  t.assign(p, y);
  t.assign(q, z);
  t.assign(r, x);
  program code(t, {}, {});
  for (int i = 0; i < 3; ++i) code.run({});
  EXPECT_EQ(p.value<double>()(0), 1);
  code.run({});
  EXPECT_EQ(p.value<double>()(0), 2);
  EXPECT_EQ(q.value<double>()(0), 3);
  EXPECT_EQ(r.value<double>()(0), 1);
}

TEST(Effects, WriteInPlaceWhereNothingNeedsTheOldValueAnyMore) {
  tape t;
  const parameter w("w", xt::zeros<double>({1000}));
  const variable x = t.input(float64, {1000}), v = t.read(w);
  t.assign(w, v * 0.9 + sin(x));
  const program code(t, {x}, {});
  EXPECT_EQ(count(code.explain(), "->'w'"), 1) << code.explain();
  EXPECT_EQ(count(code.explain(), "write"), 0) << code.explain();
  EXPECT_LT(code.memory().arena, 8000 + 5 * 4096u);  // the input, and tiles
}

TEST(Effects, WriteACopyWhereTheOldValueIsNeededLater) {
  tape t;
  const parameter w("w", array{1, 2});
  const variable v = t.read(w);
  t.assign(w, v * 2);
  program code(t, {}, {cumsum(v)});
  code.run({});
  EXPECT_EQ(code.output(0).value<double>(), (array{1, 3}));
  EXPECT_EQ(w.value<double>(), (array{2, 4}));
}

TEST(Effects, OfAnOutputGiveBoth) {
  tape t;
  const parameter w("w", array{1, 2}), u("u", array{0, 0});
  const variable v = t.read(w) * 2;
  t.assign(w, v);
  t.assign(u, reshape(v, {2}));
  program code(t, {}, {v, t.read(u)});
  code.run({});
  code.run({});
  EXPECT_EQ(code.output(0).value<double>(), (array{4, 8}));
  EXPECT_EQ(w.value<double>(), (array{4, 8}));
  EXPECT_EQ(u.value<double>(), (array{4, 8}));
}

TEST(Effects, AssignConstantsAndInputs) {
  tape t;
  const parameter w("w", array{1, 2}), u("u", array{1, 2});
  const variable x = t.input(float64, {2});
  t.assign(w, x);
  t.assign(u, t.constant(array{7, 8}));
  program code(t, {x}, {});
  const array value{5, 6};
  for (int i = 0; i < 2; ++i) {
    code.run(std::vector{view_of(value)});
    EXPECT_EQ(w.value<double>(), (array{5, 6}));
    EXPECT_EQ(u.value<double>(), (array{7, 8}));
    w.set(array{0, 0});
    u.set(array{0, 0});
  }
}

TEST(Effects, OnAFloat64TapeRoundToTheParametersDtype) {
  tape t{precision::float64};
  const parameter w("w", xt::xarray<float>{1, 2});
  t.assign(w, t.read(w) / 3);
  program code(t, {}, {});
  code.run({});
  EXPECT_EQ(w.value<float>(), (xt::xarray<float>{1.0F / 3, 2.0F / 3}));
  code.run({});
  EXPECT_EQ(w.value<float>()(0), static_cast<float>(static_cast<double>(1.0F / 3) / 3));
}

TEST(Effects, OfScalarsAndCountersWork) {
  tape t;
  const parameter n("n", std::int64_t{5}), s("s", 1.5);
  t.assign(n, t.read(n) + 1);
  t.assign(s, t.read(s) * t.read(s));
  program code(t, {}, {});
  code.run({});
  code.run({});
  EXPECT_EQ(n.value<std::int64_t>()(), 7);
  EXPECT_EQ(s.value<double>()(), 1.5 * 1.5 * 1.5 * 1.5);
}

// --- A run that fails ---------------------------------------------------------------------------

// A training step whose indices, or condition, are read in the middle of it.
struct failing_step {
  parameter w{"w", square_matrix(4, 1)}, b{"b", array{1, 2, 3, 4}}, n{"n", std::int64_t{3}};
  parameter copied{"copied", array{1, 2, 3, 4}};
  tape t;
  variable x = t.input(float64, {4, 4}, "x"), index = t.input(int64, {2}, "index");

  explicit failing_step(bool early) {
    const variable weights = t.read(w), bias = t.read(b);
    t.assign(n, t.read(n) + 1);
    if (early) t.assign(b, bias * 0.5);
    const variable y = gather(tanh(matmul(x, weights) + t.read(b)), index);
    const std::vector<variable> g = gradient(sum(square(y)), {weights, bias});
    t.assign(w, weights + -0.1 * g[0]);
    if (!early) t.assign(b, bias + -0.1 * g[1]);
    t.assign(copied, bias);
    t.require(sum(y) < 100, "the sum is too large");
  }
  std::vector<tensor> state() const {
    std::vector<tensor> result;
    for (const parameter& p : {w, b, n, copied}) result.emplace_back(p.view());
    return result;
  }
};

void expect_unchanged(const failing_step& s, const std::vector<tensor>& before) {
  const std::vector<tensor> now = s.state();
  for (std::size_t i = 0; i < now.size(); ++i) EXPECT_TRUE(same_bits(now[i], before[i])) << i;
}

class FailingRun : public ::testing::TestWithParam<std::tuple<bool, bool>> {};

TEST_P(FailingRun, LeavesAllParametersBitIdentical) {
  const auto [early, fuse] = GetParam();
  failing_step s(early);
  program code(s.t, {s.x, s.index}, {}, {.fuse = fuse});
  const array x = square_matrix(4, 5), large = xt::ones<double>({4, 4}) * 1e3;
  const xt::xarray<std::int64_t> good{3, 0}, bad{1, 4}, negative{-1, 0};
  const auto run = [&](const array& values, const xt::xarray<std::int64_t>& indices) {
    const array_view index({int64, {2}}, indices.data());
    code.run(std::vector{view_of(values), index});
  };
  run(x, good);
  const std::vector<tensor> before = s.state();
  expect_error<value_error>([&] { run(x, bad); }, "gather");
  expect_unchanged(s, before);
  expect_error<value_error>([&] { run(x, negative); }, "gather");
  expect_unchanged(s, before);
  // tanh is below 1: the requirement fails where the values are NaN.
  array nan = x;
  nan(3, 3) = std::nan("");
  expect_error<value_error>([&] { run(nan, good); }, "require: the sum is too large (element 0)");
  expect_unchanged(s, before);
  const array wrong = xt::ones<double>({4, 3});
  EXPECT_THROW(run(wrong, good), shape_error);
  expect_unchanged(s, before);
  run(x, good);  // and it still works
  EXPECT_FALSE(same_bits(s.state()[0], before[0]));
  EXPECT_EQ(s.n.value<std::int64_t>()(), 5);
}
INSTANTIATE_TEST_SUITE_P(EarlyAndLateFusedAndNot, FailingRun,
                         ::testing::Combine(::testing::Bool(), ::testing::Bool()));

TEST(Require, NamesTheElement) {
  tape t;
  const variable x = t.input(float32, {2, 2}), i = t.input(int64, {2});
  t.require(x > 0, "x must be positive");
  t.require(i, "i must not be 0");
  const int line = __LINE__ - 2;
  program code(t, {x, i}, {});
  const auto run = [&](const xt::xarray<float>& a, const xt::xarray<std::int64_t>& b) {
    code.run(
        std::vector{array_view({float32, {2, 2}}, a.data()), array_view({int64, {2}}, b.data())});
  };
  EXPECT_NO_THROW(run({{1, 2}, {3, 4}}, {1, 2}));
  expect_error<value_error>(
      [&] {
        run({{1, 2}, {-3, 4}}, {1, 2});
      },
      fmt::format("require: x must be positive (element 2) [condition made at effects_test.cpp:{}]",
                  line));
  expect_error<value_error>(
      [&] {
        run({{1, 2}, {3, 4}}, {1, 0});
      },
      fmt::format("require: i must not be 0 (element 1) [condition made at effects_test.cpp:{}]",
                  line - 1));
}

// So that callers need not look for it in the text.
TEST(Require, GivesTheMessageApart) {
  tape t;
  const variable x = t.input(float64, {2});
  t.require(x, "x has a zero");
  program code(t, {x}, {});
  const array zero{1, 0};
  try {
    code.run(std::vector<array_view>{array_view({float64, {2}}, zero.data())});
    FAIL();
  } catch (const requirement_error& e) {
    EXPECT_EQ(e.requirement, "x has a zero");
    EXPECT_NE(std::string(e.what()), e.requirement);
  }
}

TEST(Require, TakesParametersAndNumbers) {
  tape t;
  const parameter w("w", array{1, 0});
  t.require(1, "never");
  t.require(w, "w has a zero");
  program code(t, {}, {});
  expect_error<value_error>([&] { code.run({}); }, "require: w has a zero (element 1)");
  w.set(array{1, 1});
  EXPECT_NO_THROW(code.run({}));
}

// --- commit -------------------------------------------------------------------------------------

TEST(Commit, RunsTheEffectsOnceAndForgetsThem) {
  tape t;
  const parameter w("w", array{1, 2});
  const variable x = t.input(float64, {2});
  t.assign(w, t.read(w) + x);
  t.commit({{x, array{10, 20}}});
  EXPECT_EQ(w.value<double>(), (array{11, 22}));
  EXPECT_TRUE(t.effects().empty());
  t.commit();  // nothing left to do, so no input is needed
  EXPECT_EQ(w.value<double>(), (array{11, 22}));
  EXPECT_EQ(t.read(w).value<double>(), (array{11, 22}));  // reads are new after it
}

TEST(Commit, NeedsItsInputsAndKeepsTheEffectsIfItFails) {
  tape t;
  const parameter w("w", array{1, 2});
  const variable x = t.input(float64, {2}, "x");
  t.assign(w, t.read(w) + x);
  expect_error<value_error>([&] { t.commit(); }, "input x is needed but not bound");
  t.require(x, "x is 0");
  expect_error<value_error>([&] { t.commit({{x, array{1, 0}}}); }, "require: x is 0 (element 1)");
  EXPECT_EQ(w.value<double>(), (array{1, 2}));
  t.commit({{x, array{1, 1}}});
  EXPECT_EQ(w.value<double>(), (array{2, 3}));
}

TEST(Commit, TrainsOnATapeRecordedByHand) {
  tape t;
  const parameter w("w", array{4, -2});
  sgd optimizer(sgd_options{.rate = 0.25});
  const tape_mark start = t.mark();
  for (int i = 0; i < 3; ++i) {
    optimizer.minimize(sum(square(t.read(w))));
    t.commit();
    t.rewind(start);
  }
  expect_near(w.value<double>(), array{0.5, -0.25});
}

// A loss that is recorded once and descended in rounds: after a commit it stands for the
// parameters' new values, and reads give the nodes that it was recorded from.
TEST(Commit, DescendsALossThatIsRecordedOnce) {
  tape t;
  const parameter w("w", 2.0);
  const variable read = t.read(w), y = square(3 * read);
  for (const double wanted : {1.64, 1.3448, 1.102736}) {
    t.assign(w, t.read(w) - 0.01 * gradient(y, t.read(w)));
    t.commit();
    EXPECT_NEAR(w.value<double>()(), wanted, 1e-14);
    EXPECT_NEAR(y.value<double>()(), 9 * wanted * wanted, 1e-13);
    EXPECT_EQ(t.read(w).index(), read.index());
  }
  EXPECT_LE(cached_programs(t), 3u);  // of y, of the first commit and of the others
}

TEST(Commit, DescendsALossThatIsRecordedOnceByMinimize) {
  const auto loss = [](tape& t, const parameter& w, const parameter& b) {
    return sum(square(tanh(t.read(w)) * 3 + t.read(b)));
  };
  const parameter w1("w", array{0.5, -2}), w2("w", array{0.5, -2}), b1("b", 0.25), b2("b", 0.25);
  adam one({.rate = 0.1, .gradients = {.weight_decay = 0.01}}),
      anew({.rate = 0.1, .gradients = {.weight_decay = 0.01}});
  tape t;
  const variable y = loss(t, w1, b1);
  for (int i = 0; i < 20; ++i) {
    one.minimize(y);
    t.commit();
    tape fresh;
    anew.minimize(loss(fresh, w2, b2));
    fresh.commit();
    expect_near(w1.value<double>(), w2.value<double>());
    expect_near(b1.value<double>(), b2.value<double>());
  }
  EXPECT_LE(cached_programs(t), 3u);
}

TEST(Commit, LeavesWhatAParameterWasBeforeItWasEverRead) {
  tape t;
  const parameter w("w", 2.0);
  t.assign(w, t.constant(5.0));
  const variable assigned = t.read(w);
  t.commit();
  const variable read = t.read(w);
  EXPECT_NE(read.index(), assigned.index());
  t.assign(w, read + 1);
  t.commit();
  EXPECT_EQ(t.read(w).index(), read.index());
  EXPECT_EQ(read.value<double>()(), 6);
  EXPECT_EQ(assigned.value<double>()(), 5);
}

TEST(Commit, MayBeRewoundOrNot) {
  for (const bool rewound : {true, false}) {
    tape t;
    const parameter w("w", 2.0);
    const variable y = square(3 * t.read(w));
    const tape_mark before = t.mark();
    std::vector<std::size_t> sizes;
    for (int i = 0; i < 5; ++i) {
      t.assign(w, w - 0.01 * gradient(y, w));
      const tape_mark between = t.mark();
      t.commit();
      if (i % 2 == 1) t.rewind(between);  // keeps the reads, brings back no effect
      EXPECT_TRUE(t.effects().empty());
      if (rewound) t.rewind(before);
      sizes.push_back(t.size());
    }
    EXPECT_NEAR(w.value<double>()(), 2 * std::pow(0.82, 5), 1e-14);
    for (std::size_t i = 2; i < 5; ++i) {
      EXPECT_EQ(sizes[i] - sizes[i - 1], sizes[1] - sizes[0]);
    }
    if (rewound) {
      EXPECT_EQ(sizes.back(), before.nodes);
    }
  }
}

TEST(Commit, IsRefusedInATracedFunctionAndInTheRuleOfADerivative) {
  const parameter w("w", 2.0);
  auto step = compile([&](variable x) {
    tape& t = x.owner();
    t.assign(w, t.read(w) * x);
    t.commit();
    return x;
  });
  expect_error<tape_error>(
      [&] { step(3.0); },
      "commit: a traced function, whose program carries its effects out, is at work on the tape: "
      "leave it out");
  EXPECT_EQ(w.value<double>()(), 2);
  tape t;
  const variable x = t.read(w), y = custom_gradient([](const auto&v) { return square(v[0]); }, {x},
                                                    [&](const auto&v, variable, variable dy) {
                                                      t.assign(w, t.read(w) + 1);
                                                      t.commit();
                                                      return std::vector<variable>{dy * v[0]};
                                                    });
  expect_error<tape_error>([&] { gradient(y, x); },
                           "commit: a reverse sweep is at work on the tape: leave it out");
  EXPECT_EQ(w.value<double>()(), 2);
  t.commit();  // of what the rule assigned; it may, when the sweep is over
  EXPECT_EQ(w.value<double>()(), 3);
}

TEST(Commit, RefusesAnInputThatIsBoundTwice) {
  tape t;
  const parameter w("w", 2.0);
  const int line = __LINE__ + 1;
  const variable x = t.input(float64, {}, "x"), z = t.input(float64, {});
  const std::string text =
      "value: input x is bound twice [made at effects_test.cpp:" + std::to_string(line) + "]";
  expect_error<value_error>([&] { (x * 2).value<double>({{x, 1}, {x, 2}}); }, text);
  expect_error<value_error>(
      [&] {
        (x * 2).value<double>({{x, 1}, {z, 1}, {z, 1}});
      },
      "value: input 1 is bound twice");
  expect_error<value_error>([&] { jacobian<double>(x * z, x, {{x, 1}, {z, 1}, {x, 1}}); }, text);
  expect_error<value_error>([&] { hessian<double>(x * z, x, {{x, 1}, {z, 1}, {x, 1}}); }, text);
  t.assign(w, w * x);
  expect_error<value_error>([&] { t.commit({{x, 1}, {x, 3}}); }, text);
  EXPECT_EQ(w.value<double>()(), 2);
  t.commit({{x, 3}});
  EXPECT_EQ(w.value<double>()(), 6);
  // With nothing to commit, too.
  expect_error<value_error>([&] { t.commit({{x, 1}, {x, 3}}); }, text);
  expect_error<value_error>(
      [&] {
        t.commit({{x * 2, 1}});
      },
      "value: the result of multiply is bound, only what tape.input made can "
      "be");
  t.commit({{x, 1}});
}

// --- Training -----------------------------------------------------------------------------------

TEST(Training, FrozenParametersStay) {
  const parameter w("w", array{1, 2}), frozen("frozen", array{3, 4});
  frozen.set_trainable(false);
  sgd optimizer(sgd_options{.rate = 0.1});
  auto step = compile([&](variable x) {
    const variable loss = sum(square(x * w * frozen));
    optimizer.minimize(loss);
    return loss;
  });
  step(array{1, 1});
  EXPECT_EQ(frozen.value<double>(), (array{3, 4}));
  expect_near(w.value<double>(), array{1 - 0.1 * 2 * 9, 2 - 0.1 * 2 * 2 * 16});
}

TEST(Training, GradientsAddUpOverMicroBatches) {
  const array batch = square_matrix(6, 1);
  const auto model = [](variable x, const parameter& w) { return sum(square(tanh(matmul(x, w)))); };
  const parameter whole("w", square_matrix(6, 2)), parts("w", square_matrix(6, 2));
  sgd one(sgd_options{.rate = 0.1}), many(sgd_options{.rate = 0.1});
  auto step = compile([&](variable x) {
    const variable loss = model(x, whole);
    one.minimize(loss);
    return loss;
  });
  auto micro = compile([&](variable x) {
    const variable loss = model(x, parts);
    many.accumulate(loss);
    return loss;
  });
  for (int i = 0; i < 3; ++i) {
    step(batch);
    const tensor before(parts.view());
    for (std::size_t k = 0; k < 6; k += 2) {
      micro(array(xt::view(batch, xt::range(k, k + 2))));
      EXPECT_TRUE(same_bits(parts.view(), before));
    }
    tape t;
    many.apply_accumulated(t);
    t.commit();
    expect_near(parts.value<double>(), whole.value<double>());
  }
}

TEST(Training, SeveralStepsOnOneTapeAreOneProgram) {
  const parameter a("w", array{1, 2}), b("w", array{1, 2});
  const auto loss_of = [](variable x, const parameter& w) {
    return sum(square(x * w) + sin(x * w));
  };
  sgd single(sgd_options{.rate = 0.05, .momentum = 0.9});
  sgd unrolled(sgd_options{.rate = 0.05, .momentum = 0.9});
  auto one = compile([&](variable x) {
    const variable loss = loss_of(x, a);
    single.minimize(loss);
    return loss;
  });
  auto three = compile([&](variable x) {
    variable loss;
    for (int i = 0; i < 3; ++i) {
      loss = loss_of(x, b);
      unrolled.minimize(loss);
    }
    return loss;
  });
  const array x{0.5, -0.25};
  double last = 0;
  for (int i = 0; i < 3; ++i) last = one(x);
  EXPECT_NEAR(three(x).number(), last, 1e-12);
  expect_near(b.value<double>(), a.value<double>());
}

struct throwing_op {
  static constexpr auto name = "throwing";
  template <class T> static T kernel(T x) {
    if (x > 2) throw value_error("throwing: above 2");
    return x;
  }
  static variable derivative(variable, variable, variable dy) { return dy; }
};

TEST(Effects, WaitForKernelsThatMayThrow) {
  const parameter p("p", xt::xarray<double>{2, 4});
  tape t;
  const variable w = t.read(p);
  t.assign(p, w * 2);
  program code(t, {}, {apply<throwing_op>(w)});
  EXPECT_THROW(code.run({}), value_error);
  EXPECT_EQ(p.value<double>(), (xt::xarray<double>{2, 4}));
}

TEST(Effects, AreAllOrNoneWhereTheNewValueItselfThrows) {
  const parameter p("p", array(xt::ones<double>({3000})));
  array late = xt::ones<double>({3000});
  late(2500) = 4;
  tape t;
  const variable mask = t.input(float64, {3000});
  t.assign(p, apply<throwing_op>(t.read(p) * mask) + 1);
  program code(t, {mask}, {});
  const array_view given[] = {view_of(late)};
  EXPECT_THROW(code.run(given), value_error);
  expect_near(p.value<double>(), array(xt::ones<double>({3000})));
}

TEST(Effects, WriteInPlaceAfterARequirement) {
  const parameter w("w", xt::xarray<float>{{1, 2}, {3, 4}});
  tape t;
  const variable x = t.input(float32, {3, 2}), loss = sum(square(matmul(x, w)));
  t.require(loss < 100, "the loss is too large");
  sgd(sgd_options{.rate = 0.5}).minimize(loss);
  program code(t, {x}, {loss});
  EXPECT_NE(code.explain().find("->'w'"), std::string::npos) << code.explain();
  const tensor before(w.view()), large = generator(1).uniform({3, 2}, 5, 6);
  const array_view given[] = {large};
  EXPECT_THROW(code.run(given), value_error);
  EXPECT_TRUE(same_bits(w.view(), before));
}

TEST(Value, RefusesBindingsOfWhatIsNoInput) {
  tape t;
  const variable x = t.input(float64, {}), y = x + 1;
  EXPECT_THROW((y * 2).value<double>({{x, 1.0}, {y, 1.0}}), value_error);
}

}  // namespace
}  // namespace cotape

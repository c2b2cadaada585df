// Marks and rewinds: what is forgotten, what stays, and which handles may still be used.
#include "expect_error.hpp"
#include "many.hpp"

namespace cotape {
namespace {

using tests::expect_error;
using array = xt::xarray<float>;

TEST(Rewind, ForgetsNodesConstantsAndLabels) {
  tape t;
  const variable x = t.input(float32, {2}, "x");
  const tape_mark m = t.mark();
  t.constant(array{1, 2}).named("c");
  sin(x).named("s");
  t.rewind(m);
  EXPECT_EQ(t.size(), 1u);
  const variable y = cos(x), z = cos(y);
  EXPECT_EQ(t.label_of(y.index()), nullptr);
  EXPECT_EQ(t.label_of(z.index()), nullptr);
  EXPECT_EQ(*t.label_of(x.index()), "x");
  const variable c = t.constant(array{3, 4});
  EXPECT_EQ(c.value<float>(), (array{3, 4}));
}

TEST(Rewind, AHandleFromBeforeItThrows) {
  tape t;
  const variable x = t.input(float32, {2});
  const tape_mark m = t.mark();
  const variable old = sin(x);
  t.rewind(m);
  const std::string text = "variable: the tape was rewound past node 1, record the value again";
  expect_error<tape_error>([&] { old.type(); }, text);
  const variable other = cos(x);  // takes the index that `old` had
  EXPECT_EQ(other.index(), old.index());
  expect_error<tape_error>([&] { old.type(); }, text);
  expect_error<tape_error>([&] { old + x; }, text);
  expect_error<tape_error>([&] { x + old; }, text);
  expect_error<tape_error>([&] { sum(old); }, text);
  expect_error<tape_error>([&] { matmul(old, x); }, text);
  expect_error<tape_error>([&] { gradient(sum(x), old); }, text);
  expect_error<tape_error>([&] { gradient(old, x); }, text);
  expect_error<tape_error>([&] { vjp(x, {x}, old); }, text);
  expect_error<tape_error>([&] { old.value<float>(); }, text);
  expect_error<tape_error>([&] { program(t, {x}, {old}); }, text);
  expect_error<tape_error>([&] { program(t, {old}, {x}); }, text);
  expect_error<tape_error>([&] { t.assign(parameter("p", array{1, 2}), old); }, text);
  expect_error<tape_error>([&] { t.require(old, ""); }, text);
  expect_error<tape_error>([&] { other.value<float>({{old, array{1, 2}}}); }, text);
}

TEST(Rewind, HandlesFromBeforeTheMarkStayValid) {
  tape t;
  const variable x = t.input(float32, {2}), y = sin(x);
  const tape_mark m = t.mark();
  for (int i = 0; i < 3; ++i) {
    cos(y);
    t.rewind(m);
    EXPECT_EQ(y.value<float>({{x, array{0, 0}}}), (array{0, 0}));
  }
}

TEST(Rewind, StaleHandlesAreToldFromFreshOnesAfterManyRewinds) {
  tape t;
  std::vector<tape_mark> marks;
  std::vector<std::pair<variable, bool>> handles;  // and whether it must be valid
  unsigned seed = 1;
  const auto below = [&](unsigned n) { return (seed = seed * 1664525u + 1013904223u) / 7 % n; };
  for (int i = 0; i < 400; ++i) {
    if (below(4) != 0 || marks.empty()) {
      marks.push_back(t.mark());
      handles.emplace_back(t.input(float32, {2}), true);
      continue;
    }
    const std::size_t keep = below(static_cast<unsigned>(marks.size()));
    const tape_mark to = marks[keep];
    t.rewind(to);
    marks.resize(keep + 1);
    for (auto& [v, valid] : handles) valid = valid && v.index() < to.nodes;
    for (const auto& [v, valid] : handles) {
      if (valid) EXPECT_NO_THROW(v.type());
      else EXPECT_THROW(v.type(), tape_error);
    }
  }
}

TEST(Rewind, KeepsParameters) {
  tape t;
  const parameter w("w", array{1, 2});
  const variable before = t.read(w);
  const tape_mark m = t.mark();
  t.assign(w, before * 2);
  t.rewind(m);
  EXPECT_EQ(w.value<float>(), (array{1, 2}));
  EXPECT_EQ(t.read(w).index(), before.index());
}

TEST(Rewind, ForgetsAParameterThatWasReadAfterTheMark) {
  tape t;
  const parameter w("w", array{1, 2});
  const tape_mark m = t.mark();
  const variable old = t.read(w);
  t.rewind(m);
  t.input(float32, {2});
  const variable again = t.read(w);
  EXPECT_EQ(again.index(), 1u);
  EXPECT_EQ(again.value<float>(), (array{1, 2}));
  EXPECT_THROW(old.type(), tape_error);
}

TEST(Rewind, RemovesEffectsAfterTheMarkOnly) {
  tape t;
  const parameter w("w", array{1, 2}), v("v", array{3, 4});
  const variable x = t.read(w) * 10;
  t.assign(w, x);
  const tape_mark m = t.mark();
  t.assign(w, x + 1);
  t.assign(v, t.read(v) * 100);
  t.require(t.read(v), "never");
  t.rewind(m);
  ASSERT_EQ(t.effects().size(), 1u);
  EXPECT_EQ(t.read(w).index(), x.index());             // the first assign still holds
  EXPECT_EQ(t.read(v).value<float>(), (array{3, 4}));  // the second never was
  t.commit();
  EXPECT_EQ(w.value<float>(), (array{10, 20}));
  EXPECT_EQ(v.value<float>(), (array{3, 4}));
}

TEST(Rewind, RestoresReadsThroughSeveralAssigns) {
  tape t;
  const parameter w("w", array{1, 2});
  const tape_mark start = t.mark();
  t.assign(w, t.constant(array{5, 6}));  // assigned before it was ever read
  const variable first = t.read(w);
  const tape_mark m = t.mark();
  t.assign(w, first * 2);
  t.assign(w, t.read(w) * 2);
  EXPECT_EQ(t.read(w).value<float>(), (array{20, 24}));
  t.rewind(m);
  EXPECT_EQ(t.read(w).index(), first.index());
  t.rewind(start);
  EXPECT_TRUE(t.effects().empty());
  EXPECT_EQ(t.read(w).value<float>(), (array{1, 2}));
}

TEST(Rewind, AMarkThatTheTapeWasRewoundPastThrows) {
  tape t;
  const tape_mark start = t.mark();
  t.input(float32, {2});
  const tape_mark m = t.mark();
  const std::string text = "rewind: the tape was rewound past the mark, take a new one";
  t.rewind(start);
  expect_error<tape_error>([&] { t.rewind(m); }, text);
  // Also when the tape has grown beyond it again: its attributes stand elsewhere now.
  const variable y = t.input(float32, {2});
  for (int i = 0; i < 5; ++i) sum(y);
  expect_error<tape_error>([&] { t.rewind(m); }, text);
  EXPECT_NO_THROW(t.rewind(t.mark()));
  EXPECT_NO_THROW(t.rewind(start));
}

TEST(Rewind, OneMarkServesManyTimes) {
  tape t;
  const parameter w("w", array{1});
  const tape_mark m = t.mark();
  for (int i = 0; i < 100; ++i) {
    t.assign(w, t.read(w) + 1);
    t.commit();
    t.rewind(m);
  }
  EXPECT_EQ(w.value<float>(), (array{101}));
  EXPECT_EQ(t.size(), 0u);
}

TEST(Rewind, MemoryDoesNotGrowOverManyRounds) {
  tape t;
  const variable x = t.input(float32, {2});
  const tape_mark m = t.mark();
  const auto round = [&] {
    for (int i = 0; i < 100; ++i) t.constant(array{1, 2}) + x;
    t.rewind(m);
  };
  round();
  const std::size_t held = t.bytes();
  for (int i = 0; i < 200; ++i) round();
  EXPECT_EQ(t.bytes(), held);
}

TEST(Rewind, ForgetsListsOfOperands) {
  tape t;
  std::vector<variable> x;
  for (int n = 0; n < 5; ++n) x.push_back(t.input(float32, {2}));
  const variable before = tests::many(x);
  const tape_mark m = t.mark();
  for (int n = 0; n < 100; ++n) tests::many(x);
  t.rewind(m);
  const std::size_t held = t.bytes();
  for (int n = 0; n < 100; ++n) {
    std::reverse(x.begin(), x.end());
    for (int k = 0; k < 100; ++k) tests::many(x);
    EXPECT_EQ(tests::listed(t.operands_of(static_cast<std::uint32_t>(t.size()) - 1)),
              tests::indices(x));
    t.rewind(m);
  }
  EXPECT_EQ(t.bytes(), held);
  EXPECT_EQ(tests::listed(t.operands_of(before.index())), tests::indices(x));
}

TEST(Rewind, AfterACommitForgetsWhatWasAssignedSince) {
  const parameter p("p", xt::xarray<double>{1, 2});
  tape t;
  t.assign(p, t.read(p) + 1);
  const tape_mark m = t.mark();
  t.commit();
  t.assign(p, exp(t.read(p)) * 3);
  t.rewind(m);
  EXPECT_TRUE(t.effects().empty());
  t.commit();
  EXPECT_EQ(p.value<double>(), (xt::xarray<double>{2, 3}));
}

TEST(Rewind, ToAMarkOfAnotherTapeThrows) {
  tape t, other;
  other.input(float32, {});
  EXPECT_THROW(t.rewind(other.mark()), tape_error);
}

}  // namespace
}  // namespace cotape

// Recording: one node an operation, interned types and places, reads and assigns, precision.
#include <sstream>

#include "expect_error.hpp"
#include "many.hpp"

namespace cotape {
namespace {

using tests::expect_error;
using array = xt::xarray<float>;

std::vector<std::string> operations(const tape& t) {
  std::vector<std::string> names;
  for (const node& n : t.nodes()) names.emplace_back(n.op->name);
  return names;
}

static_assert(sizeof(node) == 32);
static_assert(!std::is_convertible_v<variable, bool>);
static_assert(!std::is_copy_constructible_v<tape>);

TEST(Tape, HoldsOneNodeAnOperation) {
  tape t;
  const variable x = t.input(float32, {2}), y = t.input(float32, {2});
  EXPECT_EQ(t.size(), 2u);
  const variable z = x + y;
  EXPECT_EQ(t.size(), 3u);
  EXPECT_EQ(z.index(), 2u);
  const auto operands = t.operands_of(2);
  ASSERT_EQ(operands.size(), 2u);
  EXPECT_EQ(operands[0], x.index());
  EXPECT_EQ(operands[1], y.index());
  EXPECT_EQ(operations(t), (std::vector<std::string>{"input", "input", "add"}));
}

TEST(Tape, MergesAndFoldsNothing) {
  tape t;
  const variable x = t.input(float32, {2});
  const variable a = x * 1, b = x * 1;
  EXPECT_NE(a.index(), b.index());
  EXPECT_NE(a.index(), x.index());
  EXPECT_EQ(operations(t),
            (std::vector<std::string>{"input", "literal", "multiply", "literal", "multiply"}));
  // Were x * 1 merged with x, this would be 2.
  EXPECT_EQ(gradient(sum(a + x), a).value<float>(), (array{1, 1}));
}

TEST(Tape, InputsPrecedeTheirUsers) {
  tape t;
  const variable x = t.input(float32, {3, 3});
  const variable loss = sum(softmax(matmul(x, x) * 2));
  gradient(gradient(loss, x).shape() == x.shape() ? sum(gradient(loss, x)) : loss, x);
  for (std::uint32_t i = 0; i < t.size(); ++i) {
    for (const std::uint32_t k : t.operands_of(i)) EXPECT_LT(k, i);
  }
}

TEST(Tape, ANodeTakesAnyNumberOfOperands) {
  tape t;
  std::vector<variable> x;
  for (int n = 1; n < 8; ++n) {
    x.push_back(t.input(float32, {2}));
    const variable y = tests::many(x);
    for (const variable& v : x) EXPECT_LT(v.index(), y.index());
    EXPECT_EQ(tests::listed(t.operands_of(y.index())), tests::indices(x));
    EXPECT_EQ(tests::listed(t.value_operands_of(y.index())), tests::indices(x));
    EXPECT_EQ(tests::listed(t.rule_operands_of(y.index())), tests::indices(x));
  }
  x.push_back(t.input(float32, {3}));
  tests::expect_error<shape_error>([&] { tests::many(x); }, "many: float32 (3,) differs [at ");
  EXPECT_TRUE(t.operands_of(0).empty());
  EXPECT_EQ(record(tests::many_op, {x[0], x[1], x[0], x[2], x[1]}).type(), x[0].type());
}

TEST(Tape, KnowsWhatIsNeededThroughAnyNumberOfOperands) {
  tape t;
  std::vector<variable> x;
  for (int n = 0; n < 6; ++n) x.push_back(t.input(float32, {2}));
  const std::uint32_t y = tests::many({x[5], x[3], x[1], x[0], x[3]}).index();
  const std::vector<std::uint32_t> wanted{0, 1, no_node, 2, no_node, 3, 4};
  EXPECT_EQ(t.needed_by({&y, 1}), wanted);
}

TEST(Tape, ACustomGradientHasItsValueAndTheInputsOfItsRuleAsOperands) {
  tape t;
  std::vector<variable> x;
  for (int n = 0; n < 5; ++n) x.push_back(t.input(float32, {2}));
  const auto rule = [](const std::vector<variable>& in, variable, variable) { return in; };
  for (; !x.empty(); x.pop_back()) {
    variable value;
    const variable y = custom_gradient(
        [&](const std::vector<variable>& in) { return value = sin(in.back()); }, x, rule);
    std::vector<variable> all = x;
    all.insert(all.begin(), value);
    EXPECT_EQ(tests::listed(t.operands_of(y.index())), tests::indices(all));
    EXPECT_EQ(tests::listed(t.value_operands_of(y.index())), tests::indices({value}));
    EXPECT_EQ(tests::listed(t.rule_operands_of(y.index())), tests::indices(x));
    const std::uint32_t root = y.index();
    EXPECT_EQ(t.needed_by({&root, 1})[0], x.size() == 1 ? 0 : no_node);  // the value is sin(last)
  }
}

TEST(Tape, InternsTypesAndPlaces) {
  tape t;
  variable x = t.input(float32, {2, 3});
  const std::uint32_t type = t.nodes()[x.index()].type;
  for (int i = 0; i < 5; ++i) x = sin(x);  // one line: one place
  const std::uint32_t place = t.nodes()[x.index()].place;
  for (std::uint32_t i = 1; i < t.size(); ++i) {
    EXPECT_EQ(t.nodes()[i].type, type);
    EXPECT_EQ(t.nodes()[i].place, place);
  }
  EXPECT_NE(t.nodes()[(x + x).index()].place, place);
  EXPECT_NE(t.nodes()[sum(x).index()].type, type);
}

TEST(Tape, ReferencesToTypesSurviveRecording) {
  tape t;
  const variable x = t.input(float32, {7, 5});
  const shape& s = x.shape();
  for (std::int64_t n = 1; n < 2000; ++n) t.input(float32, {n});
  EXPECT_EQ(s, (shape{7, 5}));
}

TEST(Tape, KnowsTheUsersLine) {
  tape t;
  const variable x = t.input(float32, {2, 3});
  const int line = __LINE__ + 1;
  const variable y = softmax(x);
  EXPECT_EQ(t.place_of(y.index()).line, line);
  EXPECT_EQ(t.place_of(y.index()).text(), "record_test.cpp:" + std::to_string(line));
  // A composed operation's nodes all point to the user's line, and so do its derivatives.
  const std::size_t recorded = t.size();
  for (std::uint32_t i = 1; i < recorded; ++i) EXPECT_EQ(t.place_of(i).line, line) << i;
  vjp(y, {x}, y);
  for (auto i = static_cast<std::uint32_t>(recorded); i < t.size(); ++i) {
    EXPECT_EQ(t.place_of(i).line, line) << i;
  }
}

TEST(Tape, AReadIsOneNode) {
  tape t;
  const parameter w("w", array{1, 2});
  const variable a = t.read(w), b = t.read(w), c = t.input(float32, {2}) + w;
  EXPECT_EQ(a.index(), b.index());
  EXPECT_EQ(t.operands_of(c.index())[1], a.index());
}

TEST(Tape, TwoReadsAroundAnAssignDiffer) {
  tape t;
  const parameter w("w", array{1, 2});
  const variable before = t.read(w);
  const variable stepped = before * 10;
  t.assign(w, stepped);
  const variable after = t.read(w);
  EXPECT_EQ(after.index(), stepped.index());
  EXPECT_EQ(before.value<float>(), (array{1, 2}));
  EXPECT_EQ(after.value<float>(), (array{10, 20}));
  EXPECT_EQ(w.value<float>(), (array{1, 2}));  // nothing was written
  // Derivatives see the same: d(after)/d(before) is 10.
  EXPECT_EQ(gradient(sum(t.read(w)), before).value<float>(), (array{10, 10}));
}

TEST(Tape, KeepsEffectsInOrder) {
  tape t;
  const parameter w("w", array{1, 2}), v("v", array{3, 4});
  t.assign(w, t.read(v));
  t.assign(v, t.read(w));
  t.require(t.read(w) > 0, "positive");
  ASSERT_EQ(t.effects().size(), 3u);
  EXPECT_EQ(t.parameter_at(t.effects()[0].parameter), w);
  EXPECT_EQ(t.parameter_at(t.effects()[1].parameter), v);
  EXPECT_EQ(t.effects()[2].parameter, no_node);
  EXPECT_EQ(t.message_at(t.effects()[2].previous), "positive");
}

TEST(Tape, AssignsANumberToAScalar) {
  tape t;
  const parameter w("w", 2.0F);
  t.assign(w, 3);
  EXPECT_EQ(t.read(w).value<float>()(), 3.0F);
  t.commit();
  EXPECT_EQ(w.value<float>()(), 3.0F);
}

TEST(Tape, CurrentParametersAreThoseReadOrAssigned) {
  tape t;
  const parameter w("w", array{1, 2}), v("v", array{3, 4}), unused("u", 1.0F);
  const variable x = t.read(w);
  t.assign(v, x * 2);
  const auto current = t.current_parameters();
  ASSERT_EQ(current.size(), 2u);
  EXPECT_EQ(current[0].first, w);
  EXPECT_EQ(current[0].second, x.index());
  EXPECT_EQ(current[1].first, v);
  EXPECT_EQ(current[1].second, t.read(v).index());
}

TEST(Tape, Float64PromotesInputsReadsAndConstants) {
  tape t{precision::float64};
  const parameter w("w", array{1, 2}), i("i", xt::xarray<std::int64_t>{1});
  EXPECT_EQ(t.input(float32, {2}).dtype(), float64);
  EXPECT_EQ(t.read(w).dtype(), float64);
  EXPECT_EQ(t.constant(array{1}).dtype(), float64);
  EXPECT_EQ(t.constant(1.5F).dtype(), float64);
  EXPECT_EQ(t.input(int64, {2}).dtype(), int64);
  EXPECT_EQ(t.read(i).dtype(), int64);
  EXPECT_EQ(t.constant(xt::xarray<int>{1}).dtype(), int64);
  const variable y = t.read(w) / 3;  // literals adopt it
  EXPECT_EQ(y.value<double>()(0), 1.0 / 3);
}

TEST(Tape, AsGivenPromotesNothing) {
  tape t;
  EXPECT_EQ(t.input(float32, {2}).dtype(), float32);
  EXPECT_EQ(t.input(float64, {2}).dtype(), float64);
  EXPECT_EQ(t.constant(1.5F).dtype(), float32);
}

TEST(Tape, ConstantsAreCopied) {
  tape t;
  array a{1, 2};
  const variable x = t.constant(a);
  a(0) = 7;
  EXPECT_EQ(x.value<float>(), (array{1, 2}));
}

TEST(Tape, NumbersAdoptTheTensorsDtype) {
  tape t;
  const variable x = t.input(float64, {2}), i = t.input(int64, {2});
  EXPECT_EQ((x * 2).dtype(), float64);
  EXPECT_EQ((2.0F - x).dtype(), float64);
  EXPECT_EQ((i + 2).dtype(), int64);
  const parameter w("w", xt::xarray<double>{1, 2});
  EXPECT_EQ((t.read(w) + 1).dtype(), float64);
}

TEST(Tape, BytesGrowWithItsNodesAndConstants) {
  tape t;
  const std::size_t empty = t.bytes();
  variable x = t.constant(xt::zeros<float>({1000}));
  EXPECT_GE(t.bytes(), empty + 4000);
  const std::size_t before = t.bytes();
  for (int i = 0; i < 10000; ++i) x = sin(x);
  EXPECT_GE(t.bytes(), before + 10000 * sizeof(node));
  EXPECT_LE(t.bytes(), before + 3 * 10000 * sizeof(node));  // room to grow is counted
}

TEST(Tape, LabelsAreKept) {
  tape t;
  const variable x = t.input(float32, {2}, "x"), y = sin(x).named("wave");
  EXPECT_EQ(*t.label_of(x.index()), "x");
  EXPECT_EQ(*t.label_of(y.index()), "wave");
  EXPECT_EQ(t.label_of((y + 1).index()), nullptr);
  y.named("sea");
  EXPECT_EQ(*t.label_of(y.index()), "sea");
}

TEST(Tape, EmptyVariablesThrow) {
  const variable none;
  EXPECT_TRUE(none.empty());
  const std::string text = "variable: it is empty, no operation has made it";
  expect_error<tape_error>([&] { none.type(); }, text);
  expect_error<tape_error>([&] { none.owner(); }, text);
  expect_error<tape_error>([&] { none.named("x"); }, text);
  expect_error<tape_error>([&] { none.value<float>(); }, text);
  tape t;
  expect_error<tape_error>([&] { t.input(float32, {2}) + none; }, text);
}

TEST(Tape, OperandsWithoutATapeThrowAndNameRead) {
  const parameter w("w", array{1, 2});
  const std::string line = std::to_string(__LINE__ + 1);
  expect_error<tape_error>([&] { w* w; },
                           "multiply: no operand is on a tape: record a parameter with "
                           "tape.read(p) [at record_test.cpp:" +
                               line + "]");
  expect_error<tape_error>([&] { exp(w); }, "exp: no operand is on a tape");
  expect_error<tape_error>([&] { softmax(w); }, "softmax: no operand is on a tape");
  expect_error<tape_error>([&] { w + 1; }, "tape.read(p)");
}

TEST(Tape, AnOperandKeepsItsParameter) {
  std::vector<operand> kept;
  {
    const parameter w("w", array{1, 2});
    kept.emplace_back(w);
    kept.emplace_back(parameter("v", array{3, 4}));
  }
  tape t;
  kept.emplace_back(t.constant(array{10, 20}));
  EXPECT_EQ(kept[0].as_parameter()->name(), "w");
  EXPECT_EQ((kept[2] + kept[0]).value<float>(), (array{11, 22}));
  EXPECT_EQ((kept[1] * kept[2]).value<float>(), (array{30, 80}));
  EXPECT_EQ(stack(kept).value<float>(), (array{{1, 2}, {3, 4}, {10, 20}}));
  EXPECT_EQ(kept[2].as_parameter(), nullptr);
}

TEST(Tape, OperandsOfDifferentTapesThrow) {
  tape t, other;
  const variable x = t.input(float32, {2}), y = other.input(float32, {2});
  const std::string line = std::to_string(__LINE__ + 1);
  const auto mixed = [&] { x + y; };
  expect_error<tape_error>(
      mixed, "add: its operands live on different tapes [at record_test.cpp:" + line + ";");
  expect_error<tape_error>([&] { matmul(x, y); }, "live on different tapes");
  const parameter w("w", array{1, 2});
  expect_error<tape_error>([&] { t.assign(w, y); }, "assign: the value lives on another tape");
  expect_error<tape_error>([&] { t.require(y, "y"); },
                           "require: the condition lives on another tape");
}

TEST(Tape, ErrorsNameTheOperationTheShapesAndTheUsersLines) {
  tape t;
  const std::string file = "record_test.cpp:";
  const int a = __LINE__ + 1;
  const variable x = t.input(float32, {2, 3});
  const variable y = t.input(float32, {4, 5});
  const variable z = t.input(float64, {2, 3});
  const int here = __LINE__ + 1;
  expect_error<shape_error>([&] { x + y; }, "add: cannot broadcast (2, 3) with (4, 5) [at " + file +
                                                std::to_string(here) + "; operands made at " +
                                                file + std::to_string(a) + ", " + file +
                                                std::to_string(a + 1) + "]");
  expect_error<dtype_error>([&] { x* z; },
                            "multiply: cannot combine float32 (2, 3) with float64 (2, 3), cast "
                            "one of them [at " +
                                file);
  expect_error<shape_error>([&] { select(x, x, y); },
                            "select: cannot broadcast (2, 3) with (4, 5) [at ");
}

TEST(Tape, AFailedOperationLeavesTheTapeUsable) {
  tape t;
  const variable x = t.input(float32, {2}), y = t.input(float32, {3});
  EXPECT_THROW(x + y, shape_error);
  EXPECT_THROW(softmax(x, 4), value_error);
  const int line = __LINE__ + 1;
  const variable z = sin(x);
  EXPECT_EQ(t.place_of(z.index()).line, line);  // no scope was left behind
  EXPECT_EQ(z.value<float>({{x, array{0, 0}}}), (array{0, 0}));
}

TEST(Tape, AssignOfAnotherTypeThrows) {
  tape t;
  const parameter w("w", array{1, 2});
  const variable x = t.input(float32, {3}), d = t.input(float64, {2});
  const std::string at = " [at record_test.cpp:" + std::to_string(__LINE__ + 1) + "]";
  expect_error<shape_error>([&] { t.assign(w, x); },
                            "assign: parameter 'w' of shape (2,) cannot take a value of shape "
                            "(3,)" +
                                at);
  expect_error<dtype_error>([&] { t.assign(w, d); },
                            "assign: parameter 'w' is float32, the value is float64 [at ");
  EXPECT_TRUE(t.effects().empty());
}

// Where long double holds more than float64.
TEST(Tape, NumbersThatFloat64CannotHoldThrow) {
  const long double infinity = std::numeric_limits<long double>::infinity(),
                    beyond = std::numeric_limits<double>::max() * 4.0L;
  tape t;
  const variable x = t.input(float64, {2});
  if (beyond != infinity) {
    expect_error<value_error>([&] { x + beyond; }, "7.19077e+308 is beyond float64");
    expect_error<value_error>([&] { t.constant(beyond); }, "7.19077e+308 is beyond float64");
  }
  EXPECT_EQ(operand(infinity).number(), infinity);
  EXPECT_EQ(operand(~std::uint64_t{0}).number(), 0x1p64);
}

TEST(Tape, LiteralsThatInt64CannotHoldThrow) {
  tape t;
  const variable i = t.input(int64, {2});
  const std::string at = " is no int64 below 2^53, use tape.constant [at record_test.cpp:" +
                         std::to_string(__LINE__ + 1) + "]";
  expect_error<value_error>([&] { i + 1.5; }, "1.5" + at);
  expect_error<value_error>([&] { i + 1e300; }, "1e+300 is no int64");
  expect_error<value_error>([&] { i + std::nan(""); }, "nan is no int64");
  EXPECT_NO_THROW(i + 3.0);
  EXPECT_NO_THROW(i + -4);
}

}  // namespace
}  // namespace cotape

// Variables and tapes as text.
#include <gtest/gtest.h>

#include <sstream>

#include "primitives/assemble.hpp"

namespace cotape {
namespace {

template <class T> std::string text_of(const T& x) {
  std::ostringstream out;
  out << x;
  return out.str();
}

TEST(Print, AVariableSaysHowItWasMade) {
  tape t;
  const parameter w("weights", xt::xarray<float>{1, 2});
  const variable x = t.input(float32, {3, 2}, "x"), y = x * w;
  EXPECT_EQ(text_of(x), "%0 = input() : float32 (3, 2)  \"x\"");
  EXPECT_EQ(text_of(t.read(w)), "%1 = read() 'weights' : float32 (2,)");
  EXPECT_EQ(text_of(y), "%2 = multiply(%0, %1) : float32 (3, 2)");
  EXPECT_EQ(text_of(y.named("scaled")), "%2 = multiply(%0, %1) : float32 (3, 2)  \"scaled\"");
  EXPECT_EQ(text_of(t.literal(0.5, float32, {})), "%3 = literal() 0.5 : float32 ()");
  EXPECT_EQ(text_of(t.literal(7, int64, {})), "%4 = literal() 7 : int64 ()");
  EXPECT_EQ(text_of(sum(y, 1)), "%5 = sum(%2) {1, 1} : float32 (3,)");
  EXPECT_EQ(text_of(t.constant(xt::xarray<double>{1})), "%6 = constant() : float64 (1,)");
  EXPECT_EQ(text_of(variable()), "variable (empty)");
}

TEST(Print, AttributesHaveNames) {
  tape t;
  const variable x = t.input(float32, {3, 2}), at = t.input(int64, {4});
  const auto end_of = [](const variable& v) {
    const std::string text = text_of(v);
    return text.substr(text.find('='));
  };
  EXPECT_EQ(end_of(concatenate({x, x, x}, 1)),
            "= assemble(%0, %0, %0) {%0 (3, 2) at (0, 0), %0 (3, 2) at (0, 2), "
            "%0 (3, 2) at (0, 4)} : float32 (3, 6)");
  EXPECT_EQ(end_of(pad(x, {1, 0}, {0, 1}, 0.5)),
            "= assemble(%0) {%0 (3, 2) at (1, 0), 0.5 elsewhere} : float32 (4, 3)");
  const variable rows = gather(x, at);
  EXPECT_EQ(end_of(scatter_add(rows, at, 5)),
            "= assemble(%4, %1) {%4 (4, 2) at %1 along axis 0} : float32 (5, 2)");
  EXPECT_EQ(end_of(diag(t.input(float32, {2}))), "= reshape(%7) {2, 2} : float32 (2, 2)");
  EXPECT_EQ(end_of(slice(x, {{1, 3}, {std::nullopt, std::nullopt, -1}})),
            "= slice(%0) {at (1, 1) by (1, -1)} : float32 (2, 2)");
  EXPECT_EQ(end_of(slice(x, {{1, 3}})), "= slice(%0) {at (1, 0)} : float32 (2, 2)");
  const primitives::words flat = [] {
    primitives::words w = primitives::assembly_of({3, 2});
    primitives::append_whole(w, 2, primitives::all_axes);
    return w;
  }();
  const variable numbers = t.input(float32, {4});
  EXPECT_EQ(end_of(record(primitives::assemble, {numbers, at}, flat)),
            "= assemble(%11, %1) {%11 (4,) at %1 of the flat result} : float32 (3, 2)");
  const std::string many = end_of(concatenate(std::vector<operand>(10, x)));
  EXPECT_NE(many.find("%0 (3, 2) at (21, 0), ... (10 parts)}"), std::string::npos) << many;
  EXPECT_EQ(end_of(t.at(7)), "= assemble(%6) {%6 (2,) at (0,) by (3,)} : float32 (4,)");
}

TEST(Print, AStaleVariableThrows) {
  tape t;
  const tape_mark start = t.mark();
  const variable x = t.input(float32, {2});
  t.rewind(start);
  EXPECT_THROW(text_of(x), tape_error);
}

TEST(Print, ATapeHasALineANodeAndItsEffects) {
  tape t;
  const int line = __LINE__ + 1;
  const variable x = t.input(float32, {2}, "x");
  const parameter w("w", xt::xarray<float>{1, 2});
  t.assign(w, x * 2);
  t.require(x, "not zero");
  const std::string place = "  print_test.cpp:";
  const auto padded = [](std::string s) { return s + std::string(60 - s.size(), ' '); };
  EXPECT_EQ(text_of(t), padded("%0 = input() : float32 (2,)  \"x\"") + place +
                            std::to_string(line) + "\n" + padded("%1 = literal() 2 : float32 ()") +
                            place + std::to_string(line + 2) + "\n" +
                            padded("%2 = multiply(%0, %1) : float32 (2,)") + place +
                            std::to_string(line + 2) + "\nassign 'w' = %2\nrequire %0\n");
}

TEST(Print, AnEmptyTapePrintsNothing) { EXPECT_EQ(text_of(tape()), ""); }

}  // namespace
}  // namespace cotape

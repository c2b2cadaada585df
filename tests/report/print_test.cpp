// Variables and tapes as text.
#include <gtest/gtest.h>

#include <sstream>

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

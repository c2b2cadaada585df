// Terms of the loss and bounds of weights, as functions over variables.
#include <gtest/gtest.h>

#include <cotape/cotape.hpp>

#include "expect_error.hpp"

namespace {

using namespace cotape;
using cotape::tests::message_of;

using array = xt::xarray<double>;

const array w = {{3, -0.5}, {-4, 0}};

double number(const regularizer& f) {
  tape t;
  return f(t.constant(w)).value<double>()();
}

array bounded(const constraint& f, const array& of = w) {
  tape t;
  return f(t.constant(of)).value<double>();
}

TEST(Regularizers, AreSumsOfSizesAndSquares) {
  EXPECT_DOUBLE_EQ(number(l1(0.1)), 0.75);
  EXPECT_DOUBLE_EQ(number(l2(0.1)), 2.525);
  EXPECT_DOUBLE_EQ(number(l1_l2(0.2, 0.1)), 1.5 + 2.525);
  EXPECT_DOUBLE_EQ(number(l1()), 0.075);
  EXPECT_DOUBLE_EQ(number(l2()), 0.2525);
}

TEST(Regularizers, HaveTheGradientOfTheirFormula) {
  tape t;
  const variable x = t.constant(w);
  EXPECT_EQ(gradient(l1(0.5)(x), x).value<double>(), (array{{0.5, -0.5}, {-0.5, 0}}));
  EXPECT_EQ(gradient(l2(0.5)(x), x).value<double>(), w);
}

// A weight within its bound keeps its bits.
TEST(Constraints, LimitTheNormOfWhatLeadsToAUnit) {
  const array found = bounded(max_norm(2));
  EXPECT_NEAR(found(0, 0), 3 * 0.4, 1e-15);
  EXPECT_NEAR(found(1, 0), -4 * 0.4, 1e-15);
  EXPECT_EQ(found(0, 1), -0.5);
  EXPECT_EQ(found(1, 1), 0);
  EXPECT_EQ(bounded(max_norm()), found);
  EXPECT_NEAR(bounded(max_norm(1, {1}))(1, 0), -1, 1e-15);
  EXPECT_NEAR(bounded(max_norm(1), array{3, 4})(0), 0.6, 1e-15);  // of a bias: all of it
  const array filters = bounded(max_norm(1), xt::ones<double>({2, 2, 3}));
  EXPECT_NEAR(filters(0, 0, 0), 0.5, 1e-15);  // 2 x 2 weights lead to each filter
}

TEST(Constraints, KeepSignsAndLengths) {
  EXPECT_EQ(bounded(non_neg()), (array{{3, 0}, {0, 0}}));
  const array found = bounded(unit_norm());
  EXPECT_NEAR(found(0, 0), 0.6, 1e-15);
  EXPECT_NEAR(found(1, 0), -0.8, 1e-15);
  EXPECT_EQ(found(0, 1), -1);
  EXPECT_EQ(bounded(unit_norm(), array{0, 0}), (array{0, 0}));
}

TEST(Regularizers, RefuseWhatTheyCannotDo) {
  EXPECT_EQ(message_of([] { l1(-1); }), "l1: the factor is -1");
  EXPECT_EQ(message_of([] { l2(std::nan("")); }), "l2: the factor is nan");
  EXPECT_EQ(message_of([] { l1_l2(1, -2); }), "l2: the factor is -2");
  EXPECT_EQ(message_of([] { max_norm(0); }), "max_norm: 0 is not above 0 and finite");
}

}  // namespace

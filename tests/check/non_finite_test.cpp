#include "cotape/non_finite.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <sstream>

#include "cotape/cotape.hpp"

namespace cotape {
namespace {

using row = xt::xarray<float>;
constexpr float infinity = std::numeric_limits<float>::infinity();

TEST(NonFinite, IsNothingWhereAllIsFinite) {
  tape t;
  const variable x = t.input(float32, {3});
  EXPECT_FALSE(find_non_finite(sum(log(x)), {{x, row{1, 2, 3}}}));
  // An infinity that does not reach the value.
  EXPECT_FALSE(find_non_finite(sum(exp(log(x))), {{x, row{1, 0, 3}}}));
}

TEST(NonFinite, IsFoundAtTheFirstOperationThatMakesOne) {
  tape t;
  const variable x = t.input(float32, {2, 3}, "x"), s = t.input(float32, {3}, "scale");
  const variable quotient = x / s;
  const int line = __LINE__ - 1;
  const auto found = find_non_finite(mean(quotient * 2 + exp(x)),
                                     {{x, row{{1, 2, 3}, {4, 5, 6}}}, {s, row{1, 2, 0}}});
  ASSERT_TRUE(found);
  EXPECT_EQ(found->operation, "divide");
  EXPECT_EQ(found->shape, (shape{2, 3}));
  EXPECT_EQ(found->element, (std::vector<std::int64_t>{0, 2}));
  EXPECT_EQ(found->value, infinity);
  EXPECT_EQ(found->count, 2);
  EXPECT_EQ(found->where.line, line);
  EXPECT_FALSE(found->in_reverse_sweep);
  ASSERT_EQ(found->operands.size(), 2U);
  EXPECT_EQ(found->operands[0].least, 3);
  EXPECT_EQ(found->operands[1].most, 0);
  ASSERT_EQ(found->path.size(), 1U);
  EXPECT_NE(found->path[0].find("\"x\""), std::string::npos);
  std::ostringstream out;
  out << *found;
  EXPECT_EQ(out.str().substr(0, out.str().find('\n')),
            "inf at element (0, 2) of divide, 2 of 6 elements are not finite");
}

TEST(NonFinite, IsNotLookedForBehindAMask) {
  tape t;
  const variable x = t.input(float32, {2, 2}, "x");
  const variable y = where(x > 0, log(x), exp(1000 * abs(x)));
  const auto found = find_non_finite(sum(reshape(y, {4})), {{x, row{{1, -1}, {2, 3}}}});
  ASSERT_TRUE(found);
  EXPECT_EQ(found->operation, "exp");
  EXPECT_EQ(found->element, (std::vector<std::int64_t>{0, 1}));
  EXPECT_EQ(found->count, 1);  // those of 2 and 3 are masked, too
}

TEST(NonFinite, OfAnOperandWithoutElements) {
  tape t;
  const variable x = t.input(float32, {0}, "x");
  const auto found = find_non_finite(max(x), {{x, row(std::vector<std::size_t>{0})}});
  ASSERT_TRUE(found);
  std::ostringstream out;
  out << *found;
  EXPECT_NE(out.str().find("operand of no elements: "), std::string::npos) << out.str();
}

TEST(NonFinite, IsFoundInAReverseSweep) {
  tape t;
  const variable x = t.input(float64, {2}, "x");
  const variable dx = gradient(sum(sqrt(x) * x), x);
  const auto found = find_non_finite(dx, {{x, xt::xarray<double>{4, 0}}});
  EXPECT_FALSE(found);  // the adjoint there is 0
  const variable steep = gradient(sum(sqrt(x)), x);
  const auto there = find_non_finite(steep, {{x, xt::xarray<double>{4, 0}}});
  ASSERT_TRUE(there);
  EXPECT_TRUE(there->in_reverse_sweep);
  EXPECT_EQ(there->element, (std::vector<std::int64_t>{1}));
}

TEST(NonFinite, IsFoundInInputsParametersAndOperandsOfProducts) {
  tape t;
  const variable x = t.input(float32, {2}, "x");
  const auto input = find_non_finite(x + 1, {{x, row{1, std::nanf("")}}});
  ASSERT_TRUE(input);
  EXPECT_EQ(input->operation, "input");
  EXPECT_TRUE(input->operands.empty());
  const parameter w("w", row{{1e38F, 1e38F}});
  const auto product = find_non_finite(matmul(t.read(w), reshape(x, {2, 1})), {{x, row{3, 4}}});
  ASSERT_TRUE(product);
  EXPECT_EQ(product->operation, "matmul");
  EXPECT_EQ(product->operands[1].least, 3);
  EXPECT_EQ(product->operands[1].most, 4);
  EXPECT_NE(product->path.at(0).find("'w'"), std::string::npos);
}

TEST(NonFinite, EndsAFitBeforeTheUpdate) {
  const row x{{1, 2}, {3, 4}, {0, 5}}, y{1, 2, 3};
  const auto logarithm = [](variable v) { return log(v); };
  sequential m({lambda(logarithm), dense(1)});
  m.compile("mse", "sgd");
  m.predict(x);
  const row before = m.parameters()[0].value<float>();
  try {
    m.fit(x, y, {.batch_size = 3, .shuffle = false, .progress = nullptr});
    FAIL() << "the loss is infinite";
  } catch (const value_error& e) {
    const std::string text = e.what();
    EXPECT_TRUE(text.starts_with(
        "fit: the loss of batch 1 of epoch 1 is not finite: -inf at element (2, 0) of log, 1 of 6"))
        << text;
  }
  EXPECT_EQ(m.parameters()[0].value<float>(), before);
  const history h = m.fit(x, y, {.progress = nullptr, .stop_at_non_finite = false});
  EXPECT_FALSE(std::isfinite(h["loss"].back()));
}

}  // namespace
}  // namespace cotape

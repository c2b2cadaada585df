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

TEST(NonFinite, NamesLabelLineAndTheShortestPath) {
  tape t;
  const variable x = t.input(float32, {2}, "x");
  const parameter w("w", row{1, 2});
  const variable far = exp(exp(x)) - 1, ratio = (far * w / (0 * far)).named("ratio");
  const int line = __LINE__ - 1;
  const auto found = find_non_finite(sum(ratio), {{x, row{0, 0}}});
  ASSERT_TRUE(found);
  EXPECT_EQ(found->operation, "divide");
  EXPECT_EQ(found->where.line, line);
  EXPECT_NE(found->text.find("\"ratio\""), std::string::npos) << found->text;
  EXPECT_NE(found->text.find("non_finite_test.cpp:" + std::to_string(line)), std::string::npos);
  ASSERT_EQ(found->path.size(), 2U);  // by the product to w, not by exp and exp to x
  EXPECT_NE(found->path[0].find("multiply"), std::string::npos) << found->path[0];
  EXPECT_NE(found->path[1].find("'w'"), std::string::npos) << found->path[1];
}

TEST(NonFinite, IsLookedForForwardBeforeBackward) {
  tape t;
  const variable x = t.input(float64, {2}, "x"), y = square(log(x));
  const auto found = find_non_finite(gradient(sum(y), x), {{x, xt::xarray<double>{2, 0}}});
  ASSERT_TRUE(found);  // 2 log(x) / x: both factors are infinite
  EXPECT_EQ(found->operation, "log");
  EXPECT_FALSE(found->in_reverse_sweep);
}

TEST(NonFinite, OfAProductShowsTheRowAndTheColumn) {
  tape t;
  const variable a = t.input(float32, {2, 2, 3}), b = t.input(float32, {2, 3, 2});
  auto left = row::from_shape({2, 2, 3}), right = row::from_shape({2, 3, 2});
  left.fill(1);
  right.fill(-0.125F);
  for (std::size_t k = 0; k < 3; ++k) {
    left(1, 0, k) = 1e38F + static_cast<float>(k) * 1e37F;
    right(1, k, 1) = 3 + static_cast<float>(k);
  }
  const auto found = find_non_finite(matmul(a, b), {{a, left}, {b, right}});
  ASSERT_TRUE(found);
  EXPECT_EQ(found->element, (std::vector<std::int64_t>{1, 0, 1}));
  EXPECT_EQ(found->count, 1);
  EXPECT_EQ(found->operands[0].least, 1e38F);
  EXPECT_EQ(found->operands[0].most, left(1, 0, 2));
  EXPECT_EQ(found->operands[1].least, 3);
  EXPECT_EQ(found->operands[1].most, 5);
}

TEST(NonFinite, OfAReductionShowsWhatWasReduced) {
  tape t;
  const variable x = t.input(float32, {2, 3, 2});
  auto at = row::from_shape({2, 3, 2});
  at.fill(1);
  for (std::size_t k = 0; k < 3; ++k) at(1, k, 0) = 2e38F + static_cast<float>(k) * 1e37F;
  const auto found = find_non_finite(sum(x, 1), {{x, at}});
  ASSERT_TRUE(found);
  EXPECT_EQ(found->operation, "sum");
  EXPECT_EQ(found->element, (std::vector<std::int64_t>{1, 0}));
  EXPECT_EQ(found->operands[0].least, 2e38F);
  EXPECT_EQ(found->operands[0].most, 2.2e38F);
}

// log has two infinite elements; only that at (1, 1) reaches the value.
TEST(NonFinite, IsFollowedThroughWhatMovesElements) {
  using moved = std::function<variable(variable)>;
  const xt::xarray<std::int64_t> second = {1, 1};
  const row ones{{1, 1}, {1, 1}};
  const std::pair<const char*, moved> ways[] = {
      {"slice", [](variable v) { return slice(v, {range(1, 2)}); }},
      {"transpose",
       [](variable v) {
         return slice(transpose(v), {range(), range(1, 2)});
       }},
      {"gather", [&](variable v) { return gather(v, v.owner().constant(second)); }},
      {"concatenate",
       [](variable v) {
         return slice(concatenate({v * 2, v, v}), {range(3, 4)});
       }},
      {"reshape", [](variable v) { return slice(reshape(v, {6}), {range(3, 6)}); }},
      {"cast", [](variable v) { return slice(cast(v, float64), {1}); }},
      {"pad",
       [](variable v) {
         return slice(pad(v, {1, 0}, {1, 0}, 5), {range(2, 4)});
       }},
      {"sum", [](variable v) { return slice(sum(v, 1), {1}); }},
      {"max", [](variable v) { return slice(max(-v, 1), {1}); }},
      {"matmul",
       [](variable v) {
         return slice(matmul(v, transpose(v)), {1, 1});
       }},
      {"matmul by it",
       [&](variable v) {
         return slice(matmul(v.owner().constant(ones), v), {range(), 1});
       }},
  };
  for (const auto& [name, way] : ways) {
    SCOPED_TRACE(name);
    tape t;
    const variable x = t.input(float32, {2, 3}, "x");
    const auto found = find_non_finite(way(log(x)), {{x, row{{0, 2, 3}, {4, 0, 6}}}});
    ASSERT_TRUE(found);
    EXPECT_EQ(found->operation, "log");
    EXPECT_EQ(found->element, (std::vector<std::int64_t>{1, 1}));
    EXPECT_EQ(found->count, 1);
    EXPECT_EQ(found->operands[0].least, 0);
    EXPECT_EQ(found->operands[0].most, 0);
  }
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

TEST(NonFinite, OfAStepIsFoundInItsUpdateToo) {
  const parameter w("w", row{0, 4});
  sgd optimizer({.rate = 0.1});
  const auto step = [&](variable x) {
    const variable loss = sum(sqrt(w * x));
    optimizer.minimize(loss);
    return loss;
  };
  const auto found = find_non_finite(step, row{1, 1});
  ASSERT_TRUE(found);
  EXPECT_TRUE(found->in_reverse_sweep);
  EXPECT_EQ(found->operation, "divide");
  EXPECT_EQ(found->element, (std::vector<std::int64_t>{0}));
  EXPECT_EQ(w.value<float>(), (row{0, 4}));
  w.set(row{1, 4});
  EXPECT_FALSE(find_non_finite(step, row{1, 1}));
  const auto both = [](variable a, variable b) { return std::vector<variable>{a, log(b)}; };
  EXPECT_EQ(find_non_finite(both, row{1}, row{0})->operation, "log");
}

}  // namespace
}  // namespace cotape

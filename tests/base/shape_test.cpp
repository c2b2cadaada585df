// Shapes, dtypes and broadcasting.
#include <functional>

#include "cotape/error.hpp"
#include "cotape/shape.hpp"
#include "expect_error.hpp"

namespace cotape {
namespace {

using tests::expect_error;

TEST(Shape, KnowsItsSizes) {
  const shape s{2, 3, 4};
  EXPECT_EQ(s.rank(), 3u);
  EXPECT_EQ(s[0], 2);
  EXPECT_EQ(s[2], 4);
  EXPECT_EQ(s.elements(), 24);
  EXPECT_EQ(std::vector<std::int64_t>(s.begin(), s.end()), (std::vector<std::int64_t>{2, 3, 4}));
}

TEST(Shape, OfAScalarHasOneElement) {
  EXPECT_EQ(shape().rank(), 0u);
  EXPECT_EQ(shape().elements(), 1);
  EXPECT_EQ(shape(), shape{});
}

TEST(Shape, WithAZeroIsEmpty) {
  EXPECT_EQ((shape{3, 0, 5}).elements(), 0);
  EXPECT_EQ((shape{0}).elements(), 0);
}

TEST(Shape, ComparesSizesAndRank) {
  EXPECT_EQ((shape{2, 3}), (shape{2, 3}));
  EXPECT_NE((shape{2, 3}), (shape{3, 2}));
  EXPECT_NE((shape{2}), (shape{2, 1}));
  EXPECT_NE((shape{0}), shape{});
  EXPECT_NE((shape{2, 0}), (shape{2}));  // the array behind a shorter shape holds zeros
}

TEST(Shape, PrintsAsAPythonTuple) {
  EXPECT_EQ(shape().text(), "()");
  EXPECT_EQ((shape{3}).text(), "(3,)");
  EXPECT_EQ((shape{2, 3}).text(), "(2, 3)");
  EXPECT_EQ((value_type{float32, {2, 3}}).text(), "float32 (2, 3)");
  EXPECT_EQ((value_type{int64, {}}).text(), "int64 ()");
}

TEST(Shape, TakesTwoToThe31Elements) {
  EXPECT_EQ((shape{1 << 16, 1 << 15}).elements(), std::int64_t{1} << 31);
  EXPECT_EQ((shape{std::int64_t{1} << 31}).elements(), std::int64_t{1} << 31);
}

TEST(Shape, RefusesWhatItCannotHold) {
  expect_error<shape_error>([] { shape{2, -1}; }, "shape (2, -1): a size is negative");
  expect_error<shape_error>([] { shape{1, 1, 1, 1, 1, 1, 1, 1, 1}; },
                            "shape (1, 1, 1, 1, 1, 1, 1, 1, 1): more than 8 axes");
  expect_error<shape_error>(
      [] {
        shape{1 << 16, 1 << 16};
      },
      "shape (65536, 65536): more than 2^31 elements");
  expect_error<shape_error>([] { shape{(std::int64_t{1} << 31) + 1}; },
                            "shape (2147483649): more than 2^31 elements");
  // Also where a product of sizes would overflow 64 bits, and where an axis is empty.
  const std::int64_t big = std::int64_t{1} << 31;
  expect_error<shape_error>([&] { shape{big, big, big}; }, "more than 2^31 elements");
  expect_error<shape_error>([&] { shape{0, big, big}; }, "more than 2^31 elements");
}

TEST(Shape, BroadcastsAsNumPyDoes) {
  const auto joint = [](const shape& a, const shape& b) {
    shape forth, back;
    EXPECT_TRUE(broadcast(a, b, forth));
    EXPECT_TRUE(broadcast(b, a, back));
    EXPECT_EQ(forth, back);
    return forth.text();
  };
  EXPECT_EQ(joint({}, {}), "()");
  EXPECT_EQ(joint({2, 3}, {}), "(2, 3)");
  EXPECT_EQ(joint({2, 3}, {3}), "(2, 3)");
  EXPECT_EQ(joint({2, 3}, {2, 1}), "(2, 3)");
  EXPECT_EQ(joint({4, 1, 3}, {5, 1}), "(4, 5, 3)");
  EXPECT_EQ(joint({1}, {0}), "(0,)");
  EXPECT_EQ(joint({0, 3}, {1, 3}), "(0, 3)");
}

TEST(Shape, BroadcastFailsWhereSizesDiffer) {
  shape result{7};
  EXPECT_FALSE(broadcast({2, 3}, {2}, result));
  EXPECT_FALSE(broadcast({2, 3}, {3, 2}, result));
  EXPECT_FALSE(broadcast({2}, {0}, result));
}

TEST(Shape, RepeatedAxesAreWhatBroadcastingMadeOrRepeated) {
  using list = std::vector<std::int64_t>;
  EXPECT_EQ(repeated_axes({2, 3}, {2, 3}), list());
  EXPECT_EQ(repeated_axes({1, 3}, {2, 3}), (list{0}));
  EXPECT_EQ(repeated_axes({3, 1, 1}, {2, 3, 1, 5}), (list{0, 3}));
  EXPECT_EQ(repeated_axes({}, {2, 1}), (list{0, 1}));
  EXPECT_EQ(repeated_axes({1}, {0}), (list{0}));
}

TEST(Shape, AxesCanBeLeftOut) {
  EXPECT_EQ(without_axes({2, 3, 4}, 1), (shape{2, 4}));
  EXPECT_EQ(without_axes({2, 3, 4}, 1, 2), shape{2});
  EXPECT_EQ(without_axes({2, 3, 4}, 3, 0), (shape{2, 3, 4}));
  EXPECT_EQ(without_axes({0}, 0).text(), "()");
}

TEST(Types, AreListedInErrors) {
  const value_type a{float32, {2, 3}}, b{int64, {2}};
  EXPECT_EQ(text_of(std::vector<const value_type*>{&a, &b}), "float32 (2, 3), int64 (2,)");
  EXPECT_EQ(text_of(std::vector<const value_type*>{}), "no operand");
}

// Its kind stays, also one of the user's.
TEST(Error, SaysMoreOnItsWay) {
  struct own_error : value_error {
    using value_error::value_error;
  };
  expect_error<own_error>(
      [] {
        try {
          throw own_error("rate: -1");
        } catch (error& e) {
          e.add(" [at a.cpp:3]");
          throw;
        }
      },
      "rate: -1 [at a.cpp:3]");
}

TEST(Dtype, HasANameASizeAndACppType) {
  EXPECT_STREQ(name_of(float32), "float32");
  EXPECT_STREQ(name_of(float64), "float64");
  EXPECT_STREQ(name_of(int64), "int64");
  EXPECT_EQ(size_of(float32), sizeof(float));
  EXPECT_EQ(size_of(float64), sizeof(double));
  EXPECT_EQ(size_of(int64), sizeof(std::int64_t));
  EXPECT_EQ(dtype_of<float>::value, float32);
  EXPECT_EQ(dtype_of<double>::value, float64);
  EXPECT_EQ(dtype_of<std::int64_t>::value, int64);
  EXPECT_EQ((value_type{float64, {2, 3}}).bytes(), 48u);
  EXPECT_EQ((value_type{float32, {0}}).bytes(), 0u);
}

TEST(Axis, CountsFromTheEndIfNegative) {
  EXPECT_EQ(normalize_axis("sum", 0, 3), 0u);
  EXPECT_EQ(normalize_axis("sum", 2, 3), 2u);
  EXPECT_EQ(normalize_axis("sum", -1, 3), 2u);
  EXPECT_EQ(normalize_axis("sum", -3, 3), 0u);
}

TEST(Axis, OutsideATensorThrows) {
  expect_error<value_error>([] { normalize_axis("sum", 3, 3); },
                            "sum: axis 3 is outside a tensor of 3 axes");
  expect_error<value_error>([] { normalize_axis("sum", -4, 3); },
                            "sum: axis -4 is outside a tensor of 3 axes");
  expect_error<value_error>([] { normalize_axis("softmax", 0, 0); },
                            "softmax: axis 0 is outside a tensor of 0 axes");
}

}  // namespace
}  // namespace cotape

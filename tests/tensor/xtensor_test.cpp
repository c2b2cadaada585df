// The bridge to xtensor: what is accepted as a value, what is copied, and what comes back.
#include <cotape/xtensor.hpp>
#include <numeric>
#include <xtensor/xfixed.hpp>
#include <xtensor/xmath.hpp>
#include <xtensor/xtensor.hpp>
#include <xtensor/xview.hpp>

#include "expect_error.hpp"

namespace cotape {
namespace {

using tests::expect_error;

// What an argument holds, as text: "float32 (2,): 1 2".
std::string text_of(const array_argument& a) {
  std::ostringstream out;
  out << a.view().type().text() << ":";
  for (std::int64_t i = 0; i < a.view().shape().elements(); ++i) {
    if (a.view().dtype() == float32) out << " " << a.view().data_as<float>()[i];
    else if (a.view().dtype() == float64) out << " " << a.view().data_as<double>()[i];
    else out << " " << a.view().data_as<std::int64_t>()[i];
  }
  return out.str();
}

const xt::xarray<float> matrix{{1, 2, 3}, {4, 5, 6}};

// Numbers that were more than int64's largest became negative.
TEST(Xtensor, UnsignedNumbersBeyondInt64AreRefused) {
  const std::uint64_t most = std::numeric_limits<std::int64_t>::max(), beyond = most + 1;
  const auto why = [](const char* number) {
    return std::string(number) +
           " is beyond int64, which holds up to 9223372036854775807: give it as a float64";
  };
  const xt::xarray<std::uint64_t> all{7, ~std::uint64_t{0}}, fits{0, most};
  expect_error<value_error>([&] { array_argument a(all); }, why("18446744073709551615"));
  expect_error<value_error>([&] { array_argument a(all + std::uint64_t{0}); },
                            why("18446744073709551615"));
  expect_error<value_error>([&] { array_argument a(xt::xtensor<std::uint64_t, 1>{beyond}); },
                            why("9223372036854775808"));
  expect_error<value_error>([&] { array_argument a(beyond); }, why("9223372036854775808"));
  expect_error<value_error>([&] { parameter p("p", all); }, why("18446744073709551615"));
  EXPECT_EQ(text_of(fits), "int64 (2,): 0 9223372036854775807");
  EXPECT_EQ(text_of(most), "int64 (): 9223372036854775807");
}

// As 1e400L, where long double holds it.
TEST(Xtensor, LongNumbersBeyondFloat64AreRefused) {
  const long double infinity = std::numeric_limits<long double>::infinity(),
                    most = std::numeric_limits<double>::max(), beyond = most * 4;
  if (beyond == infinity) GTEST_SKIP() << "long double is double";
  const std::string why = "7.19077e+308 is beyond float64, which holds up to 1.79769e+308";
  expect_error<value_error>([&] { array_argument a(beyond); }, why);
  expect_error<value_error>([&] { array_argument a(-beyond); },
                            "-7.19077e+308 is beyond float64, which holds up to "
                            "1.79769e+308");
  expect_error<value_error>([&] { array_argument a(xt::xarray<long double>{1, beyond}); }, why);
  EXPECT_EQ(text_of(xt::xarray<long double>{1.5L, infinity, -infinity}),
            "float64 (3,): 1.5 inf -inf");
  EXPECT_EQ(*array_argument(most).view().data_as<double>(), std::numeric_limits<double>::max());
}

TEST(Xtensor, ContainersAreUsedWhereTheyAre) {
  xt::xarray<float> dynamic{{1, 2}, {3, 4}};
  xt::xtensor<double, 1> fixed_rank{1, 2, 3};
  xt::xtensor_fixed<float, xt::xshape<2, 2>> fixed{{1, 2}, {3, 4}};
  xt::xarray<std::int64_t> integers{1, 2};
  std::vector<float> plain{1, 2, 3, 4};
  auto adapted = xt::adapt(plain, {2, 2});
  EXPECT_EQ(array_argument(dynamic).view().data(), dynamic.data());
  EXPECT_EQ(array_argument(fixed_rank).view().data(), fixed_rank.data());
  EXPECT_EQ(array_argument(fixed).view().data(), fixed.data());
  EXPECT_EQ(array_argument(integers).view().data(), integers.data());
  EXPECT_EQ(array_argument(adapted).view().data(), plain.data());
  EXPECT_EQ(text_of(dynamic), "float32 (2, 2): 1 2 3 4");
  EXPECT_EQ(text_of(fixed_rank), "float64 (3,): 1 2 3");
  EXPECT_EQ(text_of(fixed), "float32 (2, 2): 1 2 3 4");
  EXPECT_EQ(text_of(integers), "int64 (2,): 1 2");
  EXPECT_EQ(text_of(adapted), "float32 (2, 2): 1 2 3 4");
}

TEST(Xtensor, ViewsAreEvaluated) {
  EXPECT_EQ(text_of(xt::view(matrix, xt::all(), xt::range(0, 3, 2))), "float32 (2, 2): 1 3 4 6");
  EXPECT_EQ(text_of(xt::view(matrix, 1)), "float32 (3,): 4 5 6");
  EXPECT_EQ(text_of(xt::view(matrix, xt::newaxis(), xt::all(), 0)), "float32 (1, 2): 1 4");
  EXPECT_EQ(text_of(xt::transpose(matrix)), "float32 (3, 2): 1 4 2 5 3 6");
  EXPECT_EQ(
      text_of(xt::strided_view(matrix, {xt::ellipsis(), xt::range(2, xt::placeholders::_, -1)})),
      "float32 (2, 3): 3 2 1 6 5 4");
}

TEST(Xtensor, LazyExpressionsAndReducersAreEvaluated) {
  EXPECT_EQ(text_of(matrix + matrix), "float32 (2, 3): 2 4 6 8 10 12");
  EXPECT_EQ(text_of(xt::sum(matrix, {0})), "float32 (3,): 5 7 9");
  EXPECT_EQ(text_of(xt::sum(matrix)), "float32 (): 21");
  EXPECT_EQ(text_of(2.0F * xt::view(matrix, 0) - 1.0F), "float32 (3,): 1 3 5");
  EXPECT_EQ(text_of(xt::amax(matrix, {1})), "float32 (2,): 3 6");
  EXPECT_EQ(text_of(xt::ones<double>({2})), "float64 (2,): 1 1");
  EXPECT_EQ(text_of(xt::broadcast(xt::view(matrix, 0), {2, 3})), "float32 (2, 3): 1 2 3 1 2 3");
}

TEST(Xtensor, ColumnMajorContainersKeepTheirMeaning) {
  const xt::xarray<float, xt::layout_type::column_major> columns = matrix;
  const xt::xtensor<double, 2, xt::layout_type::column_major> fixed_rank{{1, 2}, {3, 4}};
  EXPECT_EQ(text_of(columns), "float32 (2, 3): 1 2 3 4 5 6");
  EXPECT_EQ(text_of(fixed_rank), "float64 (2, 2): 1 2 3 4");
  xt::xarray<float, xt::layout_type::dynamic> chosen(std::vector<std::size_t>{2, 3},
                                                     xt::layout_type::column_major);
  chosen = matrix;
  EXPECT_EQ(text_of(chosen), "float32 (2, 3): 1 2 3 4 5 6");
}

TEST(Xtensor, StridedAdaptorsKeepTheirMeaning) {
  std::vector<float> plain{1, 2, 3, 4, 5, 6};
  const std::vector<std::size_t> sizes{3, 2}, strides{1, 3};
  EXPECT_EQ(text_of(xt::adapt(plain, sizes, strides)), "float32 (3, 2): 1 4 2 5 3 6");
}

TEST(Xtensor, IntegersAndBoolsBecomeInt64) {
  EXPECT_EQ(text_of(xt::xarray<int>{1, -2}), "int64 (2,): 1 -2");
  EXPECT_EQ(text_of(xt::xarray<std::uint8_t>{200, 255}), "int64 (2,): 200 255");
  EXPECT_EQ(text_of(xt::xarray<bool>{true, false}), "int64 (2,): 1 0");
  EXPECT_EQ(text_of(matrix > 3.0F), "int64 (2, 3): 0 0 0 1 1 1");
  EXPECT_EQ(text_of(xt::arange<int>(3)), "int64 (3,): 0 1 2");
}

TEST(Xtensor, NumbersKeepTheirPrecision) {
  EXPECT_EQ(text_of(1.5F), "float32 (): 1.5");
  EXPECT_EQ(text_of(1.5), "float64 (): 1.5");
  EXPECT_EQ(text_of(3), "int64 (): 3");
  EXPECT_EQ(text_of(true), "int64 (): 1");
  EXPECT_EQ(text_of(2.0L), "float64 (): 2");
}

TEST(Xtensor, EmptyAndScalarContainersWork) {
  EXPECT_EQ(text_of(xt::xarray<float>(2.0F)), "float32 (): 2");
  EXPECT_EQ(text_of(xt::xtensor<float, 2>(std::array<std::size_t, 2>{0, 3})), "float32 (0, 3):");
  EXPECT_EQ(text_of(xt::xarray<int>::from_shape({0})), "int64 (0,):");
}

TEST(Xtensor, TensorsViewsAndParametersAreUsedWhereTheyAre) {
  tensor t({float32, {2}});
  const parameter p("w", t);
  EXPECT_EQ(array_argument(t).view().data(), t.data());
  EXPECT_EQ(array_argument(array_view(t)).view().data(), t.data());
  EXPECT_EQ(array_argument(p).view().data(), p.view().data());
}

TEST(Xtensor, AnArgumentKeepsWhatItOwnsWhenMoved) {
  array_argument evaluated(matrix + 1.0F), number(2.5), given(tensor({float64, {2}}));
  const array_argument a(std::move(evaluated)), b(std::move(number)), c(std::move(given));
  EXPECT_EQ(text_of(array_argument(a.view())), "float32 (2, 3): 2 3 4 5 6 7");
  EXPECT_EQ(text_of(array_argument(b.view())), "float64 (): 2.5");
  EXPECT_EQ(text_of(array_argument(c.view())), "float64 (2,): 0 0");
}

TEST(Xtensor, ResultsComeBackAsViewsWithoutACopy) {
  tensor t({float32, {2, 2}});
  std::iota(t.data_as<float>(), t.data_as<float>() + 4, 1.0F);
  const auto view = as_xtensor<float>(t);
  EXPECT_EQ(view.data(), t.data_as<float>());
  EXPECT_EQ(view, (xt::xarray<float>{{1, 2}, {3, 4}}));
  EXPECT_EQ(xt::xarray<float>(xt::sum(view, {1})), (xt::xarray<float>{3, 7}));
}

TEST(Xtensor, ResultsComeBackAsCopies) {
  tensor t({int64, {2}});
  xt::xarray<std::int64_t> copy = to_xarray<std::int64_t>(t);
  t.data_as<std::int64_t>()[0] = 9;
  EXPECT_EQ(copy, (xt::xarray<std::int64_t>{0, 0}));
}

TEST(Xtensor, AnotherDtypeOrTooManyAxesThrow) {
  const tensor t({float32, {2}});
  expect_error<dtype_error>([&] { as_xtensor<double>(t); },
                            "data_as: float64 was asked for, but the value is float32");
  expect_error<dtype_error>([&] { to_xarray<std::int64_t>(t); },
                            "data_as: int64 was asked for, but the value is float32");
  const std::vector<std::size_t> nine(9, 1);
  const xt::xarray<float> deep(nine, 1.0F);
  expect_error<shape_error>([&] { array_argument{deep}; }, "more than 8 axes");
  expect_error<shape_error>([&] { array_argument{deep + 1.0F}; }, "more than 8 axes");
}

}  // namespace
}  // namespace cotape

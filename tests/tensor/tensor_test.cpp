// Owning values, views of other people's values, and parameters.
#include <cmath>
#include <cotape/cotape.hpp>
#include <cstring>
#include <limits>

#include "expect_error.hpp"

namespace cotape {
namespace {

using tests::expect_error;

bool aligned(const void* p) { return reinterpret_cast<std::uintptr_t>(p) % 64 == 0; }

TEST(Tensor, StartsAsZeros) {
  const tensor x({float32, {3, 5}});
  EXPECT_EQ(x.shape(), (shape{3, 5}));
  EXPECT_EQ(x.dtype(), float32);
  for (int i = 0; i < 15; ++i) EXPECT_EQ(x.data_as<float>()[i], 0);
}

TEST(Tensor, DefaultIsAFloat32Scalar) {
  const tensor x;
  EXPECT_EQ(x.type(), (value_type{float32, {}}));
  EXPECT_EQ(*x.data_as<float>(), 0);
}

TEST(Tensor, IsAlignedAndPaddedToWholeLines) {
  for (const std::int64_t n : {0, 1, 15, 16, 17, 1000}) {
    tensor x({float32, {n}});
    EXPECT_TRUE(aligned(x.data())) << n;
    // The padding can be read and written (AddressSanitizer looks on) and holds zeros.
    const std::int64_t whole = std::max<std::int64_t>((n + 15) / 16 * 16, 16);
    for (std::int64_t i = n; i < whole; ++i) EXPECT_EQ(x.data_as<float>()[i], 0) << n;
    x.data_as<float>()[whole - 1] = 1;
  }
}

TEST(Tensor, CopiesAreDeep) {
  tensor x({float64, {2}});
  x.data_as<double>()[1] = 3;
  tensor copy = x;
  tensor assigned;
  assigned = x;
  x.data_as<double>()[1] = 4;
  EXPECT_EQ(copy.data_as<double>()[1], 3);
  EXPECT_EQ(assigned.data_as<double>()[1], 3);
  EXPECT_EQ(assigned.type(), x.type());
}

TEST(Tensor, MovesKeepTheirData) {
  tensor x({float64, {2}});
  const void* data = x.data();
  const tensor moved = std::move(x);
  EXPECT_EQ(moved.data(), data);
}

TEST(Tensor, ConvertsBetweenFloatingDtypes) {
  tensor x({float32, {3}});
  x.data_as<float>()[0] = 0.1F;
  x.data_as<float>()[1] = std::numeric_limits<float>::infinity();
  x.data_as<float>()[2] = -2;
  const tensor wide(x, float64);
  EXPECT_EQ(wide.data_as<double>()[0], static_cast<double>(0.1F));
  EXPECT_TRUE(std::isinf(wide.data_as<double>()[1]));
  EXPECT_TRUE(same_bits(tensor(wide, float32), x));
}

TEST(Tensor, RefusesToConvertIntegers) {
  const tensor x({int64, {2}});
  expect_error<dtype_error>([&] { tensor(x, float32); },
                            "tensor: float32 was asked for, but the value is int64");
  expect_error<dtype_error>(
      [] {
        tensor(tensor({float32, {2}}), int64);
      },
      "tensor: int64 was asked for, but the value is float32");
}

TEST(Tensor, GivesItsDataOnlyAsItsOwnDtype) {
  tensor x({float32, {2}});
  const tensor& constant = x;
  EXPECT_NO_THROW(x.data_as<float>());
  const std::string text = "data_as: float64 was asked for, but the value is float32";
  expect_error<dtype_error>([&] { x.data_as<double>(); }, text);
  expect_error<dtype_error>([&] { constant.data_as<double>(); }, text);
  expect_error<dtype_error>([&] { array_view(x).data_as<double>(); }, text);
}

TEST(Tensor, SameBitsComparesTypesAndBits) {
  tensor zero({float32, {1}}), negative({float32, {1}});
  negative.data_as<float>()[0] = -0.0F;
  EXPECT_TRUE(same_bits(zero, tensor({float32, {1}})));
  EXPECT_FALSE(same_bits(zero, negative));
  EXPECT_FALSE(same_bits(zero, tensor({float32, {}})));
  EXPECT_FALSE(same_bits(tensor({float64, {1}}), tensor({int64, {1}})));
  tensor nan({float32, {1}});
  nan.data_as<float>()[0] = std::nanf("");
  EXPECT_TRUE(same_bits(nan, tensor(nan)));
  EXPECT_TRUE(same_bits(tensor({float32, {0}}), tensor({float32, {0}})));
}

TEST(Parameter, KeepsAValueUnderAName) {
  const parameter p("w", xt::xarray<float>{{1, 2}, {3, 4}});
  EXPECT_EQ(p.name(), "w");
  EXPECT_EQ(p.type(), (value_type{float32, {2, 2}}));
  EXPECT_EQ(p.shape(), (shape{2, 2}));
  EXPECT_EQ(p.dtype(), float32);
  EXPECT_TRUE(p.trainable());
  EXPECT_EQ(p.value<float>(), (xt::xarray<float>{{1, 2}, {3, 4}}));
  EXPECT_TRUE(aligned(p.view().data()));
}

TEST(Parameter, CopiesAreHandlesToOneValue) {
  const parameter p("w", 1.0);
  const parameter copy = p, other("w", 1.0);
  EXPECT_EQ(copy, p);
  EXPECT_EQ(copy.identity(), p.identity());
  EXPECT_FALSE(p == other);
  copy.set(2.0);
  copy.set_trainable(false);
  EXPECT_EQ(p.value<double>()(), 2.0);
  EXPECT_FALSE(p.trainable());
  EXPECT_EQ(other.value<double>()(), 1.0);
}

TEST(Parameter, DoesNotFollowWhatItWasMadeFrom) {
  xt::xarray<float> a{1, 2};
  const parameter p("w", a);
  a(0) = 7;
  EXPECT_EQ(p.value<float>(), (xt::xarray<float>{1, 2}));
}

TEST(Parameter, SetsInPlace) {
  const parameter p("w", xt::xarray<double>{1, 2});
  const void* data = p.view().data();
  p.set(xt::xarray<double>{3, 4});
  EXPECT_EQ(p.view().data(), data);
  EXPECT_EQ(p.value<double>(), (xt::xarray<double>{3, 4}));
}

TEST(Parameter, ASetOfAnotherTypeThrowsAndChangesNothing) {
  const parameter p("w", xt::xarray<float>{1, 2});
  expect_error<shape_error>(
      [&] {
        p.set(xt::xarray<float>{1, 2, 3});
      },
      "parameter 'w': cannot set a value of shape (3,), its shape is (2,)");
  expect_error<dtype_error>(
      [&] {
        p.set(xt::xarray<double>{1, 2});
      },
      "parameter 'w': cannot set a float64 value, its dtype is float32");
  expect_error<dtype_error>([&] { p.value<double>(); },
                            "data_as: float64 was asked for, but the value is float32");
  EXPECT_EQ(p.value<float>(), (xt::xarray<float>{1, 2}));
}

TEST(Parameter, IsUsableAfterItWasMovedFrom) {
  parameter p("w", xt::xarray<float>{1, 2});
  const parameter moved = std::move(p);
  EXPECT_EQ(p, moved);
  EXPECT_EQ(p.value<float>(), (xt::xarray<float>{1, 2}));
  parameter other("v", 1.0F);
  other = std::move(p);
  EXPECT_EQ(p.name(), "w");
}

TEST(Parameter, MayBeEmptyOrNotTrainable) {
  const parameter p("w", tensor({float32, {0, 3}}), false);
  EXPECT_FALSE(p.trainable());
  p.set(tensor({float32, {0, 3}}));
  EXPECT_EQ(p.value<float>().size(), 0u);
}

// Whatever takes a value refuses one without data before it does anything.
void expect_refused_everywhere(const array_view& none, const std::string& text) {
  expect_error<value_error>([&] { none.data(); }, text);
  expect_error<value_error>([&] { none.data_as<float>(); }, text);
  expect_error<value_error>([&] { tensor{none}; }, text);
  expect_error<value_error>([&] { tensor(none, float64); }, text);
  expect_error<value_error>([&] { same_bits(tensor(none.type()), none); }, text);
  expect_error<value_error>([&] { to_xarray<float>(none); }, text);
  expect_error<value_error>([&] { as_xtensor<float>(none); }, text);
  expect_error<value_error>([&] { parameter("p", none); }, text);
  const parameter p("p", tensor(none.type()));
  expect_error<value_error>([&] { p.set(none); }, text);
  tape t;
  const variable x = t.input(float32, none.shape()), wide = t.input(float64, none.shape());
  expect_error<value_error>([&] { t.constant(none); }, text);
  expect_error<value_error>([&] { (x * 2).value<float>({{x, none}}); }, text);
  expect_error<value_error>([&] { sum(wide).value<double>({{wide, none}}); }, text);
  t.assign(p, x);
  expect_error<value_error>([&] { t.commit({{x, none}}); }, text);
  program code(t, {x}, {x + p});
  expect_error<value_error>([&] { code.run(std::vector{none}); }, text);
  auto traced = compile([](variable v) { return v * 2; });
  expect_error<value_error>([&] { traced(none); }, text);
  expect_error<value_error>([&] { check_gradient([](variable v) { return sum(v); }, {none}); },
                            text);
  expect_error<value_error>([&] { find_non_finite([](variable v) { return v; }, none); }, text);
}

TEST(ArrayView, WithoutDataIsRefusedByWhateverTakesIt) {
  const std::string text =
      "array_view: it stands for float32 (3,), but its data is a null pointer, or that of a tensor "
      "that was moved from";
  expect_refused_everywhere({{float32, {3}}, nullptr}, text);
  expect_refused_everywhere(array_view(), "array_view: it stands for float32 (), but its data");
  tensor t({float32, {3}});
  const tensor moved = std::move(t);
  expect_refused_everywhere(t, text);
  expect_error<value_error>([&] { const tensor copy(t); }, text);
  auto nothing =
      xt::adapt(static_cast<float*>(nullptr), 3, xt::no_ownership(), std::vector<std::size_t>{3});
  auto twice = compile([](variable v) { return v * 2; });
  expect_error<value_error>([&] { twice(moved).copy_to(nothing); }, text);
  expect_refused_everywhere(array_argument(nothing).view(), text);
}

TEST(ArrayView, WithoutElementsNeedsNoData) {
  const array_view none({float32, {0, 3}}, nullptr);
  EXPECT_EQ(none.data(), nullptr);
  EXPECT_EQ(tensor(none).shape(), (shape{0, 3}));
  EXPECT_EQ(to_xarray<float>(none).size(), 0u);
  EXPECT_TRUE(same_bits(none, none));
  tape t;
  const variable x = t.input(float32, {0, 3});
  EXPECT_EQ(sum(x).value<float>({{x, none}})(), 0);
}

}  // namespace
}  // namespace cotape

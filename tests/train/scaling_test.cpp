// Scaling: the worked numbers, columns that cannot be scaled, and what is refused.
#include <gtest/gtest.h>
#include <cotape/scaling.hpp>

#include <cmath>
#include <limits>

#include "expect_error.hpp"

namespace {

using namespace cotape;
using doubles = xt::xarray<double>;

const doubles ten = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10};
const doubles outlier = {0, 0, 1, 1, 1, 2, 2, 3, 100};

template <class Scaler> Scaler fitted(Scaler s, const array_argument& training) {
  s.fit(training);
  return s;
}

TEST(Scaling, OneToTenBySampleAndPopulation) {
  const auto sample = fitted(standard_scaler(deviation::sample), ten);
  EXPECT_EQ(sample.offset()[0], 5.5);
  EXPECT_NEAR(sample.scale()[0], 3.027650, 5e-7);
  EXPECT_NEAR(sample.transform(ten)(0), -1.486301, 5e-7);
  const auto population = fitted(standard_scaler(), ten);
  EXPECT_NEAR(population.scale()[0], 2.872281, 5e-7);
  EXPECT_NEAR(population.transform(ten)(0), -1.566699, 5e-7);
}

TEST(Scaling, OneToTenToZeroToOne) {
  const auto s = fitted(min_max_scaler(), ten);
  const doubles y = s.transform(ten);
  for (std::size_t i = 0; i < 10; ++i) EXPECT_NEAR(y(i), static_cast<double>(i) / 9, 1e-15);
  EXPECT_NEAR(y(1), 0.111111, 5e-7);
  EXPECT_EQ(y(9), 1);
}

TEST(Scaling, OfAnOutlier) {
  const doubles m = fitted(min_max_scaler(), outlier).transform(outlier);
  for (std::size_t i = 0; i < 8; ++i) EXPECT_LT(m(i), 0.04);
  EXPECT_EQ(m(8), 1);
  const auto z = fitted(standard_scaler(), outlier);
  EXPECT_NEAR(z.offset()[0], 12.2222, 5e-5);
  EXPECT_NEAR(z.scale()[0], 31.0476, 5e-5);
  EXPECT_NEAR(z.transform(outlier)(8), 2.8272, 5e-5);
}

TEST(Scaling, IsFittedOnTheTrainingPartAndUndone) {
  const doubles training{{0, 10}, {2, 30}}, test{{4, 50}};
  const auto s = fitted(min_max_scaler(), training);
  EXPECT_EQ(s.transform(test), (doubles{{2, 2}}));
  EXPECT_EQ(s.inverse_transform(doubles{{2, 2}}), test);
  const auto z = fitted(standard_scaler(), training);
  EXPECT_EQ(z.transform(training), (doubles{{-1, -1}, {1, 1}}));
  EXPECT_EQ(z.inverse_transform(z.transform(test)), test);
  const tensor t = z.transform(array_argument(training).view());
  EXPECT_EQ(t.shape(), (shape{2, 2}));
}

TEST(Scaling, IsRestored) {
  const auto s = fitted(standard_scaler(), ten);
  min_max_scaler other;
  other.restore(s.offset(), s.scale());
  EXPECT_EQ(other.transform(ten), s.transform(ten));
  EXPECT_EQ(tests::message_of([&] {
              other.restore({1, 2}, {1});
            }),
            "restore: 2 offsets and 1 scales are not finite pairs");
  EXPECT_EQ(tests::message_of([&] { other.restore({1}, {std::nan("")}); }),
            "restore: 1 offsets and 1 scales are not finite pairs");
  EXPECT_EQ(other.scale(), s.scale());
}

TEST(Scaling, KeepsTheDtype) {
  const xt::xarray<float> x{1, 2, 4};
  const auto s = fitted(min_max_scaler(), x);
  const xt::xarray<float> y = s.transform(x);
  EXPECT_EQ(y, (xt::xarray<float>{0, 1.0f / 3, 1}));
  EXPECT_EQ(s.inverse_transform(y), x);
  EXPECT_EQ(tests::message_of([&] { s.transform(xt::xarray<int>{1}); }),
            "transform: int64 cannot be scaled; give float32 or float64");
}

TEST(Scaling, AConstantColumnIsRefusedOrBecomesZero) {
  // The sum of ten times 0.1 is not 1, so its deviation would be 1e-17.
  doubles x = doubles::from_shape({10, 2});
  for (std::size_t i = 0; i < 10; ++i) x(i, 0) = static_cast<double>(i), x(i, 1) = 0.1;
  const std::string rest =
      " is constant (0.1) and cannot be scaled; drop it, or choose constant_column::zero";
  EXPECT_EQ(tests::message_of([&] { standard_scaler().fit(x); }),
            "standard_scaler: column 1" + rest);
  EXPECT_EQ(tests::message_of([&] {
              min_max_scaler({.names = {"age", "tax"}}).fit(x);
            }),
            "min_max_scaler: column 'tax'" + rest);
  const auto s = fitted(standard_scaler(deviation::sample, {.constant = constant_column::zero}), x);
  const doubles y = s.transform(x);
  for (std::size_t i = 0; i < 10; ++i) EXPECT_EQ(y(i, 1), 0);
  EXPECT_EQ(s.transform(doubles{{1, 5}})(0, 1), 0);
  EXPECT_EQ(s.inverse_transform(y)(3, 1), 0.1);
  const doubles one{{1, 2}};
  const min_max_scaler zero({.constant = constant_column::zero});
  EXPECT_EQ(fitted(zero, one).transform(one), (doubles{{0, 0}}));
}

TEST(Scaling, TinyAndHugeValuesAreScaled) {
  for (const double unit : {1e-320, 1e-200, 1e200}) {
    const doubles x = ten * unit;
    const doubles y = fitted(standard_scaler(), x).transform(x);
    EXPECT_NEAR(y(0), -1.566699, 2e-3) << unit;
  }
  const double max = std::numeric_limits<double>::max();
  EXPECT_TRUE(tests::message_of([&] {
                min_max_scaler().fit(doubles{-max, max});
              }).starts_with("min_max_scaler: column 0 has a range beyond float64: -1.79769"));
}

TEST(Scaling, RefusesWhatIsNoNumber) {
  const double nan = std::numeric_limits<double>::quiet_NaN(),
               inf = std::numeric_limits<double>::infinity();
  const doubles bad{{1, 2}, {3, nan}};
  min_max_scaler s({.names = {"a", "b"}});
  s.fit(doubles{{1, 2}, {3, 4}});
  EXPECT_EQ(tests::message_of([&] { s.fit(bad); }), "min_max_scaler: nan in row 1, column 'b'");
  EXPECT_EQ(s.scale(), (std::vector<double>{2, 2}));  // as it was
  EXPECT_EQ(tests::message_of([&] { standard_scaler().fit(bad); }),
            "standard_scaler: nan in row 1, column 1");
  EXPECT_EQ(tests::message_of([&] { s.transform(bad); }), "transform: nan in row 1, column 'b'");
  EXPECT_EQ(tests::message_of([&] {
              s.inverse_transform(doubles{{-inf, 1}});
            }),
            "inverse_transform: -inf in row 0, column 'a'");
}

TEST(Scaling, RefusesWhatDoesNotFit) {
  min_max_scaler s;
  EXPECT_EQ(tests::message_of([&] { s.transform(ten); }),
            "transform: nothing is fitted yet; call fit with the training part");
  EXPECT_EQ(tests::message_of([&] {
              s.fit(doubles::from_shape({0, 3}));
            }),
            "min_max_scaler: the set is empty");
  s.fit(doubles{{1, 2}, {3, 4}});
  EXPECT_EQ(tests::message_of([&] { s.transform(ten); }),
            "transform: 1 columns, but 2 were fitted");
  EXPECT_EQ(tests::message_of([&] { s.fit(1.0); }),
            "min_max_scaler: an array of shape () has not rows and columns");
}

}  // namespace

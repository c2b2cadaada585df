// Rows of arrays: views, copies, splits, one-hot labels.
#include <gtest/gtest.h>
#include <cotape/data.hpp>

#include <algorithm>
#include <limits>
#include <numeric>

#include "expect_error.hpp"

namespace {

using namespace cotape;
using numbers = std::vector<std::int64_t>;

const xt::xarray<float> fives = {{0, 1, 2}, {3, 4, 5}, {6, 7, 8}, {9, 10, 11}, {12, 13, 14}};

TEST(Rows, OfARangeAreAView) {
  const array_view middle = rows_of(array_argument(fives).view(), 1, 3);
  EXPECT_EQ(middle.shape(), (shape{2, 3}));
  EXPECT_EQ(middle.data(), fives.data() + 3);
  EXPECT_EQ(tests::message_of([&] { rows_of(array_argument(fives).view(), 2, 6); }),
            "rows_of: no rows 2 to 6 in (5, 3)");
}

TEST(Rows, AreTakenByNumber) {
  EXPECT_EQ(take_rows(fives, numbers{4, 0, 4}),
            (xt::xarray<float>{{12, 13, 14}, {0, 1, 2}, {12, 13, 14}}));
  const tensor taken = take_rows(array_argument(fives).view(), numbers{4, 0});
  EXPECT_EQ(taken.shape(), (shape{2, 3}));
  EXPECT_EQ(taken.data_as<float>()[0], 12);
  const xt::xarray<int> labels{5, 6};
  EXPECT_EQ(take_rows(labels, numbers{1}), xt::xarray<std::int64_t>{6});
  EXPECT_EQ(take_rows(fives, numbers{}).shape(0), 0u);
  for (const std::int64_t row : {-1, 5}) {
    EXPECT_EQ(tests::message_of([&] {
                take_rows(fives, numbers{0, row});
              }),
              "take_rows: no row " + std::to_string(row) + " in (5, 3)");
  }
  EXPECT_EQ(tests::message_of([&] { take_rows(1.0, numbers{0}); }),
            "take_rows: a value of shape () has no rows");
}

TEST(Split, HasTheSizesOfTheFractions) {
  const row_split s = split_rows(414, {.test = 0.1, .validation = 0.1});
  EXPECT_EQ(s.test.size(), 42u);
  EXPECT_EQ(s.validation.size(), 38u);
  EXPECT_EQ(s.train.size(), 334u);
  const row_split hundred = split_rows(100, {.test = 0.07, .validation = 0});
  EXPECT_EQ(hundred.test.size(), 7u);  // 100 * 0.07 is 7.000000000000001
  EXPECT_EQ(hundred.validation.size(), 0u);
}

TEST(Split, UnshuffledKeepsTheOrder) {
  const row_split s = split_rows(10, {.test = 0.2, .validation = 0.2, .shuffle = false});
  EXPECT_EQ(s.train, (numbers{0, 1, 2, 3, 4, 5}));
  EXPECT_EQ(s.validation, (numbers{6, 7}));
  EXPECT_EQ(s.test, (numbers{8, 9}));
}

TEST(Split, HoldsEachRowOnceInAnOrderOfTheSeed) {
  const row_split s = split_rows(50, {.seed = 3});
  numbers all = s.train;
  all.insert(all.end(), s.validation.begin(), s.validation.end());
  all.insert(all.end(), s.test.begin(), s.test.end());
  EXPECT_EQ(all, shuffled_rows(50, 3));
  std::sort(all.begin(), all.end());
  numbers expected(50);
  std::iota(expected.begin(), expected.end(), 0);
  EXPECT_EQ(all, expected);
  EXPECT_NE(split_rows(50, {.seed = 4}).train, s.train);
}

TEST(Split, RefusesWhatLeavesNothing) {
  EXPECT_EQ(tests::message_of([] { split_rows(2); }),
            "split_rows: 2 rows leave none to train on: 1 for validation, 1 to test");
  EXPECT_EQ(tests::message_of([] { split_rows(0); }),
            "split_rows: 0 rows leave none to train on: 0 for validation, 0 to test");
  EXPECT_EQ(tests::message_of([] { split_rows(9, {.test = 1}); }),
            "split_rows: a fraction of 1, it must be in [0, 1)");
  const double nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(tests::message_of([&] { split_rows(9, {.validation = nan}); }),
            "split_rows: a fraction of nan, it must be in [0, 1)");
}

TEST(OneHot, HasAOneAtEachLabel) {
  const xt::xarray<float> expected{{0, 0, 1}, {1, 0, 0}};
  EXPECT_EQ(one_hot<float>(xt::xarray<std::int64_t>{2, 0}, 3), expected);
  EXPECT_EQ(one_hot<float>(xt::xarray<int>{2, 0}, 3), expected);
  EXPECT_EQ(one_hot<float>(xt::xarray<double>{2, 0}, 3), expected);
  EXPECT_EQ(one_hot<double>(xt::xarray<float>{1}, 2), (xt::xarray<double>{{0, 1}}));
}

TEST(OneHot, RefusesLabelsThatAreNoClass) {
  const auto error = [](const array_argument& labels) {
    return tests::message_of([&] { one_hot<float>(labels, 3); });
  };
  EXPECT_EQ(error(xt::xarray<int>{0, 3}), "one_hot: the label 3 in row 1 is none of 3 classes");
  EXPECT_EQ(error(xt::xarray<int>{-1}), "one_hot: the label -1 in row 0 is none of 3 classes");
  EXPECT_EQ(error(xt::xarray<double>{0.5}), "one_hot: the label 0.5 in row 0 is none of 3 classes");
  EXPECT_EQ(error(fives), "one_hot: labels of shape (5, 3) have not one axis");
}

}  // namespace

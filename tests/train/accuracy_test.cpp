// The share of rows that a classifier has right.
#include <gtest/gtest.h>
#include <cotape/train.hpp>

#include <limits>

#include "expect_error.hpp"

namespace {

using namespace cotape;

TEST(Accuracy, IsTheShareOfRowsWhoseLargestScoreIsAtTheLabel) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const xt::xarray<float> scores{{1, 2, 3}, {3, 2, 1}, {0, 5, 1}, {nan, 0, 1}};
  const xt::xarray<std::int64_t> labels{2, 0, 2, 2};
  const array_argument s(scores), l(labels);
  EXPECT_EQ(count_correct(s.view(), l.view()), 2);
  EXPECT_EQ(accuracy(s.view(), l.view()), 0.5);
  EXPECT_EQ(accuracy(rows_of(s.view(), 0, 0), rows_of(l.view(), 0, 0)), 0);
  const xt::xarray<double> wide{{1, 2}};
  EXPECT_EQ(count_correct(wide, xt::xarray<int>{1}), 1);
  EXPECT_EQ(accuracy(scores, labels), 0.5);
  EXPECT_EQ(cotape::tests::message_of([&] { accuracy(s.view(), rows_of(l.view(), 0, 3)); }),
            "accuracy: scores of shape (4, 3) and labels of shape (3,) do not fit");
}

TEST(RunningMean, WeighsBatchesByTheirRows) {
  running_mean m;
  EXPECT_EQ(m.value(), 0);
  m.add(1, 3);
  m.add(5, 1);
  EXPECT_EQ(m.value(), 2);
}

}  // namespace

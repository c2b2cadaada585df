// Batches: every row once an epoch, the last one smaller, orders fixed by seed and epoch.
#include <gtest/gtest.h>
#include <cotape/data.hpp>
#include <cotape/xtensor.hpp>

#include <set>

#include "expect_error.hpp"

namespace {

using namespace cotape;

xt::xarray<float> data_of(std::int64_t n) {
  auto x = xt::xarray<float>::from_shape({static_cast<std::size_t>(n), 3});
  for (std::size_t i = 0; i < x.size(); ++i) x.flat(i) = static_cast<float>(i);
  return x;
}

xt::xarray<std::int64_t> labels_of(std::int64_t n) {
  auto y = xt::xarray<std::int64_t>::from_shape({static_cast<std::size_t>(n)});
  for (std::size_t i = 0; i < y.size(); ++i) y.flat(i) = static_cast<std::int64_t>(i);
  return y;
}

// The labels of an epoch in their order; checks that data and labels stay together.
std::vector<std::int64_t> epoch_of(batches& parts, std::int64_t epoch) {
  std::vector<std::int64_t> order;
  parts.start_epoch(epoch);
  while (parts.next()) {
    EXPECT_EQ(parts[0].shape(), (shape{parts.batch_rows(), 3}));
    EXPECT_EQ(parts[1].shape(), shape{parts.batch_rows()});
    for (std::int64_t i = 0; i < parts.batch_rows(); ++i) {
      order.push_back(parts[1].data_as<std::int64_t>()[i]);
      for (std::int64_t k = 0; k < 3; ++k) {
        EXPECT_EQ(parts[0].data_as<float>()[i * 3 + k], static_cast<float>(order.back() * 3 + k));
      }
    }
  }
  return order;
}

TEST(Batches, AreOneHoweverLargeTheyMayBe) {
  const xt::xarray<float> x{1, 2, 3};
  batches all({x}, {.size = std::numeric_limits<std::int64_t>::max(), .shuffle = false});
  EXPECT_EQ(all.count(), 1);
  all.start_epoch(0);
  EXPECT_TRUE(all.next());
  EXPECT_EQ(all.batch_rows(), 3);
  EXPECT_FALSE(all.next());
}

TEST(Batches, HoldEveryRowOnce) {
  const auto x = data_of(103);
  const auto y = labels_of(103);
  batches parts({array_argument(x).view(), array_argument(y).view()}, {.size = 10, .seed = 4});
  for (std::int64_t epoch = 0; epoch < 3; ++epoch) {
    const auto order = epoch_of(parts, epoch);
    EXPECT_EQ(order.size(), 103u);
    EXPECT_EQ(std::set<std::int64_t>(order.begin(), order.end()).size(), 103u);
  }
}

TEST(Batches, TheLastIsSmaller) {
  const auto x = data_of(103);
  const array_view view = array_argument(x).view();
  const auto sizes = [&](std::int64_t size) {
    batches parts({view}, {.size = size});
    std::vector<std::int64_t> list;
    parts.start_epoch(0);
    while (parts.next()) list.push_back(parts.batch_rows());
    EXPECT_EQ(static_cast<std::int64_t>(list.size()), parts.count());
    return list;
  };
  EXPECT_EQ(sizes(50), (std::vector<std::int64_t>{50, 50, 3}));
  EXPECT_EQ(sizes(103), (std::vector<std::int64_t>{103}));
  EXPECT_EQ(sizes(1000), (std::vector<std::int64_t>{103}));
  EXPECT_EQ(sizes(1).size(), 103u);
}

TEST(Batches, ReuseTheirBuffers) {
  const auto x = data_of(10);
  batches parts({array_argument(x).view()}, {.size = 3});
  parts.start_epoch(0);
  std::set<const void*> seen;
  while (parts.next()) seen.insert(parts[0].data());
  EXPECT_EQ(seen.size(), 1u);
}

TEST(Batches, OrdersDependOnSeedAndEpochAlone) {
  const auto x = data_of(50);
  const auto y = labels_of(50);
  const std::vector<array_view> set{array_argument(x).view(), array_argument(y).view()};
  batches a(set, {.size = 8, .seed = 1}), b(set, {.size = 8, .seed = 1});
  batches other(set, {.size = 8, .seed = 2}), plain(set, {.size = 8, .shuffle = false});
  const auto first = epoch_of(a, 0), second = epoch_of(a, 1);
  EXPECT_NE(first, second);
  EXPECT_EQ(epoch_of(b, 1), second);  // without epoch 0 before it
  EXPECT_NE(epoch_of(other, 0), first);
  EXPECT_EQ(epoch_of(plain, 7), std::vector<std::int64_t>(y.begin(), y.end()));
}

TEST(Batches, ShufflingIsTheSameOnEveryMachine) {
  EXPECT_EQ(shuffled_rows(8, 1), (std::vector<std::int64_t>{5, 4, 2, 1, 6, 7, 3, 0}));
  EXPECT_TRUE(shuffled_rows(0, 1).empty());
}

TEST(Batches, AnEndedOrUnstartedEpochHasNoBatch) {
  const auto x = data_of(2);
  batches parts({array_argument(x).view()}, {.size = 2});
  EXPECT_FALSE(parts.next());
  parts.start_epoch(0);
  EXPECT_TRUE(parts.next());
  EXPECT_FALSE(parts.next());
  EXPECT_FALSE(parts.next());
}

TEST(Batches, RefuseWhatDoesNotFit) {
  const auto x = data_of(4);
  const auto y = labels_of(5);
  const array_view a = array_argument(x).view(), b = array_argument(y).view();
  EXPECT_EQ(cotape::tests::message_of([&] {
              batches({a, b}, {});
            }),
            "batches: (4, 3) and (5,) differ in their rows");
  EXPECT_EQ(cotape::tests::message_of([&] { batches({a}, {.size = 0}); }),
            "batches: a batch of 0 rows");
  EXPECT_EQ(cotape::tests::message_of([&] { batches({}, {}); }), "batches: no array is given");
  EXPECT_EQ(cotape::tests::message_of([&] { batches({rows_of(a, 2, 2)}, {}); }),
            "batches: the set is empty");
  const float scalar = 1;
  EXPECT_EQ(cotape::tests::message_of([&] {
              batches({array_view({float32, {}}, &scalar)}, {});
            }),
            "batches: a value of shape () has no rows");
}

TEST(Batches, TakeContainersExpressionsAndTensors) {
  const auto x = data_of(7);
  const auto y = labels_of(7);
  const xt::xarray<int> narrow{1, 2, 3, 4, 5, 6, 7};
  batches parts({x, 2 * x, tensor(array_argument(x).view()), y, narrow},
                {.size = 7, .shuffle = false});
  parts.start_epoch(0);
  ASSERT_TRUE(parts.next());
  for (std::size_t i = 0; i < x.size(); ++i) {
    EXPECT_EQ(parts[0].data_as<float>()[i], x.flat(i));
    EXPECT_EQ(parts[1].data_as<float>()[i], 2 * x.flat(i));
    EXPECT_EQ(parts[2].data_as<float>()[i], x.flat(i));
  }
  EXPECT_EQ(parts[3].data_as<std::int64_t>()[6], 6);
  EXPECT_EQ(parts[4].data_as<std::int64_t>()[6], 7);
}

TEST(Batches, CanBeDrawnWithReplacement) {
  const auto x = data_of(50);
  const auto y = labels_of(50);
  batches parts({x, y}, {.size = 8, .seed = 1, .replace = true});
  EXPECT_EQ(parts.count(), 7);
  const auto first = epoch_of(parts, 0);
  EXPECT_EQ(first.size(), 50u);
  EXPECT_LT(std::set<std::int64_t>(first.begin(), first.end()).size(), 45u);
  EXPECT_NE(epoch_of(parts, 1), first);
  EXPECT_EQ(epoch_of(parts, 0), first);
  std::vector<int> times(50, 0);  // over 1000 epochs each about 1000 times
  for (std::int64_t e = 0; e < 1000; ++e) {
    for (const std::int64_t row : epoch_of(parts, e)) ++times[static_cast<std::size_t>(row)];
  }
  for (const int n : times) EXPECT_NEAR(n, 1000, 160);  // five deviations
}

TEST(Batches, SkipToWhereATrainingWas) {
  const xt::xarray<double> x = xt::arange<double>(10);
  batches whole({x}, {.size = 4, .seed = 3}), rest({x}, {.size = 4, .seed = 3});
  whole.start_epoch(2);
  whole.next();
  rest.start_epoch(2);
  rest.skip(1);
  while (whole.next()) {
    ASSERT_TRUE(rest.next());
    EXPECT_TRUE(same_bits(whole[0], rest[0]));
  }
  EXPECT_FALSE(rest.next());
  rest.start_epoch(2);
  rest.skip(3);
  EXPECT_FALSE(rest.next());
  cotape::tests::expect_error<value_error>([&] { rest.skip(-1); }, "batches: cannot skip -1");
}

}  // namespace

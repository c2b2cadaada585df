// The smallest network that learns: 2-4-5-1 sigmoid units on XOR.
#include <gtest/gtest.h>

#include <iostream>
#include <xtensor/xtensor.hpp>

#include "cotape/cotape.hpp"

namespace cotape {
namespace {

const xt::xtensor<float, 2> inputs{{0, 0}, {0, 1}, {1, 0}, {1, 1}};
const xt::xtensor<float, 2> targets{{0}, {1}, {1}, {0}};

// The first epoch, out of those asked for, after which all four cases are on their side of 0.5.
template <class Optimizer>
std::vector<bool> learns_within(std::int64_t seed, Optimizer& optimizer,
                                const std::vector<int>& epochs) {
  sequential model(seed);
  model.add(dense(4, "sigmoid")).add(dense(5, "sigmoid")).add(dense(1, "sigmoid"));
  auto step = compile([&](variable x, variable y) {
    const variable loss = binary_crossentropy(model(x), y);
    optimizer.minimize(loss);
    return loss;
  });
  auto predict = compile([&](variable x) { return model(x); });
  std::vector<bool> result;
  int done = 0;
  for (int until : epochs) {
    for (; done < until; ++done) step(inputs, targets);
    const auto p = predict(inputs).view();
    bool right = true;
    for (std::size_t i = 0; i < 4; ++i) {
      right = right && (p.template data_as<float>()[i] > 0.5f) == (targets(i, 0) > 0.5f);
    }
    result.push_back(right);
  }
  return result;
}

TEST(Xor, IsLearntByGradientDescentFromMostStarts) {
  int within_2000 = 0, within_10000 = 0;
  for (std::int64_t seed = 0; seed < 20; ++seed) {
    sgd optimizer({.rate = 0.5});
    const auto learnt = learns_within(seed, optimizer, {2000, 10000});
    within_2000 += learnt[0];
    within_10000 += learnt[1];
  }
  std::cout << "XOR, SGD 0.5: " << within_2000 << " of 20 seeds within 2000 epochs, "
            << within_10000 << " within 10,000\n";
  // 82 % of 300 starts learn within 2000 epochs; of seeds 0 to 19 all do, where this was written.
  EXPECT_GE(within_2000, 16);
  EXPECT_GE(within_10000, within_2000);
}

TEST(Xor, IsLearntByAdamFromEveryStart) {
  for (std::int64_t seed = 0; seed < 20; ++seed) {
    adam optimizer({.rate = 0.01});
    EXPECT_TRUE(learns_within(seed, optimizer, {2000})[0]) << "seed " << seed;
  }
}

}  // namespace
}  // namespace cotape

// Steps of gradient descent that textbooks work out by hand.
#include <gtest/gtest.h>

#include <cmath>
#include <xtensor/xtensor.hpp>

#include "cotape/cotape.hpp"

namespace cotape {
namespace {

using matrix = xt::xtensor<double, 2>;

TEST(WorkedStep, OfOneHiddenLayer) {
  const parameter w1("w1", matrix{{.15, .25}, {.20, .30}}),
      w2("w2", matrix{{.40, .50}, {.45, .55}});
  const matrix inputs{{.05, .10}}, targets{{.01, .99}};
  sgd optimizer({.rate = 0.5});
  auto step = compile([&](variable x, variable y) {
    const variable hidden = sigmoid(matmul(x, w1) + 0.35);
    const variable loss = half_squared_error(sigmoid(matmul(hidden, w2) + 0.60), y);
    optimizer.minimize(loss);
    return loss;
  });
  EXPECT_NEAR(step(inputs, targets).number(), 0.298371109, 5e-10);
  EXPECT_NEAR(w2.value<double>()(0, 0), 0.358916480, 5e-10);
  EXPECT_NEAR(w1.value<double>()(0, 0), 0.149780716, 5e-10);
  EXPECT_NEAR(step(inputs, targets).number(), 0.291027774, 5e-10);
}

// Where 100 steps down x0^2 + x1^2 from (-3, 4) end.
xt::xarray<double> descent(double rate) {
  const parameter x("x", xt::xarray<double>{-3, 4});
  sgd optimizer({.rate = rate});
  auto step = compile([&](variable unused) {
    const variable loss = sum(square(unused.owner().read(x)));
    optimizer.minimize(loss);
    return loss;
  });
  for (int i = 0; i < 100; ++i) step(0.0);
  return x.value<double>();
}

TEST(WorkedStep, OfDescentsAtARateThatIsRightTooSmallAndTooLarge) {
  const auto right = descent(0.1), small = descent(1e-10), large = descent(10);
  EXPECT_NEAR(std::hypot(right(0), right(1)), 1.0e-9, 0.05e-9);
  EXPECT_NEAR(small(0), -3, 1e-7);
  EXPECT_NEAR(small(1), 4, 1e-7);
  EXPECT_NEAR(large(0), -2.2515e128, 0.5e124);
  EXPECT_NEAR(large(1), 3.0021e128, 0.5e124);
}

}  // namespace
}  // namespace cotape

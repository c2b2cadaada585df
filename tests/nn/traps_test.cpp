// Trainings of programs in which floating-point exceptions stop the process: none divides by zero,
// overflows or makes a NaN where the numbers of the training do not, in padding least of all.
#include <gtest/gtest.h>

#include <cfenv>
#include <cstdlib>
#include <functional>

#include "cotape/cotape.hpp"

namespace cotape {
namespace {

using layer = std::function<variable(variable)>;

// 5 steps for some numbers of rows, which mostly fill no vector; the last loss is a number.
void train(const layer& first, const layer& last, optimizer& how) {
  generator random(3);
  const parameter w("w", random.uniform({7, 5}, -0.5, 0.5)), b("b", random.uniform({5}, -0.1, 0.1)),
      v("v", random.uniform({5, 3}, -0.5, 0.5));
  auto step = compile([&](variable x, variable target) {
    const variable hidden = tanh(matmul(first(x), w) + b);
    const variable loss = mean(square(last(matmul(hidden, v)) - target));
    how.minimize(loss);
    return loss;
  });
  for (const std::int64_t rows : {1, 4, 13, 64, 301}) {
    const tensor x = random.uniform({rows, 7}, -1, 1), target = random.uniform({rows, 3}, 0.1, 0.9);
    double loss = 0;
    for (int i = 0; i < 5; ++i) loss = step(x, target).number();
    if (!(loss > 0 && loss < 100)) std::exit(1);
  }
}

variable same(variable x) { return x; }

variable normalised(variable x) {
  return (x - mean(x, 1, keep_dims)) / sqrt(var(x, 1, keep_dims) + 1e-5);
}

variable of_everything(variable x) {
  const variable p = sigmoid(x);
  return log(p + 0.001) * power(p + 0.1, 0.5) / (p + 1) + sqrt(p) * erf(p) + sin(p) * log1p(p) +
         expm1(p) * maximum(p, 0.5) - reciprocal(p) + power(p, -2) * 0.01 + log_softmax(x) +
         xlogy(p, p) + where(p > 0.5, 1 / p, log(1 - p)) + abs(x) * sinc(p);
}

// In a process of its own, which a trap ends.
void expect_no_trap(const layer& first, const layer& last) {
  EXPECT_EXIT(
      {
        set_num_threads(1);
        if (feenableexcept(FE_INVALID | FE_DIVBYZERO | FE_OVERFLOW) == -1) std::exit(0);
        adam by_adam({.rate = 0.01});
        train(first, last, by_adam);
        rmsprop by_rmsprop({.rate = 0.01});
        train(first, last, by_rmsprop);
        std::exit(0);
      },
      testing::ExitedWithCode(0), "");
}

TEST(FloatingPointTraps, LetDenseLayersTrain) { expect_no_trap(same, same); }
TEST(FloatingPointTraps, LetSoftmaxTrain) {
  expect_no_trap(same, [](variable x) { return softmax(x); });
}
TEST(FloatingPointTraps, LetLayerNormTrain) { expect_no_trap(normalised, normalised); }
TEST(FloatingPointTraps, LetAllKindsOfOperationsTrain) { expect_no_trap(same, of_everything); }

}  // namespace
}  // namespace cotape

// Running a compiled program touches no allocator.
#include "scale/allocations.hpp"

#include <cotape/cotape.hpp>
#include <memory>

namespace cotape {
namespace {

using tests::allocations;
using array = xt::xarray<float>;

TEST(Allocations, AreCounted) {
  const std::size_t before = allocations();
  const auto a = std::make_unique<int>(1);
  EXPECT_EQ(allocations() - before, 1u);
  const tensor t({float32, {100}});  // aligned operator new
  EXPECT_EQ(allocations() - before, 2u);
  void* volatile p = std::malloc(10);  // or the compiler would leave it out
  std::free(p);
  EXPECT_EQ(allocations() - before, 3u);
}

TEST(Allocations, AThousandTrainingStepsMakeNone) {
  const parameter w1("w1", array(xt::ones<float>({20, 64}) * 0.01F)),
      b1("b1", xt::zeros<float>({64}));
  const parameter w2("w2", array(xt::ones<float>({64, 1}) * 0.02F)),
      b2("b2", xt::zeros<float>({1}));
  adam optimizer;
  auto step = compile([&](variable x, variable y) {
    const variable hidden = relu(matmul(x, w1) + b1);
    const variable loss = binary_crossentropy(sigmoid(matmul(hidden, w2) + b2), y);
    optimizer.minimize(loss);
    return loss;
  });
  const array x = xt::ones<float>({32, 20}), y = xt::ones<float>({32, 1});
  const float first = step(x, y);
  float last = first;
  const std::size_t before = allocations();
  for (int i = 0; i < 1000; ++i) last = step(x, y);
  EXPECT_EQ(allocations() - before, 0u);
  EXPECT_LT(last, first);
}

TEST(Allocations, StepsWithRandomNumbersIndicesAndLargeLoopsMakeNone) {
  generator random(1);
  const parameter table("table", array(xt::ones<float>({50, 700})));
  sgd optimizer;
  auto step = compile([&](variable rows, variable scale) {
    tape& t = scale.owner();
    const variable x = gather(t.read(table), rows) * scale;
    const variable kept = select(random.uniform(t, x.shape()) > 0.5, x, 0);
    const variable loss = mean(square(softmax(kept))) + max(cumsum(kept));
    t.require(loss < 1e9, "the loss is too large");
    optimizer.minimize(loss);
    return std::vector<variable>{loss, x};
  });
  const xt::xarray<std::int64_t> rows{3, 1, 4, 1};
  const array scale = xt::ones<float>({4, 1});
  step(rows, scale);
  const std::size_t before = allocations();
  for (int i = 0; i < 100; ++i) step(rows, scale);
  EXPECT_EQ(allocations() - before, 0u);
}

TEST(Allocations, StepsThatMoveTheStatisticsOfABatchNormMakeNone) {
  sequential m{input({8, 8, 3}), conv2d(4, 3),          batch_normalization(),
               prelu({1, 2}),    spatial_dropout(0.1),  gaussian_noise(0.1),
               flatten(),        layer_normalization(), dense(1)};
  const parameter moving = m.parameters()[4];
  sgd optimizer;
  auto step = compile([&](variable x) {
    const variable loss = mean(square(m(x, mode::training)));
    optimizer.minimize(loss);
    return loss;
  });
  const array x = xt::ones<float>({16, 8, 8, 3});
  step(x);
  const float first = moving.value<float>()(0);
  const std::size_t before = allocations();
  for (int i = 0; i < 100; ++i) step(x);
  EXPECT_EQ(allocations() - before, 0u);
  EXPECT_NE(moving.value<float>()(0), first);
}

// What the steps of a fit allocate after its first epoch. (OpenBLAS itself does in some products of
// few columns.)
struct counting : callback {
  void on_batch_begin(training&) override { before = allocations(); }
  void on_batch_end(training& t) override {
    (t.epoch == 0 ? in_first : later) += allocations() - before;
  }
  std::size_t before = 0, in_first = 0, later = 0;
};

TEST(Allocations, AFitOfAConvolutionalNetworkMakesNoneAfterItsFirstEpoch) {
  sequential m{input({12, 12, 3}),
               conv2d(16, 3, {.padding = "same", .bias = false}),
               batch_normalization(),
               activation("relu"),
               max_pooling2d(),
               depthwise_conv2d(3),
               conv2d(32, 3),
               spatial_dropout(0.2),
               flatten(),
               dense(64)};
  m.compile("sparse_categorical_crossentropy_from_logits", adam(), {"accuracy"});
  generator random(1);
  const tensor x = random.uniform({40, 12, 12, 3});
  xt::xarray<std::int64_t> y = xt::arange<std::int64_t>(40);
  for (std::int64_t& label : y) label %= 4;
  counting c;
  m.fit(x, y, {.epochs = 3, .batch_size = 16, .callbacks = {c}, .progress = nullptr});
  EXPECT_GT(c.in_first, 0u);
  EXPECT_EQ(c.later, 0u);
}

TEST(Allocations, AFitOfARecurrentNetworkMakesNoneAfterItsFirstEpoch) {
  sequential m{input({12}, int64),
               embedding(20, 16, {.mask_zero = true}),
               lstm(16, {.dropout = 0.1, .recurrent_dropout = 0.1, .return_sequences = true}),
               bidirectional(gru(16, {.return_sequences = true})),
               simple_rnn(16, {.stateful = 16}),
               dense(4)};
  m.compile("sparse_categorical_crossentropy_from_logits", adam(), {"accuracy"});
  const xt::xarray<std::int64_t> x = xt::arange<std::int64_t>(48 * 12).reshape({48, 12}) % 20;
  const xt::xarray<std::int64_t> y = xt::arange<std::int64_t>(48) % 4;
  counting c;
  m.fit(x, y,
        {.epochs = 3, .batch_size = 16, .shuffle = false, .callbacks = {c}, .progress = nullptr});
  EXPECT_GT(c.in_first, 0u);
  EXPECT_EQ(c.later, 0u);
}

// Programs of one function run in one memory by turns; their results are held meanwhile.

TEST(Allocations, RunsOfSeveralTracesByTurnsMakeNone) {
  const parameter w("w", array(xt::ones<float>({20, 1}) * 0.01F));
  auto step = compile([&](variable x) {
    sgd optimizer({.rate = 1e-4, .momentum = 0.9});
    const variable y = matmul(x, w), loss = mean(square(y));
    optimizer.minimize(loss);
    return std::vector<variable>{loss, y};
  });
  std::vector<array> batches;
  for (std::size_t rows : {32, 7, 300}) batches.push_back(xt::ones<float>({rows, std::size_t{20}}));
  for (int i = 0; i < 2; ++i) {
    for (const array& x : batches) step(x);
  }
  double total = 0;
  const std::size_t before = allocations();
  for (int i = 0; i < 100; ++i) {
    for (const array& x : batches) {
      const results all = step(x);
      const result loss = all[0];
      for (const result& r : all) total += r.view().data_as<float>()[0];
      total += loss.number();
    }
  }
  EXPECT_EQ(allocations() - before, 0u);
  EXPECT_GT(total, 0);
}

}  // namespace
}  // namespace cotape

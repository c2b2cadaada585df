// What the passes do to a graph, seen through explain(), steps() and memory().
#include <xtensor/xstrided_view.hpp>

#include "explained.hpp"

namespace cotape {
namespace {

using tests::computes;
using tests::count;
using tests::folded;
using array = xt::xarray<float>;

std::vector<array_view> views(std::initializer_list<std::reference_wrapper<const array>> values) {
  std::vector<array_view> result;
  for (const array& a : values) {
    result.emplace_back(value_type{float32, detail::shape_of(a)}, a.data());
  }
  return result;
}

TEST(Passes, DropDeadNodes) {
  tape t;
  const variable x = t.input(float32, {4, 4});
  const variable dead = cumsum(matmul(x, x));
  const program without(t, {x}, {sin(x)});
  EXPECT_EQ(without.steps(), 1u);
  EXPECT_EQ(computes(without, "matmul"), 0);
  EXPECT_EQ(computes(program(t, {x}, {sin(x), dead}), "matmul"), 1);
}

TEST(Passes, MergeEqualNodes) {
  tape t;
  const variable x = t.input(float32, {4, 4});
  program code(t, {x}, {sin(x) * sin(x), sin(x) + matmul(x, x), matmul(x, x)});
  EXPECT_EQ(computes(code, "sin"), 1);
  EXPECT_EQ(computes(code, "matmul"), 1);
  const array ones = xt::ones<float>({4, 4});
  code.run(views({ones}));
  EXPECT_EQ(code.output(2).value<float>()(0, 0), 4);
}

TEST(Passes, MergeChainsOfEqualNodes) {
  tape t;
  const variable x = t.input(float32, {4});
  const auto chain = [&] { return cumsum(sin(x * 2) + 1); };
  const program one(t, {x}, {chain()}), three(t, {x}, {chain(), chain(), chain()});
  EXPECT_EQ(one.steps(), three.steps());
}

TEST(Passes, MergeOnlyEqualAttributesAndTypes) {
  tape t;
  const variable x = t.input(float32, {4, 4}), y = t.input(float32, {4, 4});
  const program axes_differ(t, {x}, {cumsum(x, 0), cumsum(x, 1)});
  EXPECT_EQ(computes(axes_differ, "cumsum"), 2);
  const program inputs_differ(t, {x, y}, {cumsum(x), cumsum(y)});
  EXPECT_EQ(computes(inputs_differ, "cumsum"), 2);
}

TEST(Passes, MergeLiteralsByTheirBits) {
  tape t;
  const variable x = t.input(float32, {2});
  program code(t, {x}, {x * 0.1, x * 0.1, x * 0.2, 1 / (x * 0.0), 1 / (x * -0.0)});
  EXPECT_EQ(computes(code, "multiply"), 4);
  const array ones = xt::ones<float>({2});
  code.run(views({ones}));
  EXPECT_EQ(code.output(3).value<float>()(0), INFINITY);
  EXPECT_EQ(code.output(4).value<float>()(0), -INFINITY);
}

TEST(Passes, NeverMergeRandomNodesOrInputs) {
  tape t;
  generator random(1);
  const variable x = t.input(float32, {100}), y = t.input(float32, {100});
  const variable a = random.uniform(t, {100}), b = random.uniform(t, {100});
  program code(t, {x, y}, {a - b, x - y});
  EXPECT_EQ(computes(code, "uniform"), 2);
  const array ones = xt::ones<float>({100}), twos = ones * 2.0F;
  code.run(views({ones, twos}));
  EXPECT_GT(xt::amax(xt::abs(code.output(0).value<float>()))(), 0.01F);
  EXPECT_EQ(code.output(1).value<float>()(0), -1);
}

TEST(Passes, DropFactorsOfOne) {
  tape t;
  const variable x = t.input(float32, {4, 4});
  const program code(t, {x}, {cumsum(1 * (x * 1.0)), chain(1, sin(x))});
  EXPECT_EQ(computes(code, "multiply"), 0);
  EXPECT_EQ(computes(code, "chain"), 0);
  // But not where the one broadcasts the other factor.
  const variable row = t.input(float32, {4});
  program broadcasts(t, {row}, {broadcast_to(t.literal(1, float32, {}), {4, 4}) * row});
  const array values{1, 2, 3, 4};
  broadcasts.run(views({values}));
  EXPECT_EQ(broadcasts.output(0).value<float>()(3, 1), 2);
}

TEST(Passes, FoldConstants) {
  tape t;
  const variable x = t.input(float32, {4, 4});
  const variable c =
      matmul(t.constant(xt::ones<float>({4, 4})), t.constant(xt::ones<float>({4, 4})));
  program code(t, {x}, {x + sin(c)});
  EXPECT_EQ(computes(code, "matmul"), 0);
  EXPECT_EQ(computes(code, "sin"), 0);
  EXPECT_EQ(code.steps(), 1u);
  EXPECT_EQ(folded(code), 2);
  const array zeros = xt::zeros<float>({4, 4});
  code.run(views({zeros}));
  EXPECT_NEAR(code.output(0).value<float>()(0, 0), std::sin(4.0), 1e-6);
}

TEST(Passes, DoNotFoldReadsRandomValuesOrWhatMayThrow) {
  tape t;
  generator random(1);
  const parameter w("w", array{1, 2});
  const variable index = t.constant(xt::xarray<int>{0});
  const program code(
      t, {},
      {cumsum(t.read(w)), random.uniform(t, {2}) + 1, gather(t.constant(array{1, 2}), index)});
  EXPECT_EQ(computes(code, "cumsum"), 1);
  EXPECT_EQ(computes(code, "uniform"), 1);
  EXPECT_EQ(computes(code, "gather"), 1);
}

TEST(Passes, FoldTransposesIntoProducts) {
  tape t;
  const variable x = t.input(float32, {4, 5}), y = t.input(float32, {5, 4});
  const program code(t, {x, y},
                     {matmul(transpose(x), transpose(y)), matmul(transpose(x), x),
                      matmul(y, transpose(y)), matmul(x, y)});
  EXPECT_EQ(computes(code, "transpose"), 0);
  const std::string text = code.explain();
  EXPECT_EQ(count(text, "A^T B^T"), 1) << text;
  EXPECT_EQ(count(text, "A^T B\n"), 1) << text;
  EXPECT_EQ(count(text, "A B^T"), 1) << text;
  EXPECT_EQ(count(text, "A B\n"), 1) << text;
}

TEST(Passes, TrainingAProductNeedsThreeProductsAndNoTranspose) {
  tape t;
  const variable x = t.input(float32, {8, 4}), y = t.input(float32, {4, 6});
  const variable loss = sum(tanh(matmul(x, y)));
  const program code(t, {x, y}, gradient(loss, {x, y}));
  EXPECT_EQ(computes(code, "matmul"), 3);
  EXPECT_EQ(computes(code, "transpose"), 0);
}

TEST(Passes, FoldScaleFactorsIntoAlpha) {
  tape t;
  const variable x = t.input(float32, {4, 4}), rate = t.input(float32, {});
  for (const variable& y : {matmul(x, x) * 0.5, 0.5 * matmul(x, x), matmul(x, x) * rate}) {
    const program code(t, {x, rate}, {y});
    EXPECT_EQ(code.steps(), 1u) << code.explain();
    EXPECT_EQ(count(code.explain(), "*alpha"), 1) << code.explain();
  }
  // A difference negates the factor: W - rate X^T dY is one product.
  const program both(t, {x, rate}, {sin(x) - rate * matmul(x, x)});
  EXPECT_EQ(count(both.explain(), "-A B *alpha +C"), 1) << both.explain();
  // Not where the product is needed without the factor, nor a factor of many elements.
  const variable p = matmul(x, x);
  EXPECT_EQ(count(program(t, {x}, {p, p * 0.5}).explain(), "*alpha"), 0);
  EXPECT_EQ(count(program(t, {x}, {p * sin(x)}).explain(), "*alpha"), 0);
}

TEST(Passes, FoldSumsIntoBeta) {
  tape t;
  const variable x = t.input(float32, {4, 4});
  for (const variable& y : {matmul(x, x) + sin(x), sin(x) + matmul(x, x),
                            matmul(x, x) + matmul(x, sin(x)), 0.5 * matmul(x, x) + sin(x)}) {
    const program code(t, {x}, {y});
    EXPECT_EQ(count(code.explain(), "+C"), 1) << code.explain();
    EXPECT_EQ(computes(code, "add"), 0) << code.explain();
  }
  // Not where the other term is needed as it was.
  const variable s = sin(x);
  EXPECT_EQ(count(program(t, {x}, {s, matmul(x, x) + s}).explain(), "+C"), 0);
}

TEST(Passes, AddUpAdjointsOfASharedMatrixInBeta) {
  tape t;
  const variable x = t.input(float32, {4, 4}), w = t.input(float32, {4, 4});
  const variable loss = sum(tanh(matmul(tanh(matmul(x, w)), w)));
  const program code(t, {x, w}, {gradient(loss, w)});
  EXPECT_EQ(count(code.explain(), "+C"), 1) << code.explain();
}

TEST(Passes, FuseElementWiseChainsIntoOneLoop) {
  tape t;
  const variable x = t.input(float32, {100, 10});
  const variable y = tanh(sin(x) * 2 + cos(x)) / (1 + square(x));
  EXPECT_EQ(count(program(t, {x}, {y}).explain(), "loop over"), 1);
  EXPECT_GE(count(program(t, {x}, {y}, {.fuse = false}).explain(), "loop over"), 7);
}

TEST(Passes, FuseBroadcastsAndTrailingReductionsIntoTheLoop) {
  tape t;
  const variable x = t.input(float32, {100, 10}), row = t.input(float32, {10});
  const variable column = t.input(float32, {100, 1}), number = t.input(float32, {});
  const variable y = tanh(x * row + column) * number;
  const program code(t, {x, row, column, number}, {sum(y, 0), max(y, 1), norm(y), y});
  EXPECT_EQ(count(code.explain(), "loop over"), 1) << code.explain();
  EXPECT_EQ(computes(code, "sum"), 1);
  EXPECT_EQ(computes(code, "max"), 1);
  EXPECT_EQ(computes(code, "norm"), 1);
}

// One column, broadcast in one loop into two shapes of one size: another column each time.
TEST(Passes, TellBroadcastsIntoTwoShapesOfOneSizeApart) {
  tape t;
  const variable x = t.input(float32, {2, 6}), column = t.input(float32, {2, 1});
  const variable y = x + column, z = reshape(y, {3, 2, 2}) + column;
  program code(t, {x, column}, {y, z});
  EXPECT_EQ(count(code.explain(), "loop over"), 1) << code.explain();
  const array zeros = xt::zeros<float>({2, 6}), values = xt::reshape_view(array{1, 10}, {2, 1});
  code.run(views({zeros, values}));
  EXPECT_EQ(code.output(1).value<float>().flat(2), 1 + 10);
  EXPECT_EQ(code.output(1).value<float>().flat(6), 10 + 10);
  EXPECT_EQ(code.output(1).value<float>().flat(8), 10 + 1);
}

TEST(Passes, FuseChainsOfSizeOneIntoOneLoop) {
  tape t;
  variable x = t.input(float32, {});
  const variable first = x;
  for (int i = 0; i < 10; ++i) x = sin(x) * x;
  EXPECT_EQ(count(program(t, {first}, {x}).explain(), "loop over 1:"), 1);
}

// --- Memory -------------------------------------------------------------------------------------

constexpr std::size_t elements = 100000, buffer = elements * sizeof(float);

TEST(Arena, AFusedChainNeedsABufferForItsInputAndOneForItsOutput) {
  tape t;
  variable x = t.input(float32, {elements});
  const variable first = x;
  for (int i = 0; i < 100; ++i) x = sin(x) + 0.5;
  const program code(t, {first}, {x});
  EXPECT_LT(code.memory().arena, 2.1 * buffer) << code.memory().arena;
}

TEST(Arena, AChainOfKernelsReusesItsBuffers) {
  tape t;
  variable x = t.input(float32, {elements});
  const variable first = x;
  for (int i = 0; i < 100; ++i) x = cumsum(sin(x));
  const program code(t, {first}, {x});
  EXPECT_EQ(computes(code, "cumsum"), 100);
  EXPECT_LT(code.memory().arena, 3.1 * buffer) << code.memory().arena;
  EXPECT_LE(code.memory().most_alive, code.memory().arena);
  EXPECT_LT(program(t, {first}, {x}, {.fuse = false}).memory().arena, 3.1 * buffer);
}

TEST(Arena, AnElementWiseValueTakesOverADyingOperand) {
  tape t;
  const variable x = t.input(float32, {elements});
  const variable y = sin(cumsum(x));
  // The input, cumsum's result and, in its place, the sine.
  EXPECT_LT(program(t, {x}, {y}).memory().arena, 2.1 * buffer);
}

TEST(Arena, OfAForwardProgramIsSmallerThanOfTraining) {
  tape t;
  const variable x = t.input(float32, {64, 256});
  std::vector<variable> weights;
  variable y = x;
  for (int i = 0; i < 8; ++i) {
    weights.push_back(t.read(parameter("w", xt::zeros<float>({256, 256}))));
    y = tanh(matmul(y, weights.back()));
  }
  const program forward(t, {x}, {y}), training(t, {x}, gradient(sum(y), weights));
  const std::size_t layer = 64 * 256 * sizeof(float);
  EXPECT_LT(forward.memory().arena, 3.1 * layer);
  EXPECT_GT(training.memory().arena, 8 * layer);
}

TEST(Arena, MatricesOfProductsAreUsedWhereTheyAre) {
  tape t;
  const variable x = t.input(float32, {1000, 1000}), y = t.input(float32, {1000, 2});
  EXPECT_LT(program(t, {x, y}, {matmul(x, y)}).memory().arena, 20000u);
}

TEST(Arena, FoldedConstantsAreCounted) {
  tape t;
  const variable x = t.input(float32, {elements});
  const variable c = cumsum(t.constant(xt::ones<float>({elements})));
  const program code(t, {x}, {x + c});
  EXPECT_GE(code.memory().constants, buffer);
  EXPECT_LT(code.memory().constants, 1.1 * buffer);
}

TEST(Explain, NamesItemsWritesAndSizes) {
  tape t;
  const variable x = t.input(float32, {4, 4});
  const parameter w("weights", xt::zeros<float>({4, 4})), v("other", xt::zeros<float>({4, 4}));
  t.assign(w, t.read(w) + -0.1 * matmul(x, x));
  const variable y = tanh(x);
  t.assign(v, y);
  const program code(t, {x}, {y});
  const std::string text = code.explain();
  EXPECT_EQ(text.find(std::to_string(code.steps()) + " steps, arena "), 0u) << text;
  EXPECT_EQ(count(text, "loop over 16: tanh\n"), 1) << text;
  EXPECT_EQ(count(text, "float32 (4, 4): matmul A B *alpha +C->'weights'"), 1) << text;
  EXPECT_EQ(count(text, "write 'other'"), 1) << text;  // the value is an output, too
}

TEST(Explain, ShortensLongLoops) {
  tape t;
  variable x = t.input(float32, {});
  const variable first = x;
  for (int i = 0; i < 100; ++i) x = sin(x);
  EXPECT_EQ(count(program(t, {first}, {x}).explain(), "... (100 values)"), 1);
}

}  // namespace
}  // namespace cotape

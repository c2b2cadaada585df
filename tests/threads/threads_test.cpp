// Different tapes run in different threads at once; ThreadSanitizer looks on.
#include <cotape/cotape.hpp>
#include <cotape/optimizers.hpp>
#include <thread>

namespace cotape {
namespace {

using array = xt::xarray<float>;

// Learns xor on tapes of its own; gives the losses.
std::vector<float> train(int steps) {
  const array x{{0, 0}, {0, 1}, {1, 0}, {1, 1}}, y(std::vector<std::size_t>{4, 1}, 0.5F);
  generator random(7);
  const parameter w1("w1", random.normal({2, 8})), b1("b1", xt::zeros<float>({8}));
  const parameter w2("w2", random.normal({8, 1}));
  sgd optimizer(sgd_options{.rate = 0.1, .momentum = 0.9});
  auto step = compile([&](variable in, variable wanted) {
    const variable hidden = tanh(matmul(in, w1) + b1);
    const variable loss = mean_squared_error(sigmoid(matmul(hidden, w2)), wanted * in.shape()[0]);
    optimizer.minimize(loss);
    return loss;
  });
  std::vector<float> losses;
  for (int i = 0; i < steps; ++i) losses.push_back(step(x, y));
  return losses;
}

// Runs f in two threads at once.
template <class F> auto twice(F f) {
  std::array<decltype(f()), 2> results;
  std::thread first([&] { results[0] = f(); }), second([&] { results[1] = f(); });
  first.join();
  second.join();
  return results;
}

TEST(Threads, TwoTapesTrainAtOnce) {
  const std::vector<float> alone = train(200);
  const auto both = twice([] { return train(200); });
  EXPECT_EQ(both[0], alone);
  EXPECT_EQ(both[1], alone);
  EXPECT_LT(alone.back(), alone.front());
}

TEST(Threads, TwoTapesAreRecordedSweptAndEvaluatedAtOnce) {
  const auto work = [] {
    std::vector<double> values;
    tape t;
    const tape_mark start = t.mark();
    for (int i = 1; i < 30; ++i) {
      const variable x = t.constant(xt::xarray<double>{0.1 * i, 0.2 * i});
      const variable y = sum(softmax(sin(x) * i) * cumsum(x)) + norm(x);
      values.push_back(gradient(y, x).value<double>()(0));
      t.rewind(start);
    }
    return values;
  };
  const auto both = twice(work);
  EXPECT_EQ(both[0], both[1]);
  EXPECT_EQ(both[0], work());
}

TEST(Threads, AProgramMovesToAnotherThread) {
  tape t;
  const variable x = t.input(float32, {2, 2});
  program code(t, {x}, {matmul(x, x) + 1});
  const array value{{1, 2}, {3, 4}};
  array found;
  std::thread([&] {
    code.run(std::vector{array_view({float32, {2, 2}}, value.data())});
    found = code.output(0).value<float>();
  }).join();
  EXPECT_EQ(found, (array{{8, 11}, {16, 23}}));
}

TEST(Threads, ErrorsStayInTheirThread) {
  const auto both = twice([] {
    int caught = 0;
    for (int i = 0; i < 50; ++i) {
      tape t;
      const variable a = t.input(float32, {2}), b = t.input(float32, {3});
      try {
        a + b;
      } catch (const shape_error&) {
        ++caught;
      }
    }
    return caught;
  });
  EXPECT_EQ(both[0], 50);
  EXPECT_EQ(both[1], 50);
}

}  // namespace
}  // namespace cotape

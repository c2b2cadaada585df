// Which elements of a run sat on a kink, a tie or a jump.
#include <gtest/gtest.h>

#include <cotape/cotape.hpp>
#include <sstream>

#include "expect_error.hpp"

namespace {

using namespace cotape;
using report::kink;
using elements = std::vector<std::vector<std::int64_t>>;
using matrix = xt::xarray<double>;

std::string text_of(const std::vector<kink>& kinks) {
  std::ostringstream out;
  out << kinks;
  return out.str();
}

template <class F> std::vector<kink> kinks_at(F f, const matrix& at) {
  auto run = compile(f, {.watch_kinks = true});
  run(at);
  return report::kinks(run.last());
}

TEST(Kinks, AreListedForTheLastRun) {
  const int line = __LINE__ + 2;
  const auto traced = [](variable x) {
    const variable a = relu(x);
    return sum(a) + sum(abs(x - 1));
  };
  auto f = compile(traced, {.watch_kinks = true});
  f(matrix{{0.0, 1.0, 2.0}, {-1.0, 0.0, -0.0}});
  const std::vector<kink> found = report::kinks(f.last());
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0].operation, "relu");
  EXPECT_EQ(found[0].shape, shape({2, 3}));
  EXPECT_EQ(found[0].elements, (elements{{0, 0}, {1, 1}, {1, 2}}));
  EXPECT_EQ(found[0].where.text(), "kinks_test.cpp:" + std::to_string(line));
  EXPECT_EQ(found[1].operation, "abs");
  EXPECT_EQ(found[1].elements, (elements{{0, 1}}));
  EXPECT_EQ(text_of({found[1]}), "abs of (2, 3) at kinks_test.cpp:" + std::to_string(line + 1) +
                                     ": 1 of 6 elements: (0, 1)\n");
  f(matrix{{0.5, 3.0, 2.0}, {-1.0, 0.1, -0.1}});
  EXPECT_TRUE(report::kinks(f.last()).empty());
  f(xt::zeros<double>({2, 3}));
  EXPECT_NE(
      text_of(report::kinks(f.last())).find("6 of 6 elements: (0, 0) (0, 1) (0, 2) (1, 0) ..."),
      std::string::npos);
}

TEST(Kinks, OfEveryOperationThatHasThem) {
  const matrix at{0.0, 3.0, 3.0};
  using v = variable;
  const std::vector<std::pair<std::string, std::vector<kink>>> cases{
      {"relu", kinks_at([](v x) { return relu(x); }, at)},
      {"abs", kinks_at([](v x) { return abs(x); }, at)},
      {"sign", kinks_at([](v x) { return sign(x); }, at)},
      {"sqrt", kinks_at([](v x) { return sqrt(x); }, at)},
      {"maximum", kinks_at([](v x) { return maximum(x, 0); }, at)},
      {"minimum", kinks_at([](v x) { return minimum(0, x); }, at)},
      {"less", kinks_at([](v x) { return where(x > 0, x * x, -x); }, at)},
      {"less_equal", kinks_at([](v x) { return where(x <= 0, x * x, -x); }, at)},
      {"norm", kinks_at(
                   [](v x) {
                     return norm(reshape(x, {3, 1}), 1);
                   },
                   at)},
      {"max", kinks_at(
                  [](v x) {
                    return max(stack({x, 2 * x}), 0);
                  },
                  at)},
      {"less", kinks_at([](v x) { return leaky_relu(x); }, at)},
  };
  for (const auto& [name, found] : cases) {
    ASSERT_EQ(found.size(), 1u) << name;
    EXPECT_EQ(found[0].operation, name);
    EXPECT_EQ(found[0].elements, (elements{{0}})) << name;
  }
  EXPECT_TRUE(kinks_at(
                  [](v x) {
                    return sum(exp(x)) + max(x * x.owner().constant(matrix{0.0, 1.0, 2.0}));
                  },
                  at)
                  .empty());
}

TEST(Kinks, AreThoseThatDerivativesGoThrough) {
  const auto f = [](variable x) {
    return sum(softmax(x)) + sum(stop_gradient(abs(x))) + sum(cast(argmax(relu(x)), float64));
  };
  EXPECT_TRUE(kinks_at(f, matrix{{0.0, 0.0}}).empty());
  const auto custom = [](variable x) {
    return custom_gradient([](const std::vector<variable>& v) { return exp(v[0]); }, {relu(x)},
                           [](const std::vector<variable>& v, variable, variable dy) {
                             return std::vector<variable>{chain(dy, exp(v[0]))};
                           });
  };
  EXPECT_EQ(kinks_at(custom, matrix{0.0}).size(), 1u);
}

TEST(Kinks, OfACustomGradientAreThoseOfItsRulesInputs) {
  const auto straight_through = [](variable x) {
    const variable a = relu(x);
    return custom_gradient([](const std::vector<variable>& v) { return sign(v[0]); }, {a},
                           [](const std::vector<variable>&, variable, variable dy) {
                             return std::vector<variable>{dy};
                           });
  };
  const std::vector<kink> found = kinks_at(straight_through, matrix{0.0});
  ASSERT_EQ(found.size(), 1u) << text_of(found);
  EXPECT_EQ(found[0].operation, "relu");
}

TEST(Kinks, OfWhatIsReturnedCountBehindASweepToo) {
  const auto later = [](variable x) {
    gradient(sum(x * x), x);
    return sum(relu(x));
  };
  EXPECT_EQ(kinks_at(later, matrix{0.0}).size(), 1u);
}

TEST(Kinks, AreNotInventedForSmoothFunctions) {
  const auto smooth = [](variable x) {
    const variable t = x.owner().constant(matrix{0.0, 1.0});
    return binary_crossentropy_from_logits(x, t) + logsumexp(x - 1e308 - 1e308);
  };
  EXPECT_TRUE(kinks_at(smooth, matrix{0.0, 0.0}).empty());
}

TEST(Kinks, OfATrainingStepAreThoseOfItsLoss) {
  parameter w("w", matrix{{1.0, -1.0}, {1.0, 1.0}});
  adam optimizer({.rate = 0.1});
  auto step = compile(
      [&](variable x) {
        const variable loss = sum(square(relu(matmul(x, w))));
        optimizer.minimize(loss);
        return loss;
      },
      {.watch_kinks = true});
  EXPECT_EQ(step(matrix{{1.0, 1.0}}).number(), 4);
  const std::vector<kink> found = report::kinks(step.last());
  ASSERT_EQ(found.size(), 1u) << text_of(found);
  EXPECT_EQ(found[0].operation, "relu");
  EXPECT_EQ(found[0].elements, (elements{{0, 1}}));
  EXPECT_NE(w.value<double>()(0, 0), 1);
}

// A sweep goes through one of equal values; each has a mask, whether the program returns what it
// differentiated or not.
TEST(Kinks, OfEqualValuesAreThoseOfEach) {
  const int line = __LINE__ + 2;
  const auto twice = [](variable x) {
    const variable a = sum(square(relu(x)));
    const variable b = sum(square(relu(x)));
    sum(square(relu(x)));  // which nobody differentiates
    return std::vector<variable>{a * b, gradient(a * b, x)};
  };
  const auto with = [&](variable x) { return twice(x); };
  const auto without = [&](variable x) { return twice(x)[1]; };
  parameter w("w", matrix{0.0, 2.0});
  const auto step = [&](variable x) {
    sgd({.rate = 0.1}).minimize(twice(x + w)[0]);
    return sum(x);
  };
  for (const auto& found : {kinks_at(with, matrix{0.0, 2.0}), kinks_at(without, matrix{0.0, 2.0}),
                            kinks_at(step, matrix{0.0, 0.0})}) {
    ASSERT_EQ(found.size(), 2u) << text_of(found);
    EXPECT_EQ(found[0].where.line, line);
    EXPECT_EQ(found[1].where.line, line + 1);
    for (const kink& k : found) EXPECT_EQ(k.elements, (elements{{0}}));
  }
}

TEST(Kinks, LeaveTapeAndOutputsAsTheyAre) {
  tape t;
  const variable x = t.input(float64, {2}, "x");
  const variable y = relu(x), dx = gradient(sum(y), x);
  const std::size_t nodes = t.size();
  program watching(t, {x}, {y, dx}, {.watch_kinks = true}), plain(t, {x}, {y, dx});
  EXPECT_EQ(t.size(), nodes);
  EXPECT_EQ(watching.outputs(), 2u);
  EXPECT_THROW(watching.output(2), value_error);
  tests::expect_error<value_error>([&] { report::kinks(watching); },
                                   "kinks: the program has not run yet: run it first");
  const matrix at{0.0, 2.0};
  const array_argument given(at);
  const array_view views[] = {given.view()};
  watching.run(views);
  EXPECT_EQ(watching.kinks().size(), 1u);
  EXPECT_EQ(watching.output(0).value<double>(), (matrix{0.0, 2.0}));
  EXPECT_EQ(watching.output(1).value<double>(), (matrix{0.0, 1.0}));
  EXPECT_EQ(gradient(sum(y), x).value<double>({{x, at}}), (matrix{0.0, 1.0}));
  try {
    report::kinks(plain);
    FAIL();
  } catch (const value_error& e) {
    EXPECT_STREQ(e.what(),
                 "kinks: the program does not watch them, compile it with .watch_kinks = true");
  }
}

}  // namespace

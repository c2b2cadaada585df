// Targets as losses and metrics see them: in the prediction's shape, whether the loss is a name, a
// function of the library or one's own.
#include <gtest/gtest.h>

#include <cotape/cotape.hpp>
#include <xtensor/xtensor.hpp>

#include "expect_error.hpp"

namespace {

using namespace cotape;
using cotape::tests::message_of;

using array = xt::xarray<double>;
using column = xt::xtensor<double, 2>;
using labels = xt::xarray<std::int64_t>;

const column x = {{1}, {2}, {3}};
const array doubled = {2, 4, 6};

variable own_mse(variable p, variable t) { return mean(square(p - t)); }

initializer from_zero() {
  return [](generator&, const shape& s) { return zeros(s, float64); };
}

// y = w x + b from 0, and what it makes of x after enough steps.
array fitted(const loss_function& loss, const array_argument& y, std::vector<metric> metrics = {},
             history* seen = nullptr) {
  sequential m{dense(1, "linear", from_zero())};
  m.compile(loss, sgd({.rate = 0.1}), std::move(metrics));
  const history h = m.fit(x, y.view(), {.epochs = 2000, .progress = nullptr});
  if (seen != nullptr) *seen = h;
  return m.predict<double>(x);
}

void expect_doubled(const array& p) {
  ASSERT_EQ(p.size(), 3u);
  for (std::size_t i = 0; i < 3; ++i) EXPECT_NEAR(p(i, 0), 2 * x(i, 0), 1e-3) << i;
}

TEST(Targets, OfOneAxisFitALossOfOnesOwn) {
  expect_doubled(fitted("mse", doubled));
  expect_doubled(fitted(own_mse, doubled));
  expect_doubled(fitted([](variable p, variable t) { return own_mse(p, t); }, doubled));
}

TEST(Targets, DifferByAxesOfSizeOneAnywhere) {
  const array deep = xt::xtensor<double, 3>{{{2}}, {{4}}, {{6}}};
  expect_doubled(fitted("mse", deep));
  expect_doubled(fitted(own_mse, deep));
  // The output has no axis beside the rows, the targets have.
  sequential m{dense(1, "linear", from_zero()),
               lambda([](variable v) { return reshape(v, {v.shape()[0]}); })};
  m.compile(own_mse, sgd({.rate = 0.1}));
  m.fit(x, column{{2}, {4}, {6}}, {.epochs = 2000, .progress = nullptr});
  EXPECT_NEAR(m.predict<double>(x)(2), 6, 1e-3);
}

TEST(Targets, FitTheLastBatchOfOneRowToo) {
  const column rows = {{1, 2}, {3, 4}, {5, 6}};
  sequential m{dense(2, "linear", from_zero())};
  m.compile(own_mse, sgd(), {"mae"});
  const history h = m.fit(rows, xt::xtensor<double, 3>{{{1, 2}}, {{3, 4}}, {{5, 6}}},
                          {.batch_size = 2, .progress = nullptr});
  EXPECT_EQ(h.epochs(), 1u);
}

TEST(Targets, FitMetricsOfOnesOwn) {
  history h;
  fitted("mse", doubled, {metric("own", own_mse), metric("mine", mean_squared_error)}, &h);
  for (const char* name : {"own", "mine"}) {
    EXPECT_NEAR(h[name][0], (4.0 + 16 + 36) / 3, 1e-12) << name;
    EXPECT_LT(h[name].back(), 1e-5) << name;
  }
}

TEST(Targets, AreFittedWhereverTheLossIsRecorded) {
  sequential m{dense(1, "linear", from_zero())};
  m.compile(own_mse, sgd({.rate = 0}));
  EXPECT_NEAR(m.evaluate(x, doubled)["loss"], (4.0 + 16 + 36) / 3, 1e-12);
  EXPECT_TRUE(m.check_gradient(x, doubled).ok());
  const history h = m.fit(x, doubled, {.validation_data = {x, doubled}, .progress = nullptr});
  EXPECT_NEAR(h["val_loss"][0], (4.0 + 16 + 36) / 3, 1e-12);
}

TEST(Targets, OfALossOfTheLibraryAreTheSameByFunctionAsByName) {
  const labels whole = {2, 4, 6};
  for (const loss_function& l : {loss_function(mse), loss_function(mean_squared_error)}) {
    EXPECT_EQ(l.name(), "mean_squared_error");
    EXPECT_EQ(fitted(l, doubled), fitted("mse", doubled));
    EXPECT_EQ(fitted(l, whole), fitted("mse", whole));
  }
  const auto losses = {
      std::pair<const char*, variable (*)(operand, operand)>{"mae", mae},
      {"mape", mape},
      {"msle", msle},
      {"sse", sse},
      {"rss", rss},
      {"half_squared_error", half_squared_error},
      {"sum_absolute_error", sum_absolute_error},
      {"huber", huber},
      {"log_cosh", log_cosh},
      {"cosine_similarity", cosine_similarity},
      {"hinge", hinge},
      {"squared_hinge", squared_hinge},
      {"kl_divergence", kl_divergence},
      {"binary_focal_crossentropy", binary_focal_crossentropy},
      {"categorical_focal_crossentropy", categorical_focal_crossentropy},
      {"binary_crossentropy", binary_crossentropy},
      {"binary_crossentropy_from_logits", binary_crossentropy_from_logits},
      {"categorical_crossentropy", categorical_crossentropy},
      {"categorical_crossentropy_from_logits", categorical_crossentropy_from_logits},
      {"sparse_categorical_crossentropy", sparse_categorical_crossentropy},
      {"sparse_categorical_crossentropy_from_logits", sparse_categorical_crossentropy_from_logits}};
  for (const auto& [name, f] : losses) {
    EXPECT_EQ(loss_function(f).name(), loss_function(name).name()) << name;
  }
  EXPECT_EQ(fitted(huber, doubled), fitted("huber", doubled));  // the overload with delta 1
  // What is demanded of the targets too.
  sequential m{dense(1, "sigmoid")};
  m.compile(binary_crossentropy, sgd());
  EXPECT_EQ(message_of([&] {
              m.fit(x, array{0, 2, 1});
            }),
            "fit: row 1 of the targets: 2 is not in [0, 1], binary_crossentropy");
}

TEST(Targets, ThatAreLabelsPassAsTheyAre) {
  sequential m{dense(3, "softmax")};
  m.compile(
      [](variable p, variable t) {
        EXPECT_EQ(t.dtype(), int64);
        EXPECT_EQ(t.shape(), (shape{3}));
        return mean(square(p - one_hot(t, 3, p.dtype())));
      },
      sgd());
  EXPECT_EQ(m.fit(x, labels{0, 2, 1}, {.progress = nullptr}).epochs(), 1u);
}

TEST(Targets, OfAnotherShapeAreRefusedBeforeTheFirstStep) {
  const column two = {{1, 2}, {3, 4}, {5, 6}};
  sequential m{dense(1)};
  m.compile(own_mse, sgd());
  EXPECT_EQ(message_of([&] { m.fit(x, two); }),
            "fit: the targets have shape (3, 2), the model's output 'dense' is (None, 1): a loss "
            "of your own that takes them so is given as loss_function{f, targets::as_given}");
  const symbol in = input({1}, float64);
  model both(in, {dense(1).named("left")(in), dense(3).named("right")(in)});
  both.compile(own_mse, sgd());
  EXPECT_EQ(message_of([&] {
              both.fit(x, {doubled, two});
            }),
            "fit: the targets have shape (3, 2), the model's output 'right' is (None, 3): a loss "
            "of your own that takes them so is given as loss_function{f, targets::as_given}");
}

TEST(Targets, PassAsTheyAreByChoice) {
  const column two = {{1, 5}, {2, 6}, {3, 7}};  // a value, and how much it counts
  sequential m{dense(1, "linear", from_zero())};
  const loss_function weighted{[](variable p, variable t) {
                                 const variable y = slice(t, {all, {0, 1}});
                                 return mean(slice(t, {all, {1, 2}}) * square(p - y));
                               },
                               targets::as_given};
  m.compile(weighted, sgd({.rate = 0}), {metric("weighted", weighted)});
  const logs l = m.evaluate(x, two);
  EXPECT_NEAR(l["loss"], (5.0 * 1 + 6 * 4 + 7 * 9) / 3, 1e-12);
  EXPECT_EQ(l["weighted"], l["loss"]);
  // Metrics are given them in the prediction's shape, if they can be.
  m.compile(loss_function{[](variable p, variable t) {
                            EXPECT_EQ(t.shape(), (shape{3}));
                            return mean(square(reshape(p, t.shape()) - t));
                          },
                          targets::as_given},
            sgd({.rate = 0}), {"mae"});
  EXPECT_NEAR(m.evaluate(x, doubled)["mae"], 4, 1e-12);
}

}  // namespace

// Metrics over batches, losses by name, the confusion matrix.
#include <gtest/gtest.h>

#include <cotape/cotape.hpp>
#include <xtensor/xtensor.hpp>

#include "expect_error.hpp"
#include "own_folder.hpp"

namespace {

using namespace cotape;
using cotape::tests::message_of;

// A metric of two batches: the first `at` rows and the rest.
double over_two(const metric& m, const array_argument& p, const array_argument& t,
                std::int64_t at) {
  std::vector<double> sums;
  const std::int64_t rows = p.view().shape()[0];
  for (const auto& [first, last] : {std::pair{std::int64_t{0}, at}, std::pair{at, rows}}) {
    tape on;
    const auto s = m.sums(on.constant(rows_of(p.view(), first, last)),
                          on.constant(rows_of(t.view(), first, last)))
                       .value<double>();
    sums.resize(s.size());
    m.merge(sums, static_cast<double>(first), {s.data(), s.size()},
            static_cast<double>(last - first));
  }
  return m.value(sums, static_cast<double>(rows));
}

using array = xt::xarray<double>;
using column = xt::xtensor<double, 2>;
using labels = xt::xarray<std::int64_t>;

TEST(Metrics, AccuracyIsChosenByTheShapes) {
  const column one = {{0.9}, {0.2}, {0.6}, {0.5}}, yes = {{1}, {0}, {0}, {0}};
  EXPECT_DOUBLE_EQ(over_two("accuracy", one, yes, 3), 0.75);  // p = 0.5 is no 1
  EXPECT_DOUBLE_EQ(over_two("binary_accuracy", one, yes, 1), 0.75);
  const array three = {{0.1, 0.7, 0.2}, {0.5, 0.4, 0.1}, {0.3, 0.3, 0.4}};
  const array hot = {{0, 1, 0}, {0, 1, 0}, {0, 0, 1}};
  const labels sparse = {1, 1, 2};
  EXPECT_NEAR(over_two("accuracy", three, hot, 2), 2.0 / 3, 1e-15);
  EXPECT_NEAR(over_two("acc", three, sparse, 2), 2.0 / 3, 1e-15);
  EXPECT_NEAR(over_two("sparse_categorical_accuracy", three, sparse, 1), 2.0 / 3, 1e-15);
  EXPECT_NEAR(over_two("categorical_accuracy", three, hot, 1), 2.0 / 3, 1e-15);
}

TEST(Metrics, NanIsNeverRight) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(over_two("accuracy", column{{nan}, {nan}}, column{{0}, {1}}, 1), 0);
  EXPECT_EQ(over_two("accuracy", array{{nan, 0}, {0, nan}}, labels{0, 1}, 1), 0);
}

TEST(Metrics, TopKCountsTheRowsWhoseClassIsAmongTheLargest) {
  const array p = {{.1, .2, .3, .4}, {.4, .3, .2, .1}, {.3, .1, .4, .2}};
  const labels sparse = {1, 1, 1};
  const array hot = {{0, 1, 0, 0}, {0, 1, 0, 0}, {0, 1, 0, 0}};
  for (const auto& [k, wanted] : {std::pair{1, 0.}, {2, 1.}, {3, 2.}, {4, 3.}, {9, 3.}}) {
    EXPECT_DOUBLE_EQ(over_two(sparse_top_k_categorical_accuracy(k), p, sparse, 2), wanted / 3) << k;
    EXPECT_DOUBLE_EQ(over_two(top_k_categorical_accuracy(k), p, hot, 1), wanted / 3) << k;
    const std::string name = "top_" + std::to_string(k) + "_categorical_accuracy";
    EXPECT_DOUBLE_EQ(over_two(name, p, hot, 2), wanted / 3) << k;
    EXPECT_DOUBLE_EQ(over_two("sparse_" + name, p, sparse, 1), wanted / 3) << k;
  }
  EXPECT_EQ(over_two("sparse_top_k_categorical_accuracy", p, sparse, 1), 1);
  // All of several equal entries are among the first, as in TensorFlow's in_top_k.
  EXPECT_EQ(over_two(sparse_top_k_categorical_accuracy(2), array{{.1, .3, .3, .3}, {1, 0, 0, 0}},
                     labels{3, 2}, 1),
            1);
  // A label that is no class is never right, nor is a row with NaN.
  const double nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(over_two(sparse_top_k_categorical_accuracy(2),
                     array{{-1, -2, -3}, {-1, -2, -3}, {1, nan, 0}}, labels{3, -1, 0}, 1),
            0);
  // Of sequences the share of the positions.
  EXPECT_EQ(over_two(sparse_top_k_categorical_accuracy(1),
                     xt::xarray<double>{{{.9, .1}, {.2, .8}}, {{.6, .4}, {.7, .3}}},
                     labels{{0, 0}, {0, 0}}, 1),
            0.75);
}

TEST(Metrics, TopKHasItsNumberInItsName) {
  EXPECT_EQ(top_k_categorical_accuracy().name(), "top_k_categorical_accuracy");
  EXPECT_EQ(top_k_categorical_accuracy(3).name(), "top_3_categorical_accuracy");
  EXPECT_EQ(sparse_top_k_categorical_accuracy(2).name(), "sparse_top_2_categorical_accuracy");
  EXPECT_TRUE(top_k_categorical_accuracy(3).known());
  EXPECT_EQ(top_k_categorical_accuracy(3).direction(), better::higher);
  EXPECT_EQ(message_of([] { top_k_categorical_accuracy(0); }),
            "top_k_categorical_accuracy: k is 0");
  EXPECT_EQ(message_of([] { sparse_top_k_categorical_accuracy(-1); }),
            "sparse_top_k_categorical_accuracy: k is -1");
  for (const char* name :
       {"top_0_categorical_accuracy", "top_-1_categorical_accuracy", "top_03_categorical_accuracy",
        "top_3x_categorical_accuracy", "top_5_categorical_accuracy", "top__categorical_accuracy"}) {
    EXPECT_TRUE(message_of([&] { metric m(name); }).starts_with("metric: no metric")) << name;
  }
}

TEST(Metrics, PerplexityIsOfTheMeanOverTheWholeSet) {
  const array p = {{.5, .25, .25}, {.125, .75, .125}, {.25, .5, .25}};
  const array hot = {{1, 0, 0}, {1, 0, 0}, {0, 0, 1}};
  const array logits = xt::log(p);
  const labels sparse = {0, 0, 2};
  for (const std::int64_t at : {1, 2}) {  // (2 8 4)^(1/3); not the mean of the batches' own
    EXPECT_NEAR(over_two("perplexity", p, sparse, at), 4, 1e-14);
    EXPECT_NEAR(over_two("perplexity", p, hot, at), 4, 1e-14);
    EXPECT_NEAR(over_two("perplexity_from_logits", logits, sparse, at), 4, 1e-14);
    EXPECT_NEAR(over_two("perplexity_from_logits", logits, hot, at), 4, 1e-14);
  }
  EXPECT_EQ(metric("perplexity").direction(), better::lower);
  EXPECT_TRUE(metric("perplexity").known());
}

// A model that is kept with its training has them again.
TEST(Metrics, ComeBackFromAFile) {
  const tests::own_folder folder;
  const auto file = folder.at / "m.safetensors";
  sequential m({dense(4, "softmax")});
  m.compile(
      "sparse_categorical_crossentropy", sgd(),
      {sparse_top_k_categorical_accuracy(2), "perplexity", "sparse_top_k_categorical_accuracy"});
  const array x = {{1, 2}, {3, -4}, {-5, 7}};
  const labels y = {1, 3, 0};
  m.fit(x, y, {.epochs = 1, .batch_size = 2, .progress = nullptr});
  m.save(file, {.optimizer = true});
  const logs here = m.evaluate(x, y), there = load_model(file).evaluate(x, y);
  for (const char* name : {"sparse_top_2_categorical_accuracy", "perplexity"}) {
    EXPECT_EQ(here[name], there[name]) << name;
  }
  EXPECT_NEAR(here["perplexity"], std::exp(here["loss"]), 1e-12);
  EXPECT_EQ(there["sparse_top_k_categorical_accuracy"], 1);
}

TEST(Metrics, RmseAndR2AreOverTheWholeSet) {
  const column p = {{1}, {2}, {3}, {5}}, t = {{1}, {3}, {3}, {1}};
  EXPECT_DOUBLE_EQ(over_two("mse", p, t, 3), 17.0 / 4);
  EXPECT_DOUBLE_EQ(over_two("mae", p, t, 3), 5.0 / 4);
  EXPECT_DOUBLE_EQ(over_two("rmse", p, t, 3), std::sqrt(17.0 / 4));
  EXPECT_DOUBLE_EQ(over_two("r2", p, t, 3), 1 - 17.0 / 4);  // squares about the mean 2: 4
  EXPECT_DOUBLE_EQ(over_two("r2_score", p, t, 1), 1 - 17.0 / 4);
  // Of two columns the mean; a constant column that is hit counts 1, else 0.
  EXPECT_DOUBLE_EQ(over_two("r2", array{{1, 7}, {3, 7}}, array{{1, 7}, {3, 7}}, 1), 1);
  EXPECT_DOUBLE_EQ(over_two("r2", array{{1, 7}, {3, 7}}, array{{1, 8}, {3, 8}}, 1), 0.5);
  EXPECT_TRUE(std::isnan(over_two("r2", column{{NAN}, {3}}, column{{3}, {3}}, 1)));
}

TEST(Metrics, AreNotBroadcast) {
  const array three = {{0.1, 0.7, 0.2}, {0.5, 0.4, 0.1}, {0.3, 0.3, 0.4}};
  const xt::xtensor<std::int64_t, 2> column_of_labels = {{1}, {1}, {2}};
  for (const char* name : {"accuracy", "sparse_categorical_accuracy"}) {
    EXPECT_NEAR(over_two(name, three, column_of_labels, 2), 2.0 / 3, 1e-15) << name;
  }
  const column one = {{0.9}, {0.2}, {0.6}, {0.5}};
  for (const char* name : {"accuracy", "binary_accuracy"}) {
    EXPECT_EQ(over_two(name, one, array{1, 0, 0, 0}, 3), 0.75) << name;
    EXPECT_EQ(over_two(name, one, labels{1, 0, 0, 0}, 3), 0.75) << name;
  }
  EXPECT_DOUBLE_EQ(over_two("rmse", one, array{1.9, 1.2, 1.6, 1.5}, 3), 1);
  for (const char* name : {"binary_accuracy", "categorical_accuracy", "rmse", "r2"}) {
    EXPECT_EQ(message_of([&] {
                over_two(name, three, column{{1}, {0}, {1}}, 2);
              }),
              "metric: targets of shape (2, 1) do not fit (2, 3)")
        << name;
  }
}

TEST(Metrics, OfOnesOwnAreMeansByRows) {
  const metric m("bias", [](variable p, variable t) { return mean(p - t); });
  EXPECT_EQ(m.name(), "bias");
  EXPECT_DOUBLE_EQ(over_two(m, column{{1}, {2}, {6}}, column{{0}, {0}, {0}}, 2), 3);
  const metric wrong("rows", [](variable p, variable t) { return p - t; });
  EXPECT_EQ(message_of([&] {
              over_two(wrong, column{{1}, {2}}, column{{0}, {0}}, 1);
            }),
            "no error");
  EXPECT_EQ(message_of([&] {
              over_two(wrong, column{{1}, {2}, {3}}, column{{0}, {0}, {0}}, 2);
            }),
            "metric 'rows': it has shape (2, 1), not one number: take its mean");
}

TEST(Metrics, UnknownNamesListTheKnownOnes) {
  const std::string losses =
      "mean_squared_error, mse, mean_absolute_error, mae, mean_absolute_percentage_error, mape, "
      "mean_squared_logarithmic_error, msle, sum_squared_error, sse, rss, half_squared_error, "
      "sum_absolute_error, huber, log_cosh, cosine_similarity, hinge, squared_hinge, "
      "kl_divergence, binary_focal_crossentropy, categorical_focal_crossentropy, "
      "binary_crossentropy, binary_crossentropy_from_logits, "
      "categorical_crossentropy, categorical_crossentropy_from_logits, "
      "sparse_categorical_crossentropy, sparse_categorical_crossentropy_from_logits";
  EXPECT_EQ(message_of([] { loss_function("mze"); }), "loss: no loss 'mze'; there are: " + losses);
  EXPECT_EQ(message_of([] { metric("acuracy"); }),
            "metric: no metric 'acuracy'; there are: accuracy, acc, binary_accuracy, "
            "categorical_accuracy, sparse_categorical_accuracy, top_k_categorical_accuracy, "
            "sparse_top_k_categorical_accuracy (k is 5, or a number in its place), perplexity, "
            "perplexity_from_logits, rmse, root_mean_squared_error, r2, r2_score, " +
                losses);
}

TEST(Losses, ByNameAreTheFunctions) {
  const array p = {{0.2, 0.7, 0.1}}, t = {{0.0, 1.0, 0.0}};
  const labels l = {1};
  const auto expect = [&](const char* name, variable (*f)(operand, operand), auto target) {
    tape on;
    const variable a = on.constant(p), b = on.constant(target);
    EXPECT_EQ(loss_function(name)(a, b).value<double>()(), f(a, b).value<double>()()) << name;
  };
  expect("mse", mean_squared_error, t);
  expect("mean_squared_error", mean_squared_error, t);
  expect("mae", mean_absolute_error, t);
  expect("msle", mean_squared_logarithmic_error, t);
  expect("sse", sum_squared_error, t);
  expect("rss", sum_squared_error, t);
  expect("half_squared_error", half_squared_error, t);
  expect("sum_absolute_error", sum_absolute_error, t);
  expect("mape", mean_absolute_percentage_error, t + 1.0);
  expect(
      "huber", [](operand a, operand b) { return huber(a, b); }, t);
  expect("log_cosh", log_cosh, t);
  expect("cosine_similarity", cosine_similarity, t);
  expect("hinge", hinge, t);
  expect("squared_hinge", squared_hinge, t);
  expect("kl_divergence", kl_divergence, t);
  expect("binary_focal_crossentropy", binary_focal_crossentropy, t);
  expect("categorical_focal_crossentropy", categorical_focal_crossentropy, t);
  expect("binary_crossentropy", binary_crossentropy, t);
  expect("binary_crossentropy_from_logits", binary_crossentropy_from_logits, t);
  expect("categorical_crossentropy", categorical_crossentropy, t);
  expect("categorical_crossentropy_from_logits", categorical_crossentropy_from_logits, t);
  expect("sparse_categorical_crossentropy", sparse_categorical_crossentropy, l);
  expect("sparse_categorical_crossentropy_from_logits", sparse_categorical_crossentropy_from_logits,
         l);
}

TEST(ConfusionMatrix, CountsRowsByTargetAndPrediction) {
  EXPECT_EQ(confusion_matrix(array{{0.1, 0.9}, {0.8, 0.2}, {0.3, 0.7}}, labels{1, 1, 0}),
            (labels{{0, 1}, {1, 1}}));
  EXPECT_EQ(
      confusion_matrix(xt::xtensor<float, 2>{{0.9f}, {0.2f}}, xt::xtensor<float, 2>{{1}, {1}}),
      (labels{{0, 0}, {1, 1}}));
  EXPECT_EQ(confusion_matrix(labels{2, 0}, labels{0, 0}, 3),
            (labels{{1, 0, 1}, {0, 0, 0}, {0, 0, 0}}));
  EXPECT_EQ(message_of([] {
              confusion_matrix(labels{1}, labels{1, 2});
            }),
            "confusion_matrix: 1 predictions and 2 targets");
  EXPECT_EQ(message_of([] {
              confusion_matrix(labels{0, 3}, labels{0, 0}, 3);
            }),
            "confusion_matrix: row 1: 3 is none of 3 classes");
  EXPECT_EQ(message_of([] {
              confusion_matrix(labels{0, -1}, labels{0, 0});
            }),
            "confusion_matrix: row 1: -1 is none of 1 classes");
  EXPECT_EQ(message_of([] {
              confusion_matrix(array{{0.1, 0.9}, {0.1, NAN}}, labels{0, 0});
            }),
            "confusion_matrix: row 1 of the predictions is NaN");
  EXPECT_EQ(message_of([] {
              confusion_matrix(labels{0, 123456}, labels{0, 0});
            }),
            "confusion_matrix: 123457 classes, it takes 0 to 10000");
  EXPECT_EQ(message_of([] { confusion_matrix(1.0, labels{0}); }),
            "confusion_matrix: predictions of shape () have no rows of classes");
}

}  // namespace

// Figures of a whole set that are gathered batch by batch: they do not depend on the batches, nor
// on how large the numbers are that they are gathered from.
#include <gtest/gtest.h>

#include <cfenv>
#include <cmath>
#include <cotape/cotape.hpp>
#include <cstdlib>
#include <filesystem>
#include <xtensor/xtensor.hpp>
#include <xtensor/xview.hpp>

#include "own_folder.hpp"

namespace {

using namespace cotape;

using array = xt::xarray<double>;
using column = xt::xtensor<double, 2>;

// A model whose predictions are its inputs.
sequential passing_on(std::vector<metric> metrics) {
  sequential m{lambda([](variable v) { return v; })};
  m.compile("mse", sgd(), std::move(metrics));
  return m;
}

// Targets about a large mean, and predictions that miss them by a little.
struct far_away {
  column t, p;
  explicit far_away(std::size_t rows, double mean = 1e5)
      : t(column::from_shape({rows, 1})), p(column::from_shape({rows, 1})) {
    for (std::size_t i = 0; i < rows; ++i) {
      t(i, 0) = mean + 1.414 * std::sin(static_cast<double>(i));
      p(i, 0) = t(i, 0) + 0.3 * std::cos(3 * static_cast<double>(i));
    }
  }
  // In two passes, about the mean.
  double r2() const {
    long double mean = 0, residual = 0, total = 0;
    for (const double y : t) mean += y;
    mean /= static_cast<long double>(t.size());
    for (std::size_t i = 0; i < t.shape()[0]; ++i) {
      residual += std::pow(static_cast<long double>(t(i, 0) - p(i, 0)), 2);
      total += std::pow(t(i, 0) - mean, 2);
    }
    return static_cast<double>(1 - residual / total);
  }
};

TEST(Figures, R2IsThatOfTargetsWithALargeMean) {
  const far_away d(1'000'000);
  sequential m = passing_on({"r2"});
  for (const std::int64_t size : {1'000'000, 99'999, 256, 32}) {
    EXPECT_NEAR(m.evaluate(d.p, d.t, size)["r2"], 0.954986, 1e-6) << size;
  }
}

TEST(Figures, R2IsTheSameWhateverTheBatches) {
  for (const double mean : {0.0, 1e5, -1e9}) {
    const far_away d(5000, mean);
    sequential m = passing_on({"r2"});
    for (const std::int64_t size : {5000, 4999, 64, 7, 1}) {
      EXPECT_NEAR(m.evaluate(d.p, d.t, size)["r2"], d.r2(), 1e-9) << size << ", " << mean;
    }
  }
}

TEST(Figures, R2OfColumnsIsTheirMean) {
  const far_away a(300), b(300, 1e7);
  const column t = xt::concatenate(xt::xtuple(a.t, b.t), 1),
               p = xt::concatenate(xt::xtuple(a.p, b.p), 1);
  sequential m = passing_on({"r2"});
  EXPECT_NEAR(m.evaluate(p, t, 7)["r2"], (a.r2() + b.r2()) / 2, 1e-9);
}

TEST(Figures, R2OfATrainingAndItsValidationIsTheSame) {
  const far_away d(300, 1e6);
  sequential m{dense(
      1, "linear", [](generator&, const shape& s) { return zeros(s, float64); }, false)};
  m.compile("mse", sgd({.rate = 0}), {"r2"});
  const array nothing = xt::zeros<double>({300, 1});
  const column near = d.t - 1e6;  // what a prediction of 0 misses by about its deviation
  const history h = m.fit(
      nothing, near,
      {.epochs = 2, .batch_size = 7, .validation_data = {nothing, near}, .progress = nullptr});
  double mean = 0, squares = 0, about = 0;
  for (const double y : near) mean += y / 300;
  for (const double y : near) squares += y * y, about += (y - mean) * (y - mean);
  for (const char* name : {"r2", "val_r2"}) {
    EXPECT_NEAR(h[name][1], 1 - squares / about, 1e-12) << name;
  }
}

// An epoch that was interrupted has its sums in the checkpoint.
TEST(Figures, R2OfAResumedEpochIsTheSame) {
  const tests::own_folder own;
  const std::filesystem::path& folder = own.at;
  const far_away d(40, 1e6);
  const auto fit = [&](const char* file, std::int64_t steps) {
    sequential m{dense(1)};
    m.compile("mse", sgd({.rate = 0}), {"r2"});
    return m.fit(d.p - 1e6, d.t,
                 {.batch_size = 7,
                  .steps = steps,
                  .callbacks = {checkpoint(folder / file, {.steps = 1})},
                  .progress = nullptr});
  };
  const history whole = fit("whole.safetensors", 6);
  struct killed {};
  const auto die = [&] {
    sequential m{dense(1)};
    m.compile("mse", sgd({.rate = 0}), {"r2"});
    class stops : public callback {
      void on_batch_begin(training& t) override {
        if (t.batch == 4) throw killed();
      }
    };
    m.fit(d.p - 1e6, d.t,
          {.batch_size = 7,
           .steps = 6,
           .callbacks = {stops(), checkpoint(folder / "c", {.steps = 1})},
           .progress = nullptr});
  };
  EXPECT_THROW(die(), killed);
  EXPECT_EQ(fit("c", 6)["r2"], whole["r2"]);
}

TEST(Figures, AccuracyCountsHits) {
  for (const std::size_t rows : {3u, 41u, 49u, 97u, 1000u}) {
    const xt::xtensor<float, 2> one = xt::ones<float>({rows, std::size_t{1}});
    xt::xtensor<float, 2> hot = xt::zeros<float>({rows, std::size_t{3}});
    xt::view(hot, xt::all(), 1) = 1;
    sequential binary = passing_on({"accuracy", "binary_accuracy"});
    sequential classes = passing_on({"accuracy", "categorical_accuracy"});
    for (const std::int64_t size : {1000, 49, 6}) {
      EXPECT_EQ(binary.evaluate(one, one, size)["accuracy"], 1) << rows << ", " << size;
      EXPECT_EQ(binary.evaluate(one, one, size)["binary_accuracy"], 1) << rows << ", " << size;
      EXPECT_EQ(classes.evaluate(hot, hot, size)["accuracy"], 1) << rows << ", " << size;
    }
  }
  const xt::xtensor<float, 2> half = {{1, 0}, {0, 0}}, both = {{1, 1}, {0, 0}};
  EXPECT_EQ(passing_on({"binary_accuracy"}).evaluate(half, both)["binary_accuracy"], 0.75);
}

// In float32 the square of such a residual is infinite.
TEST(Figures, RmseIsGatheredInFloat64) {
  const xt::xtensor<float, 2> p = {{2e19f}, {0}, {0}, {0}}, t = {{0}, {0}, {0}, {0}};
  for (const std::int64_t size : {4, 1}) {
    EXPECT_NEAR(passing_on({"rmse"}).evaluate(p, t, size)["rmse"], 1e19, 1e12) << size;
  }
}

// Trains where floating-point exceptions stop the process; ends it.
void train_under_traps() {
  set_num_threads(1);
  if (feenableexcept(FE_INVALID | FE_DIVBYZERO | FE_OVERFLOW) == -1) std::exit(0);
  const xt::xtensor<float, 2> x = {{0, 0}, {0, 1}, {1, 0}, {1, 1}}, t = {{0}, {1}, {1}, {0}};
  sequential m{dense(4, "tanh"), dense(1, "sigmoid")};
  m.compile("binary_crossentropy", adam(), {"accuracy", "mae"});
  fit_options options;
  options.epochs = 3;
  options.batch_size = 3;
  options.validation_split = 0.25;
  options.progress = nullptr;
  m.fit(x, t, options);
  std::exit(std::isfinite(m.evaluate(x, t)["loss"]) ? 0 : 1);
}

// Their names are asked for before there is a row to divide by.
TEST(Figures, AreNamedWithoutADivisionByZero) {
  EXPECT_EXIT(train_under_traps(), testing::ExitedWithCode(0), "");
}

}  // namespace

// compile, fit, evaluate, predict.
#include <gtest/gtest.h>

#include <cotape/cotape.hpp>
#include <sstream>
#include <xtensor/xtensor.hpp>
#include <xtensor/xview.hpp>

#include "expect_error.hpp"

namespace {

using namespace cotape;

using array = xt::xarray<double>;
using column = xt::xtensor<double, 2>;
using floats = xt::xarray<float>;
using labels = xt::xarray<std::int64_t>;

const array xor_x = {{0, 0}, {0, 1}, {1, 0}, {1, 1}};
const column xor_y = {{0}, {1}, {1}, {0}};

std::vector<tensor> bits_of(const std::vector<parameter>& parameters) {
  std::vector<tensor> result;
  for (const parameter& p : parameters) result.emplace_back(p.view());
  return result;
}

void expect_same_bits(const std::vector<tensor>& a, const std::vector<tensor>& b) {
  ASSERT_EQ(a.size(), b.size());
  for (std::size_t i = 0; i < a.size(); ++i) EXPECT_TRUE(same_bits(a[i], b[i])) << i;
}

// 100 rows of two features and what a plane with some bend makes of them.
struct plane {
  array x = array::from_shape({100, 2}), y = array::from_shape({100, 1});
  plane() {
    for (std::size_t i = 0; i < 100; ++i) {
      x(i, 0) = std::sin(static_cast<double>(7 * i));
      x(i, 1) = std::cos(static_cast<double>(3 * i));
      y(i, 0) = 2 * x(i, 0) - x(i, 1) + 0.1 * x(i, 0) * x(i, 1);
    }
  }
};

TEST(Model, CanBeMoved) {
  const symbol x = input({2});
  model a(x, dense(1)(x)), b = std::move(a);
  const xt::xarray<float> row{{1, 2}};
  const tensor before = b.predict(row);
  a = std::move(b);
  EXPECT_TRUE(same_bits(a.predict(row), before));
}

TEST(Fit, LearnsXor) {
  sequential m({dense(4, "sigmoid"), dense(5, "sigmoid"), dense(1, "sigmoid")}, 1);
  m.compile("binary_crossentropy", adam({.rate = 0.05}), {"accuracy"});
  const history h = m.fit(xor_x, xor_y, {.epochs = 1500});
  EXPECT_EQ(h.epochs(), 1500u);
  EXPECT_NEAR(h["loss"][0], 0.7, 0.2);
  EXPECT_LT(h["loss"].back(), 0.05);
  EXPECT_EQ(h["accuracy"].back(), 1);
  const array p = m.predict<double>(xor_x);
  for (std::size_t i = 0; i < 4; ++i) EXPECT_NEAR(p(i, 0), xor_y(i, 0), 0.1);
}

TEST(Fit, TakesTheMeanOverSamplesBeforeEachUpdate) {
  // y = w x from w = 0 by gradient descent, by hand: batches of 2 and 1 rows.
  const array x = {1, 2, 3}, y = {2, 4, 6};
  sequential m{dense(
      1, "linear", [](generator&, const shape& s) { return zeros(s, float64); }, false)};
  m.compile("mse", sgd({.rate = 0.1}), {"mae", "r2"});
  const history h = m.fit(x, y, {.batch_size = 2, .shuffle = false});
  // First batch: loss (4 + 16) / 2, gradient -(2 * 2 + 4 * 4) = -10 - ... = -(1*2 + 2*4) = -10.
  const double w = 0.1 * 10;
  const double last = 3 * w - 6;
  EXPECT_NEAR(h["loss"][0], ((4 + 16) + last * last) / 3, 1e-12);
  EXPECT_NEAR(h["mae"][0], (2 + 4 + std::abs(last)) / 3, 1e-12);
  EXPECT_NEAR(h["r2"][0], 1 - (4 + 16 + last * last) / 8, 1e-12);
  EXPECT_NEAR(m.parameters()[0].value<double>()(0, 0), w - 0.1 * 2 * 3 * last, 1e-12);
}

TEST(Fit, KeepsTheKeysOfKeras) {
  const plane d;
  sequential m{dense(1)};
  m.compile("mse", sgd(), {"mae", "rmse"});
  const history h = m.fit(d.x, d.y, {.epochs = 2, .validation_split = 0.2});
  std::vector<std::string> keys;
  for (const auto& c : h.columns()) keys.push_back(c.first);
  EXPECT_EQ(keys,
            (std::vector<std::string>{"loss", "mae", "rmse", "val_loss", "val_mae", "val_rmse"}));
  EXPECT_EQ(h.csv().substr(0, 46), "epoch,loss,mae,rmse,val_loss,val_mae,val_rmse\n");
  EXPECT_NEAR(h["rmse"][1], std::sqrt(h["loss"][1]), 1e-6);
  const auto svg = std::filesystem::path(testing::TempDir()) / "cotape_history.svg";
  h.write_svg(svg);
  EXPECT_GT(std::filesystem::file_size(svg), 1000u);
  std::filesystem::remove(svg);
}

TEST(Fit, ValidatesOnTheLastRowsBeforeShuffling) {
  const plane d;
  const array x = xt::view(d.x, xt::range(0, 80), xt::all()),
              y = xt::view(d.y, xt::range(0, 80), xt::all()),
              xv = xt::view(d.x, xt::range(80, 100), xt::all()),
              yv = xt::view(d.y, xt::range(80, 100), xt::all());
  sequential split({dense(3, "tanh"), dense(1)}, 5), given({dense(3, "tanh"), dense(1)}, 5);
  for (sequential* m : {&split, &given}) m->compile("mse", "adam");
  const history a = split.fit(d.x, d.y, {.epochs = 3, .validation_split = 0.2});
  const history b = given.fit(x, y, {.epochs = 3, .validation_data = {xv, yv}});
  EXPECT_EQ(a["loss"], b["loss"]);
  EXPECT_EQ(a["val_loss"], b["val_loss"]);
  EXPECT_EQ(a["val_loss"].back(), split.evaluate(xv, yv)["loss"]);
  expect_same_bits(bits_of(split.parameters()), bits_of(given.parameters()));
}

TEST(Fit, ContinuesInASecondCall) {
  const plane d;
  sequential once({dense(4, "tanh"), dropout(0.2), dense(1)}, 2);
  sequential twice({dense(4, "tanh"), dropout(0.2), dense(1)}, 2);
  for (sequential* m : {&once, &twice}) m->compile("mse", adam());
  const history whole = once.fit(d.x, d.y, {.epochs = 7, .batch_size = 30});
  const history first = twice.fit(d.x, d.y, {.epochs = 3, .batch_size = 30});
  const history second = twice.fit(d.x, d.y, {.epochs = 4, .batch_size = 30});
  expect_same_bits(bits_of(once.parameters()), bits_of(twice.parameters()));
  std::vector<double> joined = first["loss"];
  joined.insert(joined.end(), second["loss"].begin(), second["loss"].end());
  EXPECT_EQ(whole["loss"], joined);
}

TEST(Fit, TrainsSoManySteps) {
  const plane d;
  sequential m{dense(1)};
  m.compile("mse", sgd());
  std::vector<std::int64_t> batches;
  each_epoch seen([&](training& t) { batches.push_back(t.batch); });
  const history h =
      m.fit(d.x, d.y, {.epochs = 99, .batch_size = 30, .steps = 6, .callbacks = {seen}});
  EXPECT_EQ(h.epochs(), 2u);
  EXPECT_EQ(batches, (std::vector<std::int64_t>{4, 2}));
}

TEST(Fit, DrawsRowsWithReplacementByChoice) {
  const plane d;
  std::vector<double> losses;
  for (const bool replace : {false, true}) {
    sequential m{dense(1)};
    m.compile("mse", sgd({.rate = 0}));
    losses.push_back(m.fit(d.x, d.y, {.replace = replace})["loss"][0]);
  }
  EXPECT_NE(losses[0], losses[1]);
}

TEST(Fit, TakesModelsOfSeveralInputsAndOutputs) {
  const plane d;
  const array left = xt::view(d.x, xt::all(), xt::range(0, 1)),
              right = xt::view(d.x, xt::all(), xt::range(1, 2));
  const symbol a = input({1}), b = input({1});
  const dense shared(3, "tanh");
  const symbol h = concatenate({shared(a), shared(b)});
  model m({a, b}, {dense(1).named("plane")(h), dense(2).named("both")(h)}, 4);
  m.compile({"mse", "mae"}, adam({.rate = 0.02}), {"mae"});
  const history seen = m.fit({left, right}, {d.y, d.x}, {.epochs = 60});
  EXPECT_LT(seen["loss"].back(), 0.4 * seen["loss"][0]);
  const logs l = m.evaluate({left, right}, {d.y, d.x});
  EXPECT_EQ(l.size(), 3u);
  const std::vector<tensor> p = m.predict_all({left, right});
  const floats plane = to_xarray<float>(p[0]), both = to_xarray<float>(p[1]);
  EXPECT_NEAR(l["plane_mae"], xt::mean(xt::abs(plane - d.y))(), 1e-5);
  EXPECT_NEAR(l["both_mae"], xt::mean(xt::abs(both - d.x))(), 1e-5);
  EXPECT_NEAR(l["loss"], xt::mean(xt::square(plane - d.y))() + l["both_mae"], 1e-5);
}

TEST(Fit, KeepsTemporariesThatItsOptionsAreGiven) {
  const plane d;
  fit_options options;
  options.progress = nullptr;
  options.validation_data = {take_rows(tensor(array_argument(d.x).view()), shuffled_rows(50, 1)),
                             take_rows(tensor(array_argument(d.y).view()), shuffled_rows(50, 1))};
  sequential m{dense(1)};
  m.compile("mse", sgd({.rate = 0}));
  const double of_all = m.fit(d.x, d.y, options)["val_loss"][0];
  const array x = take_rows(d.x, shuffled_rows(50, 1)), y = take_rows(d.y, shuffled_rows(50, 1));
  EXPECT_EQ(of_all, m.evaluate(x, y)["loss"]);
}

TEST(Fit, TakesLossesThatAreFunctions) {
  const plane d;
  sequential named{dense(1)}, called{dense(1)}, written{dense(1)};
  named.compile("mse", sgd());
  called.compile(mean_squared_error, sgd());
  written.compile([](variable p, variable t) { return mean(square(t - p)); }, sgd());
  std::vector<history> h;
  for (sequential* m : {&named, &called, &written}) h.push_back(m->fit(d.x, d.y));
  EXPECT_EQ(h[0]["loss"], h[1]["loss"]);
  EXPECT_NEAR(h[0]["loss"][0], h[2]["loss"][0], 1e-6);
}

TEST(Fit, TakesLabelsAndEqualsOneHotTargets) {
  const plane d;
  labels y = labels::from_shape({100});
  for (std::size_t i = 0; i < 100; ++i) y(i) = static_cast<std::int64_t>(i % 3);
  sequential sparse({dense(3, "softmax")}, 1), hot({dense(3, "softmax")}, 1);
  sparse.compile("sparse_categorical_crossentropy", sgd(), {"accuracy"});
  hot.compile("categorical_crossentropy", sgd(), {"accuracy"});
  const history a = sparse.fit(d.x, y, {.epochs = 2});
  const history b = hot.fit(d.x, one_hot<double>(y, 3), {.epochs = 2});
  EXPECT_NEAR(a["loss"][1], b["loss"][1], 1e-12);
  EXPECT_EQ(a["accuracy"], b["accuracy"]);
  // Whole floating labels, as a column, will do.
  const array as_column = xt::reshape_view(xt::cast<double>(y), {100, 1});
  EXPECT_EQ(sparse.evaluate(d.x, as_column)["loss"], sparse.evaluate(d.x, y)["loss"]);
}

TEST(Fit, ConvertsDataToTheDtypeOfTheModel) {
  const plane d;
  sequential follows{dense(1)};
  follows.compile("mse", sgd());
  follows.fit(d.x, d.y);
  EXPECT_EQ(follows.parameters()[0].dtype(), float64);
  sequential chosen;
  chosen.add(input({2})).add(dense(1));
  chosen.compile("mse", sgd());
  chosen.fit(d.x, d.y);
  EXPECT_EQ(chosen.parameters()[0].dtype(), float32);
  EXPECT_EQ(chosen.predict(d.x).dtype(), float32);
  sequential of_ints{dense(1, "sigmoid")};
  of_ints.compile("binary_crossentropy", sgd());
  of_ints.fit(labels{{0, 1}, {1, 0}}, labels{0, 1});
  EXPECT_EQ(of_ints.parameters()[0].dtype(), float32);
}

TEST(Fit, ChecksTheGradientOfTheFirstStep) {
  const plane d;
  sequential right{dense(3, "tanh"), dropout(0.1), dense(1)};
  right.compile("mse", sgd());
  EXPECT_NO_THROW(right.fit(d.x, d.y, {.check_gradient = true}));
  sequential wrong{lambda([](variable x) { return x; }), dense(1), lambda([](variable x) {
                     return custom_gradient(
                         [](const std::vector<variable>& v) { return v[0] * 2; }, {x},
                         [](const std::vector<variable>&, variable, variable dy) {
                           return std::vector<variable>{dy * 3};
                         });
                   })};
  wrong.compile("mse", sgd());
  const auto before = [&] {
    wrong.predict(d.x);
    return bits_of(wrong.parameters());
  }();
  try {
    wrong.fit(d.x, d.y, {.check_gradient = true});
    FAIL();
  } catch (const value_error& e) {
    const std::string text = e.what();
    EXPECT_TRUE(text.starts_with("fit: the gradient is wrong:\n")) << text;
    EXPECT_NE(text.find("dense/weight"), std::string::npos) << text;
  }
  expect_same_bits(before, bits_of(wrong.parameters()));
}

TEST(Fit, IsNotEndedByAKinkOfItsFirstStep) {
  const column ones = {{1}, {1}, {1}, {1}};
  sequential m{dense(3, "relu"), dense(1)};  // the first row is 0, so are the biases
  m.compile("mse", sgd());
  const gradient_check c = m.check_gradient(xor_x, ones);
  EXPECT_EQ(c.inputs.at(1).name, "dense/bias");
  EXPECT_EQ(c.inputs[1].found, verdict::kink);
  EXPECT_NO_THROW(m.fit(xor_x, ones, {.epochs = 1, .progress = nullptr, .check_gradient = true}));
}

TEST(Fit, SaysThatAnUpdateMadeAParameterNotFinite) {
  sequential m{dense(1), lambda([](variable v) { return sqrt(v); })};
  m.compile("mse", sgd());
  const array zeros = {{0, 0}, {0, 0}};
  const column ones = {{1}, {1}};
  const std::string text =
      cotape::tests::message_of([&] { m.fit(zeros, ones, {.epochs = 2, .progress = nullptr}); });
  EXPECT_TRUE(
      text.ends_with("  an update before it made this parameter so: its gradient was not "
                     "finite, or the rate is too large\n"))
      << text;
}

TEST(Model, ChecksTheGradientOfItsLossAtABatch) {
  const plane d;
  sequential m{dense(3, "tanh"), dropout(0.1), dense(1)};
  tests::expect_error<value_error>([&] { m.check_gradient(d.x, d.y); },
                                   "check_gradient: the model is not compiled");
  m.compile("mse", sgd());
  const gradient_check c = m.check_gradient(d.x, d.y, {.directions = 3, .second_order = true});
  EXPECT_TRUE(c.ok()) << c;
  std::vector<std::string> names;
  for (const input_check& i : c.inputs) names.push_back(i.name);
  EXPECT_EQ(names, (std::vector<std::string>{"dense/weight", "dense/bias", "dense_1/weight",
                                             "dense_1/bias", "dense/weight, order 2",
                                             "dense/bias, order 2", "dense_1/weight, order 2",
                                             "dense_1/bias, order 2"}));
  EXPECT_EQ(c.inputs[0].directions, 3);
  const auto before = bits_of(m.parameters());
  m.check_gradient(d.x, d.y);
  expect_same_bits(before, bits_of(m.parameters()));
  tests::expect_error<shape_error>([&] { m.check_gradient(d.x, array{1, 2}); }, "check_gradient: ");
}

TEST(Model, ChecksTheGradientOfSeveralInputsAndOutputs) {
  const column a = {{0.5, 1}, {-1, 2}, {0.3, 0.7}}, b = {{1}, {-0.4}, {2}}, y = {{1}, {0}, {1}};
  const auto x1 = input({2}), x2 = input({1});
  const dense shared(3, "tanh");
  const auto h = concatenate({shared(x1), x2});
  model m({x1, x2}, {dense(1)(h), dense(1, "sigmoid")(h)});
  m.compile({"mse", "binary_crossentropy"}, "sgd");
  const gradient_check c = m.check_gradient({a, b}, {y, y});
  EXPECT_TRUE(c.ok()) << c;
  EXPECT_EQ(c.inputs.size(), 6u);
}

TEST(Fit, StaysQuietForASecond) {
  const plane d;
  sequential m{dense(1)};
  m.compile("mse", sgd());
  std::ostringstream out;
  m.fit(d.x, d.y, {.epochs = 3, .progress = &out});
  EXPECT_EQ(out.str(), "");
}

TEST(Fit, SaysHowLongTrainingsGo) {
  const plane d;
  sequential m{dense(1)};
  m.compile("mse", sgd(), {"mae"});
  std::ostringstream out;
  const auto stop_later = [start = std::chrono::steady_clock::now()](training& t) {
    t.stop = std::chrono::steady_clock::now() - start > std::chrono::milliseconds(1700);
  };
  const history h = m.fit(d.x, d.y,
                          {.epochs = 1000000,
                           .validation_split = 0.1,
                           .callbacks = {each_epoch(stop_later)},
                           .progress = &out});
  const std::string text = out.str();
  EXPECT_TRUE(text.starts_with("epoch ")) << text;
  for (const char* part :
       {"/1000000  batch 3/3  loss ", "  mae ", " samples/s  left ", "  val_mae "}) {
    EXPECT_NE(text.find(part), std::string::npos) << part << text;
  }
  EXPECT_EQ(text.find("nan"), std::string::npos) << text;
  EXPECT_LT(std::count(text.begin(), text.end(), '\n'), 8) << text;
  // What an epoch that has ended shows is what its history has.
  const std::size_t ended = text.find("  batch 3/3  loss ");
  ASSERT_NE(ended, std::string::npos) << text;
  const std::size_t epoch = std::stoul(text.substr(text.rfind("epoch ", ended) + 6));
  EXPECT_NEAR(std::stod(text.substr(ended + 18)), h["loss"].at(epoch - 1), 5.1e-5) << text;
}

TEST(Evaluate, MovesNoBit) {
  const plane d;
  sequential m{dense(4, "tanh"), dropout(0.5), lambda([](variable x) {
                 static const parameter calls("calls", 0.0, false);
                 x.owner().assign(calls, x.owner().read(calls) + 1);
                 return x;
               }),
               dense(1)};
  m.compile("mse", adam(), {"mae"});
  m.fit(d.x, d.y, {.epochs = 2});
  const auto before = bits_of(m.parameters());
  const auto counter = m.random().counter().value<std::int64_t>()();
  const logs a = m.evaluate(d.x, d.y), b = m.evaluate(d.x, d.y);
  m.predict(d.x);
  expect_same_bits(before, bits_of(m.parameters()));
  EXPECT_EQ(m.random().counter().value<std::int64_t>()(), counter);
  EXPECT_EQ(a["loss"], b["loss"]);
  EXPECT_EQ(a[0], a["loss"]);
  EXPECT_EQ(a.begin()->first, "loss");
  EXPECT_EQ(a[1], a["mae"]);
}

TEST(Evaluate, DoesNotDependOnTheBatchSize) {
  const plane d;
  sequential m{dense(4, "tanh"), dense(1)};
  m.compile("mse", adam(), {"rmse", "r2"});
  const logs whole = m.evaluate(d.x, d.y), parts = m.evaluate(d.x, d.y, 7);
  for (const char* name : {"loss", "rmse", "r2"}) EXPECT_NEAR(whole[name], parts[name], 1e-12);
  const array p = m.predict<double>(d.x);
  EXPECT_NEAR(whole["loss"], xt::mean(xt::square(p - d.y))(), 1e-12);
  EXPECT_NEAR(whole["rmse"], std::sqrt(whole["loss"]), 1e-12);
}

TEST(Predict, TakesOneRowToo) {
  const plane d;
  sequential m{dense(4, "tanh"), dense(3)};
  const array all_rows = m.predict<double>(d.x);
  const array row = {d.x(5, 0), d.x(5, 1)};
  const array one = m.predict<double>(row);
  ASSERT_EQ(one.dimension(), 2u);
  EXPECT_EQ(one.shape()[0], 1u);
  for (std::size_t i = 0; i < 3; ++i) EXPECT_NEAR(one(0, i), all_rows(5, i), 1e-12);
  const array parts = m.predict<double>(d.x, 9);
  EXPECT_TRUE(xt::allclose(parts, all_rows, 1e-12));
  EXPECT_EQ(to_xarray<double>(m.predict(d.x)), all_rows);
}

TEST(Predict, KeepsFewProgramsForManySizes) {
  sequential m{dense(1)};
  m.predict(array(xt::ones<double>({40, 2})));
  for (std::size_t n = 1; n <= 40; ++n) {
    const floats x = xt::ones<float>({n, std::size_t{2}});
    EXPECT_EQ(m.predict(x).shape(), (shape{static_cast<std::int64_t>(n), 1}));
  }
}

}  // namespace

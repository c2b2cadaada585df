// What a training's loss and updates hold beside the data: regularizers, terms of one's own, and
// constraints.
#include <gtest/gtest.h>

#include <cotape/cotape.hpp>
#include <xtensor/xtensor.hpp>

#include "train/setting.hpp"

namespace {

using namespace cotape;
using namespace cotape::tests;

const array x = {{1, 2}, {3, 4}, {5, 7}};
const column y = {{1}, {0}, {1}};
const fit_options quiet{.batch_size = 3, .shuffle = false, .progress = nullptr};

double sum_of_squares(const parameter& p) {
  double sum = 0;
  for (const double v : p.value<double>()) sum += v * v;
  return sum;
}

sequential made(dense_options options, const optimizer_argument& how = sgd({.rate = 0.01})) {
  sequential m{dense(3, std::move(options)), dense(1)};
  m.compile("mse", how);
  m.predict(x);
  return m;
}

TEST(Terms, OfWeightsAreInTheLossOfFitAndEvaluate) {
  sequential plain = made({});
  sequential held = made({.bias_initializer = constant_value(2),
                          .weights_regularizer = l2(0.1),
                          .bias_regularizer = l1(0.5)});
  held.parameters()[1].set(xt::xtensor<double, 1>{0, 0, 0});
  const double before = plain.evaluate(x, y)["loss"];
  EXPECT_DOUBLE_EQ(held.evaluate(x, y)["loss"],
                   before + 0.1 * sum_of_squares(held.parameters()[0]));
  held.parameters()[1].set(xt::xtensor<double, 1>{1, -2, 0});
  plain.parameters()[1].set(xt::xtensor<double, 1>{1, -2, 0});
  const double wanted =
      plain.evaluate(x, y)["loss"] + 0.1 * sum_of_squares(held.parameters()[0]) + 1.5;
  EXPECT_DOUBLE_EQ(held.evaluate(x, y)["loss"], wanted);
  EXPECT_DOUBLE_EQ(held.fit(x, y, quiet)["loss"][0], wanted);
}

// The step is that of gradient descent with decay 2 * factor.
TEST(Terms, OfWeightsMoveThemAsDecayDoes) {
  sequential held = made({.weights_regularizer = l2(0.25)});
  sequential decayed{dense(3), dense(1)};
  decayed.compile("mse", sgd({.rate = 0.01}));
  decayed.predict(x);
  const parameter w = decayed.parameters()[0];
  const array first = w.value<double>();
  held.fit(x, y, quiet);
  decayed.fit(x, y, quiet);
  const array moved = w.value<double>() - 0.01 * 2 * 0.25 * first;
  const array found = held.parameters()[0].value<double>();
  for (std::size_t i = 0; i < moved.size(); ++i) EXPECT_NEAR(found.flat(i), moved.flat(i), 1e-14);
}

TEST(Terms, OfALayerUsedTwiceOrFrozenCountOnceOrNot) {
  const symbol a = input({2}, float64);
  const dense shared(2, {.weights_regularizer = l2(1), .activity_regularizer = l1(1)});
  model m(a, shared(shared(a)));
  m.compile([](variable p, variable) { return sum(p) * 0; }, sgd());
  shared.parameters()[0].set(array{{1, 2}, {3, 4}});
  // The outputs (7, 10) and (37, 54) of the first row, nothing of the second.
  const array rows = {{1, 2}, {0, 0}};
  EXPECT_DOUBLE_EQ(m.evaluate(rows, rows)["loss"], 30 + (7 + 10 + 37 + 54) / 2.0);
  shared.set_trainable(false);
  m.compile([](variable p, variable) { return sum(p) * 0; }, sgd());
  EXPECT_DOUBLE_EQ(m.evaluate(rows, rows)["loss"], (7 + 10 + 37 + 54) / 2.0);
}

TEST(Terms, OfOnesOwnAreAddedToTheLoss) {
  const symbol a = input({2}, float64);
  const symbol h = dense(3, "tanh").named("hidden")(a);
  model m(a, dense(1)(h));
  model plain(m.inputs(), m.output("dense"));
  m.compile("mse", sgd({.rate = 0.01}));
  plain.compile("mse", sgd({.rate = 0.01}));
  m.add_loss(lambda([](variable v) { return 0.5 * square(v); })(h));
  m.add_loss(lambda([](variable v) { return 2 + 0 * sum(v); })(h));
  array hidden = model(a, h).predict<double>(x);
  const double wanted = plain.evaluate(x, y)["loss"] + 0.5 * xt::sum(hidden * hidden)() / 3 + 2;
  EXPECT_NEAR(m.evaluate(x, y)["loss"], wanted, 1e-12);
  EXPECT_NEAR(m.fit(x, y, quiet)["loss"][0], wanted, 1e-12);
  EXPECT_NEAR(m.evaluate(x, y, 2)["loss"], m.evaluate(x, y)["loss"], 1e-12);
  EXPECT_EQ(m.predict<double>(x), plain.predict<double>(x));
  EXPECT_LT(m.check_gradient(x, y).worst_error(), 1e-6);
}

// Of layers one after the other symbols are had from the model.
TEST(Terms, OfOnesOwnAreAddedToASequence) {
  sequential m = made({.activation = "tanh"});
  const double before = m.evaluate(x, y)["loss"];
  m.add_loss(lambda([](variable v) { return v * 0 + 1; })(m.output("dense")));
  EXPECT_DOUBLE_EQ(m.evaluate(x, y)["loss"], before + 3);
  m.add_loss(m.output("dense_1"));
  EXPECT_NEAR(m.evaluate(x, y)["loss"], before + 3 + xt::sum(m.predict<double>(x))() / 3, 1e-12);
  EXPECT_EQ(m.summary().find("Total: 13\n") != std::string::npos, true);
}

// A term may have layers of its own; they are trained and counted.
TEST(Terms, OfOnesOwnBringTheirLayers) {
  const symbol a = input({2}, float64);
  model m(a, dense(1)(a));
  m.compile("mse", sgd());
  m.add_loss(lambda([](variable v) { return square(v - 1); })(dense(1).named("side")(a)));
  ASSERT_EQ(m.parameters().size(), 4u);
  EXPECT_NE(m.summary().find("side"), std::string::npos);
  const array before = m.layer("side").parameters()[0].value<double>();
  m.fit(x, y, quiet);
  EXPECT_NE(m.layer("side").parameters()[0].value<double>(), before);
}

// A term for each row is its mean; one that has a name is a figure of its own.
TEST(Terms, OfOnesOwnAreFiguresByTheirNames) {
  const symbol a = input({2}, float64);
  const symbol h = dense(3, "tanh").named("hidden")(a);
  const auto made = [&] {
    model m(a, dense(1).named("out")(h));
    m.compile("mse", sgd({.rate = 0.01}), {"mae", "accuracy"});
    return m;
  };
  model plain = made(), m = made();
  const auto of_rows = lambda([](variable v) { return sum(square(v), 1); });
  m.add_loss(of_rows(h), "energy");
  m.add_loss(lambda([](variable v) { return 2 + 0 * sum(v); })(h));
  m.add_loss(lambda([](variable v) { return 3 + 0 * sum(v); })(h), "three");
  for (std::size_t i = 0; i < 4; ++i) {
    m.parameters()[i].set(tensor(plain.parameters()[i].view()));
  }
  const array hidden = model(a, h).predict<double>(x);
  const double energy = xt::sum(hidden * hidden)() / 3;
  const logs before = plain.evaluate(x, y), after = m.evaluate(x, y, 2);
  EXPECT_NEAR(after["energy"], energy, 1e-12);
  EXPECT_NEAR(after["three"], 3, 1e-12);
  EXPECT_NEAR(after["loss"], before["loss"] + energy + 5, 1e-12);
  EXPECT_NEAR(after["mae"], before["mae"], 1e-12);
  EXPECT_EQ(after["accuracy"], before["accuracy"]);
  std::ostringstream out;
  fit_options options{.epochs = 2, .batch_size = 2, .validation_data = {x, y}, .progress = &out};
  options.callbacks = {early_stopping({.monitor = "val_energy"})};
  const history h2 = m.fit(x, y, options);
  std::vector<std::string> names;
  for (const auto& c : h2.columns()) names.push_back(c.first);
  EXPECT_EQ(names,
            (std::vector<std::string>{"loss", "energy", "three", "mae", "accuracy", "val_loss",
                                      "val_energy", "val_three", "val_mae", "val_accuracy"}));
  EXPECT_NEAR(h2["val_energy"].back(), m.evaluate(x, y)["energy"], 1e-12);
  EXPECT_EQ(message_of([&] { m.add_loss(of_rows(h), "mae"); }).find("add_loss: two figures of an "),
            0u);
  EXPECT_EQ(message_of([&] { m.add_loss(of_rows(h), "loss"); }).find("add_loss: two figures"), 0u);
  EXPECT_EQ(message_of([&] {
              m.compile("mse", sgd(), {metric("three", mse)});
            }).find("compile: two figures of an epoch would be named 'three'"),
            0u);
  EXPECT_NEAR(m.evaluate(x, y)["three"], 3, 1e-12);
}

TEST(Terms, WithNamesAreAsBeforeAfterAKill) {
  const auto run = [](const path& file, std::int64_t at) {
    sequential m = made({.activation = "tanh"}, adam());
    m.add_loss(lambda([](variable v) { return square(v); })(m.output("dense")), "energy");
    callbacks all{checkpoint(file)};
    if (at >= 0) all.emplace_back(killer(at));
    const history h =
        m.fit(x, y, {.epochs = 4, .batch_size = 2, .callbacks = all, .progress = nullptr});
    std::vector<tensor> bits = bits_of(m);
    for (const double figure : h["energy"]) bits.emplace_back(figure);
    return bits;
  };
  expect_the_same_after_a_kill(run, {1, 4, 7});
}

TEST(Terms, ThatDoNotFitAreRefusedAndChangeNothing) {
  const symbol a = input({2}, float64), other = input({2}, float64);
  model m(a, dense(1)(a));
  m.compile("mse", sgd());
  const std::string before = m.summary();
  EXPECT_EQ(message_of([&] { m.add_loss(dense(1)(other)); }).find("model: an output needs"), 0u);
  EXPECT_EQ(message_of([&] {
              m.add_loss(lambda([](variable v) { return matmul(v, v); })(dense(3)(a)));
            }).find("matmul: "),
            0u);
  EXPECT_EQ(m.summary(), before);
  m.fit(x, y, quiet);
  sequential wide = made({.weights_regularizer = [](variable w) { return abs(w); }});
  EXPECT_EQ(message_of([&] { wide.evaluate(x, y); }),
            "regularizer: that of 'dense/weight' has shape (2, 3), not one number: take its sum");
}

// That decay moves the weights is no training.
TEST(Terms, OfWeightsDoNotHideThatTheDataTrainsNothing) {
  sequential m{dense(3, {.weights_regularizer = l2()}), activation("sign")};
  m.compile("mse", sgd());
  EXPECT_EQ(message_of([&] {
              m.fit(x, array(xt::ones<double>({3, 3})), quiet);
            }).find("fit, output 'activation': the gradient of the loss reaches no trainable"),
            0u);
  sequential other{dense(3, {.activity_regularizer = l2()}), activation("sign")};
  other.compile("mse", sgd());
  other.fit(x, array(xt::ones<double>({3, 3})), quiet);
}

TEST(Terms, AreInTheGradientThatIsChecked) {
  sequential m = made({.activation = "tanh",
                       .weights_regularizer = l1_l2(0.1, 0.2),
                       .bias_regularizer = l2(0.3),
                       .activity_regularizer = l2(0.4)});
  EXPECT_LT(m.check_gradient(x, y).worst_error(), 1e-6);
  // A regularizer whose gradient is wrong is found.
  sequential wrong = made({.weights_regularizer = [](variable w) {
    return custom_gradient(
        [](const auto& v) { return sum(square(v[0])); }, {w},
        [](const auto& v, variable, variable dy) { return std::vector{v[0] * dy * 3}; });
  }});
  EXPECT_GT(wrong.check_gradient(x, y).worst_error(), 0.1);
}

TEST(Constraints, HoldAfterEachUpdate) {
  dense_options options{.weights_constraint = max_norm(0.5), .bias_constraint = non_neg()};
  sequential m = made(options, sgd({.rate = 0.3})), plain = made({}, sgd({.rate = 0.3}));
  m.fit(x, y, quiet);
  plain.fit(x, y, quiet);
  const array w = m.parameters()[0].value<double>(), free = plain.parameters()[0].value<double>();
  const array b = m.parameters()[1].value<double>(),
              free_bias = plain.parameters()[1].value<double>();
  bool bounded = false, raised = false;
  for (std::size_t j = 0; j < 3; ++j) {
    const double norm = std::hypot(free(0, j), free(1, j)), factor = std::min(1.0, 0.5 / norm);
    bounded = bounded || norm > 0.5;
    raised = raised || free_bias(j) < 0;
    for (std::size_t i = 0; i < 2; ++i) EXPECT_NEAR(w(i, j), free(i, j) * factor, 1e-14);
    EXPECT_EQ(b(j), std::max(free_bias(j), 0.0));
  }
  EXPECT_TRUE(bounded && raised);
  // What is not trained is left alone.
  sequential frozen = made(options);
  frozen.layer("dense").set_trainable(false);
  const array before = frozen.parameters()[0].value<double>();
  frozen.fit(x, y, quiet);
  EXPECT_EQ(frozen.parameters()[0].value<double>(), before);
}

TEST(Constraints, OfAnotherShapeAreRefused) {
  sequential m = made({.weights_constraint = [](variable w) { return sum(w); }});
  EXPECT_EQ(message_of([&] { m.fit(x, y, quiet); }).find("assign: parameter 'dense/weight'"), 0u);
}

// The step tells what holds its weights: the file of a training that was held otherwise is refused.
TEST(Terms, TellOneTrainingFromAnother) {
  const auto refusal = [](const dense_options& kept, const dense_options& here) {
    const own_file file;
    const auto run = [&](const dense_options& o) {
      sequential m = made(o, adam());
      m.fit(x, y, {.callbacks = {checkpoint(file.at)}, .progress = nullptr});
    };
    run(kept);
    const std::string all = message_of([&] { run(here); });
    return all.substr(0, all.find(" in the "));
  };
  EXPECT_NE(refusal({.weights_regularizer = l2(0.1)}, {.weights_regularizer = l2(0.2)})
                .find("it was kept with operation"),
            std::string::npos);
  EXPECT_NE(refusal({.weights_constraint = max_norm(2)}, {.weights_constraint = max_norm(3)})
                .find("it was kept with operation"),
            std::string::npos);
  EXPECT_NE(refusal({}, {.activity_regularizer = l1(0.2)}).find("it was kept with operation"),
            std::string::npos);
  EXPECT_NE(refusal({}, {.bias_constraint = non_neg()}).find("operations of the update"),
            std::string::npos);
  EXPECT_EQ(refusal({.weights_constraint = non_neg()}, {.weights_constraint = non_neg()}),
            "no error");
}

TEST(Terms, AreAsBeforeAfterAKill) {
  const auto run = [](const path& file, std::int64_t at) {
    sequential m =
        made({.weights_regularizer = l1(0.1), .weights_constraint = unit_norm()}, adam());
    callbacks all{checkpoint(file)};
    if (at >= 0) all.emplace_back(killer(at));
    m.fit(x, y, {.epochs = 4, .batch_size = 2, .callbacks = all, .progress = nullptr});
    return bits_of(m);
  };
  expect_the_same_after_a_kill(run, {1, 4, 7});
}

}  // namespace

// What fit, evaluate, predict and compile refuse before the first step, and how they say it.
#include <gtest/gtest.h>

#include <cotape/cotape.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <sstream>
#include <xtensor/xtensor.hpp>

#include "expect_error.hpp"

namespace {

using namespace cotape;
using cotape::tests::message_of;

using array = xt::xarray<double>;
using column = xt::xtensor<double, 2>;
using labels = xt::xarray<std::int64_t>;

const double nan_value = std::numeric_limits<double>::quiet_NaN();

// A model of two features that was compiled with a loss.
sequential with_loss(const char* loss, std::int64_t units = 1) {
  sequential m;
  m.add(input({2}, float64)).add(dense(units, units == 1 ? "sigmoid" : "softmax"));
  m.compile(loss, sgd());
  return m;
}

const array x = {{1, 2}, {3, 4}, {5, 6}};
const column y = {{0}, {1}, {0}};

std::string fit_with(const char* loss, const array_argument& targets, std::int64_t units = 1) {
  return message_of([&] { with_loss(loss, units).fit(x, targets.view()); });
}

TEST(Refusals, OfAModelThatIsNotReady) {
  sequential m{dense(1)};
  EXPECT_EQ(message_of([&] { m.fit(x, y); }),
            "fit: the model is not compiled: call compile(loss, optimizer) first");
  EXPECT_EQ(message_of([&] { m.evaluate(x, y); }),
            "evaluate: the model is not compiled: call compile(loss, optimizer) first");
  sequential empty;
  empty.compile("mse", "sgd");
  EXPECT_EQ(message_of([&] { empty.fit(x, y); }), "sequential: the model has no layers, add some");
  EXPECT_EQ(message_of([&] { m.compile("mse", "sdg"); }),
            "optimizer: no optimizer 'sdg'; there are: sgd, adagrad, rmsprop, adam, adamw, "
            "adamax, nadam, adadelta, lion");
  EXPECT_EQ(message_of([&] {
              m.compile({"mse", "mae"}, "sgd");
            }),
            "compile: 2 losses for 1 outputs");
}

// Data was finite as it was given and infinite as the model took it.
TEST(Refusals, OfNumbersBeyondTheModelsDtype) {
  sequential m;
  m.add(input({2})).add(dense(1));
  m.compile("mse", sgd());
  array far = x;
  far(1, 0) = -1e300;
  column far_y = y;
  far_y(2, 0) = 1e39;
  const std::string inputs = "row 1 of the inputs: -1e+300 is beyond the model's float32";
  EXPECT_EQ(message_of([&] { m.fit(far, y); }), "fit: " + inputs);
  EXPECT_EQ(message_of([&] { m.predict(far); }), "predict: " + inputs);
  EXPECT_EQ(message_of([&] { m.evaluate(far, y); }), "evaluate: " + inputs);
  EXPECT_EQ(message_of([&] { m.fit(x, far_y); }),
            "fit: row 2 of the targets: 1e+39 is beyond the model's float32");
}

TEST(Refusals, WhileTheModelIsTrained) {
  sequential m = with_loss("mse");
  std::vector<std::string> messages;
  const each_epoch meddle([&](training&) {
    messages.push_back(message_of([&] { m.compile("mae", "sgd"); }));
    messages.push_back(message_of([&] { m.add(dense(1)); }));
    messages.push_back(message_of([&] { m.add(input({2})); }));
    messages.push_back(message_of([&] { m.fit(x, y); }));
    m.predict(x);  // what only looks at it may
    m.evaluate(x, y);
  });
  m.fit(x, y, {.callbacks = {each_epoch(meddle)}, .progress = nullptr});
  const std::string rest = ": the model is at work: wait until its fit is done";
  EXPECT_EQ(messages,
            (std::vector<std::string>{"compile" + rest, "add" + rest, "add" + rest, "fit" + rest}));
  m.compile("mae", "sgd");  // now it may
}

TEST(Refusals, WhileTheModelIsRecorded) {
  sequential m;
  std::vector<std::string> messages;
  m.add(dense(1)).add(lambda([&](variable v) {
    messages.push_back(message_of([&] { m.compile("mae", "sgd"); }));
    messages.push_back(message_of([&] { m.add(dense(1)); }));
    return v;
  }));
  m.compile("mse", "sgd");
  m.predict(x);
  const std::string rest = ": the model is at work: wait until its predict is done";
  ASSERT_GE(messages.size(), 2u);
  EXPECT_EQ(messages[0], "compile" + rest);
  EXPECT_EQ(messages[1], "add" + rest);
}

TEST(Refusals, OfCallbacksThatTakeTheModelAway) {
  const std::string wanted =
      "fit: a callback moved, destroyed or assigned to the model while it was trained: the fit has "
      "ended";
  const auto fit = [&](sequential& m, std::function<void()> f) {
    return message_of([&] {
      m.fit(x, y,
            {.epochs = 3, .callbacks = {each_epoch([&](training&) { f(); })}, .progress = nullptr});
    });
  };
  sequential assigned = with_loss("mse");
  EXPECT_EQ(fit(assigned, [&] { assigned = with_loss("mae"); }), wanted);
  assigned.fit(x, y, {.progress = nullptr});
  sequential from = with_loss("mse"), to;
  EXPECT_EQ(fit(from, [&] { to = std::move(from); }), wanted);
  to.fit(x, y, {.progress = nullptr});
  sequential again = with_loss("mse");
  std::optional<sequential> there;
  EXPECT_EQ(fit(again, [&] { there.emplace(std::move(again)); }), wanted);
  there->fit(x, y, {.progress = nullptr});
  auto gone = std::make_unique<sequential>(with_loss("mse"));
  sequential& named = *gone;
  EXPECT_EQ(fit(named, [&] { gone.reset(); }), wanted);
}

TEST(Refusals, OfAModelThatWasMovedFrom) {
  sequential m = with_loss("mse");
  const sequential other = std::move(m);
  const auto refused = [](const char* action) {
    return std::string(action) + ": the model was moved from: use the one that it was moved to";
  };
  tape t;
  const variable v = t.constant(x);
  EXPECT_EQ(message_of([&] { m.fit(x, y); }), refused("fit"));
  EXPECT_EQ(message_of([&] { m.evaluate(x, y); }), refused("evaluate"));
  EXPECT_EQ(message_of([&] { m.predict(x); }), refused("predict"));
  EXPECT_EQ(message_of([&] { m.predict_all(x); }), refused("predict"));
  EXPECT_EQ(message_of([&] { m.check_gradient(x, y); }), refused("check_gradient"));
  EXPECT_EQ(message_of([&] { m.compile("mse", "sgd"); }), refused("compile"));
  EXPECT_EQ(message_of([&] { m.add(dense(1)); }), refused("add"));
  EXPECT_EQ(message_of([&] { m.add(input({1})); }), refused("add"));
  EXPECT_EQ(message_of([&] { m.parameters(); }), refused("parameters"));
  EXPECT_EQ(message_of([&] { m.random(); }), refused("random"));
  EXPECT_EQ(message_of([&] { m.summary(); }), refused("summary"));
  EXPECT_EQ(message_of([&] { m(v); }), refused("call"));
  EXPECT_EQ(message_of([&] { m(std::vector{v}); }), refused("call"));
  m = with_loss("mae");  // a new one may take its place
  m.fit(x, y, {.progress = nullptr});
}

TEST(Refusals, OfOneAxisWherePredictDoesNotKnowTheInput) {
  sequential m{dense(1)};
  EXPECT_EQ(
      message_of([&] {
        m.predict(array{1, 2, 3});
      }),
      "predict: an array of shape (3,) may be one row or many: begin the model with an input, "
      "or give (rows, features)");
}

TEST(Refusals, OfShapes) {
  EXPECT_EQ(message_of([&] {
              with_loss("mse").fit(array{{1, 2, 3}}, y);
            }),
            "fit: the input has shape (1, 3), the model takes (None, 2)");
  EXPECT_EQ(message_of([&] {
              with_loss("mse").fit({x, x}, y);
            }),
            "fit: 2 arrays for the 1 inputs of the model");
  EXPECT_EQ(message_of([&] {
              with_loss("mse").fit(x, {y, y});
            }),
            "fit: 2 arrays of targets for the 1 outputs of the model");
  EXPECT_EQ(message_of([&] { sequential({dense(1)}).predict(1.0); }),
            "predict: an input of shape () has no rows");
  EXPECT_EQ(fit_with("mse", column{{1}, {2}}),
            "fit: 3 rows of inputs, but the targets have shape (2, 1)");
  EXPECT_EQ(fit_with("mse", array{{1, 1}, {2, 2}, {3, 3}}),
            "fit: the targets have shape (3, 2), the model's output 'dense' is (None, 1)");
  EXPECT_EQ(fit_with("sparse_categorical_crossentropy", labels{{0, 1}, {1, 0}, {1, 1}}, 4),
            "fit: labels of shape (3, 2) do not fit the output (None, 4): they have no class axis");
  EXPECT_EQ(message_of([&] {
              const symbol a = input({2}), b = input({2});
              model m({a, b}, dense(1)(concatenate({a, b})));
              m.predict({x, array{{1, 2}}});
            }),
            "predict: inputs of 3 and of 1 rows");
}

TEST(Refusals, OfDtypes) {
  const symbol ids = input({2}, int64);
  model m(ids, lambda([](variable v) { return cast(v, float32); })(ids));
  EXPECT_EQ(message_of([&] { m.predict(x); }),
            "predict: the input is float64, the model takes int64");
}

TEST(Refusals, OfAnEmptySet) {
  const array nothing = array::from_shape({0, 2}), none = array::from_shape({0, 1});
  EXPECT_EQ(message_of([&] { with_loss("mse").fit(nothing, none); }), "fit: the set is empty");
  EXPECT_EQ(message_of([&] { with_loss("mse").predict(nothing); }), "predict: the set is empty");
}

TEST(Refusals, OfWhatIsNotFinite) {
  array bad = x;
  bad(2, 1) = nan_value;
  EXPECT_EQ(message_of([&] { with_loss("mse").fit(bad, y); }),
            "fit: row 2 of the inputs: nan is not finite");
  EXPECT_EQ(message_of([&] { with_loss("mse").predict(bad); }),
            "predict: row 2 of the inputs: nan is not finite");
  EXPECT_EQ(fit_with("mse", column{{0}, {std::numeric_limits<double>::infinity()}, {0}}),
            "fit: row 1 of the targets: inf is not finite");
  EXPECT_EQ(message_of([&] {
              with_loss("mse").fit(x, y, {.validation_data = {bad, y}});
            }),
            "fit, validation: row 2 of the inputs: nan is not finite");
}

TEST(Refusals, OfTargetsThatTheLossCannotTake) {
  EXPECT_EQ(fit_with("sparse_categorical_crossentropy", labels{0, 4, 1}, 4),
            "fit: row 1 of the targets: 4 is none of the labels 0 to 3");
  EXPECT_EQ(fit_with("sparse_categorical_crossentropy", labels{0, 1, -1}, 4),
            "fit: row 2 of the targets: -1 is none of the labels 0 to 3");
  EXPECT_EQ(fit_with("sparse_categorical_crossentropy", array{0.5, 1, 1}, 4),
            "fit: row 0 of the targets: 0.5 is none of the labels 0 to 3");
  EXPECT_EQ(fit_with("binary_crossentropy", column{{0}, {2}, {1}}),
            "fit: row 1 of the targets: 2 is not in [0, 1], binary_crossentropy");
  EXPECT_EQ(fit_with("mape", column{{1}, {2}, {0}}),
            "fit: row 2 of the targets: 0 cannot be divided by, mean_absolute_percentage_error");
  EXPECT_EQ(fit_with("msle", column{{1}, {-1}, {0}}),
            "fit: row 1 of the targets: -1 is not above -1, mean_squared_logarithmic_error");
  EXPECT_EQ(message_of([&] { with_loss("mape").evaluate(x, y); }),
            "evaluate: row 0 of the targets: 0 cannot be divided by, "
            "mean_absolute_percentage_error");
}

TEST(Refusals, OfPredictionsThatMsleCannotTake) {
  sequential m{dense(1, "linear", [](generator&, const shape& s) {
    tensor w({float64, s});
    w.data_as<double>()[0] = -1;
    return w;
  })};
  m.compile("msle", sgd());
  m.predict(x);
  const tensor before(m.parameters()[0].view());
  for (const auto& message :
       {message_of([&] { m.fit(x, y); }), message_of([&] { m.evaluate(x, y); })}) {
    EXPECT_NE(message.find("mean_squared_logarithmic_error: a prediction is not above -1"),
              std::string::npos)
        << message;
  }
  EXPECT_TRUE(same_bits(before, m.parameters()[0].view()));
}

TEST(Refusals, OfOptions) {
  const auto fit = [&](const fit_options& o) {
    return message_of([&] { with_loss("mse").fit(x, y, o); });
  };
  EXPECT_EQ(fit({.epochs = -1}), "fit: -1 epochs");
  EXPECT_EQ(fit({.batch_size = 0}), "fit: a batch of 0 rows");
  EXPECT_EQ(fit({.steps = -2}), "fit: -2 steps");
  EXPECT_EQ(fit({.validation_split = 1}), "fit: a validation_split of 1, it must be in [0, 1)");
  EXPECT_EQ(fit({.validation_split = 0.7}),
            "fit: a validation_split of 0.7 leaves none of 3 rows to train on");
  EXPECT_EQ(message_of([] { rate_on_plateau({.patience = 0}); }),
            "rate_on_plateau: patience 0 is out of range");
  EXPECT_EQ(fit({.validation_split = 0.1, .validation_data = {x, y}}),
            "fit: validation_split and validation_data are both given");
  EXPECT_EQ(message_of([&] { with_loss("mse").evaluate(x, y, 0); }), "evaluate: a batch of 0 rows");
  EXPECT_EQ(message_of([&] { with_loss("mse").predict(x, 0); }), "predict: a batch of 0 rows");
  EXPECT_EQ(message_of([&] {
              const symbol a = input({2}, float64);
              model m(a, {dense(1)(a), dense(1)(a)});
              m.predict(x);
            }),
            "predict: the model has 2 outputs: call predict_all");
}

// They ended in std::bad_function_call, or in a crash.
TEST(Refusals, OfEmptyFunctions) {
  const std::string empty = "loss: the function is empty";
  variable (*const of_operands)(operand, operand) = nullptr;
  variable (*const of_variables)(variable, variable) = nullptr;
  const std::function<variable(variable, variable)> none;
  const char* const nameless = nullptr;
  EXPECT_EQ(message_of([&] { with_loss("mse").compile(of_operands, sgd()); }), empty);
  EXPECT_EQ(message_of([&] { with_loss("mse").compile(of_variables, sgd()); }), empty);
  EXPECT_EQ(message_of([&] { with_loss("mse").compile(none, sgd()); }), empty);
  EXPECT_EQ(message_of([&] { metric("m", none); }), empty);
  EXPECT_TRUE(
      message_of([&] { with_loss(nameless); }).starts_with("loss: no loss ''; there are: "));
  EXPECT_TRUE(message_of([&] {
                with_loss("mse").compile("mse", sgd(), {nameless});
              }).starts_with("metric"));
  EXPECT_TRUE(message_of([&] {
                with_loss("mse").compile("mse", nameless);
              }).starts_with("optimizer: no optimizer ''; there are: "));
}

// They lost their weights, their file or their function to another one.
TEST(Refusals, OfNothingThatWasMovedFrom) {
  sequential m({input({2}, float64)});
  layer l = dense(1);
  const layer other_layer = std::move(l);
  m.add(l);
  loss_function loss = [](variable p, variable t) { return sum(square(p - t)); };
  const loss_function other_loss = std::move(loss);
  metric own("own", loss);
  const metric other_metric = std::move(own);
  m.compile(loss, sgd({.rate = 0.01}), {own});
  std::ostringstream out;
  csv_log log(out);
  const csv_log other_log = std::move(log);
  scheduled_rate rate(constant_rate(0.1));
  const scheduled_rate other_rate = std::move(rate);
  int epochs = 0;
  each_epoch counting([&](training&) { ++epochs; });
  const each_epoch other_counting = std::move(counting);
  m.fit(x, y, {.callbacks = {log, rate, counting}, .progress = nullptr});
  EXPECT_EQ(epochs, 1);
  EXPECT_TRUE(out.str().starts_with("epoch,loss,own\n1,"));
  EXPECT_EQ(other_layer.parameters().size(), 2u);
}

// A name that two figures had: early_stopping followed the wrong one.
TEST(Refusals, OfFiguresOfOneName) {
  const auto compile = [](const std::vector<metric>& metrics) {
    return message_of([&] { with_loss("mse").compile("mse", sgd(), metrics); });
  };
  const auto taken = [](const std::string& name) {
    return "compile: two figures of an epoch would be named '" + name +
           "' (those of validation begin with 'val_'): give each a name of its own";
  };
  EXPECT_EQ(compile({metric("val_loss", mse)}), taken("val_loss"));
  EXPECT_EQ(compile({metric("loss", mse)}), taken("loss"));
  EXPECT_EQ(compile({metric("a", mse), metric("a", mae)}), taken("a"));
  EXPECT_EQ(compile({"mae", metric("val_mae", mse)}), taken("val_mae"));
  const symbol in = input({2}, float64);
  model m(in, {dense(1).named("x")(in), dense(1).named("val_x")(in)});
  EXPECT_EQ(message_of([&] { m.compile("mse", sgd(), {"mae"}); }), taken("val_x_mae"));
  EXPECT_EQ(message_of([&] { m.compile("mse", sgd()); }), "no error");
}

// It ran until the stack was full.
TEST(Refusals, OfALayerThatCallsItsModel) {
  sequential m({input({2}, float64)});
  m.add(lambda([&](variable v) { return m(v); }));
  m.compile("mse", sgd());
  const std::string message = "model: one of its layers calls the model itself [layer 'lambda' at ";
  EXPECT_EQ(message_of([&] { m.predict(x); }).find(message), 0u);
  EXPECT_EQ(message_of([&] { m.summary(); }).find(message), 0u);
  sequential o({input({2}, float64)});
  o.add(lambda([&](variable v) { return o.parameters().empty() ? v : v * 2; }));
  EXPECT_EQ(message_of([&] { o.summary(); }).find(message), 0u);
  bool asked = false;
  sequential n({lambda([&](variable v) {
    asked = true;
    return n.predict(x).shape().rank() == 2 ? v : v;
  })});
  EXPECT_EQ(message_of([&] { n.predict(x); }).find(message), 0u);
  EXPECT_TRUE(asked);
  sequential p({lambda([&](variable v) {
    p.add(dense(1));
    return v;
  })});
  EXPECT_EQ(message_of([&] { p.predict(x); }).find("add: the model is at work: wait"), 0u);
}

TEST(Refusals, OfLossesThatAreNoNumber) {
  sequential m{dense(1)};
  m.compile([](variable p, variable t) { return p - t; }, sgd());
  EXPECT_EQ(message_of([&] { m.fit(x, y); }),
            "loss: it has shape (3, 1), not one number: take its mean");
}

TEST(Refusals, NameFiguresThatThereAreNot) {
  sequential m = with_loss("mse");
  EXPECT_EQ(message_of([&] { m.evaluate(x, y)["accuracy"]; }), "logs: no 'accuracy', only: loss");
  EXPECT_EQ(message_of([] { history().write_svg("h.svg"); }), "history: there is no epoch to draw");
}

}  // namespace

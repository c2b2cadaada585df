// What fit refuses, or warns of, because something else was meant: softmax of a softmax,
// probabilities for logits and the reverse, gradients that reach nothing.
#include <gtest/gtest.h>

#include <cotape/cotape.hpp>
#include <sstream>
#include <xtensor/xtensor.hpp>

#include "expect_error.hpp"

namespace {

using namespace cotape;
using cotape::tests::message_of;

using array = xt::xarray<double>;
using column = xt::xtensor<double, 2>;
using labels = xt::xarray<std::int64_t>;

const array x = {{1, 2}, {3, 4}, {5, 7}};
const column y = {{0}, {1}, {0}};
const array hot = {{1, 0, 0}, {0, 1, 0}, {0, 0, 1}};
const labels classes = {0, 1, 2};

const fit_options quiet{.progress = nullptr};

// The message of a fit, which leaves the model as it was if it is refused.
std::string refusal(sequential m, const loss_function& loss, const array_argument& targets) {
  m.compile(loss, adam());
  m.predict(x);
  std::vector<tensor> before;
  for (const parameter& p : m.parameters()) before.emplace_back(p.view());
  const std::string message = message_of([&] { m.fit(x, targets.view(), quiet); });
  for (std::size_t i = 0; i < before.size() && message != "no error"; ++i) {
    EXPECT_TRUE(same_bits(before[i], m.parameters()[i].view())) << i;
  }
  return message;
}

TEST(MeantOtherwise, SoftmaxOfASoftmax) {
  const std::string wanted =
      "fit: the model's output 'activation' is a softmax of a softmax: leave one of them out";
  EXPECT_EQ(refusal({dense(3, "softmax"), activation("softmax")}, "categorical_crossentropy", hot),
            wanted);
  EXPECT_EQ(refusal({dense(3, "softmax"), activation("softmax")}, "sparse_categorical_crossentropy",
                    classes),
            wanted);
  EXPECT_EQ(refusal({dense(3, "softmax"), activation("softmax")}, "mse", hot), wanted);
}

TEST(MeantOtherwise, ProbabilitiesUnderALossOfLogits) {
  const auto wanted = [](const char* activation, const char* loss, const char* instead) {
    return std::string("fit: the model's output 'dense' is a ") + activation + ", but " + loss +
           " takes logits: use " + instead + ", or leave the " + activation + " out";
  };
  EXPECT_EQ(refusal({dense(1, "sigmoid")}, "binary_crossentropy_from_logits", y),
            wanted("sigmoid", "binary_crossentropy_from_logits", "binary_crossentropy"));
  EXPECT_EQ(refusal({dense(1, "sigmoid")}, binary_crossentropy_from_logits, y),
            wanted("sigmoid", "binary_crossentropy_from_logits", "binary_crossentropy"));
  EXPECT_EQ(refusal({dense(3, "softmax")}, "categorical_crossentropy_from_logits", hot),
            wanted("softmax", "categorical_crossentropy_from_logits", "categorical_crossentropy"));
  EXPECT_EQ(refusal({dense(3, "softmax")}, "sparse_categorical_crossentropy_from_logits", classes),
            wanted("softmax", "sparse_categorical_crossentropy_from_logits",
                   "sparse_categorical_crossentropy"));
  EXPECT_EQ(refusal({dense(3, "sigmoid")}, "categorical_crossentropy_from_logits", hot),
            wanted("sigmoid", "categorical_crossentropy_from_logits", "categorical_crossentropy"));
}

TEST(MeantOtherwise, ALossOfOnesOwnThatIsOneOfLogits) {
  const auto own = [](auto f, targets taken = targets::fitted) {
    return loss_function([f](variable p, variable t) { return f(p, t); }, taken);
  };
  EXPECT_EQ(refusal({dense(1, "sigmoid")}, own(binary_crossentropy_from_logits), y),
            "fit: the model's output 'dense' is a sigmoid, but binary_crossentropy_from_logits "
            "takes logits: use binary_crossentropy, or leave the sigmoid out");
  EXPECT_EQ(
      refusal({dense(3, "softmax")}, own(categorical_crossentropy_from_logits), hot),
      "fit: the model's output 'dense' is a softmax, but categorical_crossentropy_from_logits "
      "takes logits: use categorical_crossentropy, or leave the softmax out");
  EXPECT_EQ(refusal({dense(3, "softmax")},
                    own(sparse_categorical_crossentropy_from_logits, targets::as_given), classes),
            "fit: the model's output 'dense' is a softmax, but "
            "sparse_categorical_crossentropy_from_logits takes logits: use "
            "sparse_categorical_crossentropy, or leave the softmax out");
  EXPECT_EQ(refusal({dense(1)}, own(binary_crossentropy_from_logits), y), "no error");
  EXPECT_EQ(refusal({dense(1, "sigmoid")}, own(binary_crossentropy), y), "no error");
  EXPECT_EQ(refusal({dense(1, "sigmoid")}, own(mse), y), "no error");
  const auto sharper = [](variable p, variable t) {
    return binary_crossentropy_from_logits(4 * p - 2, t);
  };
  EXPECT_EQ(refusal({dense(1, "sigmoid")}, sharper, y), "no error");
}

TEST(MeantOtherwise, ActivationsBehindWhatChangesNoNumber) {
  const auto reshaped =
      lambda([](variable v) { return reshape(reshape(v, {v.shape().elements()}), v.shape()); });
  const auto times_one = lambda([](variable v) { return 1 * (v * 1.0); });
  for (const layer& l : {reshaped, times_one}) {
    EXPECT_EQ(refusal({dense(1, "sigmoid"), l}, "binary_crossentropy_from_logits", y),
              "fit: the model's output 'lambda' is a sigmoid, but binary_crossentropy_from_logits "
              "takes logits: use binary_crossentropy, or leave the sigmoid out");
    EXPECT_TRUE(refusal({dense(1, "softmax"), l}, "mse", y)
                    .starts_with("fit: the model's output 'lambda' is a softmax over one unit"));
    EXPECT_TRUE(refusal({dense(3, "softmax"), activation("softmax"), l}, "mse", hot)
                    .starts_with("fit: the model's output 'lambda' is a softmax of a softmax"));
  }
  const auto doubled = lambda([](variable v) { return 2 * v; });
  EXPECT_EQ(refusal({dense(1, "sigmoid"), doubled}, "binary_crossentropy_from_logits", y),
            "no error");
}

TEST(MeantOtherwise, SoftmaxOverOneUnit) {
  const std::string wanted =
      "fit: the model's output 'dense' is a softmax over one unit, which is always 1: use a "
      "sigmoid, or a unit for each class";
  EXPECT_EQ(refusal({dense(1, "softmax")}, "binary_crossentropy", y), wanted);
  EXPECT_EQ(refusal({dense(1, "softmax")}, "mse", y), wanted);
}

TEST(MeantOtherwise, GradientsThatReachNothing) {
  const std::string what =
      "the gradient of the loss reaches no trainable parameter: the loss depends on none, or only "
      "through a comparison, sign, argmax or stop_gradient";
  const std::string wanted = "fit, output 'lambda': " + what;
  const auto cut = [](auto f) { return sequential{dense(1), lambda(f)}; };
  EXPECT_TRUE(refusal(cut([](variable v) { return v > 0; }), "mse", y).starts_with(wanted));
  EXPECT_EQ(refusal({dense(1, "heaviside")}, "mse", y), "fit, output 'dense': " + what);
  EXPECT_EQ(refusal({dense(1, "sign")}, "mse", y), "fit, output 'dense': " + what);
  EXPECT_TRUE(
      refusal(cut([](variable v) { return stop_gradient(v); }), "mse", y).starts_with(wanted));
  EXPECT_EQ(refusal({dense(3), lambda([](variable v) { return cast(argmax(v), float64); }),
                     lambda([](variable v) {
                       return reshape(v, {v.shape()[0], 1});
                     })},
                    "mse", y),
            "fit, output 'lambda_1': " + what);
  EXPECT_TRUE(refusal({lambda([](variable v) { return v; })}, "mse", x).starts_with(wanted));
  const symbol in = input({2}, float64);
  const auto sign_of = [&](const char* name) { return dense(1, "sign").named(name)(in); };
  model two(in, {sign_of("left"), sign_of("right")});
  two.compile("mse", sgd());
  EXPECT_EQ(message_of([&] {
              two.fit(x, {y, y}, quiet);
            }),
            "fit, outputs 'left', 'right': " + what);
  // So does one that is assigned before the update.
  const parameter w("w", 1.0);
  const auto assigning = [=](variable p, variable t) {
    const variable loss = mean(square(p * w - t));
    p.owner().assign(w, 2 * w.view().data_as<double>()[0] + 0 * loss);
    return loss;
  };
  EXPECT_EQ(refusal({input({2}, float64), dense(1)}, assigning, y),
            "fit, output 'dense': 'w' was assigned after the loss was recorded: record the loss "
            "anew");
}

TEST(MeantOtherwise, ModelsThatMeanItAreLeftAlone) {
  // Attention over a sequence of one, and a gate whose softmax feeds another.
  const auto attention = [](variable v) {
    const variable scores = softmax(reshape(v, {v.shape()[0], v.shape()[1], 1}), -1);
    return v * reshape(scores, v.shape());
  };
  const auto gate = [](variable v) { return v * softmax(softmax(v)); };
  EXPECT_EQ(
      refusal({dense(3), lambda(attention), dense(3, "softmax")}, "categorical_crossentropy", hot),
      "no error");
  EXPECT_EQ(refusal({dense(3), lambda(gate)}, "mse", hot), "no error");
  EXPECT_EQ(refusal({dense(3), lambda([](variable v) { return softmax(2 * softmax(v)); })},
                    "categorical_crossentropy", hot),
            "no error");
  EXPECT_EQ(refusal({dense(1)}, "binary_crossentropy_from_logits", y), "no error");
  // One path is cut, another is not.
  EXPECT_EQ(refusal({dense(3), lambda([](variable v) { return v * (v > 0); })}, "mse", hot),
            "no error");
  // A batch of one row is no softmax over one unit.
  sequential m{dense(3, "softmax")};
  m.compile("categorical_crossentropy", sgd());
  EXPECT_NO_THROW(m.fit(x, hot, {.batch_size = 1, .progress = nullptr}));
}

sequential with_output(double value, const char* activation = "linear") {
  return {input({2}, float64),
          dense(1, activation, [](generator&, const shape& s) { return zeros(s, float64); }),
          lambda([=](variable v) { return v + value; })};
}

TEST(MeantOtherwise, PredictionsThatAreNoProbabilitiesAreWarnedOf) {
  const std::string wanted =
      "the prediction of row 0 for the output 'lambda' is 1.5, but binary_crossentropy takes "
      "probabilities, 0 to 1: end the model with a sigmoid, or use "
      "binary_crossentropy_from_logits";
  sequential m = with_output(1.5);
  m.compile("binary_crossentropy", sgd());
  std::ostringstream out;
  const history h = m.fit(x, y, {.epochs = 3, .batch_size = 1, .progress = &out});
  EXPECT_EQ(h.warnings, (std::vector<std::string>{wanted}));
  EXPECT_EQ(out.str(), "fit: " + wanted + "\n");
  // Each history has it, the stream once.
  EXPECT_EQ(m.fit(x, y, {.progress = &out}).warnings, h.warnings);
  EXPECT_EQ(out.str(), "fit: " + wanted + "\n");
  m.compile(binary_crossentropy, sgd());
  EXPECT_EQ(m.fit(x, y, quiet).warnings, h.warnings);
  m.compile("binary_focal_crossentropy", sgd());  // there is none that takes logits
  EXPECT_EQ(m.fit(x, y, quiet).warnings,
            (std::vector<std::string>{
                "the prediction of row 0 for the output 'lambda' is 1.5, but "
                "binary_focal_crossentropy takes probabilities, 0 to 1: end the model with a "
                "sigmoid"}));
}

TEST(MeantOtherwise, EachOutputIsWarnedOf) {
  const symbol in = input({2}, float64);
  const auto constant = [](double value) {
    return lambda([=](variable v) { return 0 * v + value; });
  };
  model m(in, {constant(2)(dense(1).named("left")(in)), constant(-1)(dense(3).named("right")(in))});
  m.compile({"binary_crossentropy", "sparse_categorical_crossentropy"}, sgd());
  std::ostringstream out;
  const history h = m.fit(x, {y, classes}, {.epochs = 2, .progress = &out});
  ASSERT_EQ(h.warnings.size(), 2u);
  EXPECT_TRUE(
      h.warnings[0].starts_with("the prediction of row 0 for the output 'lambda' is 2, but "
                                "binary_crossentropy takes probabilities"));
  EXPECT_TRUE(
      h.warnings[1].ends_with("for the output 'lambda_1' is -1, but "
                              "sparse_categorical_crossentropy takes probabilities, 0 to "
                              "1: end the model with a softmax, or use "
                              "sparse_categorical_crossentropy_from_logits"));
  EXPECT_EQ(out.str(), "fit: " + h.warnings[0] + "\nfit: " + h.warnings[1] + "\n");
}

TEST(MeantOtherwise, PredictionsThatAreProbabilitiesAreNotWarnedOf) {
  const auto warnings = [](sequential m, const loss_function& loss, const array_argument& targets) {
    m.compile(loss, sgd());
    return m.fit(x, targets.view(), quiet).warnings.size();
  };
  EXPECT_EQ(warnings({dense(1, "sigmoid")}, "binary_crossentropy", y), 0u);
  EXPECT_EQ(warnings({dense(3, "softmax")}, "categorical_crossentropy", hot), 0u);
  EXPECT_EQ(warnings(with_output(0.5), "binary_crossentropy", y), 0u);
  EXPECT_EQ(warnings(with_output(1 + 1e-6), "binary_crossentropy", y), 0u);
  EXPECT_EQ(warnings(with_output(1.5), "mse", y), 0u);
  EXPECT_EQ(warnings(with_output(1.5), "binary_crossentropy_from_logits", y), 0u);
}

}  // namespace

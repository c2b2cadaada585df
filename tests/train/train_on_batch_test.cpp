// Single steps: what fit does with a batch, for loops of one's own.
#include <gtest/gtest.h>

#include <cotape/cotape.hpp>
#include <limits>
#include <xtensor/xtensor.hpp>
#include <xtensor/xview.hpp>

#include "expect_error.hpp"
#include "model_bits.hpp"

namespace {

using namespace cotape;
using cotape::tests::bits_of;
using cotape::tests::message_of;
using cotape::tests::same;

using array = xt::xarray<double>;
using column = xt::xtensor<double, 2>;

const array x = {{1, 2}, {3, 4}, {5, 7}, {2, 0}, {1, 1}};
const column y = {{1}, {0}, {1}, {0}, {1}};

// With all that a step can have: dropout, state of a layer, terms of the loss, a constraint.
sequential made() {
  sequential m({input({2}, float64),
                dense(4, {.activation = "tanh",
                          .weights_regularizer = l2(0.1),
                          .weights_constraint = max_norm(1)}),
                batch_normalization(), dropout(0.3), dense(1)},
               3);
  m.add_loss(m.output("dense_1"), "size");
  m.compile("mse", adam({.rate = 0.01, .gradients = {.clip_norm = 1}}), {"mae"});
  return m;
}

// Gathers rows of x and y.
array part(const array& of, int first, int last) { return xt::view(of, xt::range(first, last)); }

TEST(TrainOnBatch, DoesWhatFitDoes) {
  sequential fitted = made(), stepped = made();
  const history h =
      fitted.fit(x, y, {.epochs = 2, .batch_size = 2, .shuffle = false, .progress = nullptr});
  for (std::size_t epoch = 0; epoch < 2; ++epoch) {
    double loss = 0;
    for (int at = 0; at < 5; at += 2) {
      const int end = std::min(at + 2, 5);
      const logs of_batch = stepped.train_on_batch(part(x, at, end), part(array(y), at, end));
      ASSERT_EQ(of_batch.size(), 3u);
      EXPECT_NO_THROW(of_batch["size"]);
      EXPECT_NO_THROW(of_batch["mae"]);
      loss += of_batch["loss"] * (end - at);
    }
    EXPECT_DOUBLE_EQ(loss / 5, h["loss"][epoch]);
  }
  EXPECT_TRUE(same(bits_of(fitted), bits_of(stepped)));
  EXPECT_EQ(fitted.evaluate(x, y)["loss"], stepped.evaluate(x, y)["loss"]);
}

TEST(TrainOnBatch, AndFitGoOnFromEachOther) {
  sequential fitted = made(), mixed = made();
  std::int64_t steps = 0;
  each_epoch see([&](training& t) { steps = t.steps; });
  const fit_options one{.batch_size = 5, .shuffle = false, .callbacks = {see}, .progress = nullptr};
  for (int i = 0; i < 3; ++i) fitted.fit(x, y, one);
  mixed.train_on_batch(x, y);
  mixed.fit(x, y, one);
  EXPECT_EQ(steps, 2);
  mixed.train_on_batch(x, y);
  EXPECT_TRUE(same(bits_of(fitted), bits_of(mixed)));
}

TEST(TrainOnBatch, RecordsOnceForEachShape) {
  int recorded = 0;
  sequential m{dense(2), lambda([&](variable v) {
                 ++recorded;
                 return v;
               }),
               dense(1)};
  m.compile("mse", adam());
  m.train_on_batch(x, y);
  const int once = recorded;
  for (int i = 0; i < 3; ++i) m.train_on_batch(x, y);
  EXPECT_EQ(recorded, once);
  m.train_on_batch(part(x, 0, 2), part(array(y), 0, 2));
  EXPECT_GT(recorded, once);
}

TEST(TrainOnBatch, TrainsWhatIsTrainableThen) {
  sequential m{dense(2), dense(1)};
  m.compile("mse", adam());
  m.train_on_batch(x, y);
  const parameter first = m.parameters()[0];
  const tensor before(first.view());
  m.layer("dense").set_trainable(false);
  m.train_on_batch(x, y);
  EXPECT_TRUE(same_bits(before, first.view()));
  m.layer("dense").set_trainable(true);
  m.train_on_batch(x, y);
  EXPECT_FALSE(same_bits(before, first.view()));
}

// A normalization without weights: nothing but the layer itself, which is within another, tells it.
TEST(TrainOnBatch, SeesWhatIsFrozenWithinOtherLayers) {
  const batch_normalization inner({.center = false, .scale = false});
  sequential m({input({1, 2}, float64), time_distributed(inner), flatten(), dense(1)});
  m.compile("mse", sgd());
  const array rows = xt::reshape_view(x, {5, 1, 2});
  m.train_on_batch(rows, y);
  const parameter mean = m.parameters()[0];
  const array before = mean.value<double>();
  inner.set_trainable(false);
  m.train_on_batch(rows, y);
  EXPECT_EQ(mean.value<double>(), before);
}

TEST(TrainOnBatch, RefusesWhatFitRefuses) {
  sequential m({dense(1)});
  EXPECT_EQ(message_of([&] { m.train_on_batch(x, y); }),
            "train_on_batch: the model is not compiled: call compile(loss, optimizer) first");
  adam how;
  m.compile("mse", how);
  array wrong = x;
  wrong(1, 1) = std::numeric_limits<double>::infinity();
  EXPECT_EQ(message_of([&] { m.train_on_batch(wrong, y); }),
            "train_on_batch: row 1 of the inputs: inf is not finite");
  EXPECT_EQ(message_of([&] {
              m.train_on_batch(x, array{1, 2});
            }),
            "train_on_batch: 5 rows of inputs, but the targets have shape (2,)");
  m.train_on_batch(x, y);
  sequential other({dense(1)});
  other.compile("mse", how);
  EXPECT_EQ(message_of([&] { other.train_on_batch(x, y); }),
            "train_on_batch: the optimizer holds state of 'dense/weight', which is no parameter of "
            "this training: give each model an optimizer of its own");
  EXPECT_EQ(how.served().size(), 2u);
  sequential twice({dense(2, "softmax"), activation("softmax")});
  twice.compile("categorical_crossentropy", sgd());
  EXPECT_TRUE(message_of([&] {
                twice.train_on_batch(x, array{{1, 0}, {0, 1}, {1, 0}, {0, 1}, {1, 0}});
              }).starts_with("train_on_batch: the model's output 'activation' "));
  sequential frozen({dense(1)});
  frozen.set_trainable(false);
  frozen.compile("mse", sgd());
  EXPECT_TRUE(
      message_of([&] { frozen.train_on_batch(x, y); })
          .starts_with("train_on_batch, output 'dense': the gradient of the loss reaches no "
                       "trainable parameter"));
}

TEST(TrainOnBatch, WaitsForTheEndOfAFit) {
  sequential m({dense(1)});
  m.compile("mse", sgd());
  each_epoch within([&](training&) { m.train_on_batch(x, y); });
  EXPECT_EQ(message_of([&] { m.fit(x, y, {.callbacks = {within}, .progress = nullptr}); }),
            "train_on_batch: the model is at work: wait until its fit is done");
}

TEST(TrainOnBatch, UpdatesNothingWhereTheLossIsNotFinite) {
  sequential m{dense(1), lambda([](variable v) { return log(v - v); })};
  m.compile("mse", adam());
  m.predict(x);
  const auto before = bits_of(m);
  const auto message = message_of([&] { m.train_on_batch(x, y); });
  EXPECT_TRUE(message.starts_with("train_on_batch: the loss is not finite: -inf at element (0, 0)"))
      << message;
  EXPECT_TRUE(same(before, bits_of(m)));
  // What a fit before it has allowed it does not allow.
  m.fit(x, y, {.progress = nullptr, .stop_at_non_finite = false});
  EXPECT_TRUE(message_of([&] { m.train_on_batch(x, y); }).starts_with("train_on_batch: the loss"));
}

}  // namespace

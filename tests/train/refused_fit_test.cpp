// A fit that is refused leaves no trace: the model may be trained on other data as if it had never
// been asked for. An optimizer serves one model.
#include <gtest/gtest.h>

#include <cotape/cotape.hpp>
#include <limits>
#include <xtensor/xtensor.hpp>

#include "train/setting.hpp"

namespace {

using namespace cotape;
using namespace cotape::tests;

const array x = {{1, 2}, {3, 4}, {5, 7}};
const column y = {{1}, {0}, {1}};
const xt::xarray<float> narrow_x = {{1, 2, 3}, {4, 5, 6}};
const xt::xtensor<float, 2> narrow_y = {{1}, {0}};

// Trains a model on other data, of another dtype and width, after `refused` has been refused.
std::vector<tensor> after(std::function<void(model&)> refused) {
  sequential m({dense(3, "tanh"), dropout(0.2), dense(1)}, 4);
  m.compile("mse", adam({.rate = 0.01}), {"mae"});
  if (refused) {
    EXPECT_THROW(refused(m), error);
  }
  const own_file file;
  m.fit(narrow_x, narrow_y, {.callbacks = {checkpoint(file.at)}, .progress = nullptr});
  m.fit(narrow_x, narrow_y, {.callbacks = {checkpoint(file.at)}, .progress = nullptr});
  auto result = bits_of(m);
  for (const auto& [name, value] : read_safetensors(file.at)) {
    if (!name.starts_with("fit/")) result.emplace_back(value);
  }
  EXPECT_NE(m.summary().find("dense_1 "), std::string::npos);
  return result;
}

TEST(RefusedFit, LeavesNoTrace) {
  const auto wanted = after({});
  const auto with = [](callbacks all) {
    return [all](model& m) { m.fit(x, y, {.callbacks = all, .progress = nullptr}); };
  };
  column wrong = y;
  wrong(1, 0) = std::numeric_limits<double>::quiet_NaN();
  EXPECT_TRUE(same(wanted, after([&](model& m) { m.fit(x, wrong); })));
  EXPECT_TRUE(same(wanted, after([&](model& m) { m.fit(x, array{1, 2}); })));
  EXPECT_TRUE(same(wanted, after(with({early_stopping()}))));
  EXPECT_TRUE(same(wanted, after(with({checkpoint("/nowhere/c.safetensors")}))));
  EXPECT_TRUE(same(wanted, after(with({csv_log("/nowhere/log.csv")}))));
  EXPECT_TRUE(same(wanted, after([&](model& m) { m.fit(x, y, {.batch_size = 0}); })));
  EXPECT_TRUE(same(wanted, after([&](model& m) {
                     m.fit(x, y, {.validation_data = {x, wrong}, .progress = nullptr});
                   })));
}

TEST(RefusedFit, AndItsKinLeaveNoTrace) {
  const auto wanted = after({});
  array wrong = x;
  wrong(1, 1) = std::numeric_limits<double>::infinity();
  EXPECT_TRUE(same(wanted, after([&](model& m) { m.predict(wrong); })));
  EXPECT_TRUE(same(wanted, after([&](model& m) { m.evaluate(wrong, y); })));
  EXPECT_TRUE(same(wanted, after([&](model& m) { m.evaluate(x, array{1, 2}); })));
  EXPECT_TRUE(same(wanted, after([&](model& m) { m.check_gradient(x, array{1, 2}); })));
}

// What has been trained stays: it was asked for.
TEST(RefusedFit, IsNoFitThatFailsLater) {
  sequential m({dense(1)});
  m.compile("mse", adam());
  EXPECT_THROW(m.fit(x, y, {.batch_size = 1, .callbacks = {killer(1)}, .progress = nullptr}),
               std::runtime_error);
  const auto kept = bits_of(m);
  ASSERT_EQ(kept.size(), 2u);
  EXPECT_EQ(message_of([&] { m.fit(narrow_x, narrow_y); }),
            "fit: the input has shape (2, 3), the model takes (None, 2)");
  EXPECT_TRUE(same(kept, bits_of(m)));
}

// A second model began with the first one's step count, and its checkpoint said that two parameters
// had one name.
TEST(Optimizer, ServesOneModel) {
  const std::string wanted =
      "fit: the optimizer holds state of 'dense/weight', which is no parameter of this training: "
      "give each model an optimizer of its own";
  const auto both = [](optimizer& how) {
    sequential a({dense(1)}), b({dense(1)});
    for (sequential* m : {&a, &b}) m->compile("mse", how);
    a.fit(x, y, {.progress = nullptr});
    b.predict(x);
    const auto before = bits_of(b);
    const std::string message = message_of([&] { b.fit(x, y, {.progress = nullptr}); });
    EXPECT_EQ(same(before, bits_of(b)), message != "no error");
    a.fit(x, y, {.progress = nullptr});  // goes on as ever
    return message;
  };
  adam moments;
  EXPECT_EQ(both(moments), wanted);
  sgd momentum({.momentum = 0.9});
  EXPECT_EQ(both(momentum), wanted);
  sgd plain;  // without state
  EXPECT_EQ(both(plain), "no error");
}

// Layers that two models share may be trained through both.
TEST(Optimizer, ServesModelsOfTheSameLayers) {
  dense d(1);
  sequential a({d}), b({d});
  adam how;
  a.compile("mse", how);
  b.compile("mae", how);
  a.fit(x, y, {.progress = nullptr});
  b.fit(x, y, {.progress = nullptr});
}

}  // namespace

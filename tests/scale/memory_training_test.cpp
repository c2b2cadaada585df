// Models and data where memory is short: a step that throws leaves the weights as they were before
// it, a checkpoint leads to the bits of a training that was never interrupted.
#include <gtest/gtest.h>

#include <cotape/cotape.hpp>
#include <memory>
#include <sstream>

#include "io/files.hpp"
#include "model_bits.hpp"
#include "scale/out_of_memory.hpp"

namespace {

using namespace cotape;
using std::filesystem::directory_iterator;
using tests::attempt;
using tests::bits_of;
using tests::let_allocations_fail;
using tests::same;

using array = xt::xarray<double>;

const array x = {{1, 2}, {3, 4}, {5, 7}, {0, 1}, {2, 2}};
const array y = {1, 0, 1, 0, 1};

sequential made() { return sequential{dense(3, "tanh"), dropout(0.2), dense(1, "sigmoid")}; }

// A compiled model, its weights, and what is made of it.
struct trained {
  sequential m;
  std::vector<tensor> before;
  logs figures;
  tensor prediction{value_type{float64, {}}};
  history past;
  std::string text;

  trained() : m{input({2}, float64), dense(3, "tanh"), dropout(0.2), dense(1, "sigmoid")} {
    m.compile("binary_crossentropy", adam({.rate = 0.05}), {"accuracy"});
    before = bits_of(m);
  }
  void fit(const std::filesystem::path& file, std::int64_t epochs = 2) {
    past =
        m.fit(x, y,
              {.epochs = epochs,
               .batch_size = 2,
               .validation_split = 0.2,
               .callbacks = {checkpoint(file, {.steps = 1}), early_stopping(), rate_on_plateau()},
               .progress = nullptr});
  }
};

TEST(OutOfMemory, ModelsAreBuiltWithTheWeightsOfTheirSeed) {
  const trained right;
  let_allocations_fail([&] {
    const auto t = std::make_shared<std::optional<sequential>>();
    t->emplace();
    return attempt{.act =
                       [t] {
                         sequential& m = **t;
                         m = sequential();
                         m.add(input({2}, float64)).add(dense(3, "tanh")).add(dropout(0.2));
                         m.add(dense(1, "sigmoid"));
                         m.compile("binary_crossentropy", "adam", {"accuracy"});
                         m.summary();
                       },
                   .done = [&, t] { EXPECT_TRUE(same(bits_of(**t), right.before)); }};
  });
  // The same where the parameters are made later.
  let_allocations_fail([&] {
    const auto t = std::make_shared<sequential>(made());
    t->compile("binary_crossentropy", "adam");
    return attempt{.act = [t] { t->predict(x); },
                   .done = [&, t] { EXPECT_TRUE(same(bits_of(*t), right.before)); }};
  });
}

TEST(OutOfMemory, LayersAreAddedOnceOrNotAtAll) {
  let_allocations_fail([&] {
    const auto m = std::make_shared<sequential>();
    const layer first = dense(3), second = dense(2);
    const auto count = std::make_shared<int>(0);
    return attempt{.act =
                       [=] {
                         if (*count == 0) m->add(first);
                         *count = 1;
                         m->add(second);
                       },
                   .done =
                       [=] {
                         EXPECT_EQ(m->predict(x).shape(), (shape{5, 2}));
                       }};
  });
}

TEST(OutOfMemory, EvaluatingPredictingAndCheckingMoveNoWeight) {
  trained right;
  right.figures = right.m.evaluate(x, y);
  right.prediction = right.m.predict(x);
  let_allocations_fail([&] {
    const auto t = std::make_shared<trained>();
    const auto unmoved = [t] { EXPECT_TRUE(same(bits_of(t->m), t->before)); };
    return attempt{.act =
                       [t] {
                         t->figures = t->m.evaluate(x, y);
                         t->prediction = t->m.predict(x);
                         t->text = t->m.check_gradient(x, y, {.directions = 1}).table();
                       },
                   .refused = unmoved,
                   .done =
                       [=, &right] {
                         unmoved();
                         EXPECT_EQ(t->figures["loss"], right.figures["loss"]);
                         EXPECT_TRUE(same_bits(t->prediction, right.prediction));
                         EXPECT_NE(t->text.find("ok"), std::string::npos);
                       }};
  });
}

class OutOfMemoryTraining : public tests::files_test {};

TEST_F(OutOfMemoryTraining, FitsGoOnFromTheirCheckpoint) {
  const auto file = folder_ / "c.safetensors";
  trained whole;
  whole.fit(folder_ / "whole.safetensors");
  let_allocations_fail(
      [&] {
        std::filesystem::remove(file);
        const auto t = std::make_shared<trained>();
        return attempt{.act = [&, t] { t->fit(file); },
                       .refused =
                           [&] {
                             for (const auto& left : directory_iterator(folder_)) {
                               EXPECT_EQ(left.path().extension(), ".safetensors");
                             }
                             trained other;
                             const auto copy = folder_ / "copy.safetensors";
                             std::filesystem::remove(copy);
                             if (std::filesystem::exists(file)) std::filesystem::copy(file, copy);
                             other.fit(copy);
                             EXPECT_EQ(other.past.csv(), whole.past.csv());
                             EXPECT_TRUE(same(bits_of(other.m), bits_of(whole.m)));
                           },
                       .done = [t] { EXPECT_EQ(t->past.epochs(), 2u); }};
      },
      60);
}

TEST_F(OutOfMemoryTraining, FitsAreResumedWholeOrNotAtAll) {
  const auto file = folder_ / "c.safetensors";
  trained whole;
  whole.fit(file);
  let_allocations_fail([&] {
    const auto t = std::make_shared<trained>();
    return attempt{.act = [&, t] { t->fit(file); },
                   .refused =
                       [&, t] {
                         const std::vector<tensor> now = bits_of(t->m);
                         EXPECT_TRUE(same(now, t->before) || same(now, bits_of(whole.m)));
                       },
                   .done =
                       [&, t] {
                         EXPECT_EQ(t->past.csv(), whole.past.csv());
                         EXPECT_TRUE(same(bits_of(t->m), bits_of(whole.m)));
                       }};
  });
}

TEST_F(OutOfMemoryTraining, HistoriesAreLoggedAndWritten) {
  history h;
  h.add({{"loss", 0.5}, {"accuracy", 0.75}});
  let_allocations_fail([&] {
    const auto file = write("h.csv", "");
    return attempt{
        .act = [&, file] { h.write_csv(file); },
        .done = [&, file] { EXPECT_EQ(content(file), "epoch,loss,accuracy\n1,0.5,0.75\n"); }};
  });
}

TEST(OutOfMemory, DataIsGatheredAndScaledWhole) {
  let_allocations_fail([] {
    const auto scale = std::make_shared<standard_scaler>();
    const auto sum = std::make_shared<double>(0);
    return attempt{
        .act =
            [=] {
              scale->fit(x);
              const array back = scale->inverse_transform(scale->transform(x));
              batches parts({back, y}, {.size = 2, .seed = 1});
              *sum = 0;
              parts.start_epoch(0);
              while (parts.next()) *sum += parts[1].data_as<double>()[0];
              const auto rows = split_rows(5, {.test = 0.2});
              *sum += take_rows(y, rows.train)(0);
              *sum += one_hot<double>(xt::xarray<std::int64_t>{1, 0}, 2)(0, 1);
              *sum += static_cast<double>(
                  count_correct(array{{0, 1}, {1, 0}}, xt::xarray<std::int64_t>{1, 1}));
            },
        .refused = [=] { EXPECT_TRUE(scale->scale().empty() || scale->scale().size() == 2); },
        .done = [=] { EXPECT_GT(*sum, 0); }};
  });
}

}  // namespace

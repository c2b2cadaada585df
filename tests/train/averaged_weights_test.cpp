// Fits that end with a moving average of their weights.
#include "setting.hpp"

namespace {

using namespace cotape;
using namespace cotape::tests;

const xt::xarray<float> x = {{1, 2}, {3, -4}, {-5, 7}};
const xt::xtensor<float, 2> y = {{1}, {0}, {1}};

TEST(AveragedWeights, TakeThePlaceOfTheWeightsAtTheEnd) {
  sequential m({dense(2, "tanh"), batch_normalization(), dense(1)});
  m.compile("mse", adam({.rate = 0.1}));
  m.predict(x);
  m.parameters()[1].set_trainable(false);
  std::vector<tensor> averages, last;
  std::int64_t steps = 0;
  calling follow("on_batch_end", [&](training&) {
    last = bits_of(m);
    if (++steps == 1) averages = last;
    for (std::size_t i = 0; steps != 1 && i < last.size(); ++i) {
      for (std::int64_t k = 0; k < last[i].shape().elements(); ++k) {
        float& a = averages[i].data_as<float>()[k];
        a = 0.75F * a + 0.25F * last[i].data_as<float>()[k];
      }
    }
  });
  m.fit(x, y,
        {.epochs = 3,
         .batch_size = 2,
         .callbacks = {averaged_weights(0.75), follow},
         .progress = nullptr});
  EXPECT_EQ(steps, 6);
  const std::vector<tensor> found = bits_of(m);
  const std::vector<parameter> all = m.parameters();
  for (std::size_t i = 0; i < all.size(); ++i) {
    EXPECT_TRUE(same_bits(found[i], all[i].trainable() ? averages[i] : last[i])) << all[i].name();
  }
  EXPECT_FALSE(same(found, last));
}

TEST(AveragedWeights, GoOnFromACheckpoint) {
  const auto run = [](const path& file, std::int64_t step) {
    setting s;
    s.epochs = 4;
    s.options.steps = 1;
    s.more = [=] { return callbacks{averaged_weights(0.75), killer(step)}; };
    return s.trained(file);
  };
  const auto wanted = expect_the_same_after_a_kill(run, {1, 4, 7});
  EXPECT_FALSE(same(wanted, setting{.epochs = 4}.trained(own_file().at)));
}

// Another fit begins its own; one without a step changes nothing, as one that is refused.
TEST(AveragedWeights, AreOfOneFit) {
  averaged_weights average;
  sequential m({dense(1)}), n({dense(1)});
  m.compile("mse", sgd());
  const auto fit = [&](sequential& of, std::int64_t epochs, const callbacks& all) {
    of.fit(x, y, {.epochs = epochs, .callbacks = all, .progress = nullptr});
  };
  n.compile("mse", sgd());
  fit(n, 1, {average});
  fit(m, 1, {average});
  const auto before = bits_of(m);
  fit(m, 0, {average});
  expect_error<std::runtime_error>([&] { fit(m, 1, {average, killer(1)}); }, "killed");
  EXPECT_TRUE(same(before, bits_of(m)));
}

TEST(AveragedWeights, TellTheirMomentum) {
  setting kept, here;
  kept.more = [] { return callbacks{averaged_weights()}; };
  here.more = [] { return callbacks{averaged_weights(0.5)}; };
  EXPECT_EQ(refusal(kept, here),
            "it was kept with averaged_weights 0's momentum 0.99, here it is 0.5");
  EXPECT_EQ(message_of([] { averaged_weights(1); }),
            "averaged_weights: momentum 1 is not in [0, 1)");
  EXPECT_EQ(message_of([] { averaged_weights(std::nan("")); }),
            "averaged_weights: momentum nan is not in [0, 1)");
}

}  // namespace

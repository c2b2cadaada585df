// The small training, of two fits, whose checkpoints are made and read here, and the model whose
// text is.
#pragma once

#include <cotape/cotape.hpp>
#include <filesystem>

namespace cotape::fuzz {

inline void fit(callback& more) {
  const xt::xarray<float> x{{1, 2}, {3, 4}, {5, 6}}, y{1, 2, 3};
  sequential m{dense(1)};
  m.compile("mse", sgd({.rate = 0.01}));
  for (const std::int64_t epochs : {3, 1}) {
    m.fit(x, y,
          {.epochs = epochs,
           .batch_size = 2,
           .callbacks = {early_stopping({.monitor = "loss"}), more},
           .progress = nullptr});
  }
}

inline void save_model(const std::filesystem::path& file) {
  const auto in = input({4, 4, 2});
  const auto h = conv2d(2, 3, {.padding = "same", .weights_regularizer = l2()})(in);
  const auto joined = add({max_pooling2d(2)(h), average_pooling2d(2)(h)});
  model m(in, dense(2, "softmax")(flatten()(batch_normalization()(joined))));
  m.compile("categorical_crossentropy", adam(), {"accuracy"});
  m.save(file, {.optimizer = true});
}

}  // namespace cotape::fuzz

// The small training, of two fits, whose checkpoints are made and read here.
#pragma once

#include <cotape/cotape.hpp>

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

}  // namespace cotape::fuzz

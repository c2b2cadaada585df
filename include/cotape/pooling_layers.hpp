// layer: nn
// Layers that pool data of shape (batch, sizes..., channels), with Keras's names and defaults, over
// the operations of vision.hpp.
//
//   sequential m{input({28, 28, 1}), conv2d(32, 3, "relu"), max_pooling2d(2),
//                adaptive_average_pooling({2, 2}), flatten(), dense(10)};
#pragma once

#include "cotape/layers.hpp"
#include "cotape/vision.hpp"

namespace cotape {

/// max_pool and average_pool as layers over one to three spatial axes.
class max_pooling1d : public layer {
 public:
  explicit max_pooling1d(const per_axis& size = 2, pool_options options = {});
};
class max_pooling2d : public layer {
 public:
  explicit max_pooling2d(const per_axis& size = 2, pool_options options = {});
};
class max_pooling3d : public layer {
 public:
  explicit max_pooling3d(const per_axis& size = 2, pool_options options = {});
};
class average_pooling1d : public layer {
 public:
  explicit average_pooling1d(const per_axis& size = 2, pool_options options = {});
};
class average_pooling2d : public layer {
 public:
  explicit average_pooling2d(const per_axis& size = 2, pool_options options = {});
};
class average_pooling3d : public layer {
 public:
  explicit average_pooling3d(const per_axis& size = 2, pool_options options = {});
};

/// adaptive_max_pool and adaptive_average_pool as layers, over one to three spatial axes: `sizes`
/// windows along the axes.
class adaptive_max_pooling : public layer {
 public:
  explicit adaptive_max_pooling(const per_axis& sizes);
};
class adaptive_average_pooling : public layer {
 public:
  explicit adaptive_average_pooling(const per_axis& sizes);
};

/// The largest element, and the mean, of each channel over all spatial axes, one to three: (batch,
/// channels).
class global_max_pooling : public layer {
 public:
  explicit global_max_pooling(data_format channels = channels_last);
};
class global_average_pooling : public layer {
 public:
  explicit global_average_pooling(data_format channels = channels_last);
};

}  // namespace cotape

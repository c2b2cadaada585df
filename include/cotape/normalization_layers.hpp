// layer: nn
// Layers that normalize, layers of noise, and prelu, with Keras's names and defaults, for inputs of
// shape (batch, features) or (batch, sizes..., channels).
//
//   sequential m{input({28, 28, 1}), conv2d(16, 3), batch_normalization(), activation("relu"),
//                flatten(), dense(10)};
#pragma once

#include <vector>

#include "cotape/layers.hpp"
#include "cotape/normalization.hpp"

namespace cotape {

struct batch_normalization_options {
  double momentum = 0.99;
  double epsilon = 1e-3;
  bool center = true;  // whether it has beta
  bool scale = true;   // whether it has gamma
};

/// batch_norm with "NAME/gamma" and "NAME/beta" (channels), which start at 1 and 0, in training; in
/// predicting mode `normalize`, with "NAME/moving_mean" and "NAME/moving_variance", which start at
/// 0 and 1 too. These are not trainable: a step of a training assigns momentum times what they are
/// + (1 - momentum) times the batch's mean and variance, once for each place where the layer
/// stands. Frozen (set_trainable(false), or none of gamma and beta is trainable), it predicts in
/// training too. Throws value_error unless 0 <= momentum <= 1.
class batch_normalization : public layer {
 public:
  explicit batch_normalization(batch_normalization_options options = {});
};

struct layer_normalization_options {
  axes over = -1;
  double epsilon = 1e-3;
  bool center = true;
  bool scale = true;
};
/// layer_norm with "NAME/gamma" and "NAME/beta", of the axes' sizes. Throws value_error if one of
/// them is the batch's.
class layer_normalization : public layer {
 public:
  explicit layer_normalization(layer_normalization_options options = {});
};

struct group_normalization_options {
  double epsilon = 1e-3;
  bool center = true;
  bool scale = true;
};
/// group_norm with "NAME/gamma" and "NAME/beta" (channels).
class group_normalization : public layer {
 public:
  explicit group_normalization(std::int64_t groups = 32, group_normalization_options options = {});
};

/// rms_norm with "NAME/scale", of the axes' sizes, which starts at 1. Throws value_error if one of
/// them is the batch's.
class rms_normalization : public layer {
 public:
  explicit rms_normalization(const axes& over = -1, double epsilon = 1e-6);
};

/// leaky_relu with a slope of its own for each element of a row, "NAME/alpha", which starts at 0
/// (He et al., 2015). Along `shared_axes`, counted from the batch's 0, the elements share one:
/// prelu({1, 2}) has a slope a channel of images.
class prelu : public layer {
 public:
  explicit prelu(std::vector<std::int64_t> shared_axes = {});
};

// The following do something in training alone, with numbers drawn from the model's generator.

/// Adds normal noise of mean 0 and this deviation. Throws value_error for one below 0.
class gaussian_noise : public layer {
 public:
  explicit gaussian_noise(double deviation);
};

/// dropout of whole channels of each sample (Tompson et al., 2015). Throws value_error unless
/// 0 <= rate < 1.
class spatial_dropout : public layer {
 public:
  explicit spatial_dropout(double rate);
};

/// With probability `rate` an element is what selu has far below zero, and all are then scaled and
/// moved so that the mean 0 and the variance 1 stay (Klambauer et al., 2017). Throws value_error
/// unless 0 <= rate < 1.
class alpha_dropout : public layer {
 public:
  explicit alpha_dropout(double rate);
};

}  // namespace cotape

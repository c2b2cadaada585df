// layer: nn
// Layers for images, sequences and volumes, of shape (batch, sizes..., channels), with Keras's
// names and defaults: convolutions over the operations of vision.hpp. Pooling stands in
// pooling_layers.hpp.
//
//   sequential m{input({28, 28, 1}), conv2d(32, 3, {.activation = "relu"}), max_pooling2d(2),
//                flatten(), dense(10)};
#pragma once

#include <concepts>
#include <string>

#include "cotape/layers.hpp"
#include "cotape/pooling_layers.hpp"
#include "cotape/vision.hpp"

namespace cotape {

struct conv_layer_options {
  per_axis strides = 1;
  window_padding padding = "valid";
  per_axis dilation = 1;
  std::int64_t groups = 1;
  std::string activation = "identity";
  initializer weights = glorot_uniform;
  bool bias = true;
  initializer bias_initializer = zeros;
  regularizer weights_regularizer = {}, bias_regularizer = {};
  regularizer activity_regularizer = {};  // of the output, divided by the rows of the batch
  constraint weights_constraint = {}, bias_constraint = {};
  cotape::data_format data_format = channels_last;
};

/// y = activation(conv(x, W) + b) over one spatial axis: W "NAME/weight" (size, channels / groups,
/// filters), b "NAME/bias" (filters). In place of options there may be the activation alone,
/// `conv1d(8, 3, "relu")`. Throws value_error for less than one filter or group and an unknown
/// activation, shape_error as conv.
class conv1d : public layer {
 public:
  conv1d(std::int64_t filters, const per_axis& size, conv_layer_options options = {});
  template <std::convertible_to<std::string> Name>
  conv1d(std::int64_t filters, const per_axis& size, Name&& activation)
      : conv1d(filters, size, conv_layer_options{.activation = std::string(activation)}) {}
};
/// The same over two, W (height, width, channels / groups, filters), ...
class conv2d : public layer {
 public:
  conv2d(std::int64_t filters, const per_axis& size, conv_layer_options options = {});
  template <std::convertible_to<std::string> Name>
  conv2d(std::int64_t filters, const per_axis& size, Name&& activation)
      : conv2d(filters, size, conv_layer_options{.activation = std::string(activation)}) {}
};
/// ... and over three.
class conv3d : public layer {
 public:
  conv3d(std::int64_t filters, const per_axis& size, conv_layer_options options = {});
  template <std::convertible_to<std::string> Name>
  conv3d(std::int64_t filters, const per_axis& size, Name&& activation)
      : conv3d(filters, size, conv_layer_options{.activation = std::string(activation)}) {}
};

/// y = activation(conv_transpose(x, W) + b): W "NAME/weight" (sizes..., filters / groups,
/// channels), b "NAME/bias" (filters). Its initializer and its constraint see W with its last two
/// axes changed about, as the weights of a convolution are: inputs, then outputs.
class conv1d_transpose : public layer {
 public:
  conv1d_transpose(std::int64_t filters, const per_axis& size, conv_layer_options options = {});
  template <std::convertible_to<std::string> Name>
  conv1d_transpose(std::int64_t filters, const per_axis& size, Name&& activation)
      : conv1d_transpose(filters, size, conv_layer_options{.activation = std::string(activation)}) {
  }
};
class conv2d_transpose : public layer {
 public:
  conv2d_transpose(std::int64_t filters, const per_axis& size, conv_layer_options options = {});
  template <std::convertible_to<std::string> Name>
  conv2d_transpose(std::int64_t filters, const per_axis& size, Name&& activation)
      : conv2d_transpose(filters, size, conv_layer_options{.activation = std::string(activation)}) {
  }
};

class conv3d_transpose : public layer {
 public:
  conv3d_transpose(std::int64_t filters, const per_axis& size, conv_layer_options options = {});
  template <std::convertible_to<std::string> Name>
  conv3d_transpose(std::int64_t filters, const per_axis& size, Name&& activation)
      : conv3d_transpose(filters, size, conv_layer_options{.activation = std::string(activation)}) {
  }
};

/// Each channel with filters of its own, `multiplier` of them: conv in as many groups as there are
/// channels. The options' groups stay 1.
class depthwise_conv1d : public layer {
 public:
  explicit depthwise_conv1d(const per_axis& size, std::int64_t multiplier = 1,
                            conv_layer_options options = {});
};
class depthwise_conv2d : public layer {
 public:
  explicit depthwise_conv2d(const per_axis& size, std::int64_t multiplier = 1,
                            conv_layer_options options = {});
};

/// The same, then a 1 x 1 convolution of what it gives, then the bias and the activation: weights
/// "NAME/depthwise_weight" (height, width, 1, channels multiplier), "NAME/pointwise_weight" (1, 1,
/// channels multiplier, filters), "NAME/bias" (filters). (Chollet, "Xception", 2017.)
class separable_conv1d : public layer {
 public:
  separable_conv1d(std::int64_t filters, const per_axis& size, conv_layer_options options = {},
                   std::int64_t multiplier = 1);
  template <std::convertible_to<std::string> Name>
  separable_conv1d(std::int64_t filters, const per_axis& size, Name&& activation)
      : separable_conv1d(filters, size, conv_layer_options{.activation = std::string(activation)}) {
  }
};
class separable_conv2d : public layer {
 public:
  separable_conv2d(std::int64_t filters, const per_axis& size, conv_layer_options options = {},
                   std::int64_t multiplier = 1);
  template <std::convertible_to<std::string> Name>
  separable_conv2d(std::int64_t filters, const per_axis& size, Name&& activation)
      : separable_conv2d(filters, size, conv_layer_options{.activation = std::string(activation)}) {
  }
};

}  // namespace cotape

// layer: nn
// Layers that change the shape of (batch, sizes..., channels), or of any rows, and have no weights;
// names and defaults are Keras's. They throw value_error when they are made of numbers that make no
// sense, and shape_error when they are recorded for rows that do not fit.
//
//   sequential m{input({6, 6, 1}), zero_padding2d(1), conv2d(4, 3), up_sampling2d(2),
//                cropping2d({{1, 0}, {2, 2}}), to_shape({-1, 4}), permute({2, 1})};
#pragma once

#include <string>
#include <vector>

#include "cotape/layers.hpp"
#include "cotape/vision.hpp"

namespace cotape {

/// Zeros around one to three spatial axes: of each side of each axis; for each, `{1, 2}`, which of
/// one axis are before and after; or before and after for each, `{{1, 2}, {0, 0}}`.
class zero_padding1d : public layer {
 public:
  explicit zero_padding1d(window_padding zeros = 1);
  explicit zero_padding1d(std::initializer_list<window_padding::sides> zeros)
      : zero_padding1d(window_padding(zeros)) {}
};
class zero_padding2d : public layer {
 public:
  explicit zero_padding2d(window_padding zeros = 1);
  explicit zero_padding2d(std::initializer_list<window_padding::sides> zeros)
      : zero_padding2d(window_padding(zeros)) {}
};
class zero_padding3d : public layer {
 public:
  explicit zero_padding3d(window_padding zeros = 1);
  explicit zero_padding3d(std::initializer_list<window_padding::sides> zeros)
      : zero_padding3d(window_padding(zeros)) {}
};

/// The same numbers of elements taken away; shape_error where none would be left.
class cropping1d : public layer {
 public:
  explicit cropping1d(window_padding elements = 1);
  explicit cropping1d(std::initializer_list<window_padding::sides> elements)
      : cropping1d(window_padding(elements)) {}
};
class cropping2d : public layer {
 public:
  explicit cropping2d(window_padding elements = 0);
  explicit cropping2d(std::initializer_list<window_padding::sides> elements)
      : cropping2d(window_padding(elements)) {}
};
class cropping3d : public layer {
 public:
  explicit cropping3d(window_padding elements = 1);
  explicit cropping3d(std::initializer_list<window_padding::sides> elements)
      : cropping3d(window_padding(elements)) {}
};

/// Each element `size` times along one to three spatial axes; over two, `method` may be "bilinear",
/// as resize has it.
class up_sampling1d : public layer {
 public:
  explicit up_sampling1d(std::int64_t size = 2);
};
class up_sampling2d : public layer {
 public:
  explicit up_sampling2d(per_axis size = 2, std::string method = "nearest");
};
class up_sampling3d : public layer {
 public:
  explicit up_sampling3d(per_axis size = 2);
};

/// resize as a layer, over one to three spatial axes: rows of these sizes. Keras's Resizing.
class resizing : public layer {
 public:
  explicit resizing(per_axis sizes, std::string method = "bilinear");
};

/// Rows of other sizes, of as many elements: `to_shape({4, -1})`. One size may be -1: what the
/// others leave. Keras's Reshape.
class to_shape : public layer {
 public:
  explicit to_shape(std::vector<std::int64_t> row);
};

/// A row's axes, counted from 1 as in Keras, in another order: `permute({2, 3, 1})` makes (batch,
/// height, width, channels) of (batch, channels, height, width).
class permute : public layer {
 public:
  explicit permute(std::vector<std::int64_t> order);
};

}  // namespace cotape

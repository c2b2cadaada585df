// layer: ops
// Operations on images, volumes and sequences: windows that move over 1 to 3 spatial axes. Data are
// (batch, sizes..., channels), as in Keras: (batch, height, width, channels) for images. Data of
// the other order, (batch, channels, sizes...), are best transposed once, where they come in.
#pragma once

#include <span>
#include <string>
#include <utility>
#include <vector>

#include "cotape/tape.hpp"

namespace cotape {

/// A number for each spatial axis, or one for all of them: `2` or `{2, 1}`; or none.
class per_axis {
 public:
  per_axis(std::int64_t each) : values_{each} {}
  per_axis(std::initializer_list<std::int64_t> values) : values_(values) {}
  per_axis(std::vector<std::int64_t> values) : values_(std::move(values)) {}
  const std::vector<std::int64_t>& values() const { return values_; }

 private:
  std::vector<std::int64_t> values_;
};

/// Elements of zero around an image: "valid" is none. With "same" there are ceil(size / stride)
/// windows along an axis; of an odd number of elements one more stands behind. Or numbers: of each
/// side of each axis; of each side for each axis, `{1, 2}`, which of a single axis are those before
/// and after; or before and after for each axis, `{{1, 2}, {0, 0}}`.
class window_padding {
 public:
  using sides = std::pair<std::int64_t, std::int64_t>;
  window_padding() = default;  // "valid"
  /// Throws value_error for any other name.
  window_padding(const char* name);
  window_padding(const std::string& name) : window_padding(name.c_str()) {}
  window_padding(std::int64_t each) : sides_{{each, each}} {}
  window_padding(int each) : window_padding(std::int64_t{each}) {}
  window_padding(std::initializer_list<std::int64_t> each)
      : window_padding(of_each({each.begin(), each.size()})) {}
  window_padding(std::initializer_list<sides> before_and_after) : sides_(before_and_after) {}
  window_padding(std::vector<sides> before_and_after) : sides_(std::move(before_and_after)) {}
  /// As the list in braces.
  static window_padding of_each(std::span<const std::int64_t> axes);
  bool same() const { return same_; }
  /// As they were given: a pair a list's element, of two equal numbers if there was one.
  const std::vector<sides>& numbers() const { return sides_; }
  bool of_each_axis() const { return symmetric_; }
  /// Before and after each of so many axes: a list of another size if the numbers are of other
  /// axes, an empty one for the names.
  std::vector<sides> along(std::size_t axes) const;

 private:
  bool same_ = false, symmetric_ = false;
  std::vector<sides> sides_;
};

/// Where data have their channels: (batch, sizes..., channels), or (batch, channels, sizes...). The
/// second is turned into the first and the result back, each of which may be a copy; filters are
/// the same for both.
enum class data_format : std::uint8_t { channels_last, channels_first };
inline constexpr data_format channels_last = data_format::channels_last,
                             channels_first = data_format::channels_first;

struct window_options {
  per_axis strides = 1;
  window_padding padding = "valid";
  per_axis dilation = 1;  // from one tap of a window to the next
};

/// The windows' elements, (batch, windows..., size..., channels): of an axis of n elements, with
/// padding, floor((n - dilation (size - 1) - 1) / stride) + 1 windows.
variable unfold(operand x, const per_axis& size, const window_options& options = {});
/// The sum of windows at their places: the adjoint of unfold, of an x with these sizes. Takes
/// (batch, windows..., size..., channels), gives (batch, sizes..., channels).
variable fold(operand patches, const per_axis& sizes, const window_options& options = {});

struct conv_options {
  per_axis strides = 1;
  window_padding padding = "valid";
  per_axis dilation = 1;
  std::int64_t groups = 1;  // of channels, each with its own share of the filters
  cotape::data_format data_format = channels_last;
};

/// The convolution of a neural network: the cross-correlation
///   y[b, p, f] = sum over taps t and channels c of x[b, stride p + dilation t - padding, c]
///                                                  filters[t, c, f].
/// Where x is padding the product is 0, or, of a filter that is infinite or NaN, NaN: which of them
/// depends on the sizes.
/// x (batch, sizes..., channels), filters (size..., channels / groups, filters), the result (batch,
/// windows..., filters); a group's channels stand side by side, and so do its filters. (Dumoulin
/// and Visin, "A guide to convolution arithmetic for deep learning", 2016.) As many groups as
/// channels are a depthwise convolution.
variable conv(operand x, operand filters, const conv_options& options = {});

/// The adjoint of conv by its operand, of n windows along an axis: x (batch, windows..., filters),
/// filters (size..., channels / groups, filters), the result (batch, sizes..., channels). Of
/// filters that span s = dilation (size - 1) + 1 elements an axis has, as in Keras,
/// n stride + max(s - stride, 0) elements with "valid" padding, n stride with "same"; with numbers
/// stride (n - 1) + s less the padding.
variable conv_transpose(operand x, operand filters, const conv_options& options = {});

struct pool_options {
  per_axis strides = {};  // by default the window's size
  window_padding padding = "valid";
  per_axis dilation = 1;
  cotape::data_format data_format = channels_last;
};

/// Of each window and channel the largest element, and the mean. Padding is not counted: it is
/// never the largest, and a mean is that of the elements which are there (to count zeros too, give
/// `pad(x, ...)`). Elements that are the largest one together share its adjoint, as max's do; if
/// one is NaN, so is the result.
variable max_pool(operand x, const per_axis& size, const pool_options& options = {});
variable average_pool(operand x, const per_axis& size, const pool_options& options = {});

/// The same with `sizes` windows along the axes: the i-th of m over n elements is that of elements
/// floor(i n / m) to ceil((i + 1) n / m) - 1, as in PyTorch. Where m does not divide n they are
/// pooled along each axis in turn: of the largest elements of a window those share its adjoint.
variable adaptive_max_pool(operand x, const per_axis& sizes);
variable adaptive_average_pool(operand x, const per_axis& sizes);

/// x (batch, sizes..., channels) with other sizes. Element i of m, which are made of n, shows the
/// point p = (i + 1/2) n / m - 1/2 of x: elements are seen at their centres, as by Keras's
/// UpSampling2D, tf.image.resize and ONNX's "half_pixel". "nearest" takes element floor(p + 1/2);
/// "bilinear" takes (1 - f) x[k] + f x[k + 1] with k = floor(p), f = p - k, along each axis in
/// turn; beyond its ends x goes on with its first and last element. Throws value_error for any
/// other method.
variable resize(operand x, const per_axis& sizes, const std::string& method = "nearest");

/// `before` and `after` elements along each axis of any x, by NumPy's names: "reflect" mirrors x at
/// its first and last element, 3 2 | 1 2 3 | 2 1, again and again where more is asked for; "edge"
/// repeats these two; "constant" is the pad of ops.hpp. Throws value_error for any other mode,
/// shape_error where an axis has no elements to take.
variable pad(operand x, std::initializer_list<std::int64_t> before,
             std::initializer_list<std::int64_t> after, const std::string& mode);

}  // namespace cotape

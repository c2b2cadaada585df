// Convolutions: sums over windows of products with filters, without the windows' patches in memory.
#pragma once

#include <span>

#include "kernels/windows.hpp"

namespace cotape::kernels {

// Images are (batch, sizes..., channels), filters (taps, channels / groups, filters), results
// (batch, places, filters). A group's channels, and its filters, stand side by side.
struct convolution : windows {
  std::int64_t groups = 1, filters = 1;
  std::int64_t depth() const { return channels / groups; }  // channels of a group
  std::int64_t own_filters() const { return filters / groups; }
  std::int64_t patch() const { return taps() * depth(); }
  std::int64_t rows() const { return batch * axes[0].out * axes[1].out; }  // of windows
  // One filter for each of several channels: that has kernels of its own.
  bool depthwise() const { return groups > 1 && depth() == 1 && own_filters() == 1; }
  double flops() const;
};

// y = images * filters, and its derivatives: that by the images, whose result is images, and that
// by the filters, whose result is filters. Each is linear in both operands. `scratch` has
// convolution_scratch() elements. Bits do not depend on the number of threads.
template <class T>
void convolve(const convolution&, const T* images, const T* filters, T* y, std::span<T> scratch);
template <class T>
void convolve_to_images(const convolution&, const T* dy, const T* filters, T* images,
                        std::span<T> scratch);
template <class T>
void convolve_to_filters(const convolution&, const T* images, const T* dy, T* filters,
                         std::span<T> scratch);

enum class convolution_result : std::uint8_t { values, images, filters };
std::size_t convolution_scratch(const convolution&, convolution_result);

// Where filters stand: that of the first group, tap and channel, and how far the next ones are.
struct filter_layout {
  std::int64_t start, group, tap, channel, filter;
};

// What convolve is made of, for the instruction set in use. T is float or double.
template <class T> struct convolution_functions {
  // Filters as `values` reads them, for each group patch() times own_filters(), in whole vectors.
  void (*pack)(const convolution&, const filter_layout&, const T* filters, T* packed);
  // For rows of windows, which are counted through all images.
  void (*values)(const convolution&, const T* images, const T* packed, T* y, std::int64_t first_row,
                 std::int64_t rows);
  // The same for a group's filters, (patch, own filters), the sum over these rows.
  void (*to_filters)(const convolution&, std::int64_t group, const T* images, const T* dy,
                     T* filters, std::int64_t first_row, std::int64_t rows);
};
constexpr std::int64_t longest_vector = 16;  // elements

}  // namespace cotape::kernels

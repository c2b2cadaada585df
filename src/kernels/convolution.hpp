// Convolutions: each group's patches times its filters, block by block of windows, so that the
// patches of a block stay in the second cache and those of all images never stand in memory.
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

}  // namespace cotape::kernels

// Convolutions as products of matrices, of patches and filters, by BLAS: for few filters, which
// would leave most of a vector empty.
#pragma once

#include "kernels/convolution.hpp"

namespace cotape::kernels::patches {

// As those of convolution.hpp.
template <class T>
void values(const convolution&, const T* images, const T* filters, T* y, std::span<T> scratch);
template <class T>
void to_images(const convolution&, const T* dy, const T* filters, T* images, std::span<T> scratch);
template <class T>
void to_filters(const convolution&, const T* images, const T* dy, T* filters, std::span<T> scratch);
std::size_t scratch(const convolution&, convolution_result);

}  // namespace cotape::kernels::patches

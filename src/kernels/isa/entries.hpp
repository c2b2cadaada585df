// What the files of this folder define, one instance for each instruction set's tag.
#pragma once

#include "kernels/arch.hpp"
#include "kernels/convolution.hpp"
#include "kernels/gemm.hpp"
#include "kernels/words.hpp"

namespace cotape::kernels {

template <class Arch> kernel sum_kernel(dtype);
template <class Arch> kernel max_kernel(dtype);
template <class Arch> kernel norm_kernel(dtype);
template <class Arch> kernel fill_kernel(std::size_t element_size);
template <class Arch> kernel uniform_kernel(dtype);
template <class Arch> kernel cast_kernel(dtype from, dtype to);

// n bytes, at least 64, between places that do not overlap.
template <class Arch> void copy_lines(std::byte* d, const std::byte* a, std::size_t n);

// Broadcasts of n elements: of a row, from its element `at` on, and of a column whose elements, so
// far apart, are repeated `size` times each, from the at-th time of the first one on.
template <class Arch>
void repeat_row(word4* d, const word4* row, std::int64_t size, std::int64_t at, std::int64_t n);
template <class Arch>
void spread_column(word4* d, const word4* a, std::int64_t stride, std::int64_t size,
                   std::int64_t at, std::int64_t n);
template <class Arch>
void spread_column(word8* d, const word8* a, std::int64_t stride, std::int64_t size,
                   std::int64_t at, std::int64_t n);

// d[i] += a[i] for i < n.
template <class Arch> void add_elements(float* d, const float* a, std::int64_t n);
template <class Arch> void add_elements(double* d, const double* a, std::int64_t n);
template <class Arch> void add_elements(std::int64_t* d, const std::int64_t* a, std::int64_t n);

// For windows.hpp and convolution.hpp; the argument only tells the type.
template <class Arch> convolution_functions<float> convolutions_of(float);
template <class Arch> convolution_functions<double> convolutions_of(double);
template <class Arch> patch_functions<float> patches_of(float);
template <class Arch> patch_functions<double> patches_of(double);
template <class Arch> depthwise_functions<float> depthwise_of(float);
template <class Arch> depthwise_functions<double> depthwise_of(double);
template <class Arch> pooling_functions<float> pooling_of(float);
template <class Arch> pooling_functions<double> pooling_of(double);

// One product as in gemm.hpp, k > 0, b not transposed.
template <class Arch>
void small_gemm(const product_geometry&, float alpha, const float* a, const float* b, float* d);
template <class Arch>
void small_gemm(const product_geometry&, double alpha, const double* a, const double* b, double* d);

// In how many parts to split a reduction of so many bytes.
int reduction_parts(std::int64_t bytes);

}  // namespace cotape::kernels

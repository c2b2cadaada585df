// Matrix products, as the layers to the right see them: their geometry, their kernel, what they
// cost.
#pragma once

#include <string>

#include "kernels/kernels.hpp"

namespace cotape::kernels {

// A matrix, in elements: where it starts and how far apart its rows stand, or its columns if it is
// stored transposed.
struct matrix {
  std::int64_t offset = 0, stride = 0;
  bool transposed = false;
};

// d = alpha a b + beta d; a is (m, k), b (k, n), d (m, n) and not transposed. alpha is read through
// a pointer at each run (null: 1): of the operands' dtype, negated if asked for; with alpha 0 a and
// b are not looked at, as in BLAS. beta is 0 or 1; with beta 0 the old d is never read. k = 0 gives
// zeros (beta 0).
struct product_geometry {
  std::int64_t m = 0, n = 0, k = 0;
  matrix a, b, d;
  bool negate = false, accumulate = false;
};

// A batch of such products along some axes.
struct gemm_geometry : product_geometry {
  struct axis {
    std::int64_t size, a, b, d;  // how many, and from one matrix to the next; 0: all share one
  };
  std::uint32_t axes = 0;
  std::array<axis, shape::max_rank> batch{};

  std::int64_t products() const;
  double flops() const;
  double elements() const;  // that are read and written
};

// Whether a product can read or write the last two axes of the map as matrices: one of the two has
// stride 1, the other a stride of at least the one's extent; sizes and strides are below 2^31.
bool are_matrices(const index_map&);

// A product while things are folded into it: where its matrices stand in the buffers of a, b and d,
// as maps of one rank with batch axes of one size and nothing merged.
struct gemm_maps {
  gemm_maps(const shape& of_a, const shape& of_b, const shape& of_d);

  // Lets d be written with its axes in another order. False, and nothing is changed, if that gives
  // no matrices, or if d stands elsewhere already. Where rows become columns, the product is that
  // of the transposed operands: `swapped` says that a and b have changed places.
  bool permute(std::span<const std::int64_t> order, bool& swapped);
  // Throws shape_error if a size does not fit in BLAS's 32 bits.
  gemm_geometry geometry() const;
  std::string text() const;  // such as "-A^T B *alpha +C"

  index_map a, b, d;
  bool negate = false, scale = false, accumulate = false;  // scale: by alpha
};

kernel gemm(dtype, isa = chosen_isa());  // c = alpha or null, side = gemm_geometry

// One product with alpha 1, of matrices without an offset, on the calling thread; T is float or
// double. After prepare_blas().
template <class T>
using product_function = void (*)(const product_geometry&, const T* a, const T* b, T* d);
template <class T> product_function<T> product(isa = chosen_isa());

// The BLAS kernel set in use ("Haswell", "SkylakeX", ...).
const char* gemm_kernel_name();

}  // namespace cotape::kernels

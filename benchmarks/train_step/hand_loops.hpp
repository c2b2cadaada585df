// The fused loops of the hand-written engine. All arrays are row-major and do not overlap.
#pragma once

#include <cstddef>
#include <cstdint>

#include "blas.hpp"

namespace bench {

/// As multiply for the cases that a network has (beta is 0 unless a is transposed), but by plain
/// loops where the product is one column or a column times a row: GEMM is slow at these.
void product(const gemm_shape& g, const float* a, const float* b, float* d);

/// y = relu(y + bias), y = sigmoid(y + bias).
void bias_relu(std::size_t rows, std::size_t columns, const float* bias, float* y);
void bias_sigmoid(std::size_t rows, std::size_t columns, const float* bias, float* y);
/// dx *= the activation's slope, from its value y.
void relu_backward(std::size_t n, const float* y, float* dx);
void sigmoid_backward(std::size_t n, const float* y, float* dx);
/// sums += scale times the sums of x's columns; x's rows are `stride` apart.
void add_columns(std::size_t rows, std::size_t columns, std::size_t stride, float scale,
                 const float* x, float* sums);

/// `scale` times the loss of z + bias, summed, and its derivative; z may be used as scratch space.
double softmax_loss(std::size_t rows, std::size_t columns, float scale, const float* bias,
                    const std::int64_t* labels, float* z, float* dz);
double binary_loss(std::size_t rows, std::size_t columns, float scale, const float* bias,
                   const float* targets, const float* z, float* dz);
double squared_loss(std::size_t rows, std::size_t columns, float scale, const float* bias,
                    const float* targets, const float* z, float* dz);

/// w -= rate m / (root sqrt(v) + epsilon), the moments m and v updated with g before.
struct adam_constants {
  float beta1, beta2, epsilon, rate, root;
};
void adam_update(std::size_t n, const adam_constants& c, const float* g, float* m, float* v,
                 float* w);

}  // namespace bench

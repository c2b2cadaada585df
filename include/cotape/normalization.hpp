// layer: ops
// Normalizations, for float32 and float64. Data are (batch, features) or (batch, sizes...,
// channels). All of them end in y = unit scale + shift, where unit is x without its mean and with
// the variance 1, but for epsilon, which keeps constant data finite. Scale and shift are variables,
// parameters or numbers, and broadcast to x's shape: (channels), say.
//
//   variable y = layer_norm(x);                                // rows
//   variable z = relu(group_norm(conv(y, filters), 8, gamma, beta));
//
// A variance is the mean of squared distances to the mean, so that it is right where that is far
// from 0. Throws value_error for an epsilon below 0, shape_error for a mean of no elements and for
// a scale or shift that does not fit, dtype_error for integers.
#pragma once

#include "cotape/ops.hpp"

namespace cotape {

/// (x - mean) / sqrt(variance + epsilon) scale + shift, of statistics that broadcast to x's shape.
variable normalize(operand x, operand mean, operand variance, operand scale = 1, operand shift = 0,
                   double epsilon = 1e-3);

/// What a batch is normalized to, and its statistics, (channels).
struct normalized_batch {
  variable y, mean, variance;
};
/// Each channel with its mean and variance over the batch and all sizes (Ioffe and Szegedy, 2015);
/// scale and shift are (channels) or numbers. Predictions take means of these statistics over many
/// batches, by `normalize`: the layer batch_normalization does both.
normalized_batch batch_norm(operand x, operand scale = 1, operand shift = 0, double epsilon = 1e-3);

/// Each row with its own mean and variance over the axes (Ba, Kiros and Hinton, 2016).
variable layer_norm(operand x, operand scale = 1, operand shift = 0, const axes& over = -1,
                    double epsilon = 1e-3);

/// The channels in `groups` of neighbours: each sample's mean and variance over a group's channels
/// and all sizes (Wu and He, 2018). As many groups as channels are an instance norm. Throws
/// shape_error unless the groups are of one size.
variable group_norm(operand x, std::int64_t groups, operand scale = 1, operand shift = 0,
                    double epsilon = 1e-3);

/// x / sqrt(mean(x^2) + epsilon) scale, the mean over the axes (Zhang and Sennrich, 2019): nothing
/// is taken away.
variable rms_norm(operand x, operand scale = 1, const axes& over = -1, double epsilon = 1e-6);

}  // namespace cotape

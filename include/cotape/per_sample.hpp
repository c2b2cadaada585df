// layer: nn
// Norms of the gradients of single samples, at the cost of one reverse sweep for the whole batch.
#pragma once

#include <vector>

#include "cotape/tape.hpp"

namespace cotape {

/// For each sample the 2-norm of its share of the loss's gradient by all these parameters together:
/// shape (batch). For a weight in z = x W with rows x of shape (batch, inputs) the share is the
/// outer product of a row of x and of the loss's gradient by z, so its norm is the product of both
/// norms; for a bias added to z it is the latter (Goodfellow, arXiv:1510.01799).
///
/// The loss must be a sum or a mean over samples, each a row of all these products and computed
/// from its own row alone. Of a mean over n samples the shares are 1/n of the samples' own
/// gradients. Throws value_error, naming the place, for a parameter that the loss does not read, or
/// uses in another way or twice, shape_error where batches differ.
variable per_sample_gradient_norms(variable loss, const std::vector<parameter>& parameters);

}  // namespace cotape

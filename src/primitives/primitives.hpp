// The primitives that are not element-wise, by name. Their attributes:
//   sum, max, norm        first reduced axis, number of reduced axes (adjacent; dropped)
//   argmax                axis;   cumsum   axis, reverse
//   reshape, broadcast_to the result's sizes;   transpose   the order of axes
//   slice                 the result's sizes, then first elements, then steps
//   assemble              see primitives/assemble.hpp;   gather   axis, or all_axes;
//                         then 1 if errors are to call the indices labels
//   uniform               seed, stream, dtype, sizes;   cast   dtype
#pragma once

#include <vector>

#include "cotape/primitive.hpp"

namespace cotape::primitives {

extern const primitive sum, max, norm, argmax, cumsum;
extern const primitive reshape, stop_gradient, transpose, slice, assemble, cast;
extern const primitive gather;
extern const primitive matmul;
extern const primitive uniform;

/// Of a primitive whose steps the program makes, which knows what is folded into them.
inline void lowered_by_program(lowering&) {}

using words = std::vector<std::int64_t>;
/// For an axis: indices along all axes as one, places in the flat tensor.
inline constexpr std::int64_t all_axes = -2;
/// x with its last two axes exchanged.
variable transposed(const variable& x);
inline std::int64_t word(std::size_t i) { return static_cast<std::int64_t>(i); }

}  // namespace cotape::primitives

// Helpers for primitives that choose their kernels: see cotape/kernel.hpp for what they see.
#pragma once

#include "cotape/primitive.hpp"
#include "kernels/kernels.hpp"
#include "kernels/sides.hpp"
#include "kernels/step.hpp"

namespace cotape {

namespace primitives {
/// Where the result's elements stand, from where the first operand's do, axis by axis, if the
/// operation only shows some of them, as slices do. If it does not, or no strides say where, the
/// map becomes the result's own, and it is false.
bool follow(kernels::index_map& map, const primitive& op, std::span<const std::int64_t> attributes,
            const shape& result);
}  // namespace primitives

// x as (outer, reduced, inner), where `count` axes from `first` on are the reduced ones.
inline kernels::reduction seen_as_reduction(const shape& x, std::int64_t first,
                                            std::int64_t count) {
  kernels::reduction r;
  for (std::size_t i = 0; i < x.rank(); ++i) {
    const auto axis = static_cast<std::int64_t>(i);
    (axis < first ? r.outer : axis < first + count ? r.reduced : r.inner) *= x[i];
  }
  return r;
}

// The same where indices replace an axis, or all of them: see primitives.hpp.
inline kernels::reduction seen_by_indices(const shape& x, std::int64_t axis) {
  return axis < 0 ? kernels::reduction{1, x.elements(), 1} : seen_as_reduction(x, axis, 1);
}

}  // namespace cotape

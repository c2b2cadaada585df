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

// What indices pick along an axis, or along all of them: see primitives.hpp.
inline kernels::picking picked_from(const shape& x, std::int64_t axis, const lowering& l) {
  return {axis < 0 ? kernels::reduction{1, x.elements(), 1} : kernels::reduction::of(x, axis, 1),
          false, l.op, l.where};
}

}  // namespace cotape

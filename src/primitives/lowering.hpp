// Helpers for primitives that choose their kernels: see cotape/kernel.hpp for what they see.
#pragma once

#include "cotape/primitive.hpp"
#include "kernels/kernels.hpp"
#include "kernels/sides.hpp"
#include "kernels/step.hpp"

namespace cotape {

// What indices pick along an axis, or along all of them: see primitives.hpp.
inline kernels::picking picked_from(const shape& x, std::int64_t axis, const lowering& l) {
  return {axis < 0 ? kernels::reduction{1, x.elements(), 1} : kernels::reduction::of(x, axis, 1),
          false, l.op, l.where};
}

}  // namespace cotape

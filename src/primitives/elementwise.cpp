// The element-wise operations themselves, and what their descriptors share.
#define COTAPE_DEFINE_OPERATIONS
#include "primitives/elementwise.hpp"

#include <fmt/format.h>

#include "primitives/binary.hpp"
#include "primitives/ternary.hpp"
#include "primitives/unary.hpp"

namespace cotape {

value_type infer_floating(const signature& s) {
  const value_type result = infer_elementwise(s);
  if (result.dtype == int64) {
    throw dtype_error(fmt::format("{}: takes float32 or float64, not int64, cast it", s.op));
  }
  return result;
}

value_type broadcast_op::infer(const signature& s) {
  value_type result{s.inputs[0]->dtype, shape(s.attributes)};
  shape joint;
  if (!broadcast(s.inputs[0]->shape, result.shape, joint) || joint != result.shape) {
    throw shape_error(fmt::format("{}: cannot broadcast {} to {}", s.op, s.inputs[0]->shape.text(),
                                  result.shape.text()));
  }
  return result;
}

bool broadcast_op::shows(kernels::index_map& map, std::span<const std::int64_t>,
                         const shape& result) {
  map.widen(result);
  return true;
}

variable broadcast_to(operand x, const shape& s) {
  return record(builtin<broadcast_op>, {x}, {s.begin(), s.rank()});
}

}  // namespace cotape

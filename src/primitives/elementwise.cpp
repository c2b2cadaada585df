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

variable broadcast_to(operand x, const shape& s) {
  return record(builtin<broadcast_op>, {x}, {s.begin(), s.rank()});
}

namespace {

struct user_loop {
  element_loop run;
};

void run_user_loop(const kernels::step& s) {
  const void* operands[] = {s.a, s.b, s.c};
  static_cast<const user_loop*>(s.side)->run(s.d, operands, s.n);
}

}  // namespace

void lower_to_loop(lowering& l, element_loop float32_loop, element_loop float64_loop) {
  l.step.run = &run_user_loop;
  l.step.side = l.sides.keep(user_loop{l.output.dtype == float32 ? float32_loop : float64_loop});
}

}  // namespace cotape

// NumPy's matmul over the primitive, whose operands have equal rank and batch axes.
#include <fmt/format.h>

#include "ops/compose.hpp"
#include "primitives/primitives.hpp"

namespace cotape {

namespace {

using primitives::words;

[[noreturn]] void fail(const shape& a, const shape& b, const std::string& why) {
  throw shape_error(fmt::format("matmul: cannot multiply {} by {}: {}", a.text(), b.text(), why));
}

// The batch axes of both broadcast together, in front of the operand's own matrix.
shape batched(const shape& batch, const shape& x) {
  words sizes(batch.begin(), batch.end());
  sizes.insert(sizes.end(), x.end() - 2, x.end());
  return shape(sizes);
}

shape batch_of(const shape& x) { return shape(std::span(x.begin(), x.rank() - 2)); }

variable to_shape(variable x, const shape& s) { return x.shape() == s ? x : broadcast_to(x, s); }

variable multiply_matrices(variable a, variable b) {
  if (b.shape().rank() == 2 && a.shape().rank() > 2) {  // one GEMM over all rows, also in reverse
    words sizes(a.shape().begin(), a.shape().end());
    sizes.back() = b.shape()[1];
    const variable rows = reshape(a, {-1, a.shape()[a.shape().rank() - 1]});
    return reshape(record(primitives::matmul, {rows, b}), shape(sizes));
  }
  shape batch;
  if (!broadcast(batch_of(a.shape()), batch_of(b.shape()), batch)) {
    fail(a.shape(), b.shape(), "their batch axes do not broadcast");
  }
  a = to_shape(a, batched(batch, a.shape()));
  b = to_shape(b, batched(batch, b.shape()));
  return record(primitives::matmul, {a, b});
}

}  // namespace

variable matmul(operand a, operand b) {
  const composition c("matmul", {a, b});
  const shape left = c[0].shape(), right = c[1].shape();
  if (left.rank() == 0 || right.rank() == 0) fail(left, right, "use * for scalars");
  const std::int64_t inner = right[right.rank() == 1 ? 0 : right.rank() - 2];
  if (left[left.rank() - 1] != inner) {
    fail(left, right,
         fmt::format("inner sizes {} and {} differ [at {}; operands made at {}, {}]",
                     left[left.rank() - 1], inner, a.where().text(),
                     c.on().place_of(c[0].index()).text(), c.on().place_of(c[1].index()).text()));
  }
  const variable x = left.rank() == 1 ? reshape(c[0], {1, left[0]}) : c[0];
  const variable w = right.rank() == 1 ? reshape(c[1], {right[0], 1}) : c[1];
  const variable y = multiply_matrices(x, w);
  if (left.rank() > 1 && right.rank() > 1) return y;
  words sizes(y.shape().begin(), y.shape().end());
  if (right.rank() == 1) sizes.pop_back();
  if (left.rank() == 1) sizes.erase(sizes.end() - (right.rank() == 1 ? 1 : 2));
  return reshape(y, shape(sizes));
}

}  // namespace cotape

// NumPy's matmul over the primitive, whose operands have equal rank and batch axes.
#include <fmt/format.h>

#include "ops/compose.hpp"
#include "primitives/primitives.hpp"

namespace cotape {

namespace {

using primitives::words;

// The batch axes of both broadcast together, in front of the operand's own matrix.
shape batched(const shape& batch, const shape& x) {
  words sizes(batch.begin(), batch.end());
  sizes.insert(sizes.end(), x.end() - 2, x.end());
  return shape(sizes);
}

shape batch_of(const shape& x) { return shape(std::span(x.begin(), x.rank() - 2)); }

variable to_shape(variable x, const shape& s) { return x.shape() == s ? x : broadcast_to(x, s); }

variable multiply_matrices(variable a, variable b, const shape& batch) {
  if (b.shape().rank() == 2 && a.shape().rank() > 2) {  // one GEMM over all rows, also in reverse
    words sizes(a.shape().begin(), a.shape().end());
    sizes.back() = b.shape()[1];
    const variable rows = reshape(
        a, {batch.elements() * a.shape()[a.shape().rank() - 2], a.shape()[a.shape().rank() - 1]});
    return reshape(record(primitives::matmul, {rows, b}), shape(sizes));
  }
  a = to_shape(a, batched(batch, a.shape()));
  b = to_shape(b, batched(batch, b.shape()));
  return record(primitives::matmul, {a, b});
}

}  // namespace

variable matmul(operand a, operand b) {
  const composition c("matmul", {a, b});
  const shape left = c[0].shape(), right = c[1].shape();
  const auto fail = [&](const std::string& why) {
    c.fail<shape_error>(
        fmt::format("cannot multiply {} by {}: {}", left.text(), right.text(), why));
  };
  if (left.rank() == 0 || right.rank() == 0) fail("use * for scalars");
  const std::int64_t inner = right[right.rank() == 1 ? 0 : right.rank() - 2];
  if (left[left.rank() - 1] != inner) {
    fail(fmt::format("inner sizes {} and {} differ", left[left.rank() - 1], inner));
  }
  const variable x = left.rank() == 1 ? reshape(c[0], {1, left[0]}) : c[0];
  const variable w = right.rank() == 1 ? reshape(c[1], {right[0], 1}) : c[1];
  shape batch;
  if (!c.sized([&] { return broadcast(batch_of(x.shape()), batch_of(w.shape()), batch); })) {
    fail("their batch axes do not broadcast");
  }
  const variable y = c.sized([&] { return multiply_matrices(x, w, batch); });
  if (left.rank() > 1 && right.rank() > 1) return y;
  words sizes(y.shape().begin(), y.shape().end());
  if (right.rank() == 1) sizes.pop_back();
  if (left.rank() == 1) sizes.erase(sizes.end() - (right.rank() == 1 ? 1 : 2));
  return reshape(y, shape(sizes));
}

}  // namespace cotape

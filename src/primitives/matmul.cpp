// matmul of operands of equal rank and equal batch axes: (..., m, k) by (..., k, n). A program
// makes its own value of it: see program/gemm.hpp.
#include <fmt/format.h>

#include "cotape/ops.hpp"
#include "primitives/lowering.hpp"
#include "primitives/primitives.hpp"

namespace cotape::primitives {

namespace {

value_type infer_matmul(const signature& s) {
  const value_type &a = *s.inputs[0], &b = *s.inputs[1];
  if (a.dtype != b.dtype || a.dtype == int64) {
    throw dtype_error(
        fmt::format("{}: cannot multiply {} by {}, cast one of them", s.op, a.text(), b.text()));
  }
  const std::size_t rank = a.shape.rank();
  words sizes(a.shape.begin(), a.shape.end());
  bool batches = rank == b.shape.rank() && rank >= 2;
  for (std::size_t i = 0; batches && i + 2 < rank; ++i) batches = a.shape[i] == b.shape[i];
  if (!batches) {
    throw shape_error(fmt::format("{}: cannot multiply {} by {}: their batch axes differ", s.op,
                                  a.shape.text(), b.shape.text()));
  }
  if (a.shape[rank - 1] != b.shape[rank - 2]) {
    throw shape_error(fmt::format("{}: cannot multiply {} by {}: inner sizes {} and {} differ",
                                  s.op, a.shape.text(), b.shape.text(), a.shape[rank - 1],
                                  b.shape[rank - 2]));
  }
  sizes[rank - 1] = b.shape[rank - 1];
  return {a.dtype, shape(sizes)};
}

void derive_matmul(derivation& d) {  // dA = dY B^T,  dB = A^T dY
  if (d.needed[0]) d.adjoints[0] = record(matmul, {d.adjoint, transposed(d.inputs[1])});
  if (d.needed[1]) d.adjoints[1] = record(matmul, {transposed(d.inputs[0]), d.adjoint});
}

}  // namespace

variable transposed(const variable& x) {
  words order;
  for (std::size_t i = 0; i < x.shape().rank(); ++i) order.push_back(static_cast<std::int64_t>(i));
  std::swap(order[order.size() - 1], order[order.size() - 2]);
  return record(transpose, {x}, order);
}

const primitive matmul{"matmul", form::product, 2, infer_matmul, derive_matmul, lowered_by_program};

}  // namespace cotape::primitives

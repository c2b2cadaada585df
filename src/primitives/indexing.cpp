// gather and scatter_add, each the other's derivative; uniform random numbers.
#include <fmt/format.h>

#include "cotape/ops.hpp"
#include "primitives/lowering.hpp"
#include "primitives/primitives.hpp"

namespace cotape::primitives {

namespace {

void demand_indices(const signature& s) {
  if (s.inputs[1]->dtype != int64) {
    throw dtype_error(
        fmt::format("{}: the indices must be int64, not {}", s.op, name_of(s.inputs[1]->dtype)));
  }
}

value_type infer_gather(const signature& s) {
  demand_indices(s);
  const shape &x = s.inputs[0]->shape, &indices = s.inputs[1]->shape;
  words sizes(x.begin(), x.end());
  const auto at = sizes.erase(sizes.begin() + s.attributes[0]);
  sizes.insert(at, indices.begin(), indices.end());
  return {s.inputs[0]->dtype, shape(sizes)};
}

void derive_gather(derivation& d) {
  const std::int64_t axis = d.attributes[0];
  const std::int64_t size = d.inputs[0].shape()[static_cast<std::size_t>(axis)];
  const words attributes{axis, size};
  d.adjoints[0] = record(scatter_add, {d.adjoint, d.inputs[1]}, attributes);
}

void lower_gather(lowering& l) {
  l.step.run = kernels::gather(l.output.dtype);
  l.step.rows = static_cast<std::uint32_t>(l.inputs[1]->shape.elements());
  l.step.side = l.sides.keep(seen_as_reduction(l.inputs[0]->shape, l.attributes[0], 1));
}

value_type infer_scatter_add(const signature& s) {
  demand_indices(s);
  const shape &x = s.inputs[0]->shape, &indices = s.inputs[1]->shape;
  const auto axis = static_cast<std::size_t>(s.attributes[0]);
  bool fits = x.rank() >= axis + indices.rank();
  for (std::size_t i = 0; fits && i < indices.rank(); ++i) fits = x[axis + i] == indices[i];
  if (!fits) {
    throw shape_error(fmt::format("{}: indices of shape {} do not fit {} at axis {}", s.op,
                                  indices.text(), x.text(), axis));
  }
  words sizes(x.begin(), x.end());
  const auto at =
      sizes.erase(sizes.begin() + s.attributes[0],
                  sizes.begin() + s.attributes[0] + static_cast<std::int64_t>(indices.rank()));
  sizes.insert(at, s.attributes[1]);
  return {s.inputs[0]->dtype, shape(sizes)};
}

void derive_scatter_add(derivation& d) {
  d.adjoints[0] = record(gather, {d.adjoint, d.inputs[1]}, d.attributes.first(1));
}

void lower_scatter_add(lowering& l) {
  l.step.run = kernels::scatter_add(l.output.dtype);
  l.step.rows = static_cast<std::uint32_t>(l.inputs[1]->shape.elements());
  l.step.side = l.sides.keep(seen_as_reduction(l.output.shape, l.attributes[0], 1));
}

value_type infer_uniform(const signature& s) {
  return {static_cast<dtype>(s.attributes[2]), shape(s.attributes.subspan(3))};
}

void lower_uniform(lowering& l) {
  l.step.run = kernels::uniform(l.output.dtype);
  l.step.side = l.sides.keep(kernels::philox_key{static_cast<std::uint64_t>(l.attributes[0]),
                                                 static_cast<std::uint64_t>(l.attributes[1])});
}

}  // namespace

const primitive gather{"gather",      form::kernel, 2,     infer_gather,
                       derive_gather, lower_gather, false, true};
const primitive scatter_add{"scatter_add",      form::kernel,      2,     infer_scatter_add,
                            derive_scatter_add, lower_scatter_add, false, true};
const primitive uniform{"uniform", form::kernel, 1, infer_uniform, nullptr, lower_uniform, true};

}  // namespace cotape::primitives

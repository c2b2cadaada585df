// gather; uniform random numbers.
#include <fmt/format.h>

#include "cotape/ops.hpp"
#include "primitives/assemble.hpp"
#include "primitives/lowering.hpp"

namespace cotape::primitives {

namespace {

value_type infer_gather(const signature& s) {
  if (s.inputs[1]->dtype != int64) {
    throw dtype_error(
        fmt::format("{}: the indices must be int64, not {}", s.op, name_of(s.inputs[1]->dtype)));
  }
  const shape &x = s.inputs[0]->shape, &indices = s.inputs[1]->shape;
  if (s.attributes[0] == all_axes) return {s.inputs[0]->dtype, indices};
  words sizes(x.begin(), x.end());
  const auto at = sizes.erase(sizes.begin() + s.attributes[0]);
  sizes.insert(at, indices.begin(), indices.end());
  return {s.inputs[0]->dtype, shape(sizes)};
}

void derive_gather(derivation& d) {
  collected_parts part{{}, {d.adjoint, d.inputs[1]}};
  append_whole(part.attributes, d.inputs[0].shape().rank(), d.attributes[0]);
  give_part(d, std::move(part));
}

void lower_gather(lowering& l) {
  l.step.run = kernels::gather(l.output.dtype);
  l.step.rows = static_cast<std::uint32_t>(l.inputs[1]->shape.elements());
  kernels::picking p = picked_from(l.inputs[0]->shape, l.attributes[0], l);
  p.labels = l.attributes.size() > 1;
  l.step.side = l.sides.keep(std::move(p));
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

const primitive gather{.name = "gather",
                       .how = form::kernel,
                       .arity = 2,
                       .infer = infer_gather,
                       .derive = derive_gather,
                       .lower = lower_gather,
                       .throws = true,
                       .picks = true};
const primitive uniform{"uniform", form::kernel, 1, infer_uniform, nullptr, lower_uniform, true};

}  // namespace cotape::primitives

// Primitives that move the elements of one operand: reshape, transpose, slice, cast.
#include <fmt/format.h>

#include "cotape/ops.hpp"
#include "primitives/assemble.hpp"
#include "primitives/binary.hpp"
#include "primitives/lowering.hpp"

namespace cotape::primitives {

namespace {

using kernels::index_map;

template <const primitive& Op> void lower_move(lowering& l) {
  index_map map = index_map::of(l.inputs[0]->shape);
  Op.shows(map, l.attributes, l.output.shape);
  const auto* kept = l.sides.keep(map.merged());
  l.step.run = kernels::load(*kept, size_of(l.output.dtype), true);
  l.step.side = kept;
}

value_type infer_reshape(const signature& s) {
  const value_type result{s.inputs[0]->dtype, shape(s.attributes)};
  if (result.shape.elements() != s.inputs[0]->shape.elements()) {
    throw shape_error(fmt::format("{}: cannot turn {} ({} elements) into {} ({} elements)", s.op,
                                  s.inputs[0]->shape.text(), s.inputs[0]->shape.elements(),
                                  result.shape.text(), result.shape.elements()));
  }
  return result;
}

void derive_reshape(derivation& d) {
  d.adjoints[0] = cotape::reshape(d.adjoint, d.inputs[0].shape());
}

value_type infer_transpose(const signature& s) {
  index_map map = index_map::of(s.inputs[0]->shape);
  map.permute(s.attributes);
  return {s.inputs[0]->dtype, map.sizes()};
}

void derive_transpose(derivation& d) {
  words inverse(d.attributes.size());
  for (std::size_t i = 0; i < inverse.size(); ++i) {
    inverse[static_cast<std::size_t>(d.attributes[i])] = word(i);
  }
  d.adjoints[0] = record(transpose, {d.adjoint}, inverse);
}

bool show_transpose(index_map& map, std::span<const std::int64_t> attributes, const shape&) {
  map.permute(attributes);
  return true;
}

value_type infer_slice(const signature& s) {
  return {s.inputs[0]->dtype, shape(s.attributes.first(s.inputs[0]->shape.rank()))};
}

void derive_slice(derivation& d) {
  const auto own = d.attributes.subspan(d.inputs[0].shape().rank());
  collected_parts part{{own.begin(), own.end()}, {d.adjoint}};
  part.attributes.push_back(no_axis);
  give_part(d, std::move(part));
}

bool show_slice(index_map& map, std::span<const std::int64_t> attributes, const shape& result) {
  const std::size_t rank = result.rank();
  map.cut(attributes.first(rank), attributes.subspan(rank, rank), attributes.subspan(2 * rank));
  return true;
}

value_type infer_cast(const signature& s) {
  return {static_cast<dtype>(s.attributes[0]), s.inputs[0]->shape};
}

void derive_cast(derivation& d) {  // from or to int64: 0
  if (d.inputs[0].dtype() == int64 || d.output.dtype() == int64) return;
  d.adjoints[0] = cotape::cast(d.adjoint, d.inputs[0].dtype());
}

void lower_cast(lowering& l) { l.step.run = kernels::cast(l.inputs[0]->dtype, l.output.dtype); }

value_type infer_same(const signature& s) { return *s.inputs[0]; }

}  // namespace

const primitive reshape{"reshape", form::view, 1, infer_reshape, derive_reshape};
const primitive stop_gradient{"stop_gradient", form::view, 1, infer_same};
const primitive transpose{.name = "transpose",
                          .how = form::kernel,
                          .arity = 1,
                          .infer = infer_transpose,
                          .derive = derive_transpose,
                          .lower = lower_move<transpose>,
                          .shows = show_transpose};
const primitive slice{.name = "slice",
                      .how = form::kernel,
                      .arity = 1,
                      .infer = infer_slice,
                      .derive = derive_slice,
                      .lower = lower_move<slice>,
                      .picks = true,
                      .shows = show_slice};
const primitive cast{"cast", form::kernel, 1, infer_cast, derive_cast, lower_cast};

}  // namespace cotape::primitives

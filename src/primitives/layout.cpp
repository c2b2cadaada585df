// Primitives that move elements: reshape, transpose, slice and its opposite, concatenate, cast.
#include <fmt/format.h>

#include <algorithm>
#include <bit>

#include "cotape/ops.hpp"
#include "primitives/lowering.hpp"
#include "primitives/primitives.hpp"

namespace cotape::primitives {

namespace {

using kernels::index_map;

// Row-major strides, in elements.
words strides_of(const shape& s) {
  words strides(s.rank(), 1);
  for (std::size_t i = s.rank(); i-- > 1;) strides[i - 1] = strides[i] * s[i];
  return strides;
}

void lower_load(lowering& l, const index_map& map) {
  const auto* kept = l.sides.keep(map);
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
  words sizes;
  for (std::int64_t axis : s.attributes) {
    sizes.push_back(s.inputs[0]->shape[static_cast<std::size_t>(axis)]);
  }
  return {s.inputs[0]->dtype, shape(sizes)};
}

void derive_transpose(derivation& d) {
  words inverse(d.attributes.size());
  for (std::size_t i = 0; i < inverse.size(); ++i) {
    inverse[static_cast<std::size_t>(d.attributes[i])] = word(i);
  }
  d.adjoints[0] = record(transpose, {d.adjoint}, inverse);
}

void lower_transpose(lowering& l) {
  const words strides = strides_of(l.inputs[0]->shape);
  index_map map;
  for (std::size_t i = 0; i < l.attributes.size(); ++i) {
    map.append(l.output.shape[i], strides[static_cast<std::size_t>(l.attributes[i])]);
  }
  lower_load(l, map);
}

// The map of a slice of `whole`: sizes, first elements and steps one after the other.
index_map slice_map(const shape& whole, std::span<const std::int64_t> attributes) {
  const std::size_t rank = whole.rank();
  const words strides = strides_of(whole);
  index_map map;
  for (std::size_t i = 0; i < rank; ++i) {
    map.append(attributes[i], strides[i] * attributes[2 * rank + i]);
    map.offset += strides[i] * attributes[rank + i];
  }
  return map;
}

value_type infer_slice(const signature& s) {
  return {s.inputs[0]->dtype, shape(s.attributes.first(s.inputs[0]->shape.rank()))};
}

void derive_slice(derivation& d) {
  const shape& x = d.inputs[0].shape();
  words attributes(d.attributes.begin(), d.attributes.end());
  attributes.insert(attributes.end(), x.begin(), x.end());
  attributes.push_back(0);
  d.adjoints[0] = record(embed, {d.adjoint}, attributes);
}

void lower_slice(lowering& l) { lower_load(l, slice_map(l.inputs[0]->shape, l.attributes)); }

value_type infer_embed(const signature& s) {
  const std::size_t rank = s.inputs[0]->shape.rank();
  return {s.inputs[0]->dtype, shape(s.attributes.subspan(3 * rank, rank))};
}

void derive_embed(derivation& d) {
  const words attributes(d.attributes.begin(),
                         d.attributes.begin() + word(3 * d.inputs[0].shape().rank()));
  d.adjoints[0] = record(slice, {d.adjoint}, attributes);
}

// Stores of one or two operands into a buffer that is filled with a value before.
struct placement {
  kernels::kernel store = nullptr;
  index_map first, second;
  std::uint32_t first_size = 0, second_size = 0;
  kernels::kernel fill = nullptr;  // null: the stores cover the buffer
  std::uint32_t size = 0;          // elements
  std::size_t element = 0;         // bytes of one
  alignas(8) std::array<std::byte, 8> value{};
};

// Fills what the one part of p, which is stored afterwards, leaves: in whole lines.
void fill_around(const kernels::step& s, const placement& p) {
  kernels::step part = s;
  part.a = p.value.data();
  const bool run = p.first.rank == 0 || (p.first.rank == 1 && p.first.stride[0] == 1);
  const auto begin = static_cast<std::uint32_t>(p.first.offset);
  const std::uint32_t end = run ? (begin + p.first_size) / 16 * 16 : 0;
  part.n = run ? begin : 0;
  if (part.n != 0) p.fill(part);
  part.d = static_cast<std::byte*>(s.d) + end * p.element;
  part.n = p.size - end;
  if (part.n != 0) p.fill(part);
}

void place_parts(const kernels::step& s) {
  const auto& p = *static_cast<const placement*>(s.side);
  kernels::step part = s;
  if (p.fill != nullptr) fill_around(s, p);
  part.a = s.a;
  part.n = p.first_size;
  part.side = &p.first;
  if (part.n != 0) p.store(part);
  part.a = s.b;
  part.n = p.second_size;
  part.side = &p.second;
  if (part.n != 0) p.store(part);
}

void lower_embed(lowering& l) {
  const std::size_t size = size_of(l.output.dtype);
  placement p;
  p.first = slice_map(l.output.shape, l.attributes);
  p.first_size = static_cast<std::uint32_t>(l.inputs[0]->shape.elements());
  p.store = kernels::store(p.first, size);
  p.fill = kernels::fill(size);
  p.element = size;
  p.size = static_cast<std::uint32_t>(l.output.shape.elements());
  const double value = std::bit_cast<double>(l.attributes.back());
  if (l.output.dtype == float32) {
    const auto narrow = std::bit_cast<std::array<std::byte, 4>>(static_cast<float>(value));
    std::copy(narrow.begin(), narrow.end(), p.value.begin());
  } else if (l.output.dtype == float64) {
    p.value = std::bit_cast<std::array<std::byte, 8>>(value);
  } else {
    p.value = std::bit_cast<std::array<std::byte, 8>>(static_cast<std::int64_t>(value));
  }
  l.step.run = &place_parts;
  l.step.side = l.sides.keep(p);
}

value_type infer_concatenate(const signature& s) {
  const value_type &a = *s.inputs[0], &b = *s.inputs[1];
  if (a.dtype != b.dtype) {
    throw dtype_error(
        fmt::format("{}: cannot join {} and {}, cast one of them", s.op, a.text(), b.text()));
  }
  const auto axis = static_cast<std::size_t>(s.attributes[0]);
  bool fits = a.shape.rank() == b.shape.rank();
  words sizes(a.shape.begin(), a.shape.end());
  for (std::size_t i = 0; fits && i < sizes.size(); ++i) {
    if (i == axis) sizes[i] += b.shape[i];
    else fits = a.shape[i] == b.shape[i];
  }
  if (!fits) {
    throw shape_error(fmt::format("{}: {} and {} differ in another axis than axis {}", s.op,
                                  a.shape.text(), b.shape.text(), axis));
  }
  return {a.dtype, shape(sizes)};
}

// Sizes, first elements and steps of the part of a concatenation that starts at `first`.
words part_of(const shape& part, std::size_t axis, std::int64_t first) {
  words attributes(part.begin(), part.end());
  attributes.resize(2 * part.rank(), 0);
  attributes[part.rank() + axis] = first;
  attributes.resize(3 * part.rank(), 1);
  return attributes;
}

void derive_concatenate(derivation& d) {
  const auto axis = static_cast<std::size_t>(d.attributes[0]);
  for (std::size_t i = 0; i < 2; ++i) {
    if (!d.needed[i]) continue;
    const std::int64_t first = i == 0 ? 0 : d.inputs[0].shape()[axis];
    d.adjoints[i] = record(slice, {d.adjoint}, part_of(d.inputs[i].shape(), axis, first));
  }
}

void lower_concatenate(lowering& l) {
  const auto axis = static_cast<std::size_t>(l.attributes[0]);
  const shape &a = l.inputs[0]->shape, &b = l.inputs[1]->shape;
  placement p;
  p.first = slice_map(l.output.shape, part_of(a, axis, 0));
  p.second = slice_map(l.output.shape, part_of(b, axis, a[axis]));
  p.first_size = static_cast<std::uint32_t>(a.elements());
  p.second_size = static_cast<std::uint32_t>(b.elements());
  p.store = kernels::store(p.first, size_of(l.output.dtype));
  l.step.run = &place_parts;
  l.step.side = l.sides.keep(p);
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
const primitive transpose{"transpose",     form::kernel,     1,
                          infer_transpose, derive_transpose, lower_transpose};
const primitive slice{"slice", form::kernel, 1, infer_slice, derive_slice, lower_slice};
const primitive embed{"embed", form::kernel, 1, infer_embed, derive_embed, lower_embed};
const primitive concatenate{"concatenate",     form::kernel,       2,
                            infer_concatenate, derive_concatenate, lower_concatenate};
const primitive cast{"cast", form::kernel, 1, infer_cast, derive_cast, lower_cast};

}  // namespace cotape::primitives

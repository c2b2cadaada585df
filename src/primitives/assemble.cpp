// assemble, the opposite of slices and gathers: concatenations, padding and what a sweep makes of
// the shares that an operand's parts have in its adjoint. A program makes its steps: see
// program/put.cpp.
#include "primitives/assemble.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "cotape/ops.hpp"

namespace cotape::primitives {

namespace {

// A part lies within the result; one with indices is what they would pick from it.
bool fits(const signature& s, const assembly::part& p, const value_type& result) {
  const value_type& part = *s.inputs[p.operand];
  if (p.indexed()) {
    const std::array<const value_type*, 2> picked{&result, s.inputs[p.operand + 1]};
    return gather.infer({s.op, picked, {&p.axis, 1}}) == part;
  }
  bool inside = part.dtype == result.dtype && part.shape.rank() == result.shape.rank();
  for (std::size_t i = 0; inside && i < part.shape.rank(); ++i) {
    const std::int64_t n = part.shape[i], last = p.first[i] + (n - 1) * p.steps[i];
    const auto [low, high] = std::minmax(p.first[i], last);
    inside = n == 0 || (low >= 0 && high < result.shape[i]);
  }
  return inside;
}

value_type infer_assemble(const signature& s) {
  const assembly a(s.attributes);
  const value_type result{s.inputs[0]->dtype, a.result()};
  a.for_each_part([&](const assembly::part& p) {
    if (fits(s, p, result)) return;
    throw shape_error(fmt::format("{}: a part {} does not fit into {}", s.op,
                                  s.inputs[p.operand]->text(), result.text()));
  });
  return result;
}

// Each part's adjoint is what stands where the part was put.
void derive_assemble(derivation& d) {
  assembly(d.attributes).for_each_part([&](const assembly::part& p) {
    if (!d.needed[p.operand]) return;
    variable& to = d.adjoints[p.operand];
    if (p.indexed()) {
      to = record(gather, {d.adjoint, d.inputs[p.operand + 1]}, {&p.axis, 1});
      return;
    }
    const shape& sizes = d.inputs[p.operand].shape();
    words attributes(sizes.begin(), sizes.end());
    attributes.insert(attributes.end(), p.first.begin(), p.first.end());
    attributes.insert(attributes.end(), p.steps.begin(), p.steps.end());
    to = record(slice, {d.adjoint}, attributes);
  });
}

}  // namespace

words assembly_of(const shape& result, double rest) {
  words attributes{word(result.rank())};
  attributes.insert(attributes.end(), result.begin(), result.end());
  attributes.push_back(std::bit_cast<std::int64_t>(rest));
  return attributes;
}

void append_part(words& attributes, std::span<const std::int64_t> first,
                 std::span<const std::int64_t> steps, std::int64_t axis) {
  attributes.insert(attributes.end(), first.begin(), first.end());
  attributes.insert(attributes.end(), steps.begin(), steps.end());
  attributes.push_back(axis);
}

void append_whole(words& attributes, std::size_t rank, std::int64_t axis) {
  append_part(attributes, words(rank, 0), words(rank, 1), axis);
}

void collected_parts::add(collected_parts more) {
  if (attributes.empty()) return void(*this = std::move(more));
  node = no_node;
  attributes.insert(attributes.end(), more.attributes.begin(), more.attributes.end());
  operands.insert(operands.end(), more.operands.begin(), more.operands.end());
}

collected_parts parts_of(tape& t, std::uint32_t node) {
  const assembly a(t.attributes_of(node));
  if (a.rest() != 0) return {};
  collected_parts result{{a.parts().begin(), a.parts().end()}, {}, node};
  for (std::uint32_t k : t.operands_of(node)) result.operands.push_back(t.at(k));
  return result;
}

variable put_together(tape& t, const shape& result, variable whole, collected_parts parts) {
  if (whole.empty() && parts.node != no_node) return t.at(parts.node);
  collected_parts all{assembly_of(result), {}};
  if (!whole.empty()) {
    append_whole(all.attributes, result.rank());
    all.operands.push_back(whole);
  }
  all.add(std::move(parts));
  return t.record(assemble, all.operands, all.attributes);
}

void give_part(derivation& d, collected_parts part) {
  if (d.parts != nullptr) *d.parts = std::move(part);
  else d.adjoints[0] = put_together(d.adjoint.owner(), d.inputs[0].shape(), {}, std::move(part));
}

const primitive assemble{"assemble",     form::assembly,  any_number,
                         infer_assemble, derive_assemble, lowered_by_program};

}  // namespace cotape::primitives

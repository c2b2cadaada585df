// assemble, the opposite of slices and gathers: concatenations, padding and what a sweep makes of
// the shares that an operand's parts have in its adjoint. A program makes its steps: see
// program/assemble.cpp.
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
                 std::span<const std::int64_t> steps) {
  attributes.insert(attributes.end(), first.begin(), first.end());
  attributes.insert(attributes.end(), steps.begin(), steps.end());
  attributes.push_back(no_axis);
}

void append_whole(words& attributes, std::size_t rank, std::int64_t axis) {
  attributes.resize(attributes.size() + rank, 0);
  attributes.resize(attributes.size() + rank, 1);
  attributes.push_back(axis);
}

bool is_sum_of_parts(const tape& t, std::uint32_t node) {
  return t.nodes()[node].op == &assemble && assembly(t.attributes_of(node)).rest() == 0;
}

variable assembled(tape& t, std::span<const std::uint32_t> shares, place where) {
  if (shares.size() == 1) return t.at(shares[0]);
  const shape& result = t.type_of(shares[0]).shape;
  words attributes = assembly_of(result);
  std::vector<variable> inputs;
  for (std::uint32_t s : shares) {
    if (!is_sum_of_parts(t, s)) {
      append_whole(attributes, result.rank());
      inputs.push_back(t.at(s));
      continue;
    }
    const auto parts = assembly(t.attributes_of(s)).parts();
    attributes.insert(attributes.end(), parts.begin(), parts.end());
    for (std::uint32_t k : t.operands_of(s)) inputs.push_back(t.at(k));
  }
  return t.record(assemble, inputs, attributes, where);
}

const primitive assemble{"assemble",     form::kernel,    any_number,
                         infer_assemble, derive_assemble, lowered_by_program};

}  // namespace cotape::primitives

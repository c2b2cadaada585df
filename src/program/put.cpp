// An assembly in a program: a chain of values, each of which puts one part into what the one before
// it made, in the same buffer where that is free. So any number of parts costs what they are
// together.
#include "program/put.hpp"

#include <algorithm>

#include "primitives/assemble.hpp"

namespace cotape {

namespace {

using primitives::assembly;

void lower_indexed(lowering& l) {
  l.step.run = kernels::scatter_add(l.output.dtype);
  l.step.rows = static_cast<std::uint32_t>(l.inputs[1]->shape.elements());
  l.step.side = l.sides.keep(picked_from(l.output.shape, l.attributes.back(), l));
}

const primitive put{"assemble", form::assembly, 1, nullptr};
constexpr primitive at_indices(bool throws) {
  return {"assemble", form::assembly, 2, nullptr, nullptr, lower_indexed, false, throws};
}
const primitive put_indexed = at_indices(true), put_checked = at_indices(false);

// The value v adds rows, at indices along an axis, to a parameter from which a value before picks
// those rows, which throws first: an update may then stand in the parameter's place.
bool is_checked(const graph& g, const graph::value& v, std::int64_t axis) {
  const auto picks = [&](const graph::value& x) {
    return x.op->picks && x.op->throws && x.in[0] == v.in[2] && x.in[1] == v.in[1] &&
           g.on.attributes_of(x.node)[0] == axis;
  };
  return g.how(v.in[2]) == form::read && std::any_of(g.values.begin(), g.values.end(), picks);
}

bool is_whole(const graph& g, std::uint32_t of, const assembly::part& p, const shape& result) {
  return !p.indexed() && g.type(of).shape == result &&
         std::all_of(p.steps.begin(), p.steps.end(), [](std::int64_t s) { return s == 1; });
}

}  // namespace

bool is_put(const graph& g, std::uint32_t v) { return g.how(v) == form::assembly; }

bool goes_on(const graph& g, std::uint32_t v) {
  if (!is_put(g, v)) return false;
  const graph::value &x = g.values[v], &last = g.values[x.goes_into()];
  return x.into && last.node == x.node && last.constant == x.constant;
}

std::uint32_t append_puts(graph& g, const graph::value& of,
                          const std::vector<std::uint32_t>& number_of) {
  const assembly a(g.on.attributes_of(of.node));
  std::vector<std::uint32_t> operands;
  for (std::uint32_t k : g.on.value_operands_of(of.node)) operands.push_back(number_of[k]);
  // Where parts with indices go is not known.
  std::vector<kernels::index_map> maps;
  bool known = true;
  a.for_each_part([&](const assembly::part& p) {
    known = known && !p.indexed();
    if (known) maps.push_back(primitives::map_of(p, g.type(operands[p.operand]).shape, a.result()));
  });
  const kernels::cover c = kernels::cover_of(maps, a.result().elements());
  std::uint32_t last = no_node, number = 0;
  a.for_each_part([&](const assembly::part& p) {
    graph::value v = of;
    v.number = number++;
    const std::uint32_t what = operands[p.operand];
    if (last == no_node && is_whole(g, what, p, of.type->shape)) {
      last = what;
      return;
    }
    v.op = p.indexed() ? &put_indexed : &put;
    v.in[v.count++] = what;
    if (p.indexed()) v.in[v.count++] = operands[p.operand + 1];
    v.adds = v.number >= c.apart;
    v.into = last != no_node;
    v.fills = !v.into && !c.whole;
    if (v.into) v.in[v.count++] = last;
    if (p.indexed() && v.into && is_checked(g, v, p.axis)) v.op = &put_checked;
    last = static_cast<std::uint32_t>(g.values.size());
    g.values.push_back(v);
  });
  return last;
}

void put_part(const graph& g, std::uint32_t v, const void* from, kernels::puts& to) {
  const graph::value& x = g.values[v];
  to.fills = to.fills || x.fills;
  to.rest = kernels::bits_of(assembly(g.on.attributes_of(x.node)).rest(), g.type(v).dtype);
  if (x.op->lower != nullptr || g.elements(x.in[0]) == 0) return;
  const assembly::part p = assembly::part_of(g.attributes(v));
  to.add(primitives::map_of(p, g.type(x.in[0]).shape, g.type(v).shape), from, x.adds);
}

}  // namespace cotape

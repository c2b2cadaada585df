// An assembly in a program: a chain of values, each of which puts one part into what the one before
// it made, in the same buffer where that is free. So a part is stored as soon as it is there, and
// any number of parts costs what they are together.
#include "program/assemble.hpp"

#include <algorithm>

#include "primitives/assemble.hpp"

namespace cotape {

namespace {

using primitives::assembly;

const primitive put{"assemble", form::kernel, 1, nullptr};
const primitive put_indexed{"assemble", form::kernel, 2, nullptr, nullptr, nullptr, false, true};

bool is_whole(const graph& g, std::uint32_t of, const assembly::part& p, const shape& result) {
  return !p.indexed() && g.type(of).shape == result &&
         std::all_of(p.steps.begin(), p.steps.end(), [](std::int64_t s) { return s == 1; });
}

// How the parts cover the result; of those with indices it is not known.
kernels::cover cover_of(const graph& g, const assembly& a, std::span<const std::uint32_t> of) {
  const shape result = a.result();
  std::vector<kernels::index_map> maps;
  bool known = true;
  a.for_each_part([&](const assembly::part& p) {
    const shape& sizes = g.type(of[p.operand]).shape;
    known = known && !p.indexed();
    if (known) maps.push_back(primitives::map_of(p, sizes, result));
  });
  return known ? kernels::cover_of(maps, result.elements()) : kernels::cover{false, false};
}

}  // namespace

bool is_put(const graph& g, std::uint32_t v) { return g.is(v, put) || g.is(v, put_indexed); }

std::uint32_t append_assembly(graph& g, const graph::value& of,
                              const std::vector<std::uint32_t>& place) {
  const assembly a(g.on.attributes_of(of.node));
  std::vector<std::uint32_t> operands;
  for (std::uint32_t k : g.on.value_operands_of(of.node)) operands.push_back(place[k]);
  const kernels::cover c = cover_of(g, a, operands);
  std::uint32_t last = no_node, number = 0;
  a.for_each_part([&](const assembly::part& p) {
    graph::value v = of;
    v.part = number++;
    const std::uint32_t what = operands[p.operand];
    if (last == no_node && is_whole(g, what, p, g.on.type_at(of.type).shape)) {
      last = what;
      return;
    }
    v.op = p.indexed() ? &put_indexed : &put;
    v.in[v.count++] = what;
    if (p.indexed()) v.in[v.count++] = operands[p.operand + 1];
    v.adds = !c.once;
    v.into = last != no_node;
    v.fills = !v.into && !(c.once && c.whole);
    if (v.into) v.in[v.count++] = last;
    last = static_cast<std::uint32_t>(g.values.size());
    g.values.push_back(v);
  });
  return last;
}

double rest_of(const graph& g, std::uint32_t v) {
  return assembly(g.on.attributes_of(g.values[v].node)).rest();
}

kernels::step fill_with_rest(const graph& g, std::uint32_t v, side_store& sides) {
  const value_type& type = g.type(v);
  kernels::step s{};
  s.run = kernels::fill(size_of(type.dtype));
  s.a = sides.keep(kernels::bits_of(rest_of(g, v), type.dtype))->data();
  s.n = static_cast<std::uint32_t>(type.shape.elements());
  return s;
}

kernels::step put_part(const graph& g, std::uint32_t v, side_store& sides) {
  const graph::value& x = g.values[v];
  const value_type& whole = g.type(v);
  const shape& part = g.type(x.in[0]).shape;
  const assembly::part p = assembly::part_of(g.attributes(v));
  kernels::step s{};
  s.n = static_cast<std::uint32_t>(part.elements());
  if (p.indexed()) {
    s.run = kernels::scatter_add(whole.dtype);
    s.rows = static_cast<std::uint32_t>(g.elements(x.in[1]));
    s.side = sides.keep(seen_by_indices(whole.shape, p.axis));
    return s;
  }
  const auto* map = sides.keep(primitives::map_of(p, part, whole.shape));
  s.run = x.adds ? kernels::add(*map, whole.dtype) : kernels::store(*map, size_of(whole.dtype));
  s.side = map;
  return s;
}

}  // namespace cotape

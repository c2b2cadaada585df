// A program as the processor runs it: two arrays of steps, and what their kernels read besides.
#pragma once

#include <algorithm>
#include <vector>

#include "code/tiles.hpp"
#include "kernels/call.hpp"
#include "kernels/kernels.hpp"
#include "kernels/scalars.hpp"
#include "kernels/sides.hpp"

namespace cotape::code {

struct listing {
  std::vector<kernels::step> constant_steps, steps;  // run once, and at each run
  side_store sides;
  // Those of the sides that hold addresses.
  std::vector<tiled_loop*> loops;
  std::vector<kernels::scalar_body*> scalars;
  std::vector<kernels::call*> calls;
  std::vector<kernels::assembly*> assemblies;

  // f(address) for each, to be read or replaced.
  template <class F> void for_each_address(F f) {
    const auto of_step = [&](kernels::step& s) {
      f(s.d);
      f(s.a);
      f(s.b);
      f(s.c);
    };
    for (kernels::step& s : constant_steps) of_step(s);
    for (kernels::step& s : steps) of_step(s);
    for (tiled_loop* l : loops) {
      f(l->scratch);
      for (auto* list : {&l->before, &l->steps, &l->last}) {
        for (tile_step& s : *list) of_step(s.what);
      }
    }
    for (kernels::scalar_body* s : scalars) {
      for (auto& t : s->imports) f(t.outside);
      for (auto& t : s->exports) f(t.outside);
    }
    for (kernels::call* c : calls) std::for_each(c->operands.begin(), c->operands.end(), f);
    for (kernels::assembly* a : assemblies) {
      for (kernels::assembly::part& p : a->parts) f(p.from);
    }
  }

  std::size_t bytes() const {
    std::size_t n = sizeof(kernels::step) * (steps.size() + constant_steps.size());
    for (const tiled_loop* l : loops) {
      n += (l->before.size() + l->steps.size() + l->last.size() + l->moving.size()) *
           sizeof(tile_step);
    }
    for (const kernels::scalar_body* s : scalars) n += s->slots.size() * 8 + s->code.size() * 16;
    for (const kernels::assembly* a : assemblies) {
      n += a->parts.size() * sizeof(kernels::assembly::part) +
           a->maps.size() * sizeof(kernels::index_map);
    }
    return n;
  }
};

}  // namespace cotape::code

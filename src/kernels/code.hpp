// A program as the processor runs it: two arrays of steps, and what their kernels read besides.
#pragma once

#include <algorithm>
#include <vector>

#include "kernels/call.hpp"
#include "kernels/kernels.hpp"
#include "kernels/loop.hpp"
#include "kernels/scalars.hpp"
#include "kernels/sides.hpp"

namespace cotape::kernels {

struct code {
  std::vector<step> constant_steps, steps;  // run once, and at each run
  side_store sides;
  // Those of the sides that hold addresses.
  std::vector<loop_body*> loops;
  std::vector<scalar_body*> scalars;
  std::vector<call*> calls;
  std::vector<puts*> all_puts;

  // f(address) for each, to be read or replaced.
  template <class F> void for_each_address(F f) {
    const auto of_step = [&](step& s) {
      f(s.d);
      f(s.a);
      f(s.b);
      f(s.c);
    };
    for (step& s : constant_steps) of_step(s);
    for (step& s : steps) of_step(s);
    for (loop_body* l : loops) {
      f(l->scratch);
      for (auto* list : {&l->before, &l->steps, &l->last}) {
        for (loop_step& s : *list) of_step(s.what);
      }
    }
    for (scalar_body* s : scalars) {
      for (auto& t : s->imports) f(t.outside);
      for (auto& t : s->exports) f(t.outside);
    }
    for (call* c : calls) std::for_each(c->operands.begin(), c->operands.end(), f);
    for (puts* a : all_puts) {
      for (puts::part& p : a->parts) f(p.from);
    }
  }

  std::size_t bytes() const {
    std::size_t n = sizeof(step) * (steps.size() + constant_steps.size());
    for (const loop_body* l : loops) {
      n += (l->before.size() + l->steps.size() + l->last.size() + l->moving.size()) *
           sizeof(loop_step);
    }
    for (const scalar_body* s : scalars) n += s->slots.size() * 8 + s->code.size() * 16;
    for (const puts* a : all_puts) {
      n += a->parts.size() * sizeof(puts::part) + a->maps.size() * sizeof(index_map);
    }
    return n;
  }
};

}  // namespace cotape::kernels

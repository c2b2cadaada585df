// A program as the processor runs it: two arrays of steps, and what their kernels read besides.
#pragma once

#include <algorithm>
#include <vector>

#include "code/location.hpp"
#include "code/tiles.hpp"
#include "kernels/call.hpp"
#include "kernels/kernels.hpp"
#include "kernels/scalars.hpp"
#include "kernels/sides.hpp"
#include "tensor/workspace.hpp"

namespace cotape::code {

struct listing {
  std::vector<kernels::step> constant_steps, steps;  // run once, and at each run
  side_store sides;
  // Those of the sides that hold addresses.
  std::vector<tiled_loop*> loops;
  std::vector<kernels::scalar_body*> scalars;
  std::vector<kernels::call*> calls;
  std::vector<kernels::puts*> all_puts;

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
    for (kernels::puts* a : all_puts) {
      for (kernels::puts::part& p : a->parts) f(p.from);
    }
  }

  // What the steps read and write beside the arena. Addresses in the arena and in its scratch
  // memory are words of region::arena until the memory's place is known.
  struct patch {  // a pointer of a step into an input or constant, so many bytes from its start
    const void** at;
    std::uint64_t offset, external;
  };
  std::vector<const void*> externals;  // by number
  std::vector<patch> patches;
  buffer constants;
  std::uint64_t constant_bytes = 0;
  std::uint64_t folding = 0;  // where scratch memory begins in `constants`
  // Where the arena's memory stood when addresses were made.
  std::byte* base = static_cast<std::byte*>(region_word({region::arena, 0}));
  std::uint64_t arena = 0, scratch = 0;  // bytes of that memory, scratch behind the values

  // Gives an address other than an external's in place of a region word.
  template <class T> void resolve(T*& at) const {
    const auto [where, offset] = location_of(at);
    if (where == region::scratch)
      at = static_cast<T*>(region_word({region::arena, arena + offset}));
    if (where == region::constants) at = reinterpret_cast<T*>(constants.get() + offset);
    if (where == region::folding) at = reinterpret_cast<T*>(constants.get() + folding + offset);
  }
  // The arena's memory moves: an address in it moves along.
  template <class T> void move(T*& at, std::byte* to) const {
    const auto offset =
        reinterpret_cast<std::uintptr_t>(at) - reinterpret_cast<std::uintptr_t>(base);
    if (offset < arena + scratch)
      at = reinterpret_cast<T*>(reinterpret_cast<std::uintptr_t>(to) + offset);
  }
  void bind_externals() {
    for (const patch& p : patches) {
      *p.at = static_cast<const std::byte*>(externals[p.external]) + p.offset;
    }
  }
  void fold() {
    for (const kernels::step& s : constant_steps) s.run(s);
  }

  std::size_t bytes() const {
    std::size_t n = sizeof(kernels::step) * (steps.size() + constant_steps.size());
    for (const tiled_loop* l : loops) {
      n += (l->before.size() + l->steps.size() + l->last.size() + l->moving.size()) *
           sizeof(tile_step);
    }
    for (const kernels::scalar_body* s : scalars) n += s->slots.size() * 8 + s->code.size() * 16;
    for (const kernels::puts* a : all_puts) {
      n += a->parts.size() * sizeof(kernels::puts::part) +
           a->maps.size() * sizeof(kernels::index_map);
    }
    return n;
  }
};

}  // namespace cotape::code

// Buffers for a program whose steps are made, addresses for their region words, and what is bound
// before a run and committed after it.
#include <algorithm>
#include <concepts>

#include "program/emit.hpp"
#include "tape/sources.hpp"
#include "tensor/memory.hpp"

namespace cotape {

namespace {

// Every address in steps, and in what is bound before or committed after them.
template <class F> void every_address(program::body& b, F f) {
  b.for_each_address(f);
  for (auto& l : b.literals) f(l.to);
  for (auto& p : b.promotions) f(p.to);
  for (auto& c : b.commits) f(c.from);
  for (auto& w : b.written) f(w.first);
  for (array_view& v : b.outputs) {
    const void* at = v.data();
    f(at);
    v = array_view(v.type(), at);
  }
}

class resolver {
 public:
  resolver(const graph& g, const schedule& s, const placement& p, program::body& out)
      : g_(g), s_(s), p_(p), out_(out) {}

  void run(const code::emitter& e) {
    std::uint64_t scratch = padded(e.scratch.most()), folding = padded(e.folding.most());
    for (code::tiled_loop* l : out_.loops) {
      const bool constant = code::location_of(l->scratch).where == region::folding;
      l->scratch_bytes = padded((constant ? e.folding : e.scratch).most());
      std::uint64_t& bytes = constant ? folding : scratch;
      bytes = std::max(bytes, l->scratch_bytes * static_cast<std::uint64_t>(l->parts));
    }
    const std::size_t own =
        e.constants + out_.bytes() +
        out_.notes.size() * (sizeof(program::body::note) + sizeof(program_part));
    out_.constants = zeros(e.constants + folding);
    out_.memory = {p_.arena + scratch, p_.most_alive + scratch, e.constants + folding, own};
    out_.steps.shrink_to_fit();
    out_.base = static_cast<std::byte*>(region_word({region::arena, 0}));
    list_sources();
    list_updates();
    for (std::uint32_t v : g_.outputs) out_.outputs.emplace_back(g_.type(v), place_of(v));
    every_address(out_, [&](auto*& at) { resolve(at, e.constants); });
  }

 private:
  template <class T> void resolve(T*& at, std::uint64_t constants) {
    const auto [where, offset] = code::location_of(at);
    const auto become = [&](void* p) { at = static_cast<T*>(p); };
    switch (where) {
      case region::scratch: return become(region_word({region::arena, p_.arena + offset}));
      case region::constants: return become(out_.constants.get() + offset);
      case region::folding: return become(out_.constants.get() + constants + offset);
      case region::external:
        if constexpr (std::same_as<T, const void>) {
          const std::uint32_t v = p_.externals[offset];
          out_.patches.push_back({&at, offset_bytes(g_, v), p_.of[g_.root(v)].at});
        }
        return become(nullptr);
      default: return;
    }
  }

  void* place_of(std::uint32_t v) const { return region_word(p_.of[g_.whole(v)]); }

  void list_sources() {
    for (std::uint32_t v = 0; v < g_.values.size(); ++v) {
      const graph::value& x = g_.values[v];
      if (x.op == &sources::literal) {
        out_.literals.push_back({x.node, place_of(v), g_.type(v).dtype});
      } else if (x.op == &sources::read) {
        const parameter& p = g_.on.parameter_at(static_cast<std::size_t>(g_.attributes(v)[0]));
        out_.parameters.push_back(p);
        if (p.dtype() != g_.type(v).dtype) {
          out_.promotions.push_back(
              {p.data(), place_of(v), static_cast<std::size_t>(g_.elements(v))});
        }
      }
    }
  }

  void list_updates() {
    out_.written.emplace_back(out_.base, out_.memory.arena);
    for (const graph::update& u : g_.updates) {
      const parameter& p = g_.on.parameter_at(u.parameter);
      out_.parameters.push_back(p);
      if (s_.in_place[g_.root(u.value)] == u.parameter) {
        out_.written.emplace_back(static_cast<const std::byte*>(p.data()), p.type().bytes());
        continue;
      }
      out_.commits.push_back({static_cast<std::uint32_t>(out_.parameters.size() - 1),
                              place_of(u.value), g_.type(u.value).dtype});
    }
  }

  const graph& g_;
  const schedule& s_;
  const placement& p_;
  program::body& out_;
};

}  // namespace

void program::body::move_to(std::byte* place) {
  const auto old = reinterpret_cast<std::uintptr_t>(base),
             now = reinterpret_cast<std::uintptr_t>(place);
  every_address(*this, [&]<class T>(T*& at) {
    const std::uintptr_t offset = reinterpret_cast<std::uintptr_t>(at) - old;
    if (offset < memory.arena) at = reinterpret_cast<T*>(now + offset);
  });
  base = place;
}

void resolve(const graph& g, const schedule& s, const placement& p, const code::emitter& e,
             program::body& out) {
  resolver(g, s, p, out).run(e);
}

}  // namespace cotape

// Addresses for the region words of a program whose steps are made, and what is bound before a run
// and committed after it.
#include <algorithm>
#include <concepts>

#include "program/emit.hpp"
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

void list_sources(const graph& g, const placement& p, program::body& out) {
  for (std::uint32_t v = 0; v < g.values.size(); ++v) {
    const graph::value& x = g.values[v];
    if (x.how == form::literal) {
      out.literals.push_back({x.node, word_of(g, p, v), x.type->dtype});
    } else if (x.how == form::read) {
      const parameter& from = g.on.parameter_at(static_cast<std::size_t>(g.attributes(v)[0]));
      out.parameters.push_back(from);
      if (from.dtype() == x.type->dtype) continue;
      out.promotions.push_back(
          {from.data(), word_of(g, p, v), static_cast<std::size_t>(g.elements(v))});
    }
  }
}

void list_updates(const graph& g, const schedule& s, const placement& p, program::body& out) {
  out.written.emplace_back(out.base, out.memory.arena);
  for (const graph::update& u : g.updates) {
    const parameter& to = g.on.parameter_at(u.parameter);
    out.parameters.push_back(to);
    if (s.in_place[g.root(u.value)] == u.parameter) {
      out.written.emplace_back(static_cast<const std::byte*>(to.data()), to.type().bytes());
      continue;
    }
    out.commits.push_back({static_cast<std::uint32_t>(out.parameters.size() - 1),
                           word_of(g, p, u.value), g.type(u.value).dtype});
  }
}

}  // namespace

void program::body::move_to(std::byte* to) {
  every_address(*this, [&](auto*& at) { move(at, to); });
  base = to;
}

void resolve(const graph& g, const schedule& s, const placement& p, program::body& out) {
  const std::size_t own = out.constant_bytes + out.bytes() +
                          out.notes.size() * (sizeof(program::body::note) + sizeof(program_part));
  out.memory = {out.arena + out.scratch, p.most_alive + out.scratch, out.constant_bytes, own};
  list_sources(g, p, out);
  list_updates(g, s, p, out);
  for (std::uint32_t v : g.outputs) out.outputs.emplace_back(g.type(v), word_of(g, p, v));
  every_address(out, [&]<class T>(T*& at) {
    const auto [where, number] = code::location_of(at);
    if (where != region::external) return out.resolve(at);
    if constexpr (std::same_as<T, const void>) {
      const std::uint32_t v = p.externals[number];
      out.patches.push_back({&at, offset_bytes(g, v), p.of[g.root(v)].at});
    }
    at = nullptr;
  });
}

}  // namespace cotape

// Addresses for the region words of a program whose steps are made, and what is bound before a run
// and committed after it.
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

  void run() {
    const std::size_t own =
        out_.constant_bytes + out_.bytes() +
        out_.notes.size() * (sizeof(program::body::note) + sizeof(program_part));
    out_.memory = {out_.arena + out_.scratch, p_.most_alive + out_.scratch, out_.constant_bytes,
                   own};
    list_sources();
    list_updates();
    for (std::uint32_t v : g_.outputs) out_.outputs.emplace_back(g_.type(v), place_of(v));
    every_address(out_, [&]<class T>(T*& at) {
      const auto [where, number] = code::location_of(at);
      if (where != region::external) return out_.resolve(at);
      if constexpr (std::same_as<T, const void>) {
        const std::uint32_t v = p_.externals[number];
        out_.patches.push_back({&at, offset_bytes(g_, v), p_.of[g_.root(v)].at});
      }
      at = nullptr;
    });
  }

 private:
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
  every_address(*this, [&](auto*& at) { move(at, place); });
  base = place;
}

void resolve(const graph& g, const schedule& s, const placement& p, program::body& out) {
  resolver(g, s, p, out).run();
}

}  // namespace cotape

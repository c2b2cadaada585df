// Buffers for a program whose steps are made, addresses for their region words, and what is bound
// before a run and committed after it.
#include <algorithm>

#include "program/emit.hpp"
#include "program/scalar_run.hpp"
#include "tape/sources.hpp"
#include "tensor/memory.hpp"

namespace cotape {

namespace {

program::body::buffer zeros(std::uint64_t bytes) {
  return program::body::buffer(static_cast<std::byte*>(allocate_zeros(bytes)));
}

class resolver {
 public:
  resolver(const graph& g, const schedule& s, const placement& p, program::body& out)
      : g_(g), s_(s), p_(p), out_(out) {}

  void run(const emitted& e) {
    out_.arena = zeros(p_.arena);
    out_.constants = zeros(e.constants);
    std::uint64_t scratch = padded(e.scratch);
    for (loop_body* l : e.loops) {
      l->scratch_bytes = padded(e.scratch);
      scratch = std::max(scratch, l->scratch_bytes * static_cast<std::uint64_t>(l->parts));
    }
    out_.scratch = zeros(scratch);
    out_.memory = {p_.arena + scratch, p_.most_alive + scratch, e.constants};
    out_.steps.shrink_to_fit();
    for (kernels::step& s : out_.constant_steps) fix(s);
    for (kernels::step& s : out_.steps) fix(s);
    for (loop_body* l : e.loops) {
      l->scratch = out_.scratch.get();
      for (loop_step& s : l->before) fix(s.what);
      for (loop_step& s : l->steps) fix(s.what);
      for (loop_step& s : l->last) fix(s.what);
    }
    for (scalar_body* b : e.scalars) {
      for (auto& t : b->imports) fix(t.outside);
      for (auto& t : b->exports) t.outside = address(t.outside);
    }
    list_sources();
    list_updates();
    for (std::uint32_t v : g_.outputs) out_.outputs.emplace_back(g_.type(v), resolved(v));
  }

 private:
  const void* address(const void* word) const {
    const auto bits = reinterpret_cast<std::uint64_t>(word);
    const std::uint64_t offset = bits & ((std::uint64_t{1} << offset_bits) - 1);
    switch (static_cast<region>(bits >> offset_bits)) {
      case region::arena: return out_.arena.get() + offset;
      case region::constants: return out_.constants.get() + offset;
      case region::scratch: return out_.scratch.get() + offset;
      default: return word;
    }
  }

  void fix(const void*& p) {
    const auto bits = reinterpret_cast<std::uint64_t>(p);
    if (static_cast<region>(bits >> offset_bits) == region::external) {
      out_.patches.push_back({&p, static_cast<std::uint32_t>(bits)});
      p = nullptr;
    } else {
      p = address(p);
    }
  }

  void fix(kernels::step& s) {
    s.d = const_cast<void*>(address(s.d));
    fix(s.a);
    fix(s.b);
    fix(s.c);
  }

  void* resolved(std::uint32_t v) const {
    return const_cast<void*>(address(region_word(p_.of[g_.root(v)])));
  }

  void list_sources() {
    for (std::uint32_t v = 0; v < g_.values.size(); ++v) {
      const graph::value& x = g_.values[v];
      if (x.op == &sources::literal) {
        out_.literals.push_back({x.node, resolved(v), g_.type(v).dtype});
      } else if (x.op == &sources::read) {
        const parameter& p = g_.on.parameter_at(static_cast<std::size_t>(g_.attributes(v)[0]));
        out_.parameters.push_back(p);
        if (p.dtype() != g_.type(v).dtype) {
          out_.promotions.push_back(
              {p.data(), resolved(v), static_cast<std::size_t>(g_.elements(v))});
        }
      }
    }
  }

  void list_updates() {
    out_.written.emplace_back(out_.arena.get(), p_.arena);
    for (const graph::update& u : g_.updates) {
      const parameter& p = g_.on.parameter_at(u.parameter);
      out_.parameters.push_back(p);
      if (s_.in_place[g_.root(u.value)] == u.parameter) {
        out_.written.emplace_back(static_cast<const std::byte*>(p.data()), p.type().bytes());
        continue;
      }
      out_.commits.push_back({static_cast<std::uint32_t>(out_.parameters.size() - 1),
                              resolved(u.value), g_.type(u.value).dtype});
    }
  }

  const graph& g_;
  const schedule& s_;
  const placement& p_;
  program::body& out_;
};

}  // namespace

void resolve(const graph& g, const schedule& s, const placement& p, const emitted& e,
             program::body& out) {
  resolver(g, s, p, out).run(e);
}

}  // namespace cotape

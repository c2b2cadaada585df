// Puts one kernel in the place of two operations where the second alone uses the first's result.
#include <algorithm>
#include <unordered_set>

#include "primitives/pairs.hpp"
#include "program/schedule.hpp"

namespace cotape {

namespace {

class pairing {
 public:
  pairing(graph& g, schedule& s) : g_(g), s_(s) {}

  void run() {
    for (std::uint32_t i = 0; i < s_.items.size(); ++i) {
      if (s_.items[i].loop && s_.items[i].values.size() > 1) pair_up(i);
    }
  }

 private:
  void pair_up(std::uint32_t item) {
    std::vector<std::uint32_t>& values = s_.items[item].values;
    overwritten_.clear();
    for (std::uint32_t v : values) {
      if (s_.in_place[v] != no_node) overwritten_.insert(s_.in_place[v]);
    }
    bool any = false;
    for (std::uint32_t v : values) {
      const graph::value& x = g_.values[v];
      if (x.how != form::elementwise || g_.type(v).dtype == int64) continue;
      for (std::size_t k = std::min<std::size_t>(x.op->arity, 2); k-- > 0;) {
        const std::uint32_t u = x.in[k];
        if (s_.item_of[u] != item || !fits(u, v)) continue;
        if (const operation_pair* p = pair_of(*g_.values[u].op, *x.op, k)) {
          replace(u, v, k, *p);
          any = true;
          break;
        }
      }
    }
    if (!any) return;
    std::erase_if(values, [&](std::uint32_t v) { return s_.item_of[v] == no_node; });
  }

  // u can be computed where v is: nothing else needs it, and what it reads still stands.
  bool fits(std::uint32_t u, std::uint32_t v) const {
    const graph::value& inner = g_.values[u];
    if (!s_.uses.once(u) || inner.op->arity != 2 || inner.type != g_.values[v].type) return false;
    return std::none_of(inner.in.begin(), inner.in.begin() + 2, [&](std::uint32_t i) {
      const std::uint32_t r = g_.root(i);
      if (g_.how(r) != form::read) return false;
      const auto parameter = static_cast<std::uint32_t>(g_.attributes(r)[0]);
      return overwritten_.contains(parameter) && s_.in_place[v] != parameter;
    });
  }

  static const operation_pair* pair_of(const primitive& inner, const primitive& outer,
                                       std::size_t position) {
    for (const operation_pair& p : operation_pairs()) {
      const bool fits = position == 0 ? p.first : p.second;
      if (p.inner == &inner && p.outer == &outer && fits) return &p;
    }
    return nullptr;
  }

  void replace(std::uint32_t u, std::uint32_t v, std::size_t position, const operation_pair& p) {
    const graph::value& inner = g_.values[u];
    graph::value& outer = g_.values[v];
    outer.op = p.both;
    outer.in = {inner.in[0], inner.in[1], outer.in[1 - position]};
    outer.count = p.both->arity;
    s_.item_of[u] = no_node;
  }

  graph& g_;
  schedule& s_;
  std::unordered_set<std::uint32_t> overwritten_;  // parameters updated in place in the item
};

}  // namespace

void pair_up(graph& g, schedule& s) { pairing(g, s).run(); }

}  // namespace cotape

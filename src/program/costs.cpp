// Counting operations and bytes of a program's items, from the graph alone; linear in its values.
#include "program/costs.hpp"

#include <algorithm>

#include "program/gemm.hpp"
#include "program/put.hpp"

namespace cotape {

namespace {

class counter {
 public:
  counter(const graph& g, const schedule& s, const placement& p)
      : g_(g), s_(s), p_(p), in_(g.values.size()), counted_(g.values.size(), no_node) {
    for (std::uint32_t v = 0; v < g.values.size(); ++v) in_[v] = kind_of(v);
  }

  program_part count(std::uint32_t number) {
    const schedule::item& item = s_.items[number];
    program_part part;
    part.dtype = g_.type(item.values.back()).dtype;
    part.in = in_[item.values[0]];
    for (std::uint32_t v : item.values) {
      part.flops += flops(v);
      part.bytes += bytes(v, number);
      if (in_[v] != part.in) part.in = recorded::mixed;
    }
    return part;
  }

 private:
  recorded kind_of_node(std::uint32_t node) const {
    const auto& sweeps = g_.on.sweeps;
    const auto after = std::upper_bound(sweeps.begin(), sweeps.end(), node,
                                        [](auto n, const auto& sweep) { return n < sweep.first; });
    if (after != sweeps.begin() && node < std::prev(after)->last) return recorded::reverse;
    return after == sweeps.end() && !sweeps.empty() ? recorded::after : recorded::forward;
  }

  // A product that took the update of a weight into itself is still the sweep's.
  recorded kind_of(std::uint32_t v) const {
    const recorded kind = kind_of_node(g_.values[v].node);
    if (!is_gemm(g_, v) || kind != recorded::after) return kind;
    const gemm_operands of = gemm_operands_of(g_, v);
    const bool swept = in_[of.a] == recorded::reverse || in_[of.b] == recorded::reverse;
    return swept ? recorded::reverse : kind;
  }

  double elements(std::uint32_t v) const { return static_cast<double>(g_.elements(v)); }
  double size(std::uint32_t v) const { return static_cast<double>(g_.type(v).bytes()); }

  double flops(std::uint32_t v) {
    const graph::value& x = g_.values[v];
    if (is_gemm(g_, v)) return gemm_of(g_, v).geometry().flops();
    if (x.op->flops != nullptr) return x.op->flops(g_.seen_by(v, types_), g_.type(v));
    if (x.op->shows != nullptr) return 0;
    if (x.how == form::elementwise) return elements(v);
    return x.how == form::reduction || x.adds ? elements(x.in[0]) : 0;
  }

  double bytes(std::uint32_t v, std::uint32_t number) {
    const graph::value& x = g_.values[v];
    if (is_gemm(g_, v)) {
      return gemm_of(g_, v).geometry().elements() * static_cast<double>(size_of(g_.type(v).dtype));
    }
    if (is_put(g_, v)) return (x.fills ? size(v) : 0) + (x.adds ? 3 : 2) * size(x.in[0]);
    double total = p_.of[v].where == region::none ? 0 : size(v);
    for (std::uint32_t i : g_.operands(v)) {
      const std::uint32_t r = g_.root(i);
      if (s_.item_of[r] == number || counted_[r] == number) continue;
      counted_[r] = number;
      total += x.op->picks ? std::min(size(i), size(v)) : size(i);
    }
    return total;
  }

  const graph& g_;
  const schedule& s_;
  const placement& p_;
  std::vector<const value_type*> types_;  // of the operands of a value
  std::vector<recorded> in_;              // by value
  std::vector<std::uint32_t> counted_;    // by value: the item that reads it and was counted last
};

}  // namespace

std::vector<program_part> costs(const graph& g, const schedule& s, const placement& p) {
  counter c(g, s, p);
  std::vector<program_part> parts;
  for (std::uint32_t i = 0; i < s.items.size(); ++i) {
    if (!s.items[i].constant) parts.push_back(c.count(i));
  }
  return parts;
}

}  // namespace cotape

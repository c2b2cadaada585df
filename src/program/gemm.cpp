// What products take in, in one walk over the values.
#include "program/gemm.hpp"

#include <utility>

#include "primitives/binary.hpp"
#include "primitives/lowering.hpp"
#include "primitives/primitives.hpp"
#include "program/order.hpp"

namespace cotape {

namespace {

class taking_in {
 public:
  explicit taking_in(graph& g) : g_(g), uses_(g), updated_(g.values.size(), no_node) {
    for (const graph::update& u : g.updates) updated_[u.value] = u.parameter;
  }

  void run() {
    for (std::uint32_t v = 0; v < g_.values.size(); ++v) {
      if (is_gemm(g_, v)) {
        take_operand(g_.values[v].in[0], maps(v).a);
        take_operand(g_.values[v].in[1], maps(v).b);
      } else if (g_.is(v, builtin<multiply_op>)) {
        take_factor(v, 0) || take_factor(v, 1);
      } else if (g_.is(v, builtin<add_op>)) {
        take_addend(v, 1) || take_addend(v, 0);
      } else if (g_.is(v, primitives::transpose)) {
        take_transpose(v);
      }
    }
  }

 private:
  kernels::gemm_maps& maps(std::uint32_t v) { return g_.products[g_.values[v].number]; }

  // Reads the operand where its elements stand in the farthest value before it, at most 8
  // operations back, in which they are matrices: from there on nothing is copied.
  void take_operand(std::uint32_t& operand, kernels::index_map& map) const {
    std::uint32_t source = operand;
    std::size_t steps = 9;
    do source = source_of(operand, --steps, map);
    while (steps > 0 && !kernels::are_matrices(map));
    operand = source;
  }

  // What v shows elements of, so many steps before it at most, and where they stand there.
  std::uint32_t source_of(std::uint32_t v, std::size_t steps, kernels::index_map& map) const {
    std::array<std::uint32_t, 8> chain{};
    std::size_t n = 0;
    for (; n < steps && g_.values[v].count != 0; v = g_.operands(v)[0]) chain[n++] = v;
    map = kernels::index_map::of(g_.type(v).shape);
    while (n-- > 0) {
      const std::uint32_t u = chain[n];
      if (shows(g_, u, map)) continue;
      map = kernels::index_map::of(g_.type(u).shape);
      v = u;
    }
    return v;
  }

  // A product without addend that another value alone uses.
  bool is_open(std::uint32_t m) const {
    return is_gemm(g_, m) && uses_.once(m) && !g_.values[m].into;
  }

  bool take_factor(std::uint32_t v, std::size_t k) {
    graph::value& x = g_.values[v];
    const std::uint32_t m = x.in[k], factor = x.in[1 - k];
    if (!is_open(m) || g_.values[m].type != x.type) return false;
    if (g_.elements(factor) != 1 || g_.elements(m) == 1) return false;
    if (is_literal(g_, factor, 0)) return false;  // 0 times infinity is NaN, but not in a GEMM
    const bool minus = is_literal(g_, factor, -1);
    if (!minus && maps(m).scale) return false;
    move(m, x);
    if (!minus) x.in[x.count++] = factor;
    (minus ? maps(v).negate : maps(v).scale) ^= true;
    return true;
  }

  bool take_addend(std::uint32_t v, std::size_t k) {
    graph::value& x = g_.values[v];
    const std::uint32_t m = x.in[k], addend = x.in[1 - k];
    if (!is_open(m) || addend == m || g_.values[m].type != x.type) return false;
    const form how = g_.how(addend);
    const bool stored = how == form::read && updated_[v] != no_node &&
                        g_.attributes(addend)[0] == std::int64_t{updated_[v]};
    const bool own = !is_source(how) && how != form::view && uses_.once(addend);
    if (g_.values[addend].type != x.type || (!stored && !own)) return false;
    move(m, x);
    x.in[x.count++] = addend;
    x.into = maps(v).accumulate = true;
    return true;
  }

  // A transpose of a product is written where its elements go.
  void take_transpose(std::uint32_t v) {
    graph::value& x = g_.values[v];
    const std::uint32_t m = x.in[0];
    bool swapped = false;
    if (!is_open(m) || !maps(m).permute(g_.attributes(v), swapped)) return;
    move(m, x);
    if (swapped) std::swap(x.in[0], x.in[1]);
  }

  // The product m where `to` was.
  void move(std::uint32_t m, graph::value& to) const {
    const graph::value was = to;
    to = g_.values[m];
    to.type = was.type;
    to.node = was.node;
  }

  graph& g_;
  use_lists uses_;
  std::vector<std::uint32_t> updated_;  // the parameter a value goes to
};

}  // namespace

void take_into_products(graph& g) {
  if (g.products.empty()) return;
  taking_in(g).run();
  prune(g);
}

}  // namespace cotape

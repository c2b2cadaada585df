// Groups in an order that follows their edges and frees memory first.
#include "program/order.hpp"

#include <algorithm>
#include <functional>
#include <queue>

namespace cotape {

use_lists::use_lists(const graph& g) : kept_(g.values.size(), false) {
  const std::size_t n = g.values.size();
  first_.assign(n + 1, 0);
  const auto for_each_use = [&](auto&& f) {
    for (std::uint32_t v = 0; v < n; ++v) {
      if (g.how(v) == form::view) continue;
      for (std::uint32_t i : g.operands(v)) f(g.root(i), v);
    }
  };
  for_each_use([&](std::uint32_t r, std::uint32_t) { ++first_[r + 1]; });
  for (std::size_t i = 0; i < n; ++i) first_[i + 1] += first_[i];
  users_.resize(first_[n]);
  std::vector<std::uint32_t> next(first_.begin(), first_.end() - 1);
  for_each_use([&](std::uint32_t r, std::uint32_t v) { users_[next[r]++] = v; });
  for (std::uint32_t v : g.outputs) kept_[g.root(v)] = true;
  for (const graph::update& u : g.updates) kept_[g.root(u.value)] = true;
}

namespace {

class ordering {
 public:
  ordering(const graph& g, const use_lists& uses, const groups& all,
           const std::vector<std::uint32_t>& in_place)
      : g_(g), all_(all), left_(g.values.size(), 0), here_(g.values.size(), 0) {
    for (std::uint32_t r = 0; r < g.values.size(); ++r) {
      left_[r] = static_cast<std::uint32_t>(uses.of(r).size()) + uses.kept(r);
    }
    for (std::uint32_t v : in_place) --left_[v];  // they take no memory
  }

  // What is ready and frees at least as much memory as it takes comes at once, else what was
  // recorded first.
  std::vector<std::uint32_t> run(const std::vector<edge>& edges) {
    const std::uint32_t all = barrier();
    std::vector<std::uint32_t> waits(all + 1, 0), next, sorted;
    for (const edge& e : edges) ++waits[e.second];
    std::priority_queue<std::uint32_t, std::vector<std::uint32_t>, std::greater<>> ready;
    for (std::uint32_t g = 0; g < all; ++g) {
      const auto& members = all_.members[g];
      if (waits[g] == 0 && !members.empty() && !g_.values[members[0]].constant) ready.push(g);
    }
    if (waits[all] == 0) next.push_back(all);
    while (!ready.empty() || !next.empty()) {
      const std::uint32_t g = next.empty() ? ready.top() : next.back();
      next.empty() ? ready.pop() : next.pop_back();
      if (g != all) {
        sorted.push_back(g);
        for_each_operand(g, [&](std::uint32_t r) { --left_[r]; });
      }
      auto it = std::lower_bound(edges.begin(), edges.end(), edge{g, 0});
      for (; it != edges.end() && it->first == g; ++it) {
        if (--waits[it->second] != 0) continue;
        if (it->second == all || memory_taken(it->second) <= 0) next.push_back(it->second);
        else ready.push(it->second);
      }
    }
    return sorted;
  }

  std::vector<edge> edges_between_groups(std::span<const edge> between_values,
                                         const std::vector<std::uint32_t>& in_place) const {
    std::vector<edge> edges;
    const auto add = [&](std::uint32_t before, std::uint32_t after) {
      if (before != after) edges.emplace_back(before, after);
    };
    for (std::uint32_t v = 0; v < g_.values.size(); ++v) {
      if (!stored(g_, v) || g_.values[v].constant) continue;
      for (std::uint32_t i : g_.operands(v)) {
        const std::uint32_t r = g_.root(i);
        if (stored(g_, r) && !g_.values[r].constant) add(all_.of[r], all_.of[v]);
      }
      if (g_.values[v].op->throws) add(all_.of[v], barrier());
    }
    for (const auto& [before, after] : between_values) add(all_.of[before], all_.of[after]);
    for (std::uint32_t v : in_place) add(barrier(), all_.of[v]);
    std::sort(edges.begin(), edges.end());
    edges.erase(std::unique(edges.begin(), edges.end()), edges.end());
    return edges;
  }

 private:
  // Stands for the moment when all that may throw is done.
  std::uint32_t barrier() const { return static_cast<std::uint32_t>(all_.members.size()); }

  template <class F> void for_each_operand(std::uint32_t group, F&& f) const {
    for (std::uint32_t v : all_.members[group]) {
      for (std::uint32_t i : g_.operands(v)) f(g_.root(i));
    }
  }

  // Bytes that the group takes for its results, less those that nothing needs after it.
  std::int64_t memory_taken(std::uint32_t group) {
    const auto bytes = [&](std::uint32_t v) {
      return static_cast<std::int64_t>(g_.type(v).bytes());
    };
    std::int64_t taken = 0;
    for_each_operand(group, [&](std::uint32_t r) {
      const bool last = ++here_[r] == left_[r], made_here = stored(g_, r) && all_.of[r] == group;
      if (last && stored(g_, r) && !made_here && !g_.values[r].constant) taken -= bytes(r);
    });
    for (std::uint32_t v : all_.members[group]) {
      if (here_[v] != left_[v]) taken += bytes(v);
    }
    for_each_operand(group, [&](std::uint32_t r) { here_[r] = 0; });
    return taken;
  }

  const graph& g_;
  const groups& all_;
  std::vector<std::uint32_t> left_, here_;  // by root: uses after what has run, and in a group
};

}  // namespace

std::vector<std::uint32_t> order_of(const graph& g, const use_lists& uses, const groups& all,
                                    std::span<const edge> edges,
                                    const std::vector<std::uint32_t>& in_place) {
  ordering o(g, uses, all, in_place);
  return o.run(o.edges_between_groups(edges, in_place));
}

}  // namespace cotape

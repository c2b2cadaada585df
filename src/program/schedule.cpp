// Levels, items, and which updates may be done in place.
#include "program/schedule.hpp"

#include <algorithm>
#include <unordered_map>

#include "cotape/threads.hpp"
#include "primitives/lowering.hpp"
#include "primitives/primitives.hpp"
#include "program/put.hpp"
#include "tape/sources.hpp"

namespace cotape {

std::int64_t loop_size(const graph& g, std::uint32_t v) {
  return g.elements(g.values[v].op->how == form::reduction ? g.values[v].in[0] : v);
}

std::int64_t slab_size(const graph& g, std::uint32_t v) {
  const shape& x = g.type(g.values[v].in[0]).shape;
  return loop_size(g, v) / kernels::reduction::of(x, g.attributes(v)[0], 0).outer;
}

bool reads_in_step(const graph& g, std::uint32_t v, std::uint32_t i) {
  return in_loops(g, v) && g.elements(i) == loop_size(g, v) && g.whole(i) == g.root(i) &&
         !g.is(v, loaded_slice);
}

namespace {

bool stored(const graph& g, std::uint32_t v) {
  return g.values[v].op->how != form::source && g.values[v].op->how != form::view;
}

class scheduler {
 public:
  scheduler(const graph& g, bool fuse)
      : g_(g), fuse_(fuse), level_(g.values.size(), 0), last_use_(g.values.size(), 0) {
    depth_.assign(g.values.size(), 1);
    result_.item_of.assign(g.values.size(), no_node);
    result_.in_place.assign(g.values.size(), no_node);
    number_uses();
  }

  schedule run() {
    choose_in_place();
    assign_levels();
    if (fuse_) sink();
    collect();
    return std::move(result_);
  }

 private:
  // users_[first_user_[r] ..] are the values that read the buffer of root r, in order.
  void number_uses() {
    const std::size_t n = g_.values.size();
    first_user_.assign(n + 1, 0);
    const auto for_each_use = [&](auto&& f) {
      for (std::uint32_t v = 0; v < n; ++v) {
        if (g_.values[v].op->how == form::view) continue;
        for (std::uint32_t i : g_.operands(v)) f(g_.root(i), v);
      }
    };
    for_each_use([&](std::uint32_t r, std::uint32_t) { ++first_user_[r + 1]; });
    for (std::size_t i = 0; i < n; ++i) first_user_[i + 1] += first_user_[i];
    users_.resize(first_user_[n]);
    std::vector<std::uint32_t> next(first_user_.begin(), first_user_.end() - 1);
    for_each_use([&](std::uint32_t r, std::uint32_t v) { users_[next[r]++] = v; });
    kept_.assign(n, false);
    for (std::uint32_t v : g_.outputs) kept_[g_.root(v)] = true;
    for (const graph::update& u : g_.updates) kept_[g_.root(u.value)] = true;
  }

  std::span<const std::uint32_t> users(std::uint32_t root) const {
    return {users_.data() + first_user_[root], users_.data() + first_user_[root + 1]};
  }

  // A reduction over much on several threads: both the loop of its input and the reduction are
  // split over them, but not together where one result adds up too much. The loop is to do enough
  // for what it takes to store its result and read it again, which is as much as three operations.
  bool keeps_loop_whole(std::uint32_t v) const {
    if (g_.values[v].op->how != form::reduction || num_threads() == 1) return false;
    const std::int64_t depth = depth_[g_.root(g_.values[v].in[0])];
    return depth >= 6 && loop_size(g_, v) * depth >= 1 << 20 && slab_size(g_, v) > 1 << 16;
  }

  // v may run in the loop that computes its input i, or goes on with the assembly that i is.
  bool joins(std::uint32_t v, std::uint32_t i) const {
    const std::uint32_t r = g_.root(i);
    if (goes_on(g_, v) && i == g_.values[v].goes_into()) return true;
    return fuse_ && g_.values[r].op->how == form::elementwise && reads_in_step(g_, v, i) &&
           g_.values[v].constant == g_.values[r].constant && !keeps_loop_whole(v);
  }

  // The read of a parameter that update u overwrites, or no_node.
  std::uint32_t read_of(const graph::update& u) const {
    const auto it = reads_.find(u.parameter);
    return it == reads_.end() ? no_node : it->second;
  }

  void choose_in_place() {
    std::uint32_t last_throw = 0;
    std::vector<std::uint32_t> times_stored(g_.values.size(), 0);
    for (std::uint32_t v = 0; v < g_.values.size(); ++v) {
      if (g_.values[v].op->throws) last_throw = v;
      if (g_.is(v, sources::read)) {
        reads_[static_cast<std::uint32_t>(g_.attributes(v)[0])] = v;
      }
    }
    for (const graph::update& u : g_.updates) ++times_stored[g_.root(u.value)];
    for (std::uint32_t v : g_.outputs) ++times_stored[g_.root(v)];
    for (const graph::update& u : g_.updates) {
      const std::uint32_t v = g_.root(u.value), r = read_of(u);
      const parameter& p = g_.on.parameter_at(u.parameter);
      if (!stored(g_, v) || g_.values[v].constant || g_.type(v).dtype != p.dtype()) continue;
      if (times_stored[v] != 1 || last_throw > v || g_.values[v].op->throws) continue;
      if (r != no_node && !readers_allow(v, r)) continue;
      result_.in_place[v] = u.parameter;
      if (r != no_node) overwritten_[r] = v;
    }
  }

  bool readers_allow(std::uint32_t v, std::uint32_t r) const {
    if (!users(r).empty() && users(r).back() > v) return false;
    const graph::value& x = g_.values[v];
    return reads_only(v, r, [&](const std::uint32_t& i) {
      const bool into = x.into && &i == &g_.operands(v).back();
      return into || (x.op->how == form::elementwise && reads_in_step(g_, v, i));
    });
  }

  // Every read of root r by v is as `fits` demands.
  template <class F> bool reads_only(std::uint32_t v, std::uint32_t r, F fits) const {
    const auto operands = g_.operands(v);
    return std::all_of(operands.begin(), operands.end(),
                       [&](const std::uint32_t& i) { return g_.root(i) != r || fits(i); });
  }

  void assign_levels() {
    std::uint32_t after_throws = 0;
    for (std::uint32_t v = 0; v < g_.values.size(); ++v) {
      if (!stored(g_, v)) continue;
      const graph::value& x = g_.values[v];
      std::uint32_t level = 1;
      for (std::uint32_t i : g_.operands(v)) {
        level = std::max(level, earliest(v, i));
        if (joins(v, i)) depth_[v] = std::max(depth_[v], depth_[g_.root(i)] + 1);
      }
      if (result_.in_place[v] != no_node) {
        level = std::max(level, after_throws);
        const auto it = reads_.find(result_.in_place[v]);
        if (it != reads_.end()) {
          for (std::uint32_t reader : users(it->second)) {
            if (reader == v) continue;
            const std::uint32_t gap = one_loop(reader, v, it->second) ? 0 : 1;
            level = std::max(level, level_[reader] + gap);
          }
        }
      }
      level_[v] = level;
      if (x.op->throws) after_throws = std::max(after_throws, level + 1);
    }
  }

  std::uint32_t earliest(std::uint32_t v, std::uint32_t i) const {
    const std::uint32_t r = g_.root(i);
    if (!stored(g_, r) || (g_.values[r].constant && !g_.values[v].constant)) return 1;
    return joins(v, i) ? level_[r] : level_[r] + 1;
  }

  // `reader` and v, which overwrites the r that it reads, can run in one loop: it reads each
  // element before v writes it, as both stand at the same place there.
  bool one_loop(std::uint32_t reader, std::uint32_t v, std::uint32_t r) const {
    return fuse_ && g_.values[v].op->how == form::elementwise && in_loops(g_, reader) &&
           loop_size(g_, reader) == loop_size(g_, v) &&
           reads_only(reader, r, [&](std::uint32_t i) { return reads_in_step(g_, reader, i); });
  }

  // `reader` may run at the level: before the update that overwrites what it reads, if any.
  bool before_overwrite(std::uint32_t reader, std::uint32_t r, std::uint32_t level) const {
    const auto it = overwritten_.find(r);
    if (it == overwritten_.end() || level < level_[it->second]) return true;
    return level == level_[it->second] && one_loop(reader, it->second, r);
  }

  // An element-wise value that only one later loop uses is computed there, if that lengthens the
  // life of at most one other value: it then needs no buffer.
  void sink() {
    for (std::uint32_t v = 0; v < g_.values.size(); ++v) {
      for (std::uint32_t i : g_.operands(v)) note_use(g_.root(i), level_[v]);
    }
    for (auto v = static_cast<std::uint32_t>(g_.values.size()); v-- > 0;) {
      const graph::value& x = g_.values[v];
      if (x.op->how != form::elementwise || x.op->throws || x.constant) continue;
      if (kept_[v] || users(v).empty()) continue;
      const std::uint32_t target = level_[users(v).front()];
      if (target == level_[v]) continue;
      bool wanted = true;
      for (std::uint32_t u : users(v)) {
        wanted = wanted && level_[u] == target &&
                 reads_only(u, v, [&](std::uint32_t i) { return joins(u, i); });
      }
      std::size_t longer = 0;
      for (std::uint32_t i : g_.operands(v)) {
        const std::uint32_t r = g_.root(i);
        wanted = wanted && before_overwrite(v, r, target);
        if (stored(g_, r) && g_.elements(r) > 1 && !g_.values[r].constant &&
            last_use_[r] < target) {
          ++longer;
        }
      }
      if (!wanted || longer > 1) continue;
      level_[v] = target;
      for (std::uint32_t i : g_.operands(v)) note_use(g_.root(i), target);
    }
  }

  void note_use(std::uint32_t root, std::uint32_t level) {
    last_use_[root] = std::max(last_use_[root], level);
  }

  void collect() {
    std::vector<std::uint32_t> order;
    for (std::uint32_t v = 0; v < g_.values.size(); ++v) {
      if (stored(g_, v)) order.push_back(v);
    }
    const auto key = [&](std::uint32_t v) {
      return (std::uint64_t{!g_.values[v].constant} << 32) + level_[v];
    };
    std::stable_sort(order.begin(), order.end(),
                     [&](std::uint32_t v, std::uint32_t w) { return key(v) < key(w); });
    std::unordered_map<std::int64_t, std::size_t> open;  // loops of this level, by size
    for (std::size_t k = 0; k < order.size(); ++k) {
      const std::uint32_t v = order[k];
      if (k == 0 || key(v) != key(order[k - 1])) open.clear();
      std::size_t at = result_.items.size();
      if (goes_on(g_, v) && level_[g_.values[v].goes_into()] == level_[v]) {
        at = result_.item_of[g_.values[v].goes_into()];
      } else if (in_loops(g_, v) && fuse_) {
        const std::int64_t size = keeps_loop_whole(v) ? -loop_size(g_, v) : loop_size(g_, v);
        at = open.try_emplace(size, at).first->second;
      }
      if (at == result_.items.size()) {
        result_.items.push_back({in_loops(g_, v), g_.values[v].constant, 0, {}, 0});
        if (result_.items[at].loop) result_.items[at].size = loop_size(g_, v);
      }
      result_.items[at].values.push_back(v);
      result_.items[at].reductions += g_.values[v].op->how == form::reduction;
      result_.item_of[v] = static_cast<std::uint32_t>(at);
    }
  }

  const graph& g_;
  bool fuse_;
  schedule result_;
  std::vector<std::uint32_t> level_, last_use_, first_user_, users_;
  std::vector<std::int64_t> depth_;                         // operations in a row within one loop
  std::vector<bool> kept_;                                  // outputs and new values of parameters
  std::unordered_map<std::uint32_t, std::uint32_t> reads_;  // by parameter
  std::unordered_map<std::uint32_t, std::uint32_t> overwritten_;  // read -> in-place update
};

}  // namespace

schedule make_schedule(const graph& g, bool fuse) { return scheduler(g, fuse).run(); }

}  // namespace cotape

// Groups of values, their order, and which updates may be done in place.
#include "program/schedule.hpp"

#include <algorithm>
#include <map>
#include <unordered_map>
#include <utility>

#include "code/loop.hpp"
#include "cotape/threads.hpp"
#include "primitives/lowering.hpp"
#include "primitives/primitives.hpp"
#include "program/order.hpp"
#include "program/put.hpp"

namespace cotape {

namespace {

kernels::reduction reduction_of(const graph& g, std::uint32_t v) {
  const auto words = g.attributes(v);
  return kernels::reduction::of(g.type(g.values[v].in[0]).shape, words[0], words[1]);
}

// Loops of values up to this size are joined without an edge between them: a loop of its own would
// cost more than it does.
constexpr std::int64_t small_bytes = 4096;
// Buffers that a loop of larger values may go through.
constexpr std::uint32_t most_streams = 24;
// A row of a nest stays in the second cache with what is made of it.
constexpr std::int64_t most_row_bytes = 1 << 14;

// Values of one kind may share a loop.
struct kind {
  bool constant, loop;
  bool apart;         // it may not be joined with the loop of its input
  std::int64_t size;  // of the loop
  auto operator<=>(const kind&) const = default;
};

struct loop_group {
  kind of;
  std::uint32_t streams;
  std::int64_t columns;  // of a nest
};

class scheduler {
 public:
  scheduler(const graph& g, bool fuse)
      : g_(g),
        fuse_(fuse),
        read_in_(g.values.size(), no_node),
        all_{read_in_, {}},
        result_{.uses = use_lists(g),
                .item_of = read_in_,
                .in_place = read_in_,
                .by_row = std::vector<bool>(g.values.size())},
        last_use_(g.values.size(), 0),
        counted_(last_use_),
        depth_(g.values.size(), 1) {
    random_ = std::any_of(g.values.begin(), g.values.end(), [](auto& x) { return x.op->random; });
  }

  schedule run() {
    choose_in_place();
    group_values();
    if (fuse_) join_users();
    collect();
    return std::move(result_);
  }

 private:
  // A reduction over much on several threads: both the loop of its input and the reduction are
  // split over them, but not together where threads could not take about as many of its results, or
  // pieces of its only one. The loop is to do enough for what it takes to store its result and read
  // it again, which is as much as three operations; a nest does.
  bool keeps_loop_whole(std::uint32_t v) const {
    if (g_.how(v) != form::reduction || num_threads() == 1) return false;
    const std::uint32_t r = g_.root(g_.values[v].in[0]);
    const kernels::reduction a = reduction_of(g_, v);
    const std::int64_t shares = a.outer == 1 ? a.pieces() : a.outer, threads = num_threads();
    if (loop_size(g_, v) * depth_[r] < 1 << 20 || a.reduced * a.inner <= 1 << 16) return false;
    if ((shares + threads - 1) / threads * threads * 4 <= shares * 5) return false;
    return depth_[r] >= 6 || !stored(g_, r) || groups_[all_.of[r]].columns != 0;
  }

  // v may run in the loop that computes its input i, or goes on with the assembly that i is.
  bool joins(std::uint32_t v, std::uint32_t i) const {
    const std::uint32_t r = g_.root(i);
    if (goes_on(g_, v) && i == g_.values[v].goes_into()) return true;
    return fuse_ && g_.how(r) == form::elementwise && reads_in_step(g_, v, i) &&
           g_.values[v].constant == g_.values[r].constant && !keeps_loop_whole(v);
  }

  // The length of the rows that v reduces, if a nest may go through them; else 0.
  std::int64_t row_of(std::uint32_t v) const {
    if (!fuse_ || g_.how(v) != form::reduction || keeps_loop_whole(v)) return 0;
    const kernels::reduction r = reduction_of(g_, v);
    const auto bytes = r.reduced * static_cast<std::int64_t>(size_of(g_.type(v).dtype));
    const bool row = r.inner == 1 && r.outer > 1 && r.reduced > 1 && bytes <= most_row_bytes;
    return row && (!random_ || code::fills_lines(r.reduced)) ? r.reduced : 0;
  }

  // v may run in the nest that makes its input i, one a row: v is one a row itself, or reads it for
  // each element of the row.
  bool in_nest(std::uint32_t v, std::uint32_t i) const {
    const std::uint32_t r = g_.root(i);
    if (!result_.by_row[r] || g_.how(v) != form::elementwise || g_.whole(i) != r ||
        g_.values[v].constant != g_.values[r].constant) {
      return false;
    }
    if (g_.elements(v) == g_.elements(r)) return reads_in_step(g_, v, i);
    const std::int64_t columns = columns_of(r);
    if (g_.elements(v) != g_.elements(r) * columns) return false;
    const kernels::index_map map = kernels::broadcast_map(g_.type(i).shape, g_.type(v).shape);
    return map.repeats_elements() && map.size[1] == columns;
  }

  // The read of a parameter, or no_node.
  std::uint32_t read_of(std::uint32_t parameter) const {
    const auto it = reads_.find(parameter);
    return it == reads_.end() ? no_node : it->second;
  }

  void choose_in_place() {
    std::uint32_t last_throw = 0;
    std::vector<std::uint32_t> times_stored(g_.values.size(), 0);
    for (std::uint32_t v = 0; v < g_.values.size(); ++v) {
      if (g_.values[v].op->throws) last_throw = v;
      if (g_.how(v) == form::read) {
        reads_[static_cast<std::uint32_t>(g_.attributes(v)[0])] = v;
      }
    }
    for (const graph::update& u : g_.updates) ++times_stored[g_.root(u.value)];
    for (std::uint32_t v : g_.outputs) ++times_stored[g_.root(v)];
    for (const graph::update& u : g_.updates) {
      const std::uint32_t v = g_.root(u.value), r = read_of(u.parameter);
      const parameter& p = g_.on.parameter_at(u.parameter);
      if (!stored(g_, v) || g_.values[v].constant || g_.type(v).dtype != p.dtype()) continue;
      if (times_stored[v] != 1 || last_throw > v || g_.values[v].op->throws) continue;
      if (r != no_node && !readers_allow(v, r)) continue;
      result_.in_place[v] = u.parameter;
      if (r != no_node) overwritten_[r] = v;
    }
  }

  bool readers_allow(std::uint32_t v, std::uint32_t r) const {
    if (!result_.uses.of(r).empty() && result_.uses.of(r).back() > v) return false;
    const auto operands = g_.operands(v);
    return reads_only(v, r, [&](const std::uint32_t& i) {
      return g_.may_overwrite(v, static_cast<std::size_t>(&i - operands.data())) &&
             (!in_loops(g_, v) || reads_in_step(g_, v, i));
    });
  }

  // Every read of root r by v is as `fits` demands.
  template <class F> bool reads_only(std::uint32_t v, std::uint32_t r, F fits) const {
    const auto operands = g_.operands(v);
    return std::all_of(operands.begin(), operands.end(),
                       [&](const std::uint32_t& i) { return g_.root(i) != r || fits(i); });
  }

  // The groups, in recorded order: a value joins the loop of an operand, or the last one that reads
  // what it reads, if all that must come before lies in earlier groups or in that one; else it
  // begins a group. So edges between groups only go up, and there is no cycle.
  void group_values() {
    for (std::uint32_t v = 0; v < g_.values.size(); ++v) {
      if (!stored(g_, v)) continue;
      const std::uint32_t first = earliest(v);
      const kind own = kind_of(v);
      enter(v, own, group_for(v, own, first));
      if (g_.values[v].op->throws) after_throws_ = std::max(after_throws_, all_.of[v] + 1);
    }
  }

  // The first group that v may be in. Its depth is found on the way.
  std::uint32_t earliest(std::uint32_t v) {
    std::uint32_t first = 0;
    for (std::uint32_t i : g_.operands(v)) {
      const std::uint32_t r = g_.root(i);
      if (!stored(g_, r)) continue;
      const bool together = joins(v, i);
      if (together) depth_[v] = std::max(depth_[v], depth_[r] + 1);
      if (g_.values[r].constant && !g_.values[v].constant) continue;
      first = std::max(first, all_.of[r] + !(together || in_nest(v, i)));
    }
    if (result_.in_place[v] == no_node) return first;
    first = std::max(first, after_throws_);
    const std::uint32_t overwritten = read_of(result_.in_place[v]);
    for (std::uint32_t reader : readers_of_old(v)) {
      if (reader == v) continue;
      first = std::max(first, all_.of[reader] + !one_loop(reader, v, overwritten));
    }
    return first;
  }

  // What reads the parameter that v overwrites, v too.
  std::span<const std::uint32_t> readers_of_old(std::uint32_t v) const {
    const std::uint32_t r = read_of(result_.in_place[v]);
    return r == no_node ? std::span<const std::uint32_t>() : result_.uses.of(r);
  }

  std::uint32_t group_for(std::uint32_t v, const kind& own, std::uint32_t first) {
    const auto fresh = static_cast<std::uint32_t>(groups_.size());
    if (goes_on(g_, v)) {
      const std::uint32_t into = all_.of[g_.values[v].goes_into()];
      return first <= into ? into : fresh;
    }
    if (!own.loop || !fuse_) return fresh;
    const auto takes = [&](std::uint32_t g, const kind& of) {
      return g != no_node && g >= first && groups_[g].of == of &&
             groups_[g].streams + new_streams(v, g) <= most_streams;
    };
    for (std::uint32_t i : g_.operands(v)) {
      if (!in_nest(v, i)) continue;
      const std::uint32_t r = g_.root(i);
      kind of = own;
      if (g_.elements(v) == g_.elements(r)) of.size *= columns_of(r);  // once a row
      if (takes(all_.of[r], of)) return all_.of[r];
    }
    if (own.size * static_cast<std::int64_t>(size_of(g_.type(v).dtype)) <= small_bytes) {
      std::vector<std::uint32_t>& open = small_[own];
      const auto it = std::lower_bound(open.begin(), open.end(), first);
      if (it != open.end()) return *it;
      open.push_back(fresh);
      return fresh;
    }
    for (const auto* group_of : {&all_.of, &read_in_}) {
      for (std::uint32_t i : g_.operands(v)) {
        const std::uint32_t g = (*group_of)[g_.root(i)];
        if (walks(v, i) && takes(g, own)) return g;
      }
    }
    return fresh;
  }

  // v reads operand i as its loop goes on, element by element or a part of it.
  bool walks(std::uint32_t v, std::uint32_t i) const {
    return reads_in_step(g_, v, i) || loads_part(g_, v);
  }

  // What a loop streams by for v: its operands from outside, and its result.
  std::uint32_t new_streams(std::uint32_t v, std::uint32_t group) const {
    std::uint32_t n = result_.uses.kept(v);
    for (std::uint32_t i : g_.operands(v)) {
      const std::uint32_t r = g_.root(i);
      n += reads_in_step(g_, v, i) && all_.of[r] != group && read_in_[r] != group;
    }
    return n;
  }

  void enter(std::uint32_t v, const kind& own, std::uint32_t group) {
    if (group == groups_.size()) groups_.push_back({own, 0, 0});
    loop_group& g = groups_[group];
    if (const std::int64_t row = row_of(v); row != 0) {
      if (g.columns == 0) g.columns = row;  // the group becomes a nest
      result_.by_row[v] = g.columns == row;
    } else {
      result_.by_row[v] = g.of != own;
    }
    g.streams += new_streams(v, group);
    all_.of[v] = group;
    for (std::uint32_t i : g_.operands(v)) {
      if (walks(v, i)) read_in_[g_.root(i)] = group;
    }
  }

  // `reader` and v, which overwrites the r that it reads, can run in one loop: it reads each
  // element before v writes it, as both stand at the same place there.
  bool one_loop(std::uint32_t reader, std::uint32_t v, std::uint32_t r) const {
    return fuse_ && g_.how(v) == form::elementwise && in_loops(g_, reader) &&
           loop_size(g_, reader) == loop_size(g_, v) &&
           reads_only(reader, r, [&](std::uint32_t i) { return reads_in_step(g_, reader, i); });
  }

  // `reader` may run in the group: before the update that overwrites what it reads, if any.
  bool before_overwrite(std::uint32_t reader, std::uint32_t r, std::uint32_t group) const {
    const auto it = overwritten_.find(r);
    if (it == overwritten_.end() || group < all_.of[it->second]) return true;
    return group == all_.of[it->second] && one_loop(reader, it->second, r);
  }

  // A loop joins the first one that uses it, then an element-wise value the only one that does, if
  // that lengthens the lives of no more bytes than it shortens: what is used there only needs no
  // buffer.
  void join_users() {
    list_members();
    for (std::uint32_t v = 0; v < g_.values.size(); ++v) {
      if (stored(g_, v)) note_uses(v);
    }
    for (auto g = static_cast<std::uint32_t>(groups_.size()); g-- > 0;) {
      const std::uint32_t target = first_user(all_.members[g]);
      if (target == no_node || !fit_together(groups_[g], groups_[target])) continue;
      if (!may_move(all_.members[g], target)) continue;
      groups_[target].streams += groups_[g].streams;
      groups_[target].columns = std::max(groups_[g].columns, groups_[target].columns);
      move(all_.members[g], target);
    }
    for (auto v = static_cast<std::uint32_t>(g_.values.size()); v-- > 0;) {
      if (g_.how(v) != form::elementwise || g_.values[v].constant || result_.uses.kept(v)) continue;
      const std::uint32_t target = result_.by_row[v] ? no_node : first_user({&v, 1});
      const auto users = result_.uses.of(v);
      const bool only = std::all_of(users.begin(), users.end(), [&](std::uint32_t u) {
        return all_.of[u] == target &&
               (!result_.by_row[u] ||
                g_.how(u) == form::reduction);  // none once a row, as v is not
      });
      if (target != no_node && only && may_move({&v, 1}, target)) move({&v, 1}, target);
    }
  }

  // The first group other than theirs that uses values of a group.
  std::uint32_t first_user(std::span<const std::uint32_t> values) const {
    std::uint32_t first = no_node;
    for (std::uint32_t v : values) {
      for (std::uint32_t u : result_.uses.of(v)) {
        if (all_.of[u] != all_.of[v]) first = std::min(first, all_.of[u]);
      }
    }
    return first;
  }

  static bool fit_together(const loop_group& a, const loop_group& b) {
    return a.of == b.of && a.streams + b.streams <= most_streams + 1 &&
           (a.columns == 0 || b.columns == 0 || a.columns == b.columns);
  }

  // Values of one group may be computed in another one, which uses some of them.
  bool may_move(std::span<const std::uint32_t> values, std::uint32_t target) {
    ++asked_;
    std::uint64_t lengthened = 0, shortened = 0;
    for (std::uint32_t v : values) {
      const std::uint32_t group = all_.of[v];
      if (g_.values[v].op->throws) return false;
      bool used = false;
      for (std::uint32_t u : result_.uses.of(v)) {
        if (all_.of[u] == target && !joins_by(u, v)) return false;
        used = used || all_.of[u] != group;
      }
      if (used) shortened += g_.type(v).bytes();
      for (std::uint32_t i : g_.operands(v)) {
        const std::uint32_t r = g_.root(i);
        if (!before_overwrite(v, r, target)) return false;
        const bool moves = values.size() > 1 && all_.of[r] == group;
        if (moves || counted_[r] == asked_ || !outlived(r, target)) continue;
        counted_[r] = asked_;
        lengthened += g_.type(r).bytes();
      }
    }
    return lengthened <= shortened;
  }

  void move(std::span<const std::uint32_t> values, std::uint32_t target) {
    for (std::uint32_t v : values) {
      all_.of[v] = target;
      note_uses(v);
    }
  }

  // A use in the group lengthens the life of r's buffer.
  bool outlived(std::uint32_t r, std::uint32_t group) const {
    return stored(g_, r) && g_.elements(r) > 1 && !g_.values[r].constant && last_use_[r] < group;
  }

  void note_uses(std::uint32_t v) {
    for (std::uint32_t i : g_.operands(v)) {
      std::uint32_t& last = last_use_[g_.root(i)];
      last = std::max(last, all_.of[v]);
    }
  }

  // A kernel reads no operand as a loop does; it may have very many.
  bool joins_by(std::uint32_t user, std::uint32_t root) const {
    return (in_loops(g_, user) || is_put(g_, user)) && reads_only(user, root, [&](std::uint32_t i) {
             return joins(user, i) || in_nest(user, i);
           });
  }

  void list_members() {
    all_.members.assign(groups_.size(), {});
    for (std::uint32_t v = 0; v < g_.values.size(); ++v) {
      if (stored(g_, v)) all_.members[all_.of[v]].push_back(v);
    }
  }

  void collect() {
    list_members();
    for (std::uint32_t g = 0; g < groups_.size(); ++g) {
      if (groups_[g].of.constant) add_item(g);
    }
    std::vector<edge> edges;
    std::vector<std::uint32_t> in_place;
    for (std::uint32_t v = 0; v < g_.values.size(); ++v) {
      if (result_.in_place[v] == no_node) continue;
      in_place.push_back(v);
      for (std::uint32_t reader : readers_of_old(v)) edges.emplace_back(reader, v);
    }
    for (std::uint32_t g : order_of(g_, result_.uses, all_, edges, in_place)) add_item(g);
  }

  void add_item(std::uint32_t group) {
    if (all_.members[group].empty()) return;
    const std::uint32_t v = all_.members[group].front();
    schedule::item item;
    item.loop = in_loops(g_, v);
    item.constant = g_.values[v].constant;
    item.size = groups_[group].of.size;
    item.columns = groups_[group].columns;
    for (std::uint32_t m : all_.members[group]) {
      item.reductions += g_.how(m) == form::reduction;
      result_.item_of[m] = static_cast<std::uint32_t>(result_.items.size());
    }
    item.values = std::move(all_.members[group]);
    result_.items.push_back(std::move(item));
  }

  kind kind_of(std::uint32_t v) const {
    const bool loop = in_loops(g_, v);
    return {g_.values[v].constant, loop, keeps_loop_whole(v), loop ? loop_size(g_, v) : 0};
  }

  // The length of the rows of which v holds a number each; 0 if it does not.
  std::int64_t columns_of(std::uint32_t v) const {
    return result_.by_row[v] ? groups_[all_.of[v]].columns : 0;
  }

  const graph& g_;
  bool fuse_;
  std::vector<std::uint32_t> read_in_;  // by root: the last group that reads it element by element
  groups all_;
  schedule result_;
  std::vector<loop_group> groups_;       // by group
  std::vector<std::uint32_t> last_use_;  // by root: the last group that reads it
  std::vector<std::uint32_t> counted_;   // by root: which call of may_move saw it last
  std::uint32_t asked_ = 0;              // those calls
  std::vector<std::int64_t> depth_;      // by value: operations in a row within one loop
  std::map<kind, std::vector<std::uint32_t>> small_;  // groups of small values
  std::uint32_t after_throws_ = 0;                    // the first group after all that may throw
  bool random_ = false;                               // something is random
  std::unordered_map<std::uint32_t, std::uint32_t> reads_;        // by parameter
  std::unordered_map<std::uint32_t, std::uint32_t> overwritten_;  // read -> in-place update
};

}  // namespace

schedule make_schedule(const graph& g, bool fuse) { return scheduler(g, fuse).run(); }

}  // namespace cotape

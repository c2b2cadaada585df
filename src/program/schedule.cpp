// Groups of values, their order, and which updates may be done in place.
#include "program/schedule.hpp"

#include <algorithm>
#include <cstdlib>
#include <limits>
#include <map>
#include <set>
#include <unordered_map>
#include <utility>

#include "code/loop.hpp"
#include "cotape/threads.hpp"
#include "primitives/lowering.hpp"
#include "primitives/primitives.hpp"
#include "program/order.hpp"
#include "program/put.hpp"
#include "tape/sources.hpp"

namespace cotape {

std::int64_t loop_size(const graph& g, std::uint32_t v) {
  return g.elements(g.values[v].op->how == form::reduction ? g.values[v].in[0] : v);
}

static kernels::reduction reduction_of(const graph& g, std::uint32_t v) {
  const auto words = g.attributes(v);
  return kernels::reduction::of(g.type(g.values[v].in[0]).shape, words[0], words[1]);
}

std::int64_t slab_size(const graph& g, std::uint32_t v) {
  const kernels::reduction r = reduction_of(g, v);
  return r.reduced * r.inner;
}

bool reads_in_step(const graph& g, std::uint32_t v, std::uint32_t i) {
  return in_loops(g, v) && g.elements(i) == loop_size(g, v) && g.whole(i) == g.root(i) &&
         !g.is(v, loaded_slice);
}

bool folds(const graph& g, const schedule::item& in, std::uint32_t v) {
  if (in.columns == 0 || g.values[v].op->how != form::reduction) return false;
  const kernels::reduction r = reduction_of(g, v);
  return r.inner == 1 && r.reduced == in.columns;
}

namespace {

// Loops of values up to this size are joined without an edge between them: a loop of its own would
// cost more than it does.
constexpr std::int64_t small_bytes = 4096;
// Buffers that a loop of larger values may go through.
constexpr std::uint32_t most_streams = 24;
// A row of a nest stays in the second cache with what is made of it.
constexpr std::int64_t most_row_bytes = 1 << 14;

class scheduler {
 public:
  scheduler(const graph& g, bool fuse)
      : g_(g), fuse_(fuse), uses_(g), last_use_(g.values.size(), 0) {
    all_.of.assign(g.values.size(), no_node);
    columns_.assign(g.values.size(), 0);
    read_in_.assign(g.values.size(), no_node);
    depth_.assign(g.values.size(), 1);
    result_.item_of.assign(g.values.size(), no_node);
    result_.in_place.assign(g.values.size(), no_node);
    random_ = std::any_of(g.values.begin(), g.values.end(), [](auto& x) { return x.op->random; });
  }

  schedule run() {
    choose_in_place();
    group_values();
    if (fuse_) join_users();
    if (fuse_) sink();
    collect();
    return std::move(result_);
  }

 private:
  // A reduction over much on several threads: both the loop of its input and the reduction are
  // split over them, but not together where one result adds up too much. The loop is to do enough
  // for what it takes to store its result and read it again, which is as much as three operations;
  // a nest does.
  bool keeps_loop_whole(std::uint32_t v) const {
    if (g_.values[v].op->how != form::reduction || num_threads() == 1) return false;
    const std::uint32_t r = g_.root(g_.values[v].in[0]);
    if (loop_size(g_, v) * depth_[r] < 1 << 20 || slab_size(g_, v) <= 1 << 16) return false;
    return depth_[r] >= 6 || !stored(g_, r) || groups_[all_.of[r]].columns != 0;
  }

  // v may run in the loop that computes its input i, or goes on with the assembly that i is.
  bool joins(std::uint32_t v, std::uint32_t i) const {
    const std::uint32_t r = g_.root(i);
    if (goes_on(g_, v) && i == g_.values[v].goes_into()) return true;
    return fuse_ && g_.values[r].op->how == form::elementwise && reads_in_step(g_, v, i) &&
           g_.values[v].constant == g_.values[r].constant && !keeps_loop_whole(v);
  }

  // The length of the rows that v reduces, if a nest may go through them; else 0.
  std::int64_t row_of(std::uint32_t v) const {
    if (!fuse_ || g_.values[v].op->how != form::reduction || keeps_loop_whole(v)) return 0;
    const kernels::reduction r = reduction_of(g_, v);
    const auto bytes = r.reduced * static_cast<std::int64_t>(size_of(g_.type(v).dtype));
    const bool row = r.inner == 1 && r.outer > 1 && r.reduced > 1 && bytes <= most_row_bytes;
    return row && (!random_ || code::fills_lines(r.reduced)) ? r.reduced : 0;
  }

  // v may run in the nest that makes its input i, one a row: v is one a row itself, or reads it for
  // each element of the row.
  bool in_nest(std::uint32_t v, std::uint32_t i) const {
    const std::uint32_t r = g_.root(i);
    if (columns_[r] == 0 || g_.values[v].op->how != form::elementwise || g_.whole(i) != r ||
        g_.values[v].constant != g_.values[r].constant) {
      return false;
    }
    if (g_.elements(v) == g_.elements(r)) return reads_in_step(g_, v, i);
    if (g_.elements(v) != g_.elements(r) * columns_[r]) return false;
    const kernels::index_map map = kernels::broadcast_map(g_.type(i).shape, g_.type(v).shape);
    return map.rank == 2 && map.stride[0] == 1 && map.stride[1] == 0 && map.size[1] == columns_[r];
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
      if (g_.is(v, sources::read)) {
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
    if (!uses_.of(r).empty() && uses_.of(r).back() > v) return false;
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

  // The groups, in recorded order: a value joins the loop of an operand, or the last one that reads
  // what it reads, if all that must come before lies in earlier groups or in that one; else it
  // begins a group. So edges between groups only go up, and there is no cycle.
  void group_values() {
    for (std::uint32_t v = 0; v < g_.values.size(); ++v) {
      if (!stored(g_, v)) continue;
      for (std::uint32_t i : g_.operands(v)) {
        if (joins(v, i)) depth_[v] = std::max(depth_[v], depth_[g_.root(i)] + 1);
      }
      enter(v, group_for(v, earliest(v)));
      if (g_.values[v].op->throws) after_throws_ = std::max(after_throws_, all_.of[v] + 1);
    }
  }

  // The first group that v may be in.
  std::uint32_t earliest(std::uint32_t v) const {
    std::uint32_t first = 0;
    for (std::uint32_t i : g_.operands(v)) {
      const std::uint32_t r = g_.root(i);
      if (!stored(g_, r) || (g_.values[r].constant && !g_.values[v].constant)) continue;
      first = std::max(first, all_.of[r] + !(joins(v, i) || in_nest(v, i)));
    }
    if (result_.in_place[v] == no_node) return first;
    first = std::max(first, after_throws_);
    const std::uint32_t overwritten = read_of(result_.in_place[v]);
    for (std::uint32_t reader : readers_before(v)) {
      first = std::max(first, all_.of[reader] + !one_loop(reader, v, overwritten));
    }
    return first;
  }

  // What reads the parameter that v overwrites, but v.
  std::vector<std::uint32_t> readers_before(std::uint32_t v) const {
    std::vector<std::uint32_t> before;
    const std::uint32_t r = read_of(result_.in_place[v]);
    if (r == no_node) return before;
    std::copy_if(uses_.of(r).begin(), uses_.of(r).end(), std::back_inserter(before),
                 [&](std::uint32_t reader) { return reader != v; });
    return before;
  }

  std::uint32_t group_for(std::uint32_t v, std::uint32_t first) {
    const auto fresh = static_cast<std::uint32_t>(groups_.size());
    if (goes_on(g_, v)) {
      const std::uint32_t into = all_.of[g_.values[v].goes_into()];
      return first <= into ? into : fresh;
    }
    if (!in_loops(g_, v) || !fuse_) return fresh;
    const kind own = kind_of(v);
    const auto takes = [&](std::uint32_t g, kind of) {
      return g != no_node && g >= first && groups_[g].of == of &&
             groups_[g].streams + new_streams(v, g) <= most_streams;
    };
    for (std::uint32_t i : g_.operands(v)) {
      if (!in_nest(v, i)) continue;
      const std::uint32_t r = g_.root(i);
      const bool once_a_row = g_.elements(v) == g_.elements(r);
      const kind of{own.constant, once_a_row ? own.size * columns_[r] : own.size};
      if (takes(all_.of[r], of)) return all_.of[r];
    }
    if (loop_size(g_, v) * static_cast<std::int64_t>(size_of(g_.type(v).dtype)) <= small_bytes) {
      std::vector<std::uint32_t>& open = small_[{own.constant, own.size}];
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
    return reads_in_step(g_, v, i) || g_.is(v, loaded_slice);
  }

  // What a loop streams by for v: its operands from outside, and its result.
  std::uint32_t new_streams(std::uint32_t v, std::uint32_t group) const {
    std::uint32_t n = uses_.kept(v);
    for (std::uint32_t i : g_.operands(v)) {
      const std::uint32_t r = g_.root(i);
      n += reads_in_step(g_, v, i) && all_.of[r] != group && read_in_[r] != group;
    }
    return n;
  }

  void enter(std::uint32_t v, std::uint32_t group) {
    if (group == groups_.size()) groups_.push_back({kind_of(v), 0, 0});
    std::int64_t& columns = groups_[group].columns;
    if (const std::int64_t row = row_of(v); row != 0) {
      if (columns == 0) columns = row;  // the group becomes a nest
      if (columns == row) columns_[v] = row;
    } else if (!(groups_[group].of == kind_of(v))) {
      columns_[v] = columns;
    }
    groups_[group].streams += new_streams(v, group);
    all_.of[v] = group;
    for (std::uint32_t i : g_.operands(v)) {
      if (walks(v, i)) read_in_[g_.root(i)] = group;
    }
  }

  // `reader` and v, which overwrites the r that it reads, can run in one loop: it reads each
  // element before v writes it, as both stand at the same place there.
  bool one_loop(std::uint32_t reader, std::uint32_t v, std::uint32_t r) const {
    return fuse_ && g_.values[v].op->how == form::elementwise && in_loops(g_, reader) &&
           loop_size(g_, reader) == loop_size(g_, v) &&
           reads_only(reader, r, [&](std::uint32_t i) { return reads_in_step(g_, reader, i); });
  }

  // `reader` may run in the group: before the update that overwrites what it reads, if any.
  bool before_overwrite(std::uint32_t reader, std::uint32_t r, std::uint32_t group) const {
    const auto it = overwritten_.find(r);
    if (it == overwritten_.end() || group < all_.of[it->second]) return true;
    return group == all_.of[it->second] && one_loop(reader, it->second, r);
  }

  // A loop joins the first one that uses it, if that lengthens the lives of no more values than it
  // shortens: those that are used there only need no buffer.
  void join_users() {
    all_.members.resize(groups_.size());
    for (std::uint32_t v = 0; v < g_.values.size(); ++v) {
      if (!stored(g_, v)) continue;
      all_.members[all_.of[v]].push_back(v);
      for (std::uint32_t i : g_.operands(v)) note_use(g_.root(i), all_.of[v]);
    }
    for (auto g = static_cast<std::uint32_t>(groups_.size()); g-- > 0;) {
      const std::uint32_t target = first_user(g);
      if (target == no_node || !(groups_[g].of == groups_[target].of)) continue;
      if (groups_[g].streams + groups_[target].streams > most_streams + 1) continue;
      const std::int64_t columns = groups_[g].columns, others = groups_[target].columns;
      if (columns != 0 && others != 0 && columns != others) continue;
      if (!may_move(g, target)) continue;
      groups_[target].streams += groups_[g].streams;
      groups_[target].columns = std::max(columns, others);
      for (std::uint32_t v : all_.members[g]) {
        all_.of[v] = target;
        all_.members[target].push_back(v);
        for (std::uint32_t i : g_.operands(v)) note_use(g_.root(i), target);
      }
      all_.members[g].clear();
    }
    all_.members.clear();
  }

  std::uint32_t first_user(std::uint32_t group) const {
    std::uint32_t first = no_node;
    for (std::uint32_t v : all_.members[group]) {
      for (std::uint32_t u : uses_.of(v)) {
        if (all_.of[u] != group) first = std::min(first, all_.of[u]);
      }
    }
    return first;
  }

  bool may_move(std::uint32_t group, std::uint32_t target) const {
    std::set<std::uint32_t> longer;
    std::uint64_t shorter = 0;
    for (std::uint32_t v : all_.members[group]) {
      if (g_.values[v].op->throws) return false;
      bool used = false;
      for (std::uint32_t u : uses_.of(v)) {
        if (all_.of[u] == target && !joins_by(u, v)) return false;
        used = used || all_.of[u] != group;
      }
      if (used) shorter += g_.type(v).bytes();
      for (std::uint32_t i : g_.operands(v)) {
        const std::uint32_t r = g_.root(i);
        if (!before_overwrite(v, r, target)) return false;
        if (all_.of[r] != group && outlived(r, target)) longer.insert(r);
      }
    }
    std::uint64_t lengthened = 0;
    for (std::uint32_t r : longer) lengthened += g_.type(r).bytes();
    return lengthened <= shorter;
  }

  // An element-wise value that only one later loop uses is computed there, if that lengthens the
  // life of at most one other value: it then needs no buffer.
  void sink() {
    for (auto v = static_cast<std::uint32_t>(g_.values.size()); v-- > 0;) {
      const graph::value& x = g_.values[v];
      if (x.op->how != form::elementwise || x.op->throws || x.constant) continue;
      if (uses_.kept(v) || uses_.of(v).empty() || columns_[v] != 0) continue;
      const std::uint32_t target = all_.of[uses_.of(v).front()];
      if (target == all_.of[v]) continue;
      bool wanted = true;
      for (std::uint32_t u : uses_.of(v)) {  // none once a row, as v is not
        wanted = wanted && all_.of[u] == target && joins_by(u, v) &&
                 (columns_[u] == 0 || g_.values[u].op->how == form::reduction);
      }
      std::size_t longer = 0;
      for (std::uint32_t i : g_.operands(v)) {
        const std::uint32_t r = g_.root(i);
        wanted = wanted && before_overwrite(v, r, target);
        longer += outlived(r, target);
      }
      if (!wanted || longer > 1) continue;
      all_.of[v] = target;
      for (std::uint32_t i : g_.operands(v)) note_use(g_.root(i), target);
    }
  }

  // A use in the group lengthens the life of r's buffer.
  bool outlived(std::uint32_t r, std::uint32_t group) const {
    return stored(g_, r) && g_.elements(r) > 1 && !g_.values[r].constant && last_use_[r] < group;
  }

  void note_use(std::uint32_t root, std::uint32_t group) {
    last_use_[root] = std::max(last_use_[root], group);
  }

  bool joins_by(std::uint32_t user, std::uint32_t root) const {
    return reads_only(user, root,
                      [&](std::uint32_t i) { return joins(user, i) || in_nest(user, i); });
  }

  void collect() {
    all_.members.resize(groups_.size());
    for (std::uint32_t v = 0; v < g_.values.size(); ++v) {
      if (stored(g_, v)) all_.members[all_.of[v]].push_back(v);
    }
    for (std::uint32_t g = 0; g < groups_.size(); ++g) {
      if (groups_[g].of.constant) add_item(g);
    }
    std::vector<edge> edges;
    std::vector<std::uint32_t> in_place;
    for (std::uint32_t v = 0; v < g_.values.size(); ++v) {
      if (result_.in_place[v] == no_node) continue;
      in_place.push_back(v);
      for (std::uint32_t reader : readers_before(v)) edges.emplace_back(reader, v);
    }
    for (std::uint32_t g : order_of(g_, uses_, all_, edges, in_place)) add_item(g);
  }

  void add_item(std::uint32_t group) {
    if (all_.members[group].empty()) return;
    const std::uint32_t v = all_.members[group].front();
    schedule::item item;
    item.loop = in_loops(g_, v);
    item.constant = g_.values[v].constant;
    if (item.loop) item.size = std::abs(groups_[group].of.size);
    item.columns = groups_[group].columns;
    for (std::uint32_t m : all_.members[group]) {
      item.reductions += g_.values[m].op->how == form::reduction;
      result_.item_of[m] = static_cast<std::uint32_t>(result_.items.size());
    }
    item.values = std::move(all_.members[group]);
    result_.items.push_back(std::move(item));
  }

  // Values of one kind may share a loop.
  struct kind {
    bool constant;
    std::int64_t size;  // of the loop; negative where it may not be joined with that of its input
    bool operator==(const kind&) const = default;
  };
  struct loop_group {
    kind of;
    std::uint32_t streams;
    std::int64_t columns;  // of a nest
  };

  kind kind_of(std::uint32_t v) const {
    if (!in_loops(g_, v)) return {g_.values[v].constant, std::numeric_limits<std::int64_t>::min()};
    return {g_.values[v].constant, keeps_loop_whole(v) ? -loop_size(g_, v) : loop_size(g_, v)};
  }

  const graph& g_;
  bool fuse_;
  schedule result_;
  use_lists uses_;
  groups all_;
  std::vector<loop_group> groups_;       // by group
  std::vector<std::uint32_t> read_in_;   // by root: the last group that reads it element by element
  std::vector<std::uint32_t> last_use_;  // by root: the last group that reads it
  std::vector<std::int64_t> columns_;    // by value that is one a row of a nest: the row's length
  std::vector<std::int64_t> depth_;      // by value: operations in a row within one loop
  std::map<std::pair<bool, std::int64_t>, std::vector<std::uint32_t>> small_;  // groups by size
  std::uint32_t after_throws_ = 0;  // the first group after all that may throw
  bool random_ = false;             // something is random
  std::unordered_map<std::uint32_t, std::uint32_t> reads_;        // by parameter
  std::unordered_map<std::uint32_t, std::uint32_t> overwritten_;  // read -> in-place update
};

}  // namespace

schedule make_schedule(const graph& g, bool fuse) { return scheduler(g, fuse).run(); }

}  // namespace cotape

// Placement: one walk over the items, allocating what they make and releasing what dies.
#include "program/placement.hpp"

#include <algorithm>
#include <unordered_map>

#include "program/put.hpp"

namespace cotape {

namespace {

class placer {
 public:
  placer(const graph& g, const schedule& s, bool rebind) : g_(g), s_(s), rebind_(rebind) {
    result_.of.resize(g.values.size());
    last_item_.assign(g.values.size(), no_node);
    taken_.assign(g.values.size(), false);
    find_last_items();
  }

  placement run() {
    place_sources();
    for (std::uint32_t i = 0; i < s_.items.size(); ++i) place_item(i);
    const std::vector<std::uint64_t> offsets = plan_.offsets();
    for (location& l : result_.of) {
      if (l.where == region::arena) l.at = offsets[l.at];
    }
    place_parts();
    result_.arena = plan_.size();
    result_.most_alive = plan_.most_alive();
    result_.constants = constants_;
    return std::move(result_);
  }

 private:
  void find_last_items() {
    for (std::uint32_t i = 0; i < s_.items.size(); ++i) {
      for (std::uint32_t v : s_.items[i].values) {
        last_item_[v] = i;
        for (std::uint32_t in : g_.operands(v)) last_item_[g_.root(in)] = i;
      }
    }
    const auto end = static_cast<std::uint32_t>(s_.items.size());
    for (std::uint32_t v : g_.outputs) last_item_[g_.root(v)] = end;
    for (const graph::update& u : g_.updates) last_item_[g_.root(u.value)] = end;
    dying_.resize(s_.items.size());
    for (std::uint32_t v = 0; v < g_.values.size(); ++v) {
      if (last_item_[v] < end) dying_[last_item_[v]].push_back(v);
    }
  }

  std::uint64_t bytes(std::uint32_t v) const { return staggered(padded(g_.type(v).bytes())); }

  location constant(std::uint32_t v) {
    const location l{region::constants, constants_};
    constants_ += bytes(v);
    return l;
  }

  void place_sources() {
    for (std::uint32_t v = 0; v < g_.values.size(); ++v) {
      const graph::value& x = g_.values[v];
      if (!is_source(x.how)) continue;
      location& l = result_.of[v];
      if (x.how == form::literal) {
        l = constant(v);
      } else if (x.how == form::read) {
        const parameter& p = g_.on.parameter_at(static_cast<std::size_t>(g_.attributes(v)[0]));
        l = p.dtype() == g_.type(v).dtype ? pointer_to(p.data()) : in_arena(v);
      } else if (x.how == form::constant && !rebind_) {
        l = pointer_to(g_.on.tensor_at(static_cast<std::size_t>(g_.attributes(v)[0])).data());
      } else {
        l = {region::external, result_.externals.size()};
        result_.externals.push_back(v);
      }
    }
  }

  static location pointer_to(const void* p) {
    return {region::pointer, reinterpret_cast<std::uint64_t>(p)};
  }

  location in_arena(std::uint32_t v) { return {region::arena, plan_.allocate(bytes(v))}; }

  bool dies_in(std::uint32_t v, std::uint32_t item) const {
    return last_item_[v] == item && result_.of[v].where == region::arena;
  }

  // Roots that an item reads: where last, and whether each time so that what reads them may
  // overwrite them.
  struct reading {
    std::size_t last = 0;
    bool aligned = true;
  };

  void place_item(std::uint32_t i) {
    const schedule::item& item = s_.items[i];
    std::unordered_map<std::uint32_t, reading> readings;
    for (std::size_t k = 0; k < item.values.size(); ++k) {
      const std::uint32_t v = item.values[k];
      const auto in = g_.operands(v);
      for (std::size_t o = 0; o < in.size(); ++o) {
        const std::uint32_t root = g_.root(in[o]);
        if (last_item_[root] != i || (item.loop && s_.item_of[root] == i)) continue;
        reading& r = readings[root];
        r.last = k;
        r.aligned = r.aligned && (item.loop ? reads_in_step(g_, v, in[o])
                                            : g_.whole(in[o]) == root && g_.may_overwrite(v, o));
      }
    }
    for (std::size_t k = 0; k < item.values.size(); ++k) {
      const std::uint32_t v = item.values[k];
      if (s_.in_place[v] != no_node) {
        result_.of[v] = pointer_to(g_.on.parameter_at(s_.in_place[v]).data());
      } else if (item.constant) {
        result_.of[v] = goes_on(g_, v) ? result_.of[g_.values[v].goes_into()] : constant(v);
      } else if (item.loop && (g_.how(v) == form::elementwise || s_.by_row[v]) &&
                 last_item_[v] == i) {
        result_.of[v] = {};  // a tile
      } else if (const std::uint32_t r = takeover(v, k, i, readings); r != no_node) {
        result_.of[v] = result_.of[r];
        taken_[r] = true;
      } else {
        result_.of[v] = in_arena(v);
      }
    }
    for (std::uint32_t v : dying_[i]) {
      if (dies_in(v, i) && !taken_[v]) plan_.release(static_cast<std::uint32_t>(result_.of[v].at));
    }
  }

  // Views of a part of a value.
  void place_parts() {
    for (std::uint32_t v = 0; v < g_.values.size(); ++v) {
      if (g_.whole(v) != v || g_.root(v) == v) continue;
      location& l = result_.of[v] = result_.of[g_.root(v)];
      if (l.where == region::external) {
        l.at = result_.externals.size();
        result_.externals.push_back(v);
      } else {
        l.at += offset_bytes(g_, v);
      }
    }
  }

  // A dying value whose buffer v, the k-th of its item, may overwrite.
  std::uint32_t takeover(std::uint32_t v, std::size_t k, std::uint32_t i,
                         const std::unordered_map<std::uint32_t, reading>& readings) const {
    const auto in = g_.operands(v);
    for (std::size_t o = 0; o < in.size(); ++o) {
      const std::uint32_t r = g_.root(in[o]);
      const auto it = readings.find(r);
      if (!g_.may_overwrite(v, o) || it == readings.end()) continue;
      if (!it->second.aligned || it->second.last > k || taken_[r] || !dies_in(r, i)) continue;
      if (bytes(r) == bytes(v) && g_.elements(r) == g_.elements(v)) return r;
    }
    return no_node;
  }

  const graph& g_;
  const schedule& s_;
  bool rebind_;
  placement result_;
  arena_plan plan_;
  std::uint64_t constants_ = 0;
  std::vector<std::uint32_t> last_item_;  // by root: the last item that makes or reads it
  std::vector<std::vector<std::uint32_t>> dying_;
  std::vector<bool> taken_;  // roots whose buffer another value took over
};

}  // namespace

placement make_placement(const graph& g, const schedule& s, bool rebind) {
  return placer(g, s, rebind).run();
}

}  // namespace cotape

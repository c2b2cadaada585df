// Steps from items. While they are made, a pointer into one of the program's buffers is a region
// and an offset in one word; when all sizes are known, resolve() turns them into addresses.
#include "program/emit.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <numeric>

#include "base/telling.hpp"
#include "kernels/threads.hpp"
#include "primitives/binary.hpp"
#include "primitives/primitives.hpp"
#include "program/gemm.hpp"
#include "program/put.hpp"
#include "program/scalar_run.hpp"
#include "tape/sources.hpp"
#include "tensor/tile_pool.hpp"

namespace cotape {

namespace {

using kernels::step;

// An operand of a step: where, and how far it moves a tile.
struct place_of_operand {
  location at;
  std::uint64_t advance = 0;
};

// Elements times steps; below this a thread's share takes less time (0.1 ms) than to wake it.
constexpr std::int64_t least_share = 1 << 19;

class emitter {
 public:
  emitter(const graph& g, const schedule& s, const placement& p, program::body& out)
      : g_(g), s_(s), p_(p), out_(out), constants_(p.constants) {
    tables_.tile.assign(g.values.size(), no_node);
    tables_.last_position.assign(g.values.size(), 0);
  }

  void run() {
    for (const schedule::item& item : s_.items) {
      steps_ = item.constant ? &out_.constant_steps : &out_.steps;
      scratch_ = item.constant ? region::folding : region::scratch;
      const std::size_t first = steps_->size();
      pool().reset();
      if (item.loop && item.reductions < item.values.size()) emit_loop(item);
      else if (is_put(g_, item.values[0])) emit_puts(item);
      else
        for (std::uint32_t v : item.values) emit_single(v);
      if (!item.constant) describe(item, first);
    }
    resolve(g_, s_, p_, {constants_, scratch_pool_.most(), folding_pool_.most()}, out_);
  }

 private:
  static const void* word(location l) { return region_word(l); }
  tile_pool& pool() { return scratch_ == region::folding ? folding_pool_ : scratch_pool_; }
  static void* target(location l) { return const_cast<void*>(word(l)); }
  location at(std::uint32_t v) const { return p_.of[g_.whole(v)]; }

  // Small loops stay in the first cache whatever the tile; for large ones, whose tiles share it
  // with what streams by, it must be small, but for reductions of little else, which like it large.
  static std::uint32_t tile_of(const schedule::item& item) {
    if (item.reductions > 0 && item.values.size() <= 4) return 8 * kernels::tile;
    return item.size > 64 * kernels::tile ? kernels::tile : 4 * kernels::tile;
  }
  std::uint32_t tile_elements(const schedule::item& item) const {
    return static_cast<std::uint32_t>(std::min<std::int64_t>(item.size, tile_of(item)));
  }

  // --- Loops ------------------------------------------------------------------------------------

  void emit_loop(const schedule::item& item) {
    step run{};
    if (kernels::scalar_body* scalars = lower_scalars(g_, item, p_, tables_, out_.sides, run)) {
      out_.scalars.push_back(scalars);
      steps_->push_back(run);
      return;
    }
    item_ = &item;
    splats_of_item_.clear();
    sums_.clear();
    body_ = kernels::loop_body{};
    body_.size = static_cast<std::uint32_t>(item.size);
    body_.tile = tile_of(item);
    body_.scratch = static_cast<std::byte*>(target({scratch_, 0}));
    for (std::size_t k = 0; k < item.values.size(); ++k) {
      for (std::uint32_t i : g_.operands(item.values[k])) tables_.last_position[g_.whole(i)] = k;
    }
    const bool whole = item.size > body_.tile, rest = item.size % body_.tile != 0;
    ragged_ = false;
    if (whole) emit_tile(body_.steps);
    if (!whole || (rest && ragged_)) {
      in_last_ = true;
      emit_tile(body_.last);
      in_last_ = false;
    }
    if (whole) {
      body_.parts = parts_of(item);
      body_.moving.resize(body_.steps.size() * static_cast<std::size_t>(body_.parts));
      step s{};
      s.run = &kernels::run_loop;
      s.side = out_.loops.emplace_back(out_.sides.keep(std::move(body_)));
      steps_->push_back(s);
    }
  }

  // A thread takes what a reduction adds up whole.
  int parts_of(const schedule::item& item) {
    std::int64_t grain = item.reductions > 0 ? 16 : body_.tile;
    for (std::uint32_t v : item.values) {
      if (g_.values[v].op->how == form::reduction) grain = std::lcm(grain, slab_size(g_, v));
    }
    grain = std::min(grain, item.size);
    body_.grain = static_cast<std::uint32_t>(grain);
    const std::int64_t work = item.size * static_cast<std::int64_t>(body_.steps.size());
    return kernels::parts_of(work, std::max(least_share, work / (item.size / grain)));
  }

  // The steps for one tile of the loop. Broadcasts and slices are loads. Inputs are read where they
  // are; only at their end, where a whole vector would reach beyond them, from a copy.
  void emit_tile(std::vector<kernels::loop_step>& to) {
    tile_steps_ = &to;
    loads_ = splats_of_item_;
    for (std::size_t k = 0; k < item_->values.size(); ++k) {
      const std::uint32_t v = item_->values[k];
      const shape& from = g_.type(g_.values[v].in[0]).shape;
      const std::int64_t n = from.elements();
      const bool spreads = g_.is(v, builtin<broadcast_op>) && n != item_->size && n != 1;
      if (spreads) emit_load(v, kernels::broadcast_map(from, g_.type(v).shape));
      else if (g_.is(v, loaded_slice)) emit_load(v, map_of_slice(g_, v));
      else emit_element(v, k);
    }
  }

  bool ends_within_vector(std::uint32_t v) {
    const std::uint32_t input = g_.root(v);
    if (!g_.is(input, sources::input)) return false;
    const auto bytes = static_cast<std::uint64_t>(item_->size) * size_of(g_.type(v).dtype);
    const std::uint64_t vector = kernels::vector_bytes(kernels::chosen_isa());
    const std::uint64_t end = offset_bytes(g_, v) + (bytes + vector - 1) / vector * vector;
    const bool ragged = end > g_.type(input).bytes();
    ragged_ = ragged_ || ragged;
    return ragged;
  }

  void add(step s, std::array<std::uint64_t, 4> advance) {
    if (item_->size > body_.tile) {
      tile_steps_->push_back({s, advance});
    } else {
      s.n = static_cast<std::uint32_t>(item_->size);
      steps_->push_back(s);
    }
  }

  std::uint64_t tile_bytes(std::uint32_t v) const {
    return staggered(padded(tile_elements(*item_) * size_of(g_.type(v).dtype)));
  }
  std::uint64_t full_advance(std::uint32_t v) const {
    return body_.tile * size_of(g_.type(v).dtype);
  }

  // Where the k-th value of the loop goes; a tile if nothing outside of the loop needs it.
  place_of_operand destination(std::uint32_t v) {
    if (p_.of[v].where != region::none) return {p_.of[v], full_advance(v)};
    const std::uint64_t offset = pool().take(tile_bytes(v));
    tables_.tile[v] = static_cast<std::uint32_t>(offset / 64);
    return {{scratch_, offset}, 0};
  }

  void release_operands(std::uint32_t v, std::size_t k) {
    for (std::uint32_t i : g_.operands(v)) {
      const std::uint32_t r = g_.whole(i);
      if (tables_.tile[r] == no_node || tables_.last_position[r] != k) continue;
      pool().give_back(std::uint64_t{tables_.tile[r]} * 64, tile_bytes(r));
      tables_.tile[r] = no_node;
    }
  }

  place_of_operand operand_at(std::uint32_t v, std::uint32_t i) {
    const std::uint32_t r = g_.whole(i);
    if (g_.elements(i) == item_->size) {
      if (tables_.tile[r] != no_node) return {{scratch_, std::uint64_t{tables_.tile[r]} * 64}, 0};
      if (!ends_within_vector(r) || !in_last_) return {p_.of[r], full_advance(i)};
    }
    const auto key = std::make_tuple(r, g_.values[i].type, g_.values[v].type);
    if (const auto it = loads_.find(key); it != loads_.end()) return it->second;
    if (g_.elements(i) != 1) {
      const bool copy = g_.elements(i) == item_->size;
      return loads_[key] = load_tile(g_.type(copy ? i : v).shape, i);
    }
    return loads_[key] = splats_of_item_[key] = splat(i);
  }

  // A scalar as a tile full of it, made before the loop; for constants once and for all.
  place_of_operand splat(std::uint32_t i) {
    const std::uint32_t r = g_.whole(i), n = tile_elements(*item_);
    step s{};
    s.run = kernels::fill(size_of(g_.type(i).dtype));
    s.a = word(p_.of[r]);
    s.n = n;
    if (g_.values[r].constant) {
      const auto [it, added] = splats_.try_emplace({r, n}, constants_);
      if (added) {
        constants_ += tile_bytes(i);
        s.d = target({region::constants, it->second});
        out_.constant_steps.push_back(s);
      }
      return {{region::constants, it->second}, 0};
    }
    const location tile{scratch_, pool().take_fresh(tile_bytes(i))};
    s.d = target(tile);
    if (item_->size > body_.tile) body_.before.push_back({s, {}});
    else steps_->push_back(s);
    return {tile, 0};
  }

  // A step that loads the loop's part of a smaller value.
  step load_step(const kernels::index_map& map, std::uint32_t i) {
    step s{};
    const auto* kept = out_.sides.keep(map);
    s.run = kernels::load(*kept, size_of(g_.type(i).dtype), false);
    s.side = kept;
    s.a = word(p_.of[g_.whole(i)]);
    return s;
  }

  place_of_operand load_tile(const shape& to, std::uint32_t i) {
    const location tile{scratch_, pool().take(tile_bytes(i))};
    step s = load_step(kernels::broadcast_map(g_.type(i).shape, to), i);
    s.d = target(tile);
    add(s, {});
    return {tile, 0};
  }

  void emit_load(std::uint32_t v, const kernels::index_map& map) {
    step s = load_step(map, g_.values[v].in[0]);
    const place_of_operand d = destination(v);
    s.d = target(d.at);
    add(s, {d.advance, 0, 0, 0});
  }

  void emit_element(std::uint32_t v, std::size_t k) {
    const graph::value& x = g_.values[v];
    std::array<place_of_operand, 3> operands{};
    for (std::size_t n = 0; n < x.op->arity; ++n) operands[n] = operand_at(v, x.in[n]);
    step s{};
    const std::uint64_t scratch = lower(v, s).scratch_bytes;
    if (x.op->how == form::reduction) {
      s.d = target(p_.of[v]);
      s.a = word(operands[0].at);
      const auto [it, added] = sums_.try_emplace(v, 0);
      if (added) it->second = pool().take_fresh(padded(scratch));
      s.c = word({scratch_, it->second});
      add(s, {0, operands[0].advance, 0, 0});
      release_operands(v, k);
      return;
    }
    release_operands(v, k);
    const place_of_operand d = destination(v);
    s.d = target(d.at);
    s.a = word(operands[0].at);
    s.b = x.op->arity > 1 ? word(operands[1].at) : nullptr;
    s.c = x.op->arity > 2 ? word(operands[2].at) : nullptr;
    if (item_->size == 0) return;
    add(s, {d.advance, operands[0].advance, operands[1].advance, operands[2].advance});
  }

  lowering lower(std::uint32_t v, step& s) {
    const graph::value& x = g_.values[v];
    types_.clear();
    for (std::uint32_t i : g_.operands(v)) types_.push_back(&g_.type(i));
    lowering l{{x.op->name, types_, g_.attributes(v)},
               g_.type(v),
               s,
               out_.sides,
               x.op->how == form::kernel,
               x.op->throws};
    l.where = g_.on.place_of(x.node);
    const auto choose = [&] {
      x.op->lower(l);
      if (l.scratch_bytes > std::size_t{1} << 40) {  // a negative number became a huge one
        throw value_error(fmt::format("{}: no scratch of {} bytes", l.op, l.scratch_bytes));
      }
      if (s.run != nullptr) return l;
      throw value_error(fmt::format("{}: `lower` chose no kernel: call lower_to_kernel", l.op));
    };
    return telling(choose,
                   [&] { return fmt::format(" (of {}){}", text_of(l.inputs), at_line(l.where)); });
  }

  // --- Everything else --------------------------------------------------------------------------

  void emit_single(std::uint32_t v) {
    const graph::value& x = g_.values[v];
    if (is_gemm(g_, v)) return emit_gemm(v);
    if (x.op == &cotape::copy) return copy(x.in[0], v);
    step s{};
    s.d = target(p_.of[v]);
    const auto in = g_.operands(v);
    s.a = in.size() > 0 ? word(at(in[0])) : nullptr;
    s.b = in.size() > 1 ? word(at(in[1])) : nullptr;
    s.c = in.size() > 2 ? word(at(in[2])) : nullptr;
    s.n = static_cast<std::uint32_t>(loop_size(g_, v));
    if (x.op == &requirement) {
      s.run = kernels::require(g_.type(x.in[0]).dtype);
      const place made = g_.on.place_of(g_.values[x.in[0]].node);
      s.side = out_.sides.keep(kernels::demand{g_.on.message_at(x.node), made});
    } else {
      const lowering l = lower(v, s);
      if (l.call != nullptr) {
        for (std::uint32_t i : in) l.call->operands.push_back(word(at(i)));
        l.call->scratch_bytes = l.scratch_bytes;
        out_.calls.push_back(l.call);
      }
      if (l.scratch_bytes != 0) s.c = word({scratch_, pool().take_fresh(padded(l.scratch_bytes))});
      if (g_.elements(v) == 0) return;
    }
    steps_->push_back(s);
  }

  void emit_gemm(std::uint32_t v) {
    const gemm_operands of = gemm_operands_of(g_, v);
    step s{};
    s.run = kernels::gemm(g_.type(v).dtype);
    s.side = out_.sides.keep(telling([&] { return gemm_of(g_, v).geometry(); },
                                     [&] { return at_line(g_.on.place_of(g_.values[v].node)); }));
    if (g_.elements(v) == 0) return;
    bring_into_place(v);
    s.d = target(p_.of[v]);
    s.a = word(at(of.a));
    s.b = word(at(of.b));
    s.c = of.alpha == no_node ? nullptr : word(at(of.alpha));
    steps_->push_back(s);
  }

  // Parts that are put one after the other into one buffer are one step, but those with indices.
  void emit_puts(const schedule::item& item) {
    kernels::puts open;
    for (std::size_t k = 0; k < item.values.size() && g_.elements(item.values[0]) != 0; ++k) {
      const std::uint32_t v = item.values[k];
      const graph::value& x = g_.values[v];
      bring_into_place(v);
      put_part(g_, v, word(at(x.in[0])), open);
      const bool last = k + 1 == item.values.size() || at(item.values[k + 1]) != at(v);
      const bool indexed = x.op->lower != nullptr;
      if ((last || indexed) && (open.fills || !open.parts.empty())) {
        step s{};
        s.d = target(at(v));
        s.n = static_cast<std::uint32_t>(g_.elements(v));
        s.run = kernels::put(g_.type(v).dtype, s.n, open);
        s.side = out_.all_puts.emplace_back(out_.sides.keep(std::exchange(open, {})));
        steps_->push_back(s);
      }
      if (indexed) emit_single(v);
    }
  }

  // What v goes into stands in v's buffer, or is copied there.
  void bring_into_place(std::uint32_t v) {
    const graph::value& x = g_.values[v];
    if (x.into && word(at(x.goes_into())) != word(p_.of[v])) copy(x.goes_into(), v);
  }

  void copy(std::uint32_t from, std::uint32_t to) {
    step s{};
    s.run = kernels::copy(g_.type(to).dtype);
    s.d = target(p_.of[to]);
    s.a = word(at(from));
    s.n = static_cast<std::uint32_t>(g_.elements(to));
    steps_->push_back(s);
  }

  void describe(const schedule::item& item, std::size_t first) {
    constexpr std::size_t most_names = 40;
    std::string what;
    for (std::size_t k = 0; k < std::min(item.values.size(), most_names); ++k) {
      const std::uint32_t v = item.values[k];
      const graph::value& x = g_.values[v];
      what += (k == 0 ? "" : " ") + text_of(*x.op, g_.attributes(v));
      if (is_gemm(g_, v)) what += ' ' + gemm_of(g_, v).text();
      if (s_.in_place[v] != no_node) {
        what += fmt::format("->'{}'", g_.on.parameter_at(s_.in_place[v]).name());
      }
    }
    if (item.values.size() > most_names) {
      what += fmt::format(" ... ({} values)", item.values.size());
    }
    const std::uint32_t last = item.values.back();
    const std::string type =
        item.loop ? fmt::format("loop over {}", item.size) : g_.type(last).text();
    out_.notes.push_back({static_cast<std::uint32_t>(first),
                          static_cast<std::uint32_t>(steps_->size() - first),
                          fmt::format("{}: {}", type, what)});
  }

  const graph& g_;
  const schedule& s_;
  const placement& p_;
  program::body& out_;
  std::uint64_t constants_;
  tile_pool scratch_pool_, folding_pool_;
  region scratch_ = region::scratch;
  const schedule::item* item_ = nullptr;
  kernels::loop_body body_;
  std::vector<step>* steps_ = nullptr;
  loop_tables tables_;  // tile: offset / 64 in the scratch buffer
  std::vector<kernels::loop_step>* tile_steps_ = nullptr;
  bool in_last_ = false;  // the tile is a loop's last or only one
  bool ragged_ = false;   // an input of the item ends within a vector
  using known_tiles =
      std::map<std::tuple<std::uint32_t, std::uint32_t, std::uint32_t>, place_of_operand>;
  known_tiles loads_, splats_of_item_;
  std::vector<const value_type*> types_;         // of the operands of the value that is lowered
  std::map<std::uint32_t, std::uint64_t> sums_;  // the scratch buffers of the item's reductions
  std::map<std::pair<std::uint32_t, std::uint32_t>, std::uint64_t> splats_;
};

}  // namespace

void emit(const graph& g, const schedule& s, const placement& p, program::body& out) {
  emitter(g, s, p, out).run();
}

}  // namespace cotape

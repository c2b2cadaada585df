// Loops as steps over tiles.
#include "code/emitter.hpp"

#include <algorithm>

#include "code/scalar_run.hpp"
#include "code/tiling.hpp"

namespace cotape::code {

namespace {

using kernels::step;

// Where an operand of a step is, and how far it moves a tile.
struct moving_location {
  location at;
  std::uint64_t advance = 0;
  bool pooled = false;  // a tile that is free again after its last use
};

class tiler {
 public:
  tiler(const loop& l, emitter& e, listing& out)
      : l_(l), e_(e), out_(out), how_(tiling_of(l)), places_(l.body.size()), lines_(l.body.size()) {
    fixed_.assign(l.body.size(), false);
    sums_.assign(l.body.size(), nullptr);
    pieces_.assign(l.body.size(), nullptr);
    body_.size = static_cast<std::uint32_t>(l.rows);
    body_.tile = how_.tile;
  }

  void run() {
    const std::uint32_t rest = body_.size == 0 ? 0 : (body_.size - 1) % body_.tile + 1;
    if (body_.size <= body_.tile) {
      in_last_ = true;
      emit(body_.last, rest);
      return;
    }
    take_pieces();
    emit(body_.steps, body_.tile);
    if (ragged_ || (rest != body_.tile && count_of(l_, loop::kind::reduce_row) != 0)) {
      in_last_ = true;
      emit(body_.last, rest);
    }
    if (count_of(l_, loop::kind::reduce_row) != 0) body_.streams = streams_of(body_);
    body_.parts = parts_of(l_, how_.grain, static_cast<std::int64_t>(body_.steps.size()));
    body_.grain = static_cast<std::uint32_t>(how_.grain);
    body_.moving.resize((body_.steps.size() + 1) * static_cast<std::size_t>(body_.parts));
    body_.scratch_bytes = padded(e_.pool().used()) - shared_;
    step s{};
    s.run = &run_tiles;
    s.side = out_.loops.emplace_back(out_.sides.keep(std::move(body_)));
    e_.add(s);
    for (std::uint32_t k = 0; k < l_.body.size(); ++k) fold(k, l_.body[k]);
  }

 private:
  // Threads that share the loop share the sums of pieces too, before what each has of its own.
  void take_pieces() {
    for (std::uint32_t k = 0; k < l_.body.size(); ++k) {
      if (!how_.in_pieces[k]) continue;
      const kernels::reduction& g = geometry_of(l_.body[k]);
      pieces_[k] = e_.scratch_for(static_cast<std::size_t>(g.pieces() * g.inner) * g.piece_bytes);
    }
    shared_ = e_.pool().used();
    body_.scratch = static_cast<std::byte*>(region_word(e_.in_scratch(shared_)));
  }

  // The steps for a tile of so many units.
  void emit(std::vector<tile_step>& to, std::uint32_t units) {
    steps_ = &to;
    units_ = units;
    for (std::uint32_t k = 0; k < l_.body.size(); ++k) {
      if (fixed_[k]) continue;
      const loop::instruction& i = l_.body[k];
      switch (i.does) {
        case loop::kind::load: load(k, i); break;
        case loop::kind::splat: splat(k, i); break;
        case loop::kind::spread: spread(k, i); break;
        case loop::kind::apply:
          if (!how_.made_in_sum[k]) apply(k, i);
          break;
        case loop::kind::reduce: reduce(k, i); break;
        case loop::kind::reduce_row: reduce_row(k, i); break;
      }
    }
  }

  // --- Places -----------------------------------------------------------------------------------

  std::uint64_t bytes(const loop::instruction& i) const {
    return std::uint64_t{body_.tile} * static_cast<std::uint64_t>(l_.width(i.by_row)) *
           size_of(i.dtype);
  }
  std::uint64_t tile_bytes(const loop::instruction& i) const { return staggered(padded(bytes(i))); }
  const void* word(std::uint32_t k) const { return region_word(places_[k].at); }

  moving_location tile(const loop::instruction& i) {
    return {e_.in_scratch(e_.pool().take(tile_bytes(i))), 0, true};
  }

  // Tiles stand in their buffer one after the other, so that a step may write whole lines.
  bool direct(const loop::instruction& i) const {
    return body_.size <= body_.tile || bytes(i) % cache_line == 0;
  }

  moving_location destination(const loop::instruction& i) {
    if (i.to == none || !direct(i)) return tile(i);
    return {l_.buffers[i.to].at, bytes(i)};
  }

  void give_back(moving_location& place, std::uint64_t bytes) {
    if (place.pooled) e_.pool().give_back(place.at.at, bytes);
    place.pooled = false;
  }

  void release_operands(std::uint32_t k) { release_operands_of(k, k); }
  // Those whose last use is instruction k.
  void release_operands_of(std::uint32_t user, std::uint32_t k) {
    for (std::uint8_t n = 0; n < l_.body[user].count; ++n) {
      const std::uint32_t i = l_.body[user].in[n];
      if (how_.made_in_sum[i]) release_operands_of(i, k);
      else if (how_.last_use[i] == k) give_back(places_[i], tile_bytes(l_.body[i]));
    }
  }
  // What stays along a row is read again and again: no result may take its place.
  void release_lines(std::uint32_t k) {
    for (std::uint8_t n = 0; n < l_.body[k].count; ++n) {
      const std::uint32_t i = l_.body[k].in[n];
      if (how_.last_use[i] == k) give_back(lines_[i], lines_bytes());
    }
  }

  void release(std::uint32_t k) {
    release_operands(k);
    release_lines(k);
  }

  // A vector read from the last tile's end on may reach beyond what may be read.
  bool ragged(const loop::instruction& i) const {
    const loop::buffer& b = l_.buffers[i.from];
    if (b.readable == 0) return false;
    const std::uint64_t vector = kernels::vector_bytes(kernels::chosen_isa());
    const std::uint64_t unit = static_cast<std::uint64_t>(l_.width(i.by_row)) * size_of(i.dtype);
    const std::uint64_t before = body_.size == 0 ? 0 : (body_.size - 1) / body_.tile * body_.tile;
    const std::uint64_t last = (body_.size - before) * unit;
    return before * unit + (last + vector - 1) / vector * vector > b.readable;
  }

  // --- Steps ------------------------------------------------------------------------------------

  void add(const loop::instruction& i, const step& s, std::array<std::uint64_t, 4> advance,
           bool sees_tile = false) {
    add_to(*steps_, i, s, advance, sees_tile);
  }

  void add_to(std::vector<tile_step>& list, const loop::instruction& i, const step& s,
              std::array<std::uint64_t, 4> advance, bool sees_tile) {
    add_to(list, static_cast<std::uint32_t>(l_.width(i.by_row)), s, advance, sees_tile);
  }

  void add_to(std::vector<tile_step>& list, std::uint32_t width, step s,
              std::array<std::uint64_t, 4> advance, bool sees_tile) {
    if (body_.size > body_.tile) {
      for (std::uint64_t& bytes : advance) bytes /= body_.tile;
      list.push_back({s, advance, width, sees_tile ? 0 : width});
    } else {
      s.n = body_.size * width;
      e_.add(s);
    }
  }

  static step step_of(const loop::instruction& i) {
    step s{};
    s.run = i.run;
    s.side = i.side;
    return s;
  }

  step step_by(const kernels::index_map& map, dtype type) {
    step s{};
    s.run = kernels::load(map, size_of(type), false);
    s.side = out_.sides.keep(map);
    return s;
  }

  // A result that could not be written where it belongs.
  void store(std::uint32_t k, const loop::instruction& i) {
    if (i.to == none || direct(i)) return;
    step s{};
    s.run = kernels::copy(i.dtype);
    s.d = region_word(l_.buffers[i.to].at);
    s.a = word(k);
    add(i, s, {bytes(i), 0, 0, 0});
  }

  void load(std::uint32_t k, const loop::instruction& i) {
    if (i.map == none) {
      // Tiles that end within a vector are read beyond, too.
      const bool copied = l_.buffers[i.from].readable != 0 && !direct(i);
      ragged_ = ragged_ || ragged(i);
      if (!copied && !(in_last_ && ragged(i))) {
        places_[k] = {l_.buffers[i.from].at, bytes(i)};
        return;
      }
    }
    kernels::index_map map;
    if (i.map != none) map = l_.maps[i.map];
    if (how_.walks[k] == kernels::line_a_row) {
      kernels::index_map line = map;
      line.size[1] = line_elements(i);
      lines(k, i, step_by(line, i.dtype), l_.buffers[i.from].at, 0, false);
    } else if (how_.walks[k] == kernels::same_row) {
      lines_[k] = {l_.buffers[i.from].at};
    }
    if (i.map != none && !how_.needs_tile[k]) return;
    if (i.map == none) map.append(l_.rows * l_.width(i.by_row), 1);
    const bool row = l_.columns != 0 && !i.by_row && map.repeats_row() && map.size[1] == l_.columns;
    if (row && body_.tile == 1 && l_.buffers[i.from].readable == 0 && i.to == none) {
      places_[k] = {l_.buffers[i.from].at, 0};
      return;
    }
    step s = step_by(map, i.dtype);
    s.a = region_word(l_.buffers[i.from].at);
    if (row && i.to == none) return before(k, i, s);
    places_[k] = destination(i);
    s.d = region_word(places_[k].at);
    add(i, s, {places_[k].advance, 0, 0, 0});
    store(k, i);
  }

  // What is the same for every tile is made before the loop.
  void before(std::uint32_t k, const loop::instruction& i, step s) {
    places_[k] = {e_.in_scratch(e_.pool().take_fresh(tile_bytes(i)))};
    fixed_[k] = true;
    s.d = region_word(places_[k].at);
    add_to(body_.before, i, s, {}, false);
  }

  void splat(std::uint32_t k, const loop::instruction& i) {
    if (how_.walks[k] != kernels::along) lines_[k] = full_of(i, cache_line);
    if (how_.needs_tile[k]) places_[k] = full_of(i, tile_bytes(i));
    fixed_[k] = true;
  }

  // So many bytes that hold the number again and again.
  moving_location full_of(const loop::instruction& i, std::uint64_t bytes) {
    const loop::buffer& from = l_.buffers[i.from];
    const auto n = static_cast<std::uint32_t>(bytes / size_of(i.dtype));
    step s{};
    s.run = kernels::fill(size_of(i.dtype));
    s.a = region_word(from.at);
    s.n = n;
    if (from.constant) return {e_.constant_splat(from.at, bytes, s)};
    const moving_location place{e_.in_scratch(e_.pool().take_fresh(bytes))};
    s.d = region_word(place.at);
    if (body_.size > body_.tile) body_.before.push_back({s, {}, n, 0});
    else e_.add(s);
    return place;
  }

  static std::int64_t line_elements(const loop::instruction& i) {
    return static_cast<std::int64_t>(cache_line / size_of(i.dtype));
  }
  std::uint64_t lines_bytes() const { return staggered(std::uint64_t{body_.tile} * cache_line); }

  // A line for each row, full of its number.
  void lines(std::uint32_t k, const loop::instruction& i, step s, location from,
             std::uint64_t advance, bool sees_tile) {
    lines_[k] = {e_.in_scratch(e_.pool().take(lines_bytes())), 0, true};
    s.d = region_word(lines_[k].at);
    s.a = region_word(from);
    add_to(*steps_, static_cast<std::uint32_t>(line_elements(i)), s, {0, advance, 0, 0}, sees_tile);
  }

  void spread(std::uint32_t k, const loop::instruction& i) {
    kernels::index_map map;
    map.append(body_.tile, 1);
    if (how_.walks[k] == kernels::line_a_row) {
      kernels::index_map line = map;
      line.append(line_elements(i), 0);
      const moving_location& from = places_[i.in[0]];
      lines(k, i, step_by(line, i.dtype), from.at, from.advance, true);
    }
    if (!how_.needs_tile[k]) return release(k);
    map.append(l_.columns, 0);
    places_[k] = destination(i);
    step s = step_by(map, i.dtype);
    s.d = region_word(places_[k].at);
    s.a = word(i.in[0]);
    add(i, s, {places_[k].advance, places_[i.in[0]].advance, 0, 0}, true);
    store(k, i);
    release(k);
  }

  void apply(std::uint32_t k, const loop::instruction& i) {
    std::array<const void*, 3> from{};
    std::array<std::uint64_t, 4> advance{};
    step s = step_of(i);
    for (std::uint8_t n = 0; n < i.count; ++n) {
      const std::uint32_t o = i.in[n];
      const kernels::walk how = for_rows(i) ? how_.walks[o] : kernels::along;
      const moving_location& place = how == kernels::along ? places_[o] : lines_[o];
      from[n] = region_word(place.at);
      advance[n + 1U] = place.advance;
      if (how == kernels::along) continue;
      s.run = i.scalar->in_rows;
      s.rows |= static_cast<std::uint32_t>(how) << 2 * n;
      if (how != kernels::one_line && body_.tile > 1)
        s.cols = static_cast<std::uint32_t>(l_.columns);
    }
    s.a = from[0];
    s.b = from[1];
    s.c = from[2];
    if (how_.partner[k] != none) sum_on_the_way(how_.partner[k], s, advance);
    release_operands(k);
    places_[k] = destination(i);
    release_lines(k);
    s.d = region_word(places_[k].at);
    advance[0] = places_[k].advance;
    if (body_.size == 0) return;
    add(i, s, advance);
    store(k, i);
  }

  // The step of an operation makes the sum of its rows, too.
  void sum_on_the_way(std::uint32_t k, step& s, std::array<std::uint64_t, 4>& advance) {
    const loop::instruction& sum = l_.body[k];
    places_[k] = destination(sum);
    s.run = l_.body[how_.partner[k]].scalar->rows_and_sums;
    s.cols = static_cast<std::uint32_t>(l_.columns);
    if (how_.made_in_sum[sum.in[0]]) s.rows |= kernels::of_squares;
    s.c = word(k);
    advance[3] = places_[k].advance;
  }

  // The kernel and the operands of a sum or another reduction.
  step reduction_of(const loop::instruction& i, std::array<std::uint64_t, 4>& advance) {
    step s = step_of(i);
    const loop::instruction& of = l_.body[i.in[0]];
    const bool made = how_.made_in_sum[i.in[0]];
    const std::uint32_t a = made ? of.in[0] : i.in[0];
    if (made) {
      s.run = of.scalar->summed;
      s.b = word(of.in[1]);
      advance[2] = places_[of.in[1]].advance;
    }
    s.a = word(a);
    advance[1] = places_[a].advance;
    return s;
  }

  void reduce(std::uint32_t k, const loop::instruction& i) {
    if (sums_[k] == nullptr) sums_[k] = e_.scratch_for(i.scratch);
    std::array<std::uint64_t, 4> advance{};
    step s = reduction_of(i, advance);
    s.d = region_word(l_.buffers[i.to].at);
    s.c = sums_[k];
    if (pieces_[k] != nullptr) {
      s.d = pieces_[k];
      s.rows = kernels::in_pieces;
    }
    add(l_.body[i.in[0]], s, advance);
    release(k);
  }

  void fold(std::uint32_t k, const loop::instruction& i) {
    if (pieces_[k] == nullptr) return;
    step s = step_of(i);
    s.d = region_word(l_.buffers[i.to].at);
    s.c = pieces_[k];
    s.rows = kernels::folding;
    e_.add(s);
  }

  // A tile's rows, each from its own start.
  void reduce_row(std::uint32_t k, const loop::instruction& i) {
    if (how_.partner[k] != none) {
      store(k, i);
      return release(k);
    }
    const std::uint64_t needed = padded(i.scratch);
    const std::uint64_t sums = e_.pool().take(needed);
    places_[k] = destination(i);
    std::array<std::uint64_t, 4> advance{places_[k].advance};
    step s = reduction_of(i, advance);
    s.side = out_.sides.keep(kernels::reduction{std::int64_t{units_}, l_.columns, 1});
    s.d = region_word(places_[k].at);
    s.c = region_word(e_.in_scratch(sums));
    add(l_.body[i.in[0]], s, advance, true);
    store(k, i);
    e_.pool().give_back(sums, needed);
    release(k);
  }

  const loop& l_;
  emitter& e_;
  listing& out_;
  const tiling how_;
  tiled_loop body_;
  std::vector<moving_location> places_;  // by instruction
  std::vector<moving_location> lines_;   // by instruction: what kernels for rows read in its place
  std::vector<bool> fixed_;              // by instruction: done before the loop
  std::vector<void*> sums_;              // by instruction: a reduction's scratch
  std::vector<void*> pieces_;            // by instruction: the sums of its pieces, if kept apart
  std::uint64_t shared_ = 0;             // bytes of these
  std::vector<tile_step>* steps_ = nullptr;
  std::uint32_t units_ = 0;  // of the tile whose steps are made
  bool in_last_ = false;     // it is a loop's last or only one
  bool ragged_ = false;      // an operand ends within a vector
};

}  // namespace

void emitter::begin(bool constant) {
  constant_ = constant;
  pool().reset();
}

void emitter::add(loop& l) {
  std::optional<kernels::scalar_body> numbers = scalar_run_of(l);
  if (!numbers) {
    as_rows(l);
    return tiler(l, *this, out_).run();
  }
  step s{};
  s.run = kernels::run_scalars(numbers->dtype);
  s.side = out_.scalars.emplace_back(out_.sides.keep(std::move(*numbers)));
  add(s);
}

void emitter::finish(std::uint64_t arena) {
  std::uint64_t scratch = padded(scratch_.most()), folding = padded(folding_.most());
  for (tiled_loop* l : out_.loops) {
    const location own = location_of(l->scratch);
    std::uint64_t& bytes = own.where == region::folding ? folding : scratch;
    bytes = std::max(bytes, own.at + l->scratch_bytes * static_cast<std::uint64_t>(l->parts));
  }
  out_.constants = zeros(constants_ + folding);
  out_.constant_bytes = constants_ + folding;
  out_.folding = constants_;
  out_.arena = arena;
  out_.scratch = scratch;
  out_.steps.shrink_to_fit();
}

location emitter::constant_splat(location number, std::uint64_t bytes, const step& fill) {
  const auto [it, added] = splats_.try_emplace({number.where, number.at, bytes},
                                               location{region::constants, constants_});
  if (added) {
    constants_ += bytes;
    out_.constant_steps.push_back(fill);
    out_.constant_steps.back().d = region_word(it->second);
  }
  return it->second;
}

}  // namespace cotape::code

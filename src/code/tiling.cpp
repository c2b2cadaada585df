// How large tiles are, what is made where it is added up, and what stays along a row.
#include "code/tiling.hpp"

#include <algorithm>
#include <numeric>

#include "kernels/threads.hpp"

namespace cotape::code {

namespace {

// Elements times steps; below this a thread's share takes less time (0.1 ms) than to wake it.
constexpr std::int64_t least_share = 1 << 19;

// Rows of so many elements end where lines do.
bool whole_lines(std::int64_t columns) {
  return columns % static_cast<std::int64_t>(cache_line / 4) == 0;
}

// Elements of a nest at a time: with half as many softmax takes 1.2 of the time, with twice as many
// layer norm's gradients do (rows of 512).
constexpr std::int64_t most_of_nest = 2048;
static_assert(most_of_nest >= kernels::least_parts);  // fewer come in one call

// A sum has whole vectors to add up: what is left over is made one by one.
bool has_whole_vectors(const loop& l, const loop::instruction& sum) {
  if (l.rows * l.width(false) < 1024) return false;
  const kernels::reduction& g = geometry_of(sum);
  return (g.inner == 1 ? g.reduced : g.inner) >= 64;
}

// Operations that only a sum reads, and whose results it can make.
void find_sums(const loop& l, tiling& t) {
  std::vector<std::uint32_t> uses(l.body.size(), 0);
  for (const loop::instruction& i : l.body) {
    for (std::uint8_t n = 0; n < i.count; ++n) ++uses[i.in[n]];
  }
  for (std::uint32_t k = 0; k < l.body.size(); ++k) {
    const loop::instruction& i = l.body[k];
    if (i.does != loop::kind::reduce_row && i.does != loop::kind::reduce) continue;
    const std::uint32_t u = i.in[0];
    const loop::instruction& of = l.body[u];
    const bool summed = of.does == loop::kind::apply && of.scalar != nullptr &&
                        of.scalar->summed != nullptr && i.run == kernels::sum(i.dtype).run;
    if (!summed || uses[u] != 1 || of.by_row || !has_whole_vectors(l, i)) continue;
    // What is stored between the two may be stored where an operand stands.
    const bool stores = std::any_of(l.body.begin() + u, l.body.begin() + k,
                                    [](const loop::instruction& j) { return j.to != none; });
    if (stores) continue;
    t.made_in_sum[u] = true;
    for (std::uint8_t n = 0; n < of.count; ++n) {
      t.last_use[of.in[n]] = std::max(t.last_use[of.in[n]], k);
    }
  }
}

// Small loops stay in the first cache whatever the tile; for large ones, whose tiles share it
// with what streams by, it must be small, but for reductions of little else, which like it large.
// A tile of a nest is as many rows as are about as much and, where that is possible, fill lines.
std::uint32_t units_of_tile(const loop& l) {
  const std::int64_t reductions = count_of(l, loop::kind::reduce);
  std::int64_t units = l.rows > 64 * kernels::tile ? kernels::tile : 4 * kernels::tile;
  if (l.columns != 0) {
    units = std::max<std::int64_t>(most_of_nest / l.columns, 1);
    const std::int64_t aligned = fills_lines(l.columns) ? rows_of_lines(l.columns) : 1;
    units = (units + aligned - 1) / aligned * aligned;
  } else if (reductions > 0 && reductions + count_of(l, loop::kind::apply) <= 4) {
    units = 8 * kernels::tile;
  }
  return static_cast<std::uint32_t>(std::clamp<std::int64_t>(l.rows, 1, units));
}

kernels::walk walk_of(const loop& l, const loop::instruction& i, std::uint32_t tile) {
  if (i.does == loop::kind::splat) return l.columns == 0 ? kernels::along : kernels::one_line;
  if (l.columns == 0 || i.by_row || (!whole_lines(l.columns) && tile > 1)) return kernels::along;
  if (i.does == loop::kind::spread) return kernels::line_a_row;
  if (i.does != loop::kind::load || i.map == none) return kernels::along;
  const kernels::index_map& map = l.maps[i.map];
  if (map.rank != 2 || map.size[1] != l.columns) return kernels::along;
  if (map.repeats_elements()) return kernels::line_a_row;
  const bool row = map.repeats_row() && map.offset == 0;
  return row && whole_lines(l.columns) ? kernels::same_row : kernels::along;
}

void find_what_stays(const loop& l, tiling& t) {
  for (std::size_t k = 0; k < l.body.size(); ++k) {
    const loop::instruction& i = l.body[k];
    if (i.to != none) t.needs_tile[k] = true;
    for (std::uint8_t n = 0; n < i.count; ++n) {
      const kernels::walk how = walk_of(l, l.body[i.in[n]], t.tile);
      if (how != kernels::along && for_rows(i) && !t.made_in_sum[k]) t.walks[i.in[n]] = how;
      else t.needs_tile[i.in[n]] = true;
    }
  }
}

// Sums of rows that are made where the rows are.
void find_partners(const loop& l, tiling& t) {
  for (std::uint32_t k = 0; k < l.body.size(); ++k) {
    const loop::instruction& i = l.body[k];
    if (i.does != loop::kind::reduce_row || i.run != kernels::sum(i.dtype).run) continue;
    std::uint32_t u = i.in[0];
    if (t.made_in_sum[u]) {
      const loop::instruction& square = l.body[u];
      if (!square.scalar->squares || square.in[0] != square.in[1]) continue;
      u = square.in[0];
    }
    const loop::instruction& of = l.body[u];
    if (!for_rows(of) || of.by_row || of.scalar->rows_and_sums == nullptr) continue;
    if (!whole_lines(l.columns) || t.walks[of.in[0]] != kernels::along) continue;
    if (t.partner[u] != none) continue;
    t.partner[u] = k;
    t.partner[k] = u;
  }
}

// A thread takes what a reduction adds up whole; or whole pieces, if that is all there is.
void share_out(const loop& l, tiling& t) {
  if (l.rows <= t.tile) return;
  std::int64_t steps = 0;
  for (const loop::kind does : {loop::kind::apply, loop::kind::reduce, loop::kind::reduce_row}) {
    steps += count_of(l, does);
  }
  const bool shared = parts_of(l, 1, steps) > 1;
  t.grain = l.columns != 0 || count_of(l, loop::kind::reduce) == 0 ? t.tile : 16;
  for (std::size_t k = 0; k < l.body.size(); ++k) {
    if (l.body[k].does != loop::kind::reduce) continue;
    const kernels::reduction& g = geometry_of(l.body[k]);
    t.in_pieces[k] = shared && g.outer == 1 && g.pieces() > 1;
    const std::int64_t slab = (t.in_pieces[k] ? g.piece() : g.reduced) * g.inner;
    t.grain = std::lcm(t.grain, slab / std::gcd(slab, l.width(l.body[l.body[k].in[0]].by_row)));
  }
  t.grain = std::min(t.grain, l.rows);
}

// The length of the rows that a load repeats, or along which it repeats its elements; else 0.
std::int64_t row_of(const loop& l, const loop::instruction& i) {
  if (i.does != loop::kind::load || i.map == none || i.to != none) return 0;
  const kernels::index_map& map = l.maps[i.map];
  return map.offset == 0 && (map.repeats_row() || map.repeats_elements()) ? map.size[1] : 0;
}

}  // namespace

void as_rows(loop& l) {
  if (l.columns != 0 || l.rows < 1024) return;  // a kernel for rows takes longer to begin
  for (const loop::instruction& i : l.body) {
    const std::int64_t row = row_of(l, i);
    if (row < 32 || row > 4096 || !whole_lines(row)) continue;
    l.columns = row;
    l.rows /= row;
    return;
  }
}

std::int64_t count_of(const loop& l, loop::kind kind) {
  return std::count_if(l.body.begin(), l.body.end(),
                       [&](const loop::instruction& i) { return i.does == kind; });
}

int parts_of(const loop& l, std::int64_t grain, std::int64_t steps) {
  if (!l.splittable) return 1;
  const std::int64_t unit = l.width(false) * steps;
  return kernels::parts_of(l.rows * unit, std::max(least_share, grain * unit));
}

tiling tiling_of(const loop& l) {
  const std::size_t n = l.body.size();
  tiling t{0,
           last_uses(l),
           std::vector<bool>(n, false),
           std::vector<kernels::walk>(n, kernels::along),
           std::vector<bool>(n, false),
           std::vector<bool>(n, false),
           std::vector<std::uint32_t>(n, none)};
  find_sums(l, t);
  t.tile = units_of_tile(l);
  find_what_stays(l, t);
  find_partners(l, t);
  share_out(l, t);
  return t;
}

}  // namespace cotape::code

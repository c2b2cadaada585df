// Running a loop, its tiles split over threads.
#include "code/tiles.hpp"

#include <algorithm>
#include <set>

#include "kernels/threads.hpp"
#include "tensor/memory.hpp"

namespace cotape::code {

using kernels::step;

namespace {

// Places a step at the tile of `n` units that starts at `base`, in the scratch buffer of the part.
// It writes where the step stands: a copy of it would be read before it is written.
void place(const tiled_loop& loop, const tile_step& l, std::uint32_t base, std::uint32_t n,
           std::size_t shift, step& now) {
  const auto moved = [&](const void* p, std::size_t k) {
    auto at = reinterpret_cast<std::uintptr_t>(p);
    const std::uintptr_t offset = at - reinterpret_cast<std::uintptr_t>(loop.scratch);
    if (shift != 0 && offset < loop.scratch_bytes) at += shift;
    return reinterpret_cast<void*>(at + base * l.advance[k]);
  };
  now.d = moved(l.what.d, 0);
  now.a = moved(l.what.a, 1);
  now.b = moved(l.what.b, 2);
  now.c = moved(l.what.c, 3);
  now.base = base * l.base;
  if (l.what.n == 0) now.n = n * l.width;
}

void run_once(const tiled_loop& loop, const std::vector<tile_step>& steps, std::uint32_t base,
              std::uint32_t n, std::size_t shift) {
  for (const tile_step& l : steps) {
    step now = l.what;
    place(loop, l, base, n, shift, now);
    now.run(now);
  }
}

template <class Pointer> void move(Pointer*& p, std::uint64_t bytes) {
  p = reinterpret_cast<Pointer*>(reinterpret_cast<std::uintptr_t>(p) + bytes);
}

const void* operand_of(const step& s, std::uint32_t k) {
  const std::array<const void*, 4> all{s.d, s.a, s.b, s.c};
  return all[k];
}

// Fetches the streams of the next tile, a share of each beside every step.
class fetching {
 public:
  explicit fetching(const tiled_loop& loop) : loop_(loop) {}
  // The steps stand at a tile.
  void begin(const tile_step* steps) {
    for (std::size_t k = 0; k < loop_.streams.size(); ++k) {
      const auto [step, operand] = loop_.streams[k];
      const std::uint64_t bytes = steps[step].advance[operand];
      const auto* at = static_cast<const std::byte*>(operand_of(steps[step].what, operand));
      open_[k] = {at + bytes, at + 2 * bytes, padded(bytes / loop_.steps.size())};
    }
  }
  void go_on() {
    for (std::size_t k = 0; k < loop_.streams.size(); ++k) {
      part& p = open_[k];
      const std::byte* to = std::min(p.at + p.share, p.end);
      for (; p.at < to; p.at += cache_line) __builtin_prefetch(p.at);
    }
  }

 private:
  struct part {
    const std::byte *at, *end;
    std::uint64_t share;
  };
  const tiled_loop& loop_;
  std::array<part, most_fetched> open_;
};

// The units from first to last (exclusive), tile by tile, of which the last may be shorter. The
// steps stand at the tile and move on by whole ones, which costs less than placing them anew.
void run_whole(const tiled_loop& loop, int part, std::uint32_t first, std::uint32_t last,
               std::size_t shift) {
  const std::size_t n = loop.steps.size();
  tile_step* moving = loop.moving.data() + (n + 1) * static_cast<std::size_t>(part);
  for (std::size_t k = 0; k < n; ++k) {
    moving[k] = loop.steps[k];
    place(loop, loop.steps[k], first, 0, shift, moving[k].what);
    for (std::uint64_t& bytes : moving[k].advance) bytes *= loop.tile;
  }
  fetching ahead(loop);
  for (std::uint32_t left = last - first; left > 0;) {
    const std::uint32_t size = std::min(loop.tile, left);
    ahead.begin(moving);
    for (std::size_t k = 0; k < n; ++k) {
      tile_step& l = moving[k];
      l.what.n = size * l.width;
      l.what.run(l.what);
      ahead.go_on();
      l.what.base += loop.tile * l.base;
      move(l.what.d, l.advance[0]);
      move(l.what.a, l.advance[1]);
      move(l.what.b, l.advance[2]);
      move(l.what.c, l.advance[3]);
    }
    left -= size;
  }
}

void run_part(const tiled_loop& loop, int part) {
  const std::size_t shift = loop.scratch_bytes * static_cast<std::size_t>(part);
  const std::uint32_t grains = (loop.size - 1) / loop.grain + 1;
  const auto start = [&](int p) {
    if (p == loop.parts) return loop.size;
    return static_cast<std::uint32_t>(std::uint64_t{grains} * static_cast<std::uint64_t>(p) /
                                      static_cast<std::uint64_t>(loop.parts)) *
           loop.grain;
  };
  const std::uint32_t first = start(part), end = start(part + 1);
  const bool apart = end == loop.size && end > first && !loop.last.empty();
  const std::uint32_t rest = apart ? (end - first - 1) % loop.tile + 1 : 0;
  run_once(loop, loop.before, 0, loop.tile, shift);
  run_whole(loop, part, first, end - rest, shift);
  if (apart) run_once(loop, loop.last, end - rest, rest, shift);
}

}  // namespace

std::vector<stream> streams_of(const tiled_loop& loop) {
  constexpr std::uint64_t beyond_caches = std::uint64_t{1} << 20;  // the second cache holds less
  std::set<std::pair<const void*, std::uint64_t>> seen;
  std::vector<stream> streams;
  std::uint64_t bytes = 0;
  for (std::uint32_t k = 0; k < loop.steps.size(); ++k) {
    const tile_step& s = loop.steps[k];
    for (std::uint32_t n = 0; n < s.advance.size() && streams.size() < most_fetched; ++n) {
      if (s.advance[n] < 4 * cache_line) continue;
      if (!seen.emplace(operand_of(s.what, n), s.advance[n]).second) continue;
      streams.push_back({k, n});
      bytes += s.advance[n];
    }
  }
  if (bytes * (loop.size / loop.tile) < beyond_caches) streams.clear();
  return streams;
}

void run_tiles(const step& s) {
  const auto& loop = *static_cast<const tiled_loop*>(s.side);
  kernels::parallel(loop.parts, [&](int part) { run_part(loop, part); });
}

}  // namespace cotape::code

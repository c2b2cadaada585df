// Steps that the program itself brings: fused loops and requirements.
#include <fmt/format.h>

#include <algorithm>

#include "kernels/threads.hpp"
#include "program/emit.hpp"

namespace cotape {

namespace {

// A pointer of a step after so many bytes, in the scratch buffer of the part.
template <class Pointer>
Pointer moved(const loop_body& loop, Pointer p, std::size_t bytes, std::size_t shift) {
  const auto* at = static_cast<const std::byte*>(p);
  const auto offset =
      reinterpret_cast<std::uintptr_t>(at) - reinterpret_cast<std::uintptr_t>(loop.scratch);
  if (shift != 0 && offset < loop.scratch_bytes) at += shift;
  return const_cast<std::byte*>(at + bytes);
}

void run_tile(const loop_body& loop, const std::vector<loop_step>& steps, std::uint32_t tile,
              std::size_t shift) {
  const std::uint32_t base = tile * kernels::tile;
  for (const loop_step& l : steps) {
    kernels::step now = l.what;
    now.d = moved(loop, now.d, std::size_t{tile} * l.advance[0], shift);
    now.a = moved(loop, now.a, std::size_t{tile} * l.advance[1], shift);
    now.b = moved(loop, now.b, std::size_t{tile} * l.advance[2], shift);
    now.c = moved(loop, now.c, std::size_t{tile} * l.advance[3], shift);
    now.n = std::min(kernels::tile, loop.size - base);
    now.base = base;
    now.run(now);
  }
}

void run_part(const loop_body& loop, int part) {
  const std::size_t shift = loop.scratch_bytes * static_cast<std::size_t>(part);
  const std::uint32_t tiles = (loop.size + kernels::tile - 1) / kernels::tile;
  const auto start = [&](int p) {
    return static_cast<std::uint32_t>(std::uint64_t{tiles} * static_cast<std::uint64_t>(p) /
                                      static_cast<std::uint64_t>(loop.parts));
  };
  run_tile(loop, loop.before, 0, shift);
  for (std::uint32_t t = start(part); t < start(part + 1); ++t) {
    const bool last = (t + 1) * kernels::tile > loop.size && !loop.last.empty();
    run_tile(loop, last ? loop.last : loop.steps, t, shift);
  }
}

}  // namespace

void run_loop(const kernels::step& s) {
  const auto& loop = *static_cast<const loop_body*>(s.side);
  kernels::parallel(loop.parts, [&](int part) { run_part(loop, part); });
}

namespace {

struct failing_condition {
  std::string message;
  value_type type;
};

void run_requirement(const kernels::step& s) {
  const auto& r = *static_cast<const failing_condition*>(s.side);
  const auto check = [&](const auto* x) {
    for (std::int64_t i = 0; i < r.type.shape.elements(); ++i) {
      if (x[i] == 0) throw value_error(fmt::format("require: {} (element {})", r.message, i));
    }
  };
  if (r.type.dtype == float32) check(static_cast<const float*>(s.a));
  else if (r.type.dtype == float64) check(static_cast<const double*>(s.a));
  else check(static_cast<const std::int64_t*>(s.a));
}

}  // namespace

void lower_requirement(kernels::step& s, side_store& sides, const std::string& message,
                       const value_type& type) {
  s.run = &run_requirement;
  s.side = sides.keep(failing_condition{message, type});
}

}  // namespace cotape

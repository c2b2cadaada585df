// Steps that the program itself brings: fused loops and requirements.
#include <fmt/format.h>

#include <algorithm>

#include "program/emit.hpp"

namespace cotape {

void run_loop(const kernels::step& s) {
  const auto& loop = *static_cast<const loop_body*>(s.side);
  const auto move = [](const void* p, std::size_t bytes) {
    return static_cast<const std::byte*>(p) + bytes;
  };
  for (std::uint32_t base = 0, t = 0; base < loop.size; base += kernels::tile, ++t) {
    const std::uint32_t n = std::min(kernels::tile, loop.size - base);
    for (const loop_step& l : loop.steps) {
      kernels::step now = l.what;
      now.d = static_cast<std::byte*>(now.d) + std::size_t{t} * l.advance[0];
      now.a = move(now.a, std::size_t{t} * l.advance[1]);
      now.b = move(now.b, std::size_t{t} * l.advance[2]);
      now.c = move(now.c, std::size_t{t} * l.advance[3]);
      now.n = n;
      now.base = base;
      now.run(now);
    }
  }
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

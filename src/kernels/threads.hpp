// Work split over threads.
#pragma once

#include <algorithm>
#include <cstdint>

#include "cotape/threads.hpp"

namespace cotape::kernels {

// In how many parts to split some work, each to be at least so much.
inline int parts_of(std::int64_t work, std::int64_t least_share) {
  return static_cast<int>(std::clamp<std::int64_t>(work / least_share, 1, num_threads()));
}

// Calls f(data, part) once for each part from 0 to parts - 1, on as many threads as there are
// free, and returns when all are done. What one of them throws is thrown here.
void run_parts(int parts, void (*f)(const void* data, int part), const void* data);

template <class F> void parallel(int parts, const F& f) {
  run_parts(
      parts, [](const void* data, int part) { (*static_cast<const F*>(data))(part); }, &f);
}

// Calls f(unit, part) for all units of work, in order within a part, on as many
// threads as parts.
template <class F> void for_units(std::int64_t units, int parts, const F& f) {
  const auto run = [&](int part) {
    const std::int64_t end = units * (part + 1) / parts;
    for (std::int64_t u = units * part / parts; u < end; ++u) f(u, part);
  };
  if (parts == 1) run(0);
  else parallel(parts, run);
}

}  // namespace cotape::kernels

// Which instruction sets this processor runs, and which one kernels are chosen from: the only place
// that asks. The choice is made once for the process.
#include <cstdlib>
#include <string>

#include "cotape/error.hpp"
#include "kernels/kernels.hpp"

namespace cotape::kernels {

bool runs([[maybe_unused]] isa i) {
#if defined(__x86_64__) && !defined(COTAPE_ONLY_BASELINE)
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  if (i == isa::avx2) return avx2;
  if (i == isa::avx512) {
    return avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("avx512cd");
  }
#endif
  return i == isa::baseline;
}

isa best_isa() {
  static const isa best = runs(isa::avx512) ? isa::avx512
                          : runs(isa::avx2) ? isa::avx2
                                            : isa::baseline;
  return best;
}

isa isa_named(std::string_view name, isa best) {
  std::string names;
  for (isa i : {isa::baseline, isa::avx2, isa::avx512}) {
    if (i > best) break;
    if (name == name_of(i)) return i;
    names += (names.empty() ? "" : ", ") + std::string(name_of(i));
  }
  throw value_error("COTAPE_ISA: this processor runs no kernels called \"" + std::string(name) +
                    "\": name one of " + names + ", or unset it");
}

isa chosen_isa() {
  static const isa chosen = [] {
    const char* name = std::getenv("COTAPE_ISA");
    return name == nullptr || *name == 0 ? best_isa() : isa_named(name, best_isa());
  }();
  return chosen;
}

std::size_t vector_bytes(isa i) { return std::size_t{16} << static_cast<unsigned>(i); }

const char* name_of(isa i) {
  if (i == isa::avx512) return "avx512";
  return i == isa::avx2 ? "avx2" : "baseline";
}

}  // namespace cotape::kernels

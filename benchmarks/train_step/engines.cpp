// The list of engines; the peers are those that were found when this was built.
#include "engine.hpp"

namespace bench {

const std::vector<engine>& all_engines() {
  static const std::vector<engine> engines{
      {.name = "gemm", .make = &make_gemm, .checked = false},
      {.name = "hand", .make = &make_hand},
      {.name = "cotape", .make = &make_cotape},
#ifdef BENCH_TORCH
      {.name = "torch", .make = &make_torch, .peer = true},
#endif
#ifdef BENCH_DLIB
      {.name = "dlib", .make = &make_dlib, .peer = true, .variant = &dlib_variant},
#endif
#ifdef BENCH_FANN
      {.name = "fann",
       .make = &make_fann,
       .peer = true,
       .note = "fann: its own loss, squared instead of cross-entropy",
       .variant = &fann_variant},
#endif
#ifdef BENCH_ADOLC
      {.name = "adolc", .make = &make_adolc, .peer = true, .note = "adolc: in double"},
#endif
  };
  return engines;
}

}  // namespace bench

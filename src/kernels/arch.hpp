// The tags of the instruction sets that kernels are compiled for, and the choice among them. A file
// in an isa/ folder defines templates on a tag and instantiates them for its own one, COTAPE_ISA;
// ordinary files pick an instance with `for_isa`. Off x86-64, and with COTAPE_ONLY_BASELINE, only
// the baseline is built.
#pragma once

#include "kernels/kernels.hpp"

// Above functions of vectors, whose callees then have no names of their own: constants stay in
// registers. Sanitizers, under which that takes minutes a file, do without.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define COTAPE_FLATTEN
#else
#define COTAPE_FLATTEN [[gnu::flatten]]
#endif

namespace cotape::kernels {

namespace arch {
struct baseline;  // SSE2 on x86-64
struct avx2;      // AVX2 and FMA
struct avx512;    // AVX-512 F, BW, DQ, VL, CD
}  // namespace arch

// for_isa(i, []<class Arch>() { return sum_kernel<Arch>(float32); }): the call for the tag of i.
template <class Choose> auto for_isa([[maybe_unused]] isa i, Choose choose) {
#if defined(__x86_64__) && !defined(COTAPE_ONLY_BASELINE)
  if (i == isa::avx512) return choose.template operator()<arch::avx512>();
  if (i == isa::avx2) return choose.template operator()<arch::avx2>();
#endif
  return choose.template operator()<arch::baseline>();
}

}  // namespace cotape::kernels

// For files compiled once per instruction set (-DCOTAPE_ISA=...): the set in hand, as a tag and as
// xsimd's batch. xsimd's namespace is renamed per set on the command line (-Dxsimd=xsimd_avx2), so
// none of its inline functions can be linked for another set's. Such a file may emit nothing weak
// that does not carry the tag in its name: helpers live in anonymous namespaces, no std:: calls.
#pragma once

// g++ 12 warns of its own AVX-512 intrinsics wherever they are inlined (its bug 105593).
#if defined(__AVX512F__) && defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

#include <cstddef>
#include <cstdint>
#include <xsimd/config/xsimd_arch.hpp>

#if defined(__AVX512F__)
// xsimd 8 has no multiply-add for AVX-512 and rounds twice instead; declared before its general
// one, these are taken, in its own functions too.
namespace xsimd {
template <class T, class A> class batch;
namespace kernel {
template <class A>
batch<float, A> fma(const batch<float, A>& x, const batch<float, A>& y, const batch<float, A>& z,
                    requires_arch<avx512f>) noexcept {
  return _mm512_fmadd_ps(x, y, z);
}
template <class A>
batch<double, A> fma(const batch<double, A>& x, const batch<double, A>& y,
                     const batch<double, A>& z, requires_arch<avx512f>) noexcept {
  return _mm512_fmadd_pd(x, y, z);
}
template <class A>
batch<float, A> fnma(const batch<float, A>& x, const batch<float, A>& y, const batch<float, A>& z,
                     requires_arch<avx512f>) noexcept {
  return _mm512_fnmadd_ps(x, y, z);
}
template <class A>
batch<double, A> fnma(const batch<double, A>& x, const batch<double, A>& y,
                      const batch<double, A>& z, requires_arch<avx512f>) noexcept {
  return _mm512_fnmadd_pd(x, y, z);
}
template <class A>
batch<float, A> fms(const batch<float, A>& x, const batch<float, A>& y, const batch<float, A>& z,
                    requires_arch<avx512f>) noexcept {
  return _mm512_fmsub_ps(x, y, z);
}
template <class A>
batch<double, A> fms(const batch<double, A>& x, const batch<double, A>& y,
                     const batch<double, A>& z, requires_arch<avx512f>) noexcept {
  return _mm512_fmsub_pd(x, y, z);
}
}  // namespace kernel
}  // namespace xsimd
#endif

#include <xsimd/xsimd.hpp>

#include "kernels/arch.hpp"

#ifndef COTAPE_ISA
#error "compile this file once per instruction set, with -DCOTAPE_ISA=baseline, avx2 or avx512"
#endif

namespace cotape::kernels {
namespace {

using current = arch::COTAPE_ISA;

template <class Tag> struct xsimd_arch {
#if defined(__x86_64__)
  using type = xsimd::sse2;
#else
  using type = xsimd::default_arch;
#endif
};
#if defined(__AVX2__)
template <> struct xsimd_arch<arch::avx2> { using type = xsimd::fma3<xsimd::avx2>; };
#endif
#if defined(__AVX512BW__)
template <> struct xsimd_arch<arch::avx512> { using type = xsimd::avx512bw; };
#endif

template <class T> using batch = xsimd::batch<T, typename xsimd_arch<current>::type>;

}  // namespace
}  // namespace cotape::kernels

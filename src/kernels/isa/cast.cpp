// Conversions between float32, float64 and int64. Plain loops, which the compiler vectorises.
#include "kernels/isa/batch.hpp"
#include "kernels/isa/entries.hpp"

namespace cotape::kernels {
namespace {

template <class From, class To> void cast_run(const step& s) {
  const auto* __restrict a = static_cast<const From*>(s.a);
  auto* __restrict d = static_cast<To*>(s.d);
  const std::uint32_t n = s.n;
  for (std::uint32_t i = 0; i < n; ++i) d[i] = static_cast<To>(a[i]);
}

// Toward zero; NaN and what does not fit become the least int64, as the processor has it.
template <class From> void to_int64(const step& s) {
  const auto* __restrict a = static_cast<const From*>(s.a);
  auto* __restrict d = static_cast<std::int64_t*>(s.d);
  const std::uint32_t n = s.n;
  for (std::uint32_t i = 0; i < n; ++i) {
    const bool fits = a[i] >= From(-0x1p63) && a[i] < From(0x1p63);
    d[i] = fits ? static_cast<std::int64_t>(a[i]) : INT64_MIN;
  }
}

}  // namespace

template <> kernel cast_kernel<current>(dtype from, dtype to) {
  if (to == int64) return from == float32 ? &to_int64<float> : &to_int64<double>;
  if (from == int64) {
    return to == float32 ? &cast_run<std::int64_t, float> : &cast_run<std::int64_t, double>;
  }
  return to == float64 ? &cast_run<float, double> : &cast_run<double, float>;
}

}  // namespace cotape::kernels

// Reductions: the choice of instruction set, the scratch they need, and the whole-tensor kernels
// argmax and cumsum.
#include "cotape/error.hpp"
#include "kernels/arch.hpp"
#include "kernels/isa/entries.hpp"

namespace cotape::kernels {
namespace {

// Partial sums in the scratch buffer: a double for floats, a compensated pair for doubles.
std::size_t sum_scratch(const reduction& g, dtype type) {
  const std::size_t one = type == float32 ? sizeof(double) : 2 * sizeof(double);
  if (g.inner == 1) return g.outer * g.reduced <= tile ? 0 : one;
  return g.reduced <= fold_rows ? 0 : one * static_cast<std::size_t>(g.inner);
}

std::size_t max_scratch(const reduction& g, dtype type) {
  return g.inner == 1 && g.outer * g.reduced > tile ? size_of(type) : 0;
}

std::size_t norm_scratch(const reduction& g, dtype type) {
  const std::size_t one = type == float32 ? sizeof(double) : 3 * sizeof(double);
  if (g.inner == 1) return g.outer * g.reduced <= tile ? 0 : one;
  return one * static_cast<std::size_t>(g.inner);
}

void need_float(const char* name, dtype type) {
  if (type == int64) throw dtype_error(std::string(name) + ": no kernel for int64");
}

template <class T> bool larger(T x, T than) { return x > than || (x != x && than == than); }

template <class T> void argmax_run(const step& s) {
  const auto& g = *static_cast<const reduction*>(s.side);
  const auto* a = static_cast<const T*>(s.a);
  auto* d = static_cast<std::int64_t*>(s.d);
  for (std::int64_t o = 0; o < g.outer; ++o, a += g.reduced * g.inner, d += g.inner) {
    if (g.inner == 1) {
      std::int64_t best = 0;
      for (std::int64_t r = 1; r < g.reduced; ++r) {
        if (larger(a[r], a[best])) best = r;
      }
      *d = best;
      continue;
    }
    for (std::int64_t k = 0; k < g.inner; ++k) d[k] = 0;
    for (std::int64_t r = 1; r < g.reduced; ++r) {
      for (std::int64_t k = 0; k < g.inner; ++k) {
        if (larger(a[r * g.inner + k], a[d[k] * g.inner + k])) d[k] = r;
      }
    }
  }
}

// Sums up to each element, as doubles, for 64 columns at a time.
template <class T, bool Reverse> void cumsum_run(const step& s) {
  constexpr std::int64_t block = 64;
  const auto& g = *static_cast<const reduction*>(s.side);
  for (std::int64_t o = 0; o < g.outer; ++o) {
    for (std::int64_t k = 0; k < g.inner; k += block) {
      const std::int64_t width = g.inner - k < block ? g.inner - k : block;
      double sum[block] = {};
      for (std::int64_t i = 0; i < g.reduced; ++i) {
        const std::int64_t r = Reverse ? g.reduced - 1 - i : i;
        const std::int64_t at = (o * g.reduced + r) * g.inner + k;
        const auto* a = static_cast<const T*>(s.a) + at;
        auto* d = static_cast<T*>(s.d) + at;
        for (std::int64_t j = 0; j < width; ++j) {
          sum[j] += static_cast<double>(a[j]);
          d[j] = static_cast<T>(sum[j]);
        }
      }
    }
  }
}

}  // namespace

reducer sum(dtype type, isa i) {
  need_float("sum", type);
  return {for_isa(i, [=]<class Arch>() { return sum_kernel<Arch>(type); }), &sum_scratch};
}

reducer max(dtype type, isa i) {
  need_float("max", type);
  return {for_isa(i, [=]<class Arch>() { return max_kernel<Arch>(type); }), &max_scratch};
}

reducer norm(dtype type, isa i) {
  need_float("norm", type);
  return {for_isa(i, [=]<class Arch>() { return norm_kernel<Arch>(type); }), &norm_scratch};
}

kernel argmax(dtype type) {
  need_float("argmax", type);
  return type == float32 ? &argmax_run<float> : &argmax_run<double>;
}

kernel cumsum(dtype type, bool reverse) {
  need_float("cumsum", type);
  if (type == float32) return reverse ? &cumsum_run<float, true> : &cumsum_run<float, false>;
  return reverse ? &cumsum_run<double, true> : &cumsum_run<double, false>;
}

}  // namespace cotape::kernels

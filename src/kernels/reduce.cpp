// Reductions: the choice of instruction set, the scratch they need, and the whole-tensor kernels
// argmax and cumsum.
#include "cotape/error.hpp"
#include "kernels/arch.hpp"
#include "kernels/isa/entries.hpp"
#include "kernels/threads.hpp"

namespace cotape::kernels {
namespace {

// Scratch for calls part by part, and for the totals of blocks in a call for everything. `piece`
// and `total` are the sizes of the sums of a piece and of a block; a column's piece may be summed
// in its result (0).
std::size_t scratch_of(const reduction& g, std::size_t element, std::size_t piece,
                       std::size_t total) {
  const auto outer = static_cast<std::size_t>(g.outer), inner = static_cast<std::size_t>(g.inner);
  if (g.outer * g.reduced * g.inner <= least_parts) return 0;
  const auto blocks = [&](std::int64_t size) {
    const auto n = static_cast<std::size_t>((g.reduced + size - 1) / size);
    return n > 1 ? outer * n * inner * total : 0;
  };
  if (g.inner == 1) {
    return std::max(piece_elements * element + 2 * total, blocks(block_elements));
  }
  const std::size_t totals = (g.reduced > piece_rows) + (g.reduced > block_rows);
  return std::max(inner * (piece + totals * total), blocks(block_rows));
}

std::size_t sum_scratch(const reduction& g, dtype type) {
  return scratch_of(g, size_of(type), 0, type == float32 ? sizeof(double) : 2 * sizeof(double));
}

std::size_t max_scratch(const reduction& g, dtype type) {
  return scratch_of(g, size_of(type), 0, size_of(type));
}

std::size_t norm_piece(dtype type) { return type == float32 ? sizeof(double) : 3 * sizeof(double); }

std::size_t norm_scratch(const reduction& g, dtype type) {
  const std::size_t one = norm_piece(type);
  return scratch_of(g, size_of(type), one, one);
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

int reduction_parts(std::int64_t bytes) { return parts_of(bytes, std::int64_t{1} << 21); }

reducer sum(dtype type, isa i) {
  need_float("sum", type);
  return {for_isa(i, [=]<class Arch>() { return sum_kernel<Arch>(type); }), &sum_scratch,
          size_of(type)};
}

reducer max(dtype type, isa i) {
  need_float("max", type);
  return {for_isa(i, [=]<class Arch>() { return max_kernel<Arch>(type); }), &max_scratch,
          size_of(type)};
}

reducer norm(dtype type, isa i) {
  need_float("norm", type);
  return {for_isa(i, [=]<class Arch>() { return norm_kernel<Arch>(type); }), &norm_scratch,
          norm_piece(type)};
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

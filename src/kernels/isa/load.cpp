// What broadcasts are made of: a row repeated, and each element of a column repeated. Nothing is
// read or written beyond what is asked for.
#include "kernels/isa/batch.hpp"
#include "kernels/isa/entries.hpp"

namespace cotape::kernels {
namespace {

using words = batch<std::uint32_t>;
constexpr auto lanes = static_cast<std::int64_t>(words::size);

template <class W> constexpr std::int64_t width = sizeof(words) / sizeof(W);

#if defined(__AVX2__)
alignas(64) constexpr std::uint32_t numbers[] = {0, 1, 2,  3,  4,  5,  6,  7,
                                                 8, 9, 10, 11, 12, 13, 14, 15};

// The first n < lanes words. Named by the instruction set, as all that stands on other lines for
// another set: coverage tools merge functions of one name.
template <class Arch> struct first_words {
#if defined(__AVX512F__)
  explicit first_words(std::int64_t n) : mask(static_cast<__mmask16>((1U << n) - 1)) {}
  words load(const word4* a) const { return _mm512_maskz_loadu_epi32(mask, a); }
  void store(word4* d, words w) const { _mm512_mask_storeu_epi32(d, mask, w); }
  __mmask16 mask;
#else
  explicit first_words(std::int64_t n)
      : mask(_mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(n)),
                                words::load_aligned(numbers))) {}
  words load(const word4* a) const {
    return _mm256_maskload_epi32(reinterpret_cast<const int*>(a), mask);
  }
  void store(word4* d, words w) const {
    _mm256_maskstore_epi32(reinterpret_cast<int*>(d), mask, w);
  }
  __m256i mask;
#endif
};

// Word i comes from place index[i].
words permuted(words w, words index) {
#if defined(__AVX512F__)
  return _mm512_permutexvar_epi32(index, w);
#else
  return _mm256_permutevar8x32_epi32(w, index);
#endif
}

// A row that is shorter than a vector: word i of the result is the row's word (at + i) mod size.
template <class Arch>
void repeat_short(word4* d, const word4* row, std::int64_t size, std::int64_t at, std::int64_t n) {
  const auto period = static_cast<std::uint32_t>(size);
  const words source = first_words<current>(size).load(row);
  words next = words::load_aligned(numbers) + words(static_cast<std::uint32_t>(at));
  next -= ((next * words((1U << 16) / period + 1)) >> 16) * words(period);  // mod size
  const words step(static_cast<std::uint32_t>(lanes) % period);
  std::int64_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    const words w = permuted(source, next);
    __builtin_memcpy(d + i, &w, sizeof w);
    next += step;
    next = xsimd::min(next, next - words(period));  // below 0 is above all
  }
  if (i < n) first_words<current>(n - i).store(d + i, permuted(source, next));
}
#else
// The same: three vectors of 2 or 4 words are whole rows.
template <class Arch>
void repeat_short(word4* d, const word4* row, std::int64_t size, std::int64_t at, std::int64_t n) {
  word4 rows[3 * lanes];
  for (word4& w : rows) {
    w = row[at];
    if (++at == size) at = 0;
  }
  for (; n >= 3 * lanes; n -= 3 * lanes, d += 3 * lanes) __builtin_memcpy(d, rows, sizeof rows);
  for (std::int64_t i = 0; i < n; ++i) d[i] = rows[i];
}
#endif

// Copies n < lanes words.
void copy_first(word4* d, const word4* a, std::int64_t n) {
#if defined(__AVX2__)
  const first_words<current> first(n);
  first.store(d, first.load(a));
#else
  for (std::int64_t i = 0; i < n; ++i) d[i] = a[i];
#endif
}

void copy_words(word4* d, const word4* a, std::int64_t n) {
  if (n < lanes) return copy_first(d, a, n);
  std::int64_t i = 0;
  for (; i + 2 * lanes <= n; i += 2 * lanes) {
    __builtin_memcpy(d + i, a + i, sizeof(words));
    __builtin_memcpy(d + i + lanes, a + i + lanes, sizeof(words));
  }
  if (i + lanes <= n) __builtin_memcpy(d + i, a + i, sizeof(words));
  __builtin_memcpy(d + n - lanes, a + n - lanes, sizeof(words));
}

// Stores `bytes` of the vector for each row, which is not longer; they reach into the next row,
// which comes later.
template <std::size_t Bytes, class W>
void spread_short(W* d, const W* a, std::int64_t stride, std::int64_t size, std::int64_t at,
                  std::int64_t n) {
  constexpr std::int64_t most = Bytes / sizeof(W);
  const W* end = d + n;
  for (std::int64_t length = size - at; d < end; d += length, length = size, a += stride) {
    if (end - d < most) {
      for (std::int64_t i = 0; i < length && d + i < end; ++i) d[i] = *a;
      continue;
    }
    const batch<decltype(W::bits)> value(a->bits);
    __builtin_memcpy(d, &value, Bytes);
  }
}

template <class W> void fill_long(W* d, W w, std::int64_t n) {
  const batch<decltype(W::bits)> value(w.bits);
  std::int64_t i = 0;
  for (; i + 2 * width<W> <= n; i += 2 * width<W>) {
    __builtin_memcpy(d + i, &value, sizeof value);
    __builtin_memcpy(d + i + width<W>, &value, sizeof value);
  }
  if (i + width<W> <= n) __builtin_memcpy(d + i, &value, sizeof value);
  __builtin_memcpy(d + n - width<W>, &value, sizeof value);
}

template <class W>
void spread(W* d, const W* a, std::int64_t stride, std::int64_t size, std::int64_t at,
            std::int64_t n) {
  const std::size_t bytes = static_cast<std::size_t>(size) * sizeof(W);
  if (bytes <= 16) return spread_short<16>(d, a, stride, size, at, n);
  if constexpr (sizeof(words) > 16) {
    if (bytes <= 32) return spread_short<32>(d, a, stride, size, at, n);
  }
  if constexpr (sizeof(words) > 32) {
    if (bytes <= 64) return spread_short<64>(d, a, stride, size, at, n);
  }
  for (std::int64_t length = size - at; n > 0; d += length, length = size, a += stride) {
    if (length > n) length = n;
    n -= length;
    if (length >= width<W>) {
      fill_long(d, *a, length);
    } else {
      for (std::int64_t i = 0; i < length; ++i) d[i] = *a;
    }
  }
}

}  // namespace

template <>
void repeat_row<current>(word4* d, const word4* row, std::int64_t size, std::int64_t at,
                         std::int64_t n) {
  if (size < lanes && size < n) return repeat_short<current>(d, row, size, at, n);
  for (std::int64_t length; n > 0; n -= length, d += length, at = 0) {
    length = size - at < n ? size - at : n;
    copy_words(d, row + at, length);
  }
}

template <>
void spread_column<current>(word4* d, const word4* a, std::int64_t stride, std::int64_t size,
                            std::int64_t at, std::int64_t n) {
  spread(d, a, stride, size, at, n);
}
template <>
void spread_column<current>(word8* d, const word8* a, std::int64_t stride, std::int64_t size,
                            std::int64_t at, std::int64_t n) {
  spread(d, a, stride, size, at, n);
}

}  // namespace cotape::kernels

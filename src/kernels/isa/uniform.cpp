// Uniform random numbers by Philox4x32-10, a batch of blocks at a time. 64-bit lanes hold the
// 32-bit words, because the processor multiplies 32 by 32 bits in those; upper halves are garbage
// until the end. Lane j holds block j/2 or, if j is odd, the one half a batch further on, so that
// interleaving the words at the end brings the blocks into order.
#include "kernels/isa/batch.hpp"
#include "kernels/isa/entries.hpp"

namespace cotape::kernels {
namespace {

using words = batch<std::uint64_t>;
constexpr std::size_t blocks = words::size;

// The full product of the low halves.
words multiply(words x, std::uint32_t by) {
#if defined(__AVX512F__)
  return _mm512_mul_epu32(x, words(std::uint64_t{by}));
#elif defined(__AVX2__)
  return _mm256_mul_epu32(x, words(std::uint64_t{by}));
#elif defined(__SSE2__)
  return _mm_mul_epu32(x, words(std::uint64_t{by}));
#else
  return (x & words(0xffffffffU)) * words(std::uint64_t{by});
#endif
}

// Lanes 0, 2, 4 ... of both, then lanes 1, 3, 5 ... of both, as consecutive words.
template <class V> void store_interleaved(V x, V y, std::uint32_t* out) {
  V first, second;
  if constexpr (sizeof(V) == 16) {
    first = __builtin_shufflevector(x, y, 0, 2);
    second = __builtin_shufflevector(x, y, 1, 3);
  } else if constexpr (sizeof(V) == 32) {
    first = __builtin_shufflevector(x, y, 0, 4, 2, 6);
    second = __builtin_shufflevector(x, y, 1, 5, 3, 7);
  } else {
    first = __builtin_shufflevector(x, y, 0, 8, 2, 10, 4, 12, 6, 14);
    second = __builtin_shufflevector(x, y, 1, 9, 3, 11, 5, 13, 7, 15);
  }
  __builtin_memcpy(out, &first, sizeof first);
  __builtin_memcpy(out + 2 * blocks, &second, sizeof second);
}

// Two batches at a time: the rounds of one fill the waiting times of the other.
constexpr std::size_t group = 2 * blocks;

// The words of `group` blocks from `first` on.
void generate(const philox_key& key, std::uint64_t counter, std::uint64_t first,
              std::uint32_t* out) {
  static constexpr std::uint64_t order[] = {0, blocks / 2,     1, blocks / 2 + 1,
                                            2, blocks / 2 + 2, 3, blocks / 2 + 3};
  words c0[2], c1[2], c2[2], c3[2];
  for (std::size_t i = 0; i < 2; ++i) {
    c0[i] = words::load_unaligned(order) + words(first + i * blocks);
    c1[i] = words(key.stream & 0xffffffffU);
    c2[i] = words(counter & 0xffffffffU);
    c3[i] = words(counter >> 32);
  }
  words k0(key.seed & 0xffffffffU), k1((key.seed ^ key.stream) >> 32);
  for (int round = 0; round < 10; ++round) {
    for (std::size_t i = 0; i < 2; ++i) {
      const words p0 = multiply(c0[i], 0xD2511F53U), p1 = multiply(c2[i], 0xCD9E8D57U);
      c0[i] = (p1 >> 32) ^ c1[i] ^ k0;
      c2[i] = (p0 >> 32) ^ c3[i] ^ k1;
      c1[i] = p1;
      c3[i] = p0;
    }
    k0 += words(std::uint64_t{0x9E3779B9U});
    k1 += words(std::uint64_t{0xBB67AE85U});
  }
  const words low(std::uint64_t{0xffffffffU});
  for (std::size_t i = 0; i < 2; ++i) {
    const words even = (c0[i] & low) | (c1[i] << 32), odd = (c2[i] & low) | (c3[i] << 32);
    store_interleaved(even.data, odd.data, out + i * 4 * blocks);
  }
}

// 24 bits of each word.
void to_uniform(const std::uint32_t* bits, float* d) {
  for (std::size_t i = 0; i < 4 * group; ++i) {
    d[i] = static_cast<float>(static_cast<std::int32_t>(bits[i] >> 8)) * 0x1p-24F;
  }
}

// 53 bits of each pair of words. Without 64-bit conversions: the upper and lower 32 of them as the
// last bits of 2^84 and 2^52.
void to_uniform(const std::uint32_t* bits, double* d) {
  for (std::size_t i = 0; i < 2 * group; ++i) {
    std::uint64_t x;
    __builtin_memcpy(&x, bits + 2 * i, sizeof x);
    x >>= 11;
    const std::uint64_t upper = (x >> 32) | 0x4530000000000000U;
    const std::uint64_t lower = (x & 0xffffffffU) | 0x4330000000000000U;
    double u, l;
    __builtin_memcpy(&u, &upper, sizeof u);
    __builtin_memcpy(&l, &lower, sizeof l);
    d[i] = ((u - (0x1p84 + 0x1p52)) + l) * 0x1p-53;
  }
}

template <class T> void uniform_run(const step& s) {
  constexpr std::size_t per_block = 16 / sizeof(T), chunk = per_block * group;
  const auto& key = *static_cast<const philox_key*>(s.side);
  std::uint64_t counter;
  __builtin_memcpy(&counter, s.a, sizeof counter);
  auto* d = static_cast<T*>(s.d);
  std::uint64_t first = s.base / per_block;
  alignas(64) std::uint32_t bits[4 * group];
  std::size_t left = s.n;
  for (; left >= chunk; left -= chunk, d += chunk, first += group) {
    generate(key, counter, first, bits);
    to_uniform(bits, d);
  }
  if (left == 0) return;
  alignas(64) T last[chunk];
  generate(key, counter, first, bits);
  to_uniform(bits, last);
  __builtin_memcpy(d, last, left * sizeof(T));
}

}  // namespace

template <> kernel uniform_kernel<current>(dtype type) {
  return type == float32 ? &uniform_run<float> : &uniform_run<double>;
}

}  // namespace cotape::kernels

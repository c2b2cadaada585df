// Random numbers: Philox against the published vectors of Random123 1.09 (kat_vectors), batches
// against the block function, and the numbers' range and moments.
#include <cmath>

#include "cotape/error.hpp"
#include "kernels/buffers.hpp"

namespace cotape::kernels::testing {
namespace {

using block = std::array<std::uint32_t, 4>;

TEST(Philox, MatchesThePublishedVectors) {
  EXPECT_EQ(philox({0, 0, 0, 0}, {0, 0}), (block{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  constexpr std::uint32_t ones = 0xffffffff;
  EXPECT_EQ(philox({ones, ones, ones, ones}, {ones, ones}),
            (block{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(philox({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
            (block{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

block block_of(const philox_key& key, std::int64_t counter, std::size_t index) {
  const auto c = static_cast<std::uint64_t>(counter);
  return philox({static_cast<std::uint32_t>(index), static_cast<std::uint32_t>(key.stream),
                 static_cast<std::uint32_t>(c), static_cast<std::uint32_t>(c >> 32)},
                {static_cast<std::uint32_t>(key.seed),
                 static_cast<std::uint32_t>((key.seed ^ key.stream) >> 32)});
}

float expected_at(const philox_key& key, std::int64_t counter, std::size_t i, float) {
  return static_cast<float>(block_of(key, counter, i / 4)[i % 4] >> 8) * 0x1p-24F;
}

double expected_at(const philox_key& key, std::int64_t counter, std::size_t i, double) {
  const block b = block_of(key, counter, i / 2);
  const std::uint64_t bits = b[i % 2 * 2] | std::uint64_t{b[i % 2 * 2 + 1]} << 32;
  return static_cast<double>(bits >> 11) * 0x1p-53;
}

template <class T>
buffer<T> numbers(isa i, const philox_key& key, std::int64_t counter, std::size_t n,
                  std::size_t base = 0) {
  const buffer<T> d(n);
  const buffer<std::int64_t> count{counter};
  step s =
      make_step(uniform(dtype_of<T>::value, i), d.data(), count.data(), nullptr, nullptr, n, &key);
  s.base = static_cast<std::uint32_t>(base);
  s.run(s);
  return buffer<T>(std::move(const_cast<buffer<T>&>(d)));
}

template <class T> class Uniform : public ::testing::Test {};
using element_types = ::testing::Types<float, double>;
TYPED_TEST_SUITE(Uniform, element_types);

TYPED_TEST(Uniform, EveryNumberDependsOnKeyCounterAndIndexAlone) {
  using T = TypeParam;
  const philox_key keys[] = {{0, 0}, {1, 2}, {0x123456789abcdef0, 0xfedcba9876543210}};
  for (isa i : usable_sets()) {
    for (const philox_key& key : keys) {
      for (std::int64_t counter : {std::int64_t{0}, std::int64_t{7}, std::int64_t{0x1234567890}}) {
        for (std::size_t n :
             {0UL, 1UL, 2UL, 3UL, 15UL, 16UL, 17UL, 63UL, 64UL, 65UL, 512UL, 700UL}) {
          for (std::size_t base : {0UL, 512UL, 5UL * 512UL}) {
            const auto d = numbers<T>(i, key, counter, n, base);
            for (std::size_t k = 0; k < n; ++k) {
              ASSERT_EQ(d[k], expected_at(key, counter, base + k, T())) << name_of(i) << " " << k;
            }
          }
        }
      }
    }
  }
}

TYPED_TEST(Uniform, NumbersFillTheUnitIntervalEvenly) {
  using T = TypeParam;
  constexpr std::size_t n = 100000;
  const auto d = numbers<T>(best_isa(), {42, 3}, 0, n);
  double sum = 0, squares = 0;
  for (T x : d) {
    ASSERT_TRUE(x >= 0 && x < 1);
    sum += static_cast<double>(x);
    squares += static_cast<double>(x) * static_cast<double>(x);
  }
  EXPECT_NEAR(sum / n, 0.5, 4 * std::sqrt(1.0 / 12 / n));
  EXPECT_NEAR(squares / n, 1.0 / 3, 4 * std::sqrt(4.0 / 45 / n));
}

TEST(UniformInt64, HasNoKernel) { EXPECT_THROW(uniform(int64), dtype_error); }

}  // namespace
}  // namespace cotape::kernels::testing

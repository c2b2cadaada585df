// Powers by whole vectors of one exponent, by vectors of several, and by single numbers.
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>

#include "cotape/cotape.hpp"
#include "sanitized.hpp"

namespace cotape {
namespace {

template <class T> using word = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;

template <class T> std::vector<T> bases() {
  using limits = std::numeric_limits<T>;
  std::vector<T> x{
      0, -T(0), 1, -1, T(1.1), T(-1.1), 3, T(-0.3), limits::min(), limits::denorm_min()};
  for (const T large : {limits::max(), limits::infinity(), std::sqrt(limits::max())}) {
    for (const T y : {large, -large, 1 / large}) x.push_back(y);
  }
  x.push_back(limits::quiet_NaN());
  return x;
}

template <class T> std::vector<T> exponents() {
  return {0, 1, 2, 3, 10, 63, 64, 65, -1, -2, -3, -64, T(0.5), T(-1.5), INFINITY, NAN};
}

template <class T> void expect_same_bits(T a, T b, T x, T n) {
  if (std::isnan(a) && std::isnan(b)) return;
  EXPECT_EQ(std::bit_cast<word<T>>(a), std::bit_cast<word<T>>(b)) << x << " to the power " << n;
}

// Every base to every exponent: of a vector with one exponent, of one with all, of numbers.
template <class T> void expect_alike() {
  constexpr dtype d = dtype_of<T>::value;
  const std::vector<T> x = bases<T>(), n = exponents<T>();
  const auto count = static_cast<std::int64_t>(n.size());
  tape t;
  const variable exponent = t.input(d, {count});
  std::vector<variable> inputs{exponent}, outputs;
  std::vector<array_view> given{{{d, {count}}, n.data()}};
  for (const T& each : x) {
    inputs.push_back(t.input(d, {}));
    given.push_back({{d, {}}, &each});
    const variable all = broadcast_to(inputs.back(), {count});
    outputs.push_back(power(all, exponent));
    for (const T each_n : n) {
      outputs.push_back(power(all, double{each_n}));
      outputs.push_back(power(inputs.back(), double{each_n}));
    }
  }
  program code(t, inputs, outputs);
  code.run(given);
  std::size_t at = 0;
  for (const T each : x) {
    const auto mixed = code.output(at++).template value<T>();
    for (std::size_t k = 0; k < n.size(); ++k, at += 2) {
      const auto same = code.output(at).template value<T>();
      for (const T y : same) expect_same_bits(y, mixed(k), each, n[k]);
      expect_same_bits(code.output(at + 1).template value<T>()(), mixed(k), each, n[k]);
    }
  }
}

TEST(Power, HasTheSameBitsInVectorsAndAsANumber) {
  expect_alike<float>();
  expect_alike<double>();
}

// Each instruction calls the next in place of returning.
TEST(Power, StandsInLongRunsOfNumbers) {
  tape t;
  const variable x = t.input(float64, {});
  variable y = x;
  for (int i = 0; i < (tests::sanitized ? 5000 : 300000); ++i)
    y = power(y, i % 2 == 0 ? 3 : 0.5) * 0.5 + 0.25;
  EXPECT_TRUE(std::isfinite(y.value<double>({{x, 0.5}})()));
}

}  // namespace
}  // namespace cotape

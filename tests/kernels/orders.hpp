// The one order of summation, as plain loops: what every reduction gives, bit for bit, on every
// instruction set and at any number of threads.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <vector>

#include "kernels/kernels.hpp"
#include "kernels/totals.hpp"

namespace cotape::kernels::testing {

// Lanes are combined in halves, until one number is left.
template <class T, std::size_t Lanes, class F> T halves(std::array<T, Lanes> v, F f) {
  for (std::size_t half = Lanes / 2; half > 0; half /= 2) {
    for (std::size_t i = 0; i < half; ++i) v[i] = f(v[i], v[i + half]);
  }
  return v[0];
}

// At most 128 elements, in lines of 64 bytes: as long as there are four lines, into four
// accumulators, which are then combined; the other lines into the first.
template <class T, class F> T combined(const T* a, std::int64_t n, T neutral, F f) {
  constexpr std::int64_t lanes = 64 / sizeof(T);
  std::array<std::array<T, lanes>, 4> sum;
  for (auto& lane : sum) lane.fill(neutral);
  const std::int64_t fours = n / (4 * lanes) * 4 * lanes;
  const auto add = [&](std::size_t which, std::int64_t i) {
    T& m = sum[which][static_cast<std::size_t>(i % lanes)];
    m = i < lanes || (i < 4 * lanes && i < fours) ? a[i] : f(m, a[i]);
  };
  for (std::int64_t i = 0; i < fours; ++i) add(static_cast<std::size_t>(i / lanes % 4), i);
  if (fours > 0) {
    for (std::size_t i = 0; i < lanes; ++i) {
      sum[0][i] = f(f(sum[0][i], sum[2][i]), f(sum[1][i], sum[3][i]));
    }
  }
  for (std::int64_t i = fours; i < n; ++i) add(0, i);
  return halves(sum[0], f);
}

// --- Pieces of rows and of columns --------------------------------------------------------------

template <class T> struct sums {
  using total = total_of_sums<T>;
  static T row(const T* a, std::int64_t n) { return combined(a, n, T(-0.0), plus<T>()); }
  static T column(const T* a, std::int64_t stride, std::int64_t rows) {
    T sum = a[0];
    for (std::int64_t i = 1; i < rows; ++i) sum += a[i * stride];
    return sum;
  }
};

template <class T> struct maxima {
  using total = total_of_maxima<T>;
  static T row(const T* a, std::int64_t n) {
    return combined(a, n, -std::numeric_limits<T>::infinity(), larger<T>());
  }
  static T column(const T* a, std::int64_t stride, std::int64_t rows) {
    T most = a[0];
    for (std::int64_t i = 1; i < rows; ++i) most = larger<T>()(most, a[i * stride]);
    return most;
  }
};

template <class T> struct norms {
  using total = total_of_squares<T>;

  // 8 lanes of doubles for floats too; all accumulators start at 0.
  static double scaled(const T* a, std::int64_t n, double by) {
    std::array<std::array<double, 8>, 4> sum{};
    const std::int64_t fours = n / 32 * 32;
    for (std::int64_t i = 0; i < n; ++i) {
      const double x = static_cast<double>(a[i]) * by;
      sum[static_cast<std::size_t>(i < fours ? i / 8 % 4 : 0)][static_cast<std::size_t>(i % 8)] +=
          x * x;
    }
    for (std::size_t i = 0; i < 8; ++i) {
      sum[0][i] = (sum[0][i] + sum[2][i]) + (sum[1][i] + sum[3][i]);
    }
    return halves(sum[0], plus<double>());
  }

  static squares row(const T* a, std::int64_t n) {
    const double plain = scaled(a, n, 1);
    const bool finite = std::all_of(a, a + n, [](T x) { return std::isfinite(x); });
    if (std::is_same_v<T, float> || !finite) return {0, plain, 0};
    if (plain < 0x1p-960) return {scaled(a, n, 0x1p600), 0, 0};
    if (plain > 0x1p960) return {0, 0, scaled(a, n, 0x1p-600)};
    return {0, plain, 0};
  }

  static squares column(const T* a, std::int64_t stride, std::int64_t rows) {
    squares s;
    for (std::int64_t i = 0; i < rows; ++i) {
      const auto x = static_cast<double>(a[i * stride]);
      if (std::is_same_v<T, double> && std::abs(x) > 0x1p480) {
        s.large += (x * 0x1p-600) * (x * 0x1p-600);
      } else if (std::is_same_v<T, double> && std::abs(x) < 0x1p-480) {
        s.small += (x * 0x1p600) * (x * 0x1p600);
      } else {
        s.middle += x * x;
      }
    }
    return s;
  }
};

// --- The order ----------------------------------------------------------------------------------

// n elements, `size` a piece, `block` a block: pieces are added in order to the total of a block,
// blocks to the first.
template <class Op, class Piece>
auto in_order(std::int64_t n, std::int64_t size, std::int64_t block, Piece piece) {
  using total = typename Op::total;
  const auto block_at = [&](std::int64_t first) {
    const std::int64_t end = std::min(n, first + block);
    total sum(piece(first, std::min(size, end - first)));
    for (std::int64_t i = first + size; i < end; i += size)
      sum.add(piece(i, std::min(size, end - i)));
    return sum;
  };
  total sum = block_at(0);
  for (std::int64_t first = block; first < n; first += block) sum.merge(block_at(first));
  return sum.result();
}

template <class Op, class T> std::vector<T> reduced_in_order(const reduction& g, const T* a) {
  std::vector<T> d;
  for (std::int64_t o = 0; o < g.outer; ++o) {
    for (std::int64_t k = 0; k < g.inner; ++k) {
      const T* x = a + o * g.reduced * g.inner + k;
      if (g.inner == 1) {
        d.push_back(in_order<Op>(g.reduced, 128, 512 * 128, [&](std::int64_t i, std::int64_t n) {
          return Op::row(x + i, n);
        }));
      } else {
        d.push_back(in_order<Op>(g.reduced, 64, 4096, [&](std::int64_t i, std::int64_t n) {
          return Op::column(x + i * g.inner, g.inner, n);
        }));
      }
    }
  }
  return d;
}

}  // namespace cotape::kernels::testing

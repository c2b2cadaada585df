// Windows and their taps, for the files of this folder that walk over them.
#pragma once

#include "kernels/isa/head.hpp"
#include "kernels/windows.hpp"

namespace cotape::kernels {
namespace {

inline std::int64_t smaller(std::int64_t a, std::int64_t b) { return a < b ? a : b; }

// Where a window stands along an axis: its tap 0, maybe in the padding, and those of its taps that
// show an element, from `first` on, before `end`.
struct tap_range {
  tap_range(const windows::axis& a, std::int64_t window)
      : start(window * a.stride - a.before), end(a.size) {
    if (start >= 0 && start + (a.size - 1) * a.dilation < a.in) return;  // most: no division
    if (start < 0) first = smaller(a.size, (a.dilation - 1 - start) / a.dilation);
    end = start >= a.in ? first : smaller(a.size, (a.in - 1 - start) / a.dilation + 1);
    if (end < first) end = first;
  }
  bool has(std::int64_t tap) const { return tap >= first && tap < end; }
  std::int64_t count() const { return end - first; }
  std::int64_t start, end, first = 0;
};

// Calls whole(i) for each whole vector of n elements and part(i, rest) for what is left.
template <class T, class Whole, class Part>
void by_vectors(std::int64_t n, const Whole& whole, const Part& part) {
  constexpr std::int64_t width = batch<T>::size;
  std::int64_t i = 0;
  for (; i + width <= n; i += width) whole(i);
  if (i < n) part(i, head<T>(n - i));
}

}  // namespace
}  // namespace cotape::kernels

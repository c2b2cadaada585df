// An independent reference for programs: walks a tape, or a graph between two passes, node by node
// in long double with plain loops over whole values. Knows nothing of merging, folding, fusion or
// buffers, calls no kernel and no derivative rule. Beside each number it carries a bound on the
// rounding error of a run in the value's dtype, and the number's slope along a direction in the
// space of inputs and parameters: a forward derivative to hold reverse sweeps against.
#pragma once

#include <cotape/cotape.hpp>
#include <cotape/primitive.hpp>
#include <limits>
#include <map>
#include <string_view>
#include <vector>

namespace cotape {
struct graph;
struct schedule;
}  // namespace cotape

namespace cotape::tests {

struct number {
  long double x = 0;
  long double slope = 0;
  // Bound of |what a run gives - x|, to first order. Infinite or NaN: nothing is known, as where a
  // comparison can go either way.
  double error = 0;
};
using number_array = std::vector<number>;

inline bool is_known(const number& n) {
  return n.error < std::numeric_limits<float>::max() && std::isfinite(n.x);
}

/// The elements of a value, each exact and with slope 0.
number_array numbers_of(array_view v);

class interpreter {
 public:
  /// `sure`: comparisons are as they come out here, so that errors say how far two ways of
  /// computing in this precision may differ.
  explicit interpreter(tape& t, bool sure = false) : t_(t), sure_(sure) {}

  /// The value of an input, and the direction's elements there (none: zeros).
  void bind(variable input, array_view value, const std::vector<double>& direction = {});
  /// The direction's elements at a parameter.
  void move(const parameter& p, const std::vector<double>& direction);
  /// Computes the nodes recorded since the last call, at the parameters' present values.
  void run();
  /// Forgets the nodes from `size` on: call it after a rewind.
  void forget(std::size_t size) { values_.resize(std::min(size, values_.size())); }
  const number_array& at(variable v) const { return values_[v.index()]; }
  /// What the tape's effects write: the last assignment to each parameter, by its number.
  std::map<std::uint32_t, number_array> updates() const;

  /// The values of a graph that passes have made of the tape, in order, or in a schedule's order.
  std::vector<number_array> values_of(const graph& g, const schedule* order = nullptr) const;

 private:
  number_array source(std::uint32_t node) const;

  tape& t_;
  bool sure_;
  std::map<std::uint32_t, number_array> bound_;
  std::map<const void*, std::vector<double>> directions_;  // by parameter
  std::vector<number_array> values_;
};

}  // namespace cotape::tests

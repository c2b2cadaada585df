// The table of op cases: one row or more for every operation of the library. It drives the tests
// of values, of first and second derivatives and of fusion. A test fails when an operation has no
// row (tests/ops/completeness_test.cpp). To add one, add a row to the file of its kind.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "arrays.hpp"
#include "cotape/cotape.hpp"

namespace cotape::tests {

/// What an input's elements are drawn from.
struct domain {
  enum class kind {
    interval,   // evenly from [low, high]
    two_sided,  // [low, high] with either sign: away from 0
    comb,       // k + offset + [0, 0.2] for whole k in [low, high]: no ties between offsets
    distinct,   // a shuffled row of numbers from low on, more than 0.05 apart
    whole,      // whole numbers from low to high
    indices     // the same, as int64
  };
  double low = -2, high = 2;
  domain::kind kind = kind::interval;
  double offset = 0;

  dtype in(dtype d) const { return kind == kind::indices ? int64 : d; }
};

inline domain interval(double low, double high) { return {low, high}; }
inline domain away_from_zero() { return {0.2, 2, domain::kind::two_sided}; }
inline domain comb(double offset) { return {-3, 3, domain::kind::comb, offset}; }
inline domain distinct() { return {-2, 0, domain::kind::distinct}; }
inline domain whole(double low, double high) { return {low, high, domain::kind::whole}; }
inline domain indices(double size) { return {0, size - 1, domain::kind::indices}; }

struct argument {
  cotape::shape shape;
  domain from;
};

enum class slope {
  smooth,  // differentiable at all points of the domain
  zero     // the derivative is zero by definition
};

struct op_case {
  std::string name;  // of the operation; of the primitive if it is one
  std::string variant;
  std::vector<argument> inputs;
  std::function<variable(const std::vector<variable>&)> apply;
  std::function<array(const std::vector<array>&)> reference;
  slope derivative = slope::smooth;
  bool elementwise = false;  // any shapes that broadcast will do
  bool integers = false;     // element-wise and defined for int64 too
  /// An error of `ulps` units in the last place of (|reference| + scale) is allowed.
  double scale = 0;
  double ulps = 4;

  std::string text() const { return variant.empty() ? name : name + ": " + variant; }
};

using variables = std::vector<variable>;
using arrays = std::vector<array>;

std::vector<op_case> elementwise_cases();
std::vector<op_case> reduction_cases();
std::vector<op_case> layout_cases();
std::vector<op_case> loss_cases();
std::vector<op_case> other_cases();
/// All of them.
const std::vector<op_case>& op_cases();

}  // namespace cotape::tests

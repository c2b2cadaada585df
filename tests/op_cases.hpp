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
    indices,    // the same, as int64
    fixed       // the numbers `at`, over and over
  };
  double low = -2, high = 2;
  domain::kind kind = kind::interval;
  double offset = 0;
  std::vector<double> at = {};

  dtype in(dtype d) const { return kind == kind::indices ? int64 : d; }
};

inline domain interval(double low, double high) { return {low, high}; }
inline domain away_from_zero() { return {0.2, 2, domain::kind::two_sided}; }
inline domain comb(double offset) { return {-3, 3, domain::kind::comb, offset}; }
inline domain distinct() { return {-2, 0, domain::kind::distinct}; }
inline domain whole(double low, double high) { return {low, high, domain::kind::whole}; }
inline domain indices(double size) { return {0, size - 1, domain::kind::indices}; }
inline domain fixed(std::vector<double> at) {
  return {0, 0, domain::kind::fixed, 0, std::move(at)};
}

struct argument {
  cotape::shape shape;
  domain from;
};

enum class slope {
  smooth,  // differentiable at all points of the domain
  zero,    // the derivative is zero by definition
  kinked   // at a kink: `gradient` says it, and second derivatives are 0
};

using variables = std::vector<variable>;
using arrays = std::vector<array>;

struct op_case {
  std::string name;  // of the operation; of the primitive if it is one
  std::string variant;
  std::vector<argument> inputs;
  std::function<variable(const variables&)> apply;
  std::function<array(const arrays&)> reference;
  slope derivative = slope::smooth;
  bool elementwise = false;  // any shapes that broadcast will do
  bool integers = false;     // element-wise and defined for int64 too
  bool grows = false;        // any shapes will do whose sizes above 1 grow by one factor
  // How its error is measured (tests/ops/accuracy.hpp), which docs/accuracy.md bounds.
  /// Of an element-wise operation: the same for one element, with more digits than a double's.
  std::function<real(const std::vector<real>&)> exact = {};
  /// What the error is relative to, unless to the result: the sum of its terms' sizes, say.
  std::function<array(const arrays&)> magnitude = {};
  /// The same for the slopes of an element-wise operation: the sizes of what they are the sum of.
  std::function<real(const std::vector<real>&)> slope_terms = {};
  /// Drawn from where the error is measured, beside `from` and, where it is `unbounded`, any
  /// number.
  std::vector<domain> also = {};
  bool unbounded = true;
  /// That of the sum of the results in the one input, where `derivative` is `kinked`.
  numbers gradient = {};
  /// Results below this many times the smallest normal number may be 0.
  double flushes = 0;

  /// Whether it is tried at chosen points alone.
  bool is_fixed() const { return !inputs.empty() && inputs[0].from.kind == domain::kind::fixed; }
  std::string text() const { return variant.empty() ? name : name + ": " + variant; }
};

std::vector<op_case> elementwise_cases();
std::vector<op_case> reduction_cases();
std::vector<op_case> layout_cases();
std::vector<op_case> loss_cases();
std::vector<op_case> normalization_cases();
std::vector<op_case> vision_cases();
std::vector<op_case> attention_cases();
std::vector<op_case> other_cases();
/// All of them.
const std::vector<op_case>& op_cases();

}  // namespace cotape::tests

// The interpreter's rules: what each operation makes of its operands.
#pragma once

#include <optional>
#include <vector>

#include "interpreter.hpp"
#include "kernels/gemm.hpp"

namespace cotape::tests {

/// An operation with its operands, on a tape or in a graph.
struct task {
  const primitive* op;
  const value_type* type;
  std::span<const std::int64_t> attributes;
  std::vector<const number_array*> in = std::vector<const number_array*>(4);  // or more
  std::vector<const value_type*> in_type = std::vector<const value_type*>(4);
  std::optional<kernels::gemm_geometry> product = {};  // in a graph, of a in[0], b, alpha, addend
  bool second_is_maximum_of_first = false;             // of a share
  // One part of an assembly in a graph, put into in[3] if there is such a value.
  struct put {
    bool adds;
    double rest;
  };
  std::optional<put> puts = {};
};

/// The task's values; throws std::out_of_range for an operation without a rule.
number_array computed(const task& t);

// One element of an element-wise operation; u is half the dtype's epsilon.
using element_rule = number (*)(number a, number b, number c, double u);
element_rule rule_of(std::string_view name);
number sum_of(number a, number b, double u);
number product_of(number a, number b, double u);
/// The sum and the maximum of some numbers.
number total(const number_array& v, double u);
number maximum_of(const number_array& v);
/// Half the dtype's epsilon; 0 for int64.
double unit_of(dtype d);

}  // namespace cotape::tests

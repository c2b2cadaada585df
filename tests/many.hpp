// An operation of any number of operands of one type. Its value is the first one; by its rule the
// derivative by the k-th is k, counted from 1, so that tests see which operand a walk comes to.
#pragma once

#include <algorithm>

#include "cotape/cotape.hpp"
#include "cotape/primitive.hpp"

namespace cotape::tests {

inline value_type infer_many(const signature& s) {
  for (const value_type* t : s.inputs) {
    if (*t != *s.inputs[0]) throw shape_error(std::string(s.op) + ": " + t->text() + " differs");
  }
  return *s.inputs[0];
}

inline void derive_many(derivation& d) {
  for (std::size_t k = 0; k < d.inputs.size(); ++k) {
    if (d.needed[k]) d.adjoints[k] = d.adjoint * static_cast<double>(k + 1);
  }
}

inline void run_many(const kernel_call& c) noexcept {
  const auto first = c.operand<double>(0);
  std::copy(first.begin(), first.end(), c.result<double>().begin());
}
inline void lower_many(lowering& l) { lower_to_kernel(l, {}, run_many); }

inline const primitive many_op{.name = "many",
                               .how = form::kernel,
                               .arity = any_number,
                               .infer = infer_many,
                               .derive = derive_many,
                               .lower = lower_many};

inline variable many(const std::vector<variable>& x) {
  return x[0].owner().record(many_op, x, {}, {__FILE__, __LINE__});
}

/// The indices of variables, as walks give them.
inline std::vector<std::uint32_t> indices(const std::vector<variable>& x) {
  std::vector<std::uint32_t> result;
  for (const variable& v : x) result.push_back(v.index());
  return result;
}

template <class Walk> std::vector<std::uint32_t> listed(const Walk& walk) {
  std::vector<std::uint32_t> result;
  for (const std::uint32_t i : walk) result.push_back(i);
  return result;
}

}  // namespace cotape::tests

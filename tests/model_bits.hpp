// The bits of a model's parameters, to be compared with those of another moment or model.
#pragma once

#include <algorithm>
#include <cotape/model.hpp>
#include <vector>

namespace cotape::tests {

inline std::vector<tensor> bits_of(const model& m) {
  std::vector<tensor> result;
  for (const parameter& p : m.parameters()) result.emplace_back(p.view());
  return result;
}

inline bool same(const std::vector<tensor>& a, const std::vector<tensor>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const tensor& p, const tensor& q) { return same_bits(p, q); });
}

}  // namespace cotape::tests

// Random programs: drawn from a seed, examined in every way that must agree, shrunk when they do
// not.
#pragma once

#include <cstdint>
#include <functional>

#include "recipe.hpp"

namespace cotape::tests {

/// The program of a seed: up to 200 nodes before its gradients, of any operation. Only steps are
/// taken whose values stay moderate and whose rounding errors stay small.
recipe drawn(std::uint64_t seed);
/// A recipe of every operation once, each of its values an output.
recipe every_operation();

/// What there is to compare, and what was too uncertain to be (a comparison that may go either way,
/// an ill-conditioned sum).
struct tally {
  std::uint64_t programs = 0, compared = 0, uncertain = 0;
  std::uint64_t slopes = 0, uncertain_slopes = 0;
  std::map<std::string, std::uint64_t> steps;   // by the name of an operation
  std::map<std::string, std::uint64_t> nodes;   // by the name of a primitive
  std::map<std::string, std::uint64_t> traits;  // what compiled programs contained
  void add(const tally& other);
};

/// Compares with the interpreter: gradients along a direction with slopes; the graph after each
/// pass; programs fused and unfused, run twice, with the parameters that they write; value().
/// Programs without products agree fused and unfused in every bit.
std::optional<difference> examine(const recipe& r, tally& count);

using examination = std::function<std::optional<difference>(const recipe&)>;

struct shrunk_recipe {
  recipe small;
  difference found;
};
/// A recipe as small as steps one at a time lead to in which the examination still finds something.
shrunk_recipe shrunk(recipe r, const difference& found, const examination& examine);

/// What to say of a seed: nothing, or how it went wrong and the shrunk program in C++.
std::string report_of(std::uint64_t seed, tally& count);

}  // namespace cotape::tests

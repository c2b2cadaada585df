// The shape oracle: for every operation of the library, random calls and the shape that NumPy's
// rules give them.
#pragma once

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "draw.hpp"
#include "shape_rules.hpp"

namespace cotape::tests {

using numpy::sizes;

/// Random shapes and attributes; most of them fit.
class dice {
 public:
  explicit dice(std::uint64_t seed) : engine_(seed) {}
  std::int64_t between(std::int64_t low, std::int64_t high) {
    return std::uniform_int_distribution<std::int64_t>(low, high)(engine_);
  }
  bool one_in(std::int64_t n) { return between(1, n) == 1; }
  std::int64_t size() { return one_in(8) ? 0 : between(1, 4); }
  sizes shape_of_rank(std::int64_t rank) {
    sizes s(static_cast<std::size_t>(rank));
    for (std::int64_t& n : s) n = size();
    return s;
  }
  sizes shape(std::int64_t highest_rank = 4) { return shape_of_rank(between(0, highest_rank)); }
  /// Now and then with another size or another rank.
  sizes almost(sizes s) {
    if (one_in(8)) s.insert(s.begin() + between(0, numpy::rank(s)), size());
    else if (!s.empty() && one_in(4)) numpy::at(s, between(0, numpy::rank(s) - 1)) = size();
    return s;
  }
  /// Shapes that broadcast together, if nothing was changed.
  std::vector<sizes> partners(std::size_t n, std::int64_t highest_rank = 4) {
    const sizes joint = shape(highest_rank);
    std::vector<sizes> result;
    for (std::size_t i = 0; i < n; ++i) {
      const auto missing = one_in(2) ? between(0, numpy::rank(joint)) : 0;
      sizes s = numpy::part(joint, missing, numpy::rank(joint));
      for (std::int64_t& k : s) k = one_in(3) ? 1 : k;
      if (one_in(3) && numpy::rank(s) > 0) numpy::at(s, between(0, numpy::rank(s) - 1)) = size();
      result.push_back(s);
    }
    return result;
  }
  /// From the front or from the end; now and then outside.
  std::int64_t axis(std::int64_t rank) {
    return one_in(6) ? between(-rank - 2, rank + 1) : between(-rank, std::max(rank - 1, -rank));
  }
  sizes permutation(std::int64_t rank) {
    sizes order(static_cast<std::size_t>(rank));
    std::iota(order.begin(), order.end(), 0);
    std::shuffle(order.begin(), order.end(), engine_);
    for (std::int64_t& k : order) k -= one_in(3) ? rank : 0;
    return order;
  }
  /// The axes of a reduction: all of them, or a list.
  std::optional<sizes> axes(std::int64_t rank) {
    if (one_in(4)) return {};
    sizes list = permutation(rank);
    list.resize(static_cast<std::size_t>(between(0, rank)));
    if (one_in(3)) list.push_back(axis(rank));
    return list;
  }

 private:
  engine engine_;
};

/// One call of an operation on operands of some shapes.
struct call {
  std::vector<sizes> operands;
  std::function<sizes()> rule;
  std::function<variables(const variables&)> apply;
  std::string attributes = "";
  std::vector<std::size_t> indices = {};  // which operands are int64
  std::size_t results = 1;                // as many variables of the same shape

  std::string text(const std::string& name) const {
    std::vector<std::string> parts;
    for (const sizes& s : operands) parts.push_back(shape_from(s).text());
    if (!attributes.empty()) parts.push_back(attributes);
    return fmt::format("{}({})", name, fmt::join(parts, ", "));
  }
};

/// An operation with its rule.
struct oracle {
  std::string name;
  std::function<call(dice&)> roll;
  bool picky = true;  // whether there are operands that it rejects
};

/// At least one row for every operation of ops.hpp, activations.hpp, losses.hpp, normalization.hpp,
/// vision.hpp and attention.hpp.
std::vector<oracle> oracles();

/// Those of operations on images.
void append_windows(std::vector<oracle>& rows);
/// Those of attention and positions.
void append_attention(std::vector<oracle>& rows);

}  // namespace cotape::tests

// A value put together from parts: where parts overlap they are added, where there is none it is
// `rest`. A rest other than 0 is for one part without indices: to the elements of parts that have
// indices, and to those that an overlapping part alone covers, it would be added. The attributes:
// the result's rank and sizes and the bits of `rest`; then for each part the first element and the
// step on each axis of the result and the axis of its indices (all_axes for places in the flat
// result), or no_axis. A part with indices (the operand that follows it) covers the other axes
// wholly.
#pragma once

#include <bit>

#include "kernels/kernels.hpp"
#include "primitives/primitives.hpp"

namespace cotape::primitives {

inline constexpr std::int64_t no_axis = -1;

class assembly {
 public:
  explicit assembly(std::span<const std::int64_t> attributes) : words_(attributes) {}

  shape result() const { return shape(words_.subspan(1, rank())); }
  double rest() const { return std::bit_cast<double>(words_[1 + rank()]); }
  struct part {
    std::span<const std::int64_t> first, steps;
    std::int64_t axis;
    std::size_t operand;  // its number; the indices come next
    bool indexed() const { return axis != no_axis; }
  };
  std::span<const std::int64_t> parts() const { return words_.subspan(2 + rank()); }
  std::size_t size() const { return parts().size() / (2 * rank() + 1); }
  std::span<const std::int64_t> words_of(std::size_t number) const {
    return parts().subspan(number * (2 * rank() + 1), 2 * rank() + 1);
  }
  /// The part whose words these are.
  static part part_of(std::span<const std::int64_t> own, std::size_t operand = 0) {
    const std::size_t rank = own.size() / 2;
    return {own.first(rank), own.subspan(rank, rank), own.back(), operand};
  }
  /// Calls f(part) for each part in order.
  template <class F> void for_each_part(F f) const {
    for (std::size_t k = 0, operand = 0; k < size(); ++k) {
      const part p = part_of(words_of(k), operand);
      operand += p.indexed() ? 2 : 1;
      f(p);
    }
  }

 private:
  std::size_t rank() const { return static_cast<std::size_t>(words_[0]); }

  std::span<const std::int64_t> words_;
};

/// The attributes of an assembly without parts, and what each part adds to them.
words assembly_of(const shape& result, double rest = 0);
void append_part(words& attributes, std::span<const std::int64_t> first,
                 std::span<const std::int64_t> steps, std::int64_t axis = no_axis);
void append_whole(words& attributes, std::size_t rank, std::int64_t axis = no_axis);

/// Parts of one value, as they come: what an assembly of them is recorded from.
struct collected_parts {
  words attributes;  // of the parts alone
  std::vector<variable> operands;
  std::uint32_t node = no_node;  // that holds just these, if one does
  void add(collected_parts more);
};
/// All parts of an assembly that is 0 but for them, else none.
collected_parts parts_of(tape& t, std::uint32_t node);
/// The sum of `whole`, if it is not empty, and of parts of a value of that shape, as one node.
variable put_together(tape& t, const shape& result, variable whole, collected_parts parts);
/// Gives a rule's first operand an adjoint that is 0 but for one part.
void give_part(derivation& d, collected_parts part);

/// Where the elements of a part without indices stand in the result.
inline kernels::index_map map_of(const assembly::part& p, const shape& sizes, const shape& result) {
  return kernels::slice_map(result, {sizes.begin(), sizes.rank()}, p.first, p.steps);
}

}  // namespace cotape::primitives

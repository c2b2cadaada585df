// The table of pairs.
#include "primitives/pairs.hpp"

namespace cotape {

std::span<const operation_pair> operation_pairs() {
#define COTAPE_ROW(inner, outer, second)                                                \
  {&builtin<inner##_op>, &builtin<outer##_op>, !second, second || outer##_op::commutes, \
   &builtin<pair_op<inner##_op, outer##_op, second>>},
  static const operation_pair table[] = {COTAPE_PAIRS(COTAPE_ROW)};
  return table;
}

}  // namespace cotape

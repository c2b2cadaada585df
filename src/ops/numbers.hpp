// Numbers in order, of which indices and masks are made. A tape holds no table of them: a program
// makes it, once. So recording takes no memory for the sizes that are asked for.
#pragma once

#include "cotape/tape.hpp"
#include "ops/compose.hpp"

namespace cotape {

/// Of i: floor((factor i + plus) / over), for factor, plus >= 0 and over > 0.
struct line_of_numbers {
  std::int64_t factor = 1, plus = 0, over = 1;
};

/// Those of i = 0, ..., n - 1, int64 (n).
variable numbers(const composition& c, std::int64_t n, const line_of_numbers& line = {});

}  // namespace cotape

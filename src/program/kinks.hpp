// Programs that tell which elements of a run were on a kink, a tie or a jump.
#pragma once

#include <vector>

#include "cotape/program.hpp"

namespace cotape {

/// Records a mask for each operation that derivatives of the roots go through and that has kinks;
/// not for those of a reverse sweep, nor for what stands behind the last one and is not
/// differentiated. Appends the masks to `outputs`. A kink's view is still empty.
std::vector<kink_mask> watch_kinks(tape& t, std::vector<variable>& outputs,
                                   const compile_options& options);

}  // namespace cotape

// Programs that tell which elements of a run were on a kink, a tie or a jump.
#pragma once

#include <vector>

#include "cotape/program.hpp"

namespace cotape {

/// Records a mask for each operation that has kinks and that derivatives of the outputs go through,
/// or those of the effects' new values before the last reverse sweep; not for those of a sweep.
/// Appends the masks to `outputs`. A kink's view is still empty.
std::vector<kink_mask> watch_kinks(tape& t, std::vector<variable>& outputs,
                                   const compile_options& options);

}  // namespace cotape

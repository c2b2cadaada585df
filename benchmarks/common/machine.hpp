// What a benchmark says of the machine, and how it makes BLAS use it.
#pragma once

#include <string>

namespace bench {

/// CPU, cores, BLAS kernel.
std::string machine();
/// OpenBLAS reads OPENBLAS_CORETYPE when it is loaded: starts the program again without it. A
/// setting meant for old machines can halve the speed of products.
void unset_core_type(char** argv);

}  // namespace bench

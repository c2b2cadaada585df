// layer: kernels
// How many threads programs use. With OpenBLAS's own setting (one thread, set when the first
// program is compiled) the only state of the whole process.
#pragma once

namespace cotape {

/// Large loops and products are split over n threads of one pool, which sleeps in between; small
/// work stays on the calling thread. The default is the number of cores. A program compiled before
/// keeps the number for its loops. Results of products may differ in the last bits between numbers
/// of threads; with the same number they are the same. Throws value_error if n < 1.
void set_num_threads(int n);
int num_threads();

}  // namespace cotape

// The memory of OpenBLAS, which needs a buffer of 128 MiB of address space for each product under
// way, keeps it, and where there is none asks for it again and again, for ever. So it is made to
// take its buffers before a product needs them, where that can be refused. Any thread.
#pragma once

namespace cotape::kernels {

/// Sets OpenBLAS to one thread for the whole process, and sees to it that the calling thread can
/// compute a product; else throws cotape::error. OpenBLAS's workers are reckoned with.
void prepare_blas();

/// How many products, up to `wanted`, OpenBLAS has buffers for where this thread computes them at
/// once, after prepare_blas(): 1 at least.
int products_at_once(int wanted);

}  // namespace cotape::kernels

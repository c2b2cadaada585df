// The memory of OpenBLAS, which needs a buffer of 128 MiB of address space for each product under
// way, keeps it, and where there is none asks for it again and again, for ever. So it is made to
// take its buffers before a product needs them, where that can be refused. Any thread.
#pragma once

namespace cotape::kernels {

/// Sets OpenBLAS to one thread for the whole process, and sees to it that the calling thread can
/// compute a product; else throws cotape::error.
void prepare_blas();

/// How many products, of `wanted` or fewer, OpenBLAS can compute at once for this thread, which
/// prepare_blas() was called in or for: 1 at least.
int products_at_once(int wanted);

}  // namespace cotape::kernels

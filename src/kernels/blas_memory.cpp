#include "kernels/blas_memory.hpp"

#include <cblas.h>
#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <mutex>

#include "cotape/error.hpp"

// OpenBLAS exports these and declares them nowhere: a buffer for a product, and its return, after
// which OpenBLAS keeps it for the next product or for a worker of its own.
extern "C" {
void* blas_memory_alloc(int for_what);
void blas_memory_free(void* buffer);
}

namespace cotape::kernels {

namespace {

// As malloc takes them: with a page of OpenBLAS's own and what malloc adds.
constexpr std::size_t buffer_bytes = (std::size_t{128} << 20) + (std::size_t{16} << 10);

// OpenBLAS has started workers when it was loaded. Each takes a buffer once it gets the processor,
// perhaps much later, and keeps it.
const int workers = std::max(0, openblas_get_num_threads() - 1);

std::mutex taking;
std::atomic<int> buffers = 0;  // that OpenBLAS has taken for us
std::atomic<int> callers = 0;  // threads of the user's that compute products

// Whether so many buffers could be mapped at once.
bool are_free(int n) {
  void* p = mmap(nullptr, buffer_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (p == MAP_FAILED) return false;
  const bool rest = n == 1 || are_free(n - 1);
  munmap(p, buffer_bytes);
  return rest;
}

// Holds so many buffers at once.
void take(int n) {
  void* buffer = blas_memory_alloc(0);
  if (n > 1) take(n - 1);
  blas_memory_free(buffer);
}

// Whether OpenBLAS has buffers for so many products at once, now or from now on.
bool provide(int products) {
  if (products <= buffers.load(std::memory_order_acquire)) return true;
  const std::lock_guard lock(taking);
  if (products <= buffers) return true;
  // For all of them: those that there are may be in use, and a worker may take one meanwhile.
  if (!are_free(products + 2 * workers)) return false;
  take(products + workers);
  buffers.store(products, std::memory_order_release);
  return true;
}

// Counts its thread among the callers while that lives.
struct caller {
  caller() { ++callers; }
  ~caller() { --callers; }
};

}  // namespace

void prepare_blas() {
  static const bool one_thread = (openblas_set_num_threads(1), true);
  static_cast<void>(one_thread);
  static thread_local const caller here;
  static_cast<void>(here);
  if (provide(callers)) return;
  throw error(
      "matmul: OpenBLAS needs 128 MiB of address space for each thread that computes products, "
      "twice "
      "that for each worker of its own, and less is left: raise the limit (ulimit -v), or set "
      "OPENBLAS_NUM_THREADS=1 in the environment: then it has no workers");
}

int products_at_once(int wanted) {
  const int others = std::max(1, callers.load()) - 1;
  while (wanted > 1 && !provide(others + wanted)) wanted /= 2;
  return wanted;
}

}  // namespace cotape::kernels

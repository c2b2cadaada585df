// The pool is oneTBB's: its workers sleep when there is nothing to do, where OpenBLAS's would spin.
#include "kernels/threads.hpp"

#include <fmt/format.h>
#include <tbb/parallel_for.h>
#include <tbb/task_arena.h>

#include <atomic>
#include <thread>

#include "cotape/error.hpp"

#ifdef __SANITIZE_THREAD__
#include <sanitizer/tsan_interface.h>
#endif

namespace cotape {

namespace {

// ThreadSanitizer does not see how the pool, which is not instrumented, hands work from thread to
// thread. It is told: what was done before a release comes before what follows an acquire.
const char begun = 0, done = 0;
#ifdef __SANITIZE_THREAD__
void release(const char& at) { __tsan_release(const_cast<char*>(&at)); }
void acquire(const char& at) { __tsan_acquire(const_cast<char*>(&at)); }
#else
void release(const char&) {}
void acquire(const char&) {}
#endif

std::atomic<int>& setting() {
  static std::atomic<int> n = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  return n;
}

}  // namespace

void set_num_threads(int n) {
  if (n < 1) throw value_error(fmt::format("set_num_threads: {} threads, it takes 1 or more", n));
  setting() = n;
}

int num_threads() { return setting(); }

void kernels::run_parts(int parts, void (*f)(const void* data, int part), const void* data) {
  if (parts == 1) return f(data, 0);
  // Isolated: while it waits for the others, a thread may take no task of the caller's, which might
  // run the same program.
  release(begun);
  tbb::this_task_arena::isolate([=] {
    const auto run = [=](int part) {
      acquire(begun);
      f(data, part);
      release(done);
    };
    tbb::parallel_for(0, parts, run, tbb::static_partitioner());
  });
  acquire(done);
}

}  // namespace cotape

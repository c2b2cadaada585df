// malloc and its relatives, counted: an executable's own definitions take precedence over the C
// library's, also for operator new and for shared libraries.
#include "scale/allocations.hpp"

#include <atomic>
#include <cerrno>
#include <limits>

extern "C" {
void* __libc_malloc(std::size_t);
void* __libc_calloc(std::size_t, std::size_t);
void* __libc_realloc(void*, std::size_t);
void* __libc_memalign(std::size_t, std::size_t);
void __libc_free(void*);
}

namespace {

constexpr std::size_t never = std::numeric_limits<std::size_t>::max();

// The numbers of the first and the last request that fail.
std::atomic<std::size_t> count{0}, first{never}, last{never};

// Counts a request; whether it may have its memory.
bool granted() {
  const std::size_t now = ++count;
  if (now < first || now > last) return true;
  errno = ENOMEM;
  return false;
}

}  // namespace

namespace cotape::tests {

std::size_t allocations() { return count; }

failing_allocation::failing_allocation(std::size_t n, bool all_later) {
  last = all_later ? never : count + n;
  first = count + n;
}

failing_allocation::~failing_allocation() { first = last = never; }

}  // namespace cotape::tests

extern "C" {

void* malloc(std::size_t n) { return granted() ? __libc_malloc(n) : nullptr; }
void* calloc(std::size_t n, std::size_t size) {
  return granted() ? __libc_calloc(n, size) : nullptr;
}
void* realloc(void* p, std::size_t n) { return granted() ? __libc_realloc(p, n) : nullptr; }
void* memalign(std::size_t alignment, std::size_t n) {
  return granted() ? __libc_memalign(alignment, n) : nullptr;
}
void* aligned_alloc(std::size_t alignment, std::size_t n) { return memalign(alignment, n); }
int posix_memalign(void** p, std::size_t alignment, std::size_t n) {
  *p = memalign(alignment, n);
  return *p == nullptr ? ENOMEM : 0;
}
void free(void* p) { __libc_free(p); }
}

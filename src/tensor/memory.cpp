#include "tensor/memory.hpp"

#include <sys/mman.h>

#include <cstdint>
#include <cstring>
#include <new>

namespace cotape {

namespace {

// Asks for huge pages in the part of a block that is made of such pages.
void ask_for_huge_pages([[maybe_unused]] void* p, [[maybe_unused]] std::size_t bytes) {
#ifdef MADV_HUGEPAGE
  constexpr std::uintptr_t page = std::uintptr_t{1} << 21;
  const auto start = reinterpret_cast<std::uintptr_t>(p);
  const std::uintptr_t first = (start + page - 1) / page * page,
                       last = (start + bytes) / page * page;
  if (first < last) madvise(reinterpret_cast<void*>(first), last - first, MADV_HUGEPAGE);
#endif
}

std::size_t with_slack(std::size_t bytes) { return padded(bytes) + cache_line; }

}  // namespace

void* allocate(std::size_t bytes) {
  void* p = ::operator new(with_slack(bytes), std::align_val_t(cache_line));
  ask_for_huge_pages(p, with_slack(bytes));
  return p;
}

void* allocate_zeros(std::size_t bytes) {
  void* p = allocate(bytes);
  std::memset(p, 0, with_slack(bytes));
  return p;
}

void release(void* p) { ::operator delete(p, std::align_val_t(cache_line)); }

}  // namespace cotape

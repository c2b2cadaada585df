#include "tensor/memory.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <cstdint>
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

}  // namespace

void* allocate(std::size_t bytes) {
  const std::size_t padded = std::max((bytes + line - 1) / line * line, line);
  void* p = ::operator new(padded, std::align_val_t(line));
  ask_for_huge_pages(p, padded);
  return p;
}

void release(void* p) { ::operator delete(p, std::align_val_t(line)); }

}  // namespace cotape

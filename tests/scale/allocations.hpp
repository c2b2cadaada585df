// How often the process has asked for heap memory so far, and requests that fail on demand.
#pragma once

#include <cstddef>

namespace cotape::tests {

std::size_t allocations();

/// While it lives, the process's n-th request from here on (from 1) finds no memory, or that one
/// and all later ones.
class failing_allocation {
 public:
  failing_allocation(std::size_t n, bool all_later);
  failing_allocation(const failing_allocation&) = delete;
  failing_allocation& operator=(const failing_allocation&) = delete;
  ~failing_allocation();
};

}  // namespace cotape::tests

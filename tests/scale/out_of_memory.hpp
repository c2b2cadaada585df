// Actions in which one request for memory after the other fails.
#pragma once

#include <cstddef>
#include <functional>

namespace cotape::tests {

/// An action, and what holds around it.
struct attempt {
  std::function<void()> act;              // checks nothing: it runs while memory is short
  std::function<void()> refused = [] {};  // after it threw
  std::function<void()> done = [] {};     // after it succeeded, at the first or the second try
};

/// Makes the attempt anew and lets the n-th request of its action fail, that one alone and it with
/// all later ones, for every n up to the action's last request, in strides if these are more than
/// `most`: then the action throws bad_alloc, or an io_error that speaks of memory, and succeeds
/// when it is tried again. COTAPE_EVERY_ALLOCATION in the environment takes every n.
void let_allocations_fail(const std::function<attempt()>& make, std::size_t most = 150);

}  // namespace cotape::tests

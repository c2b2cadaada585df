// How often the process has asked for heap memory so far.
#pragma once

#include <cstddef>

namespace cotape::tests {

std::size_t allocations();

}  // namespace cotape::tests

// Elements of 4 or 8 bytes whose type does not matter.
#pragma once

#include <cstdint>

namespace cotape::kernels {

// Words may be floats, doubles or integers.
struct __attribute__((may_alias)) word4 {
  std::uint32_t bits;
};
struct __attribute__((may_alias)) word8 {
  std::uint64_t bits;
};

}  // namespace cotape::kernels

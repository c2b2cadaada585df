// The choice of instruction set for copies.
#include "kernels/copy.hpp"

#include <cstring>

#include "kernels/isa/entries.hpp"

namespace cotape::kernels {

void copy_bytes(void* d, const void* a, std::size_t n) {
  // Above this the C library writes past the caches.
  constexpr std::size_t most = std::size_t{8} << 20;
  if (n < 64 || n >= most) {
    if (n != 0) std::memcpy(d, a, n);
    return;
  }
  static const auto lines = for_isa(chosen_isa(), []<class Arch>() { return &copy_lines<Arch>; });
  lines(static_cast<std::byte*>(d), static_cast<const std::byte*>(a), n);
}

}  // namespace cotape::kernels

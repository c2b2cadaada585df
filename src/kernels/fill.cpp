// fill, cast and copy: the choice of instruction set.
#include <algorithm>
#include <bit>

#include "kernels/copy.hpp"
#include "kernels/isa/entries.hpp"

namespace cotape::kernels {

kernel fill(std::size_t element_size, isa i) {
  return for_isa(i, [=]<class Arch>() { return fill_kernel<Arch>(element_size); });
}

static void copy_split(const step& s, std::int64_t size) {
  split_move(s.n, size, 64, [&](std::int64_t first, std::int64_t end) {
    copy_bytes(static_cast<std::byte*>(s.d) + first * size,
               static_cast<const std::byte*>(s.a) + first * size,
               static_cast<std::size_t>((end - first) * size));
  });
}

kernel copy(dtype type) {
  if (type == float32) return [](const step& s) { copy_split(s, 4); };
  return [](const step& s) { copy_split(s, 8); };
}

std::array<std::byte, 8> bits_of(double number, dtype d) {
  std::array<std::byte, 8> bits{};
  if (d == float64) return std::bit_cast<std::array<std::byte, 8>>(number);
  if (d == int64) return std::bit_cast<std::array<std::byte, 8>>(static_cast<std::int64_t>(number));
  const auto narrow = std::bit_cast<std::array<std::byte, 4>>(static_cast<float>(number));
  std::copy(narrow.begin(), narrow.end(), bits.begin());
  return bits;
}

kernel cast(dtype from, dtype to, isa i) {
  if (from == to) return copy(to);
  return for_isa(i, [=]<class Arch>() { return cast_kernel<Arch>(from, to); });
}

}  // namespace cotape::kernels

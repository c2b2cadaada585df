// One element, repeated.
#include "kernels/isa/batch.hpp"
#include "kernels/isa/entries.hpp"

namespace cotape::kernels {
namespace {

// 8-byte elements may be integers: bits are moved, not numbers.
template <class Word> void fill_run(const step& s) {
  using b = batch<Word>;
  constexpr std::size_t line = 64 / sizeof(Word);
  Word value;
  __builtin_memcpy(&value, s.a, sizeof value);
  const b values(value);
  auto* d = static_cast<char*>(s.d);
  for (std::size_t i = 0; i < s.n; i += line, d += 64) {
    for (std::size_t j = 0; j < 64; j += sizeof values) {
      __builtin_memcpy(d + j, &values, sizeof values);
    }
  }
}

}  // namespace

template <> kernel fill_kernel<current>(std::size_t element_size) {
  return element_size == 4 ? &fill_run<std::uint32_t> : &fill_run<std::uint64_t>;
}

}  // namespace cotape::kernels

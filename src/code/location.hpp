// Where a value lies, before there are addresses.
#pragma once

#include <cstdint>

namespace cotape::code {

enum class region : std::uint8_t {
  pointer,    // outside of the program: a parameter's storage, a constant tensor
  arena,      // offset into the arena
  constants,  // offset into the buffer of folded constants and literals
  scratch,    // offset into the buffer for tiles, reused by each item
  folding,    // the same, of the steps that fold constants
  external,   // number of an input or constant whose address is given at each run
  none,       // not stored: lives in a tile inside its loop
};

struct location {
  region where = region::none;
  std::uint64_t at = 0;
  friend bool operator==(const location&, const location&) = default;
};

// While steps are made, a pointer into one of the program's buffers is a word: its region in the
// top byte, an offset below.
inline constexpr std::uint64_t offset_bits = 56;
inline void* region_word(location l) {
  const auto top = static_cast<std::uint64_t>(l.where) << offset_bits;
  return reinterpret_cast<void*>(top | l.at);
}
inline location location_of(const void* word) {
  const auto bits = reinterpret_cast<std::uint64_t>(word);
  return {static_cast<region>(bits >> offset_bits), bits & ((std::uint64_t{1} << offset_bits) - 1)};
}

}  // namespace cotape::code

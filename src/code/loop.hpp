// A loop as data, in single-assignment form: what is done for all elements, instruction by
// instruction. An instruction's result is known by its number; what stands outside are buffers.
//
// A flat loop goes through `rows` elements. A nest goes through rows of `columns` elements: an
// instruction is done for each element, or once a row.
#pragma once

#include <array>
#include <cstdint>
#include <numeric>
#include <string>
#include <vector>

#include "code/location.hpp"
#include "kernels/kernels.hpp"
#include "tensor/memory.hpp"

namespace cotape::code {

inline constexpr std::uint32_t none = 0xffffffff;

// Of how many rows a tile of a nest must be a multiple to fill whole lines with 4-byte elements,
// and whether tiles of such a nest do: longer rows would make them too large.
constexpr std::int64_t rows_of_lines(std::int64_t columns) {
  constexpr std::int64_t line = cache_line / 4;
  return line / std::gcd(columns, line);
}
constexpr bool fills_lines(std::int64_t columns) {
  return rows_of_lines(columns) * columns <= 16384;
}

struct loop {
  struct buffer {
    location at;
    bool constant = false;  // stays as it is from run to run
    // Bytes from there on that may be read, of what is the user's; 0: whole vectors to the end.
    std::uint64_t readable = 0;
  };

  enum class kind : std::uint8_t {
    load,        // the elements of a buffer where the map says; consecutive ones without a map
    splat,       // one number for all
    spread,      // a row's number for each of its elements
    apply,       // a kernel over up to three operands
    reduce,      // a reduction over the loop, into a buffer
    reduce_row,  // a reduction over each row
  };

  struct instruction {
    kind does;
    cotape::dtype dtype;
    bool by_row = false;     // one element a row
    std::uint8_t count = 0;  // of operands
    std::array<std::uint32_t, 3> in{};
    std::uint32_t from = none;  // the buffer that is loaded
    std::uint32_t to = none;    // the buffer where the result is stored
    std::uint32_t map = none;   // of a load
    std::uint64_t scratch = 0;  // bytes that a reduction needs
    kernels::kernel run = nullptr;
    const void* side = nullptr;                         // the kernel's description
    const kernels::scalar_functions* scalar = nullptr;  // of an operation, if it has some
  };

  std::int64_t rows = 0, columns = 0;  // 0: the loop is flat
  bool splittable = true;              // several threads may each do a part
  std::vector<buffer> buffers;
  std::vector<kernels::index_map> maps;
  std::vector<instruction> body;

  // Makes it an empty loop, and keeps its memory.
  void clear() {
    splittable = true;
    buffers.clear();
    maps.clear();
    body.clear();
  }
  std::int64_t width(bool by_row) const { return columns == 0 || by_row ? 1 : columns; }
  std::string text() const;
};

// By instruction: the last one that reads its result, or none.
std::vector<std::uint32_t> last_uses(const loop& l);

// Whether what passes make of graphs and loops is verified: in builds without NDEBUG.
#ifdef NDEBUG
inline constexpr bool verifies = false;
#else
inline constexpr bool verifies = true;
#endif

// Throws std::logic_error if the loop is not legal.
void verify(const loop& l);
}  // namespace cotape::code

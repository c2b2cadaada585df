// One step of a program: a kernel and the raw pointers it works on. A kernel reads and writes
// nothing else, so a program is a flat array of these.
//
// Destinations are aligned to 64 bytes and padded to whole 64-byte lines, so element-wise kernels
// run over whole vectors. Operands may stand anywhere; only element-wise kernels read whole vectors
// there, too: all others, and loads, read nothing past an operand's end, which may be a user's.
#pragma once

#include <array>
#include <cstdint>

namespace cotape::kernels {

// What a fused loop handles at a time is one or more tiles of so many elements.
inline constexpr std::uint32_t tile = 128;
inline constexpr std::size_t alignment = 64;

// How an element-wise kernel walks over an operand, two bits for each of them in `rows`: it handles
// rows of `cols` elements, whole lines each, or one row (0).
enum walk : std::uint32_t {
  along = 0,       // element by element
  one_line = 1,    // a line full of one number, for all
  line_a_row = 2,  // such a line for each row
  same_row = 3,    // the same elements for each row
};
// Beside these, of rows_and_sums: the sums are those of squares.
inline constexpr std::uint32_t of_squares = 1 << 6;

struct step {
  void (*run)(const step&);
  void* d;                   // destination
  const void *a, *b, *c;     // operands; c is also a reduction's scratch buffer
  std::uint32_t n;           // elements to handle
  std::uint32_t base;        // flat index of the first of them (loads and reductions)
  std::uint32_t rows, cols;  // free for the kernel
  const void* side;          // a kernel's own description, owned by the program
};
static_assert(sizeof(step) == 64);

using kernel = void (*)(const step&);

// One operation of a run over single numbers: slots[d] = f(...). Its function then calls the next
// instruction's, in place of returning (a million deep: see COTAPE_TAIL_CALL), and gives it the
// last two results, so that a chain does not wait for memory.
struct scalar_instruction {
  static constexpr std::uint64_t most_slots = std::uint64_t{1} << 24;
  std::uint64_t run : 16;  // number of the function
  std::uint64_t d : 24, a : 24;
  std::uint32_t b, c;
};
static_assert(sizeof(scalar_instruction) == 16);

using any_function = void (*)();
template <class T>
using scalar_function = void (*)(const scalar_instruction*, T* slots, T last, T before,
                                 const any_function* functions);
// An operation's functions by variant: a + 3 b + 9 c, where each operand comes from its slot (0),
// is the last result (1) or the one before (2). Null where there is none; variant 0 always exists.
struct scalar_functions : std::array<any_function, 27> {
  any_function called = nullptr;  // what variant 0 calls: it follows variant 0 in a body's list
  kernel in_rows = nullptr;       // the kernel that knows the ways of walk, if there is one
  kernel summed = nullptr;        // a sum, as sum(), of what it gives for operands a and b
  // in_rows for operands a and b, a along; and c = the sum of each row, as sum() gives it.
  kernel rows_and_sums = nullptr;
  bool squares = false;  // it gives the square of an operand that it reads twice
};
// g++ makes a jump of it from -O2 on; the files that use it are compiled with -O3, but under a
// sanitizer, where it is a call.
#if defined(__clang__)
#define COTAPE_TAIL_CALL [[clang::musttail]] return
#else
#define COTAPE_TAIL_CALL return
#endif

}  // namespace cotape::kernels

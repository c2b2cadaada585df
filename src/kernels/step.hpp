// One step of a program: a kernel and the raw pointers it works on. A kernel reads and writes
// nothing else, so a program is a flat array of these.
//
// Pointers are aligned to 64 bytes and their buffers padded to whole 64-byte lines, so element-wise
// kernels run over whole vectors and may read and write the padding.
#pragma once

#include <cstdint>

namespace cotape::kernels {

inline constexpr std::uint32_t tile = 512;  // elements a fused loop handles at a time
inline constexpr std::size_t alignment = 64;

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

// One operation of a run over single numbers: slots[d] = f(...), which is also returned and given
// to the next one, so that a chain does not wait for memory. `form` says which operands come from
// there: of f(a, b) none, a, b or both; of f(a, b, c) always c.
struct scalar_instruction {
  std::int32_t run;  // the function's distance from an anchor
  std::uint32_t d, a, b;
};
static_assert(sizeof(scalar_instruction) == 16);

template <class T> using scalar_function = T (*)(const scalar_instruction&, T* slots, T previous);
inline constexpr std::size_t scalar_forms = 4;

}  // namespace cotape::kernels

// The last pass: a scheduled and placed graph becomes steps.
#pragma once

#include "program/body.hpp"
#include "program/placement.hpp"

namespace cotape {

void emit(const graph& g, const schedule& s, const placement& p, program::body& out);

// While steps are made, a pointer into one of the program's buffers is a word: its region in the
// top byte, an offset below.
inline constexpr std::uint64_t offset_bits = 56;
inline const void* region_word(location l) {
  const auto top = static_cast<std::uint64_t>(l.where) << offset_bits;
  return reinterpret_cast<const void*>(top | l.at);
}

// What the steps of a program need beside themselves, in bytes. The constant steps have a scratch
// buffer of their own behind the constants.
struct emitted {
  std::uint64_t constants, scratch, folding;
};
// Allocates the program's own buffer and turns region words into addresses, but those in the
// workspace: they stay words of region::arena until the program settles there.
void resolve(const graph& g, const schedule& s, const placement& p, const emitted& e,
             program::body& out);

}  // namespace cotape

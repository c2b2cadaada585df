// The last pass: a scheduled and placed graph becomes steps.
#pragma once

#include "code/emitter.hpp"
#include "program/body.hpp"
#include "program/placement.hpp"

namespace cotape {

void emit(const graph& g, const schedule& s, const placement& p, program::body& out);

// Allocates the program's own buffer and turns region words into addresses, but those in the
// workspace: they stay words of region::arena until the program settles there.
void resolve(const graph& g, const schedule& s, const placement& p, const code::emitter& e,
             program::body& out);

}  // namespace cotape

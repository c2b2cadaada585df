// The last pass: a scheduled and placed graph becomes steps.
#pragma once

#include "code/emitter.hpp"
#include "program/body.hpp"
#include "program/placement.hpp"

namespace cotape {

void emit(const graph& g, const schedule& s, const placement& p, program::body& out);

// Lists what is bound before a run and committed after it, and turns region words into addresses,
// but those in the workspace: they stay words of region::arena until the program settles there.
void resolve(const graph& g, const schedule& s, const placement& p, program::body& out);

}  // namespace cotape

// The last pass: a scheduled and placed graph becomes steps.
#pragma once

#include "program/body.hpp"
#include "program/placement.hpp"

namespace cotape {

void emit(const graph& g, const schedule& s, const placement& p, program::body& out);

// Runs a loop_body (s.side) tile by tile.
void run_loop(const kernels::step& s);

}  // namespace cotape

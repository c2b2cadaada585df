// The last pass: a scheduled and placed graph becomes steps.
#pragma once

#include "program/body.hpp"
#include "program/placement.hpp"

namespace cotape {

void emit(const graph& g, const schedule& s, const placement& p, program::body& out);

// Runs a loop_body (s.side) tile by tile.
void run_loop(const kernels::step& s);

// Makes s check that its operand a, of the given type, holds no 0.
void lower_requirement(kernels::step& s, side_store& sides, const std::string& message,
                       const value_type& type);

}  // namespace cotape

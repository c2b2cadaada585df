// What the items of a schedule cost: see program_part.
#pragma once

#include <vector>

#include "cotape/program_part.hpp"
#include "program/placement.hpp"

namespace cotape {

// One part for each item that runs with the program (not for constants), without text and steps.
std::vector<program_part> costs(const graph& g, const schedule& s, const placement& p);

}  // namespace cotape

// A history's table, line by line.
#pragma once

#include <string>

#include "cotape/train.hpp"

namespace cotape::detail {

// The line of an epoch, counted from 0, in history::csv(), with its end.
std::string csv_line(const history& h, std::size_t epoch);

}  // namespace cotape::detail

// Errors that are completed on their way to the user.
#pragma once

#include <fmt/format.h>

#include "cotape/error.hpp"
#include "cotape/shape.hpp"

namespace cotape {

// " [at a.cpp:3]"
inline std::string at_line(const place& where) { return fmt::format(" [at {}]", where.text()); }

// Runs f. What more() gives stands behind the text of an error that f throws, whose kind stays.
template <class F, class G> auto telling(F f, G more) {
  try {
    return f();
  } catch (error& e) {
    e.add(more());
    throw;
  }
}

// Runs f. Where it makes a shape of sizes that no shape has, the error names the operation and the
// operands.
template <class F> auto sized(const char* op, std::span<const value_type* const> operands, F f) {
  try {
    return f();
  } catch (const size_error& e) {
    throw shape_error(fmt::format("{}: {} cannot become {}", op, text_of(operands), e.what()));
  }
}

}  // namespace cotape

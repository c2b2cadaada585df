// layer: nn
// Symbols joined into one, as functions with the names of those over variables. Element by element
// all parts have the same rows, or rows that broadcast as in NumPy: the batch stays the first axis.
// Each function throws value_error when it is given too few parts, and what the operation throws
// when the model is made, naming the line of the call.
//
//   auto x = input({8});
//   model m(x, dense(1)(add({x, dense(8, "relu")(x)})));
#pragma once

#include <array>

#include "cotape/layers.hpp"

namespace cotape {

/// Symbols side by side along an axis of the batch; the last by default.
symbol concatenate(const std::vector<symbol>& parts, std::int64_t axis = -1,
                   const char* file = __builtin_FILE(), int line = __builtin_LINE());
/// The sum.
symbol add(const std::vector<symbol>& parts, const char* file = __builtin_FILE(),
           int line = __builtin_LINE());
/// The first of two parts less the second.
symbol subtract(const std::vector<symbol>& parts, const char* file = __builtin_FILE(),
                int line = __builtin_LINE());
/// The product of the elements.
symbol multiply(const std::vector<symbol>& parts, const char* file = __builtin_FILE(),
                int line = __builtin_LINE());
/// The largest and the smallest of the elements.
symbol maximum(const std::vector<symbol>& parts, const char* file = __builtin_FILE(),
               int line = __builtin_LINE());
symbol minimum(const std::vector<symbol>& parts, const char* file = __builtin_FILE(),
               int line = __builtin_LINE());
/// The mean of the elements.
symbol average(const std::vector<symbol>& parts, const char* file = __builtin_FILE(),
               int line = __builtin_LINE());

struct dot_options {
  std::array<std::int64_t, 2> axes = {-1, -1};  // of each part, the batch being axis 0
  bool normalize = false;  // first divide by the norm along the axis, which counts as 1e-7 if below
};
/// Of two parts, for each row of the batch, the sums of products along an axis of each: shapes
/// (batch, a..., n, b...) and (batch, c..., n, d...) give (batch, a..., b..., c..., d...), and
/// (batch, 1) where nothing is left. Throws shape_error for sizes that differ.
symbol dot(const std::vector<symbol>& parts, dot_options options = {},
           const char* file = __builtin_FILE(), int line = __builtin_LINE());

}  // namespace cotape

// layer: base
// The errors that Cotape throws. Each names the operation, the shapes and, where known, what to do
// next. The library never prints and never aborts.
#pragma once

#include <stdexcept>

namespace cotape {

/// Base of everything that the library throws on a user's mistake.
struct error : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Shapes that do not fit each other or the operation.
struct shape_error : error {
  using error::error;
};

/// Mixed dtypes, or a dtype that an operation does not take.
struct dtype_error : error {
  using error::error;
};

/// An argument outside its range: an axis, an index, a rate.
struct value_error : error {
  using error::error;
};

/// A variable used on the wrong tape, after a rewind, or without a tape.
struct tape_error : error {
  using error::error;
};

/// A file that cannot be read or written, or is not what it says.
struct io_error : error {
  using error::error;
};

}  // namespace cotape

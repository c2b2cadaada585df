// layer: base
// The errors that Cotape throws. Each names the operation, the shapes and, where known, what to do
// next. The library never prints and never aborts. `place`: a line of the user's code.
#pragma once

#include <stdexcept>
#include <string>
#include <utility>

namespace cotape {

/// Base of everything that the library throws on a user's mistake.
struct error : std::runtime_error {
  using std::runtime_error::runtime_error;
  /// Says more, behind what it says; for those who catch it, add, and throw it on.
  void add(const std::string& more);
};

/// Shapes that do not fit each other or the operation.
struct shape_error : error {
  using error::error;
};

/// Sizes that no shape has: over 2^31 elements, more than 8 axes, a negative one.
struct size_error : shape_error {
  using shape_error::shape_error;
};

/// Mixed dtypes, or a dtype that an operation does not take.
struct dtype_error : error {
  using error::error;
};

/// An argument outside its range: an axis, an index, a rate.
struct value_error : error {
  using error::error;
};

/// A condition that the tape requires does not hold.
struct requirement_error : value_error {
  requirement_error(const std::string& what, std::string required)
      : value_error(what), requirement(std::move(required)) {}
  std::string requirement;  // the message that tape::require was given
};

/// A variable used on the wrong tape, after a rewind, or without a tape.
struct tape_error : error {
  using error::error;
};

/// A file that cannot be read or written, or is not what it says.
struct io_error : error {
  using error::error;
};

/// A line of the user's code, and the composed operation that it calls, if it does.
struct place {
  const char* file = "";
  int line = 0;
  const char* operation = nullptr;
  /// The composed operation, or the one of that name.
  const char* operation_or(const char* name) const { return operation ? operation : name; }
  /// "model.cpp:12", with the file's last component only.
  std::string text() const;
  friend bool operator==(const place&, const place&) = default;
};

}  // namespace cotape

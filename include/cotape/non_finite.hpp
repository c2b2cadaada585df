// layer: check
// Where an infinity or NaN comes from.
#pragma once

#include <initializer_list>
#include <iosfwd>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "cotape/program.hpp"

namespace cotape {

/// The operation that made an infinity or NaN of finite operands, or an input or parameter that
/// holds one.
struct non_finite {
  struct operand {
    std::string text;  // as a tape prints it
    double least = 0;  // of its elements that `element` is computed from: one, a row of a product's
    double most = 0;   // factor, what was summed ...; of all where that is not known
  };
  std::uint32_t node = 0;             // its number on the tape
  std::string operation;              // "log", or "input", "read", "constant"
  std::string text;                   // the node as a tape prints it
  cotape::shape shape;                // of its value
  std::vector<std::int64_t> element;  // the first that is not finite and reaches the value
  double value = 0;                   // that element
  std::int64_t count = 0;             // how many elements of it are and reach the value
  std::vector<operand> operands;
  place where;                    // the line that recorded it
  bool in_reverse_sweep = false;  // of a gradient
  /// From it to the nearest input or parameter, as a tape prints them: the shortest way.
  std::vector<std::string> path;
};
std::ostream& operator<<(std::ostream& out, const non_finite& f);

/// Evaluates `of` node by node and gives the first node, in the order of recording, whose infinity
/// or NaN reaches it; nothing if its value is finite. Nodes keep their values meanwhile: it takes
/// the memory of all of them. Effects are not run; random values are those of the next run. Throws
/// value_error if an input that it needs is not bound.
std::optional<non_finite> find_non_finite(variable of, std::span<const binding> inputs);
inline std::optional<non_finite> find_non_finite(variable of,
                                                 std::initializer_list<binding> inputs = {}) {
  return find_non_finite(of, std::span(inputs.begin(), inputs.size()));
}

}  // namespace cotape

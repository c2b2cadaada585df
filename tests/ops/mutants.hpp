// Mutants of local derivatives. On a recorded graph one node gets a copy of its descriptor, whose
// rule calls the original one and alters one operand's adjoint; the sweep goes over that node as
// over any other.
#pragma once

#include "gradient_check.hpp"

namespace cotape::tests {

enum class alteration {
  negated,
  scaled,         // by 1.01
  zeroed,         // of a value with several uses: a term dropped
  from_another,   // another operand's adjoint
  unsummed,       // the first of those that are summed over broadcast axes
  without_a_term  // of a sum that the rule records
};
const char* name_of(alteration a);

/// One altered rule: of a node, in one operand's adjoint.
struct mutant {
  std::uint32_t node;
  std::string primitive;
  std::size_t operand;
  alteration how;
  std::size_t which = 0;  // the other operand; the sum, counted from the rule's first node
  std::size_t term = 0;   // of that sum: the one that goes
  bool square = false;    // the node's operands are one variable

  /// "multiply, operand 0, negated": the same for every node of the operation.
  std::string text() const;
};

/// All mutants of the rules that differentiating the trial's graph calls.
std::vector<mutant> mutants_of(const trial& t);
/// The gradients that a mutant gives.
arrays gradients_of(const trial& t, const mutant& m);

}  // namespace cotape::tests

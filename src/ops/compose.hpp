// For composed operations: which tape and dtype their operands have, and the scope that makes the
// nodes point to the user's line.
#pragma once

#include "cotape/ops.hpp"
#include "cotape/primitive.hpp"

namespace cotape {

/// The operands of a composed operation as variables of one tape.
class composition {
 public:
  composition(const char* name, std::initializer_list<operand> operands);
  const variable& operator[](std::size_t i) const { return inputs_[i]; }
  tape& on() const { return *tape_; }

 private:
  tape* tape_;
  std::array<variable, 3> inputs_;
  std::optional<tape::scope> scope_;
};

}  // namespace cotape

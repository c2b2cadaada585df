// A call of a kernel of one's own: what does not change from run to run. The step's d is its
// result, c its scratch; its operands, of any number, stand in a list.
#pragma once

#include "cotape/kernel.hpp"
#include "kernels/step.hpp"

namespace cotape::kernels {

struct call {
  const char* op;
  place where = {};
  std::vector<value_type> types = {};          // of the operands, then of the result
  std::vector<const value_type*> inputs = {};  // into `types`
  std::vector<std::int64_t> attributes = {};
  void (*run)(const kernel_call&);
  // Filled in by the program:
  std::vector<const void*> operands = {};
  std::size_t scratch_bytes = 0;
};

// An element-wise kernel of one's own: the side of its steps.
struct user_loop {
  element_loop run;
  place where;
};

}  // namespace cotape::kernels

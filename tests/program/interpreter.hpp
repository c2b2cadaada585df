// An independent reference for programs: walks a tape node by node in double precision with plain
// loops over whole values, and knows nothing of merging, folding, fusion or buffers.
#pragma once

#include <cotape/cotape.hpp>
#include <map>
#include <memory>
#include <vector>

namespace cotape::tests {

using numbers = std::vector<double>;

numbers numbers_of(array_view v);

class interpreter {
 public:
  explicit interpreter(tape& t);
  ~interpreter();

  void bind(variable input, array_view value);
  /// Values of all nodes at the parameters' present values.
  void run();
  const numbers& at(variable v) const;
  /// What the tape's effects write: the last assignment to each parameter.
  std::map<std::uint32_t, numbers> updates() const;

 private:
  class walk;
  std::unique_ptr<walk> walk_;
};

}  // namespace cotape::tests

// What was recorded meanwhile is forgotten at the end.
#pragma once

#include "cotape/tape.hpp"

namespace cotape {

class rewinding {
 public:
  explicit rewinding(tape& t) : t_(t), mark_(t.mark()) {}
  rewinding(const rewinding&) = delete;
  rewinding& operator=(const rewinding&) = delete;
  ~rewinding() { t_.rewind(mark_); }

 private:
  tape& t_;
  tape_mark mark_;
};

}  // namespace cotape

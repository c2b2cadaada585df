#include "tensor/workspace.hpp"

#include <utility>

namespace cotape {

void workspace::refuse() {
  throw value_error(
      "run: this program, or one that shares its memory, is running: a kernel or callback may run "
      "another function only");
}

void workspace::replace_memory() {
  before_ = std::exchange(memory_, zeros(largest));
  bytes_ = largest;
}

}  // namespace cotape

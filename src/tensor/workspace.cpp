#include "tensor/workspace.hpp"

#include <utility>

namespace cotape {

void workspace::demand_idle() const {
  if (!running_) return;
  throw value_error(
      "run: this program, or one that shares its memory, is running: a kernel or callback may run "
      "another function only");
}

std::byte* workspace::settle() {
  if (bytes_ != largest) {
    before_ = std::exchange(memory_, zeros(largest));
    bytes_ = largest;
  }
  return memory_.get();
}

workspace::run workspace::begin(const std::vector<value_type>& inputs) {
  running_ = true;
  log_->current = ++log_->runs;
  log_->inputs = &inputs;
  return run(this);
}

std::uint64_t workspace::finish() {
  before_.reset();
  return log_->current;
}

void workspace::forget(const std::vector<value_type>& inputs) {
  if (log_->inputs != &inputs) return;
  log_->inputs = nullptr;
  log_->current = 0;
}

}  // namespace cotape

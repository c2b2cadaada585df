// The memory in which the programs of one cache run, one at a time: as large as the largest needs.
// Nothing in it outlives a run, but the outputs until the next one.
#pragma once

#include <memory>

#include "cotape/result.hpp"
#include "tensor/memory.hpp"

namespace cotape {

struct buffer_release {
  void operator()(std::byte* p) const { release(p); }
};
using buffer = std::unique_ptr<std::byte, buffer_release>;
inline buffer zeros(std::uint64_t bytes) {
  return buffer(static_cast<std::byte*>(allocate_zeros(bytes)));
}

class workspace {
 public:
  /// `function` is the place of the compiled function that runs here, if it is one.
  explicit workspace(std::string function) { log_->function = std::move(function); }
  workspace(const workspace&) = delete;
  workspace& operator=(const workspace&) = delete;
  ~workspace() { end_results(); }

  std::size_t largest = 0;  // bytes that the largest of its programs needs

  std::size_t bytes() const { return bytes_; }
  /// Throws value_error while a program runs here.
  void demand_idle() const {
    if (running_) refuse();
  }
  /// Makes the memory as large as the largest program needs, and says where it stands.
  std::byte* settle() {
    if (bytes_ != largest) replace_memory();
    return memory_.get();
  }

  struct rest {
    void operator()(workspace* w) const { w->running_ = false; }
  };
  using run = std::unique_ptr<workspace, rest>;
  /// Begins a run with inputs of these types, which goes on until what is returned dies.
  run begin(const std::vector<value_type>& inputs) {
    running_ = true;
    log_->current = ++log_->runs;
    log_->inputs = &inputs;
    return run(this);
  }
  /// Its outputs are complete. Gives its number.
  std::uint64_t finish() {
    before_.reset();
    return log_->runs;
  }
  /// The program with these inputs dies.
  void forget(const std::vector<value_type>& inputs) {
    if (log_->inputs != &inputs) return;
    log_->inputs = nullptr;
    end_results();
  }
  /// What runs have given is valid no more.
  void end_results() { log_->current = 0; }
  const detail::counted<detail::run_log>& log() const { return log_; }

 private:
  [[noreturn]] static void refuse();
  void replace_memory();

  buffer memory_, before_;  // before_: until the run ends, for an input may stand in it
  std::size_t bytes_ = 0;
  bool running_ = false;
  detail::counted<detail::run_log> log_{new detail::run_log};
};

}  // namespace cotape

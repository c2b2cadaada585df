// While a sweep or a trace works on a tape, the user's functions that it calls cannot rewind what
// it has recorded, nor commit effects.
#pragma once

#include "cotape/tape.hpp"

namespace cotape {

class tape::hold {
 public:
  hold(tape& t, const char* holder) : tape_(t), outer_(t.now_) {
    t.now_.holder = holder;
    t.now_.held = static_cast<std::uint32_t>(t.size());
  }
  ~hold() { tape_.now_ = outer_; }
  hold(const hold&) = delete;
  hold& operator=(const hold&) = delete;
  /// From here on nodes are recorded as made where `node` was, whatever scope is alive, and all
  /// that stands on the tape by now is held.
  void move_to(std::uint32_t node) {
    tape_.now_ = {tape_.nodes_[node].place, tape_.now_.holder,
                  static_cast<std::uint32_t>(tape_.size())};
  }

 private:
  tape& tape_;
  context outer_;
};

}  // namespace cotape

// Keeping what a fit changes before its first step, and putting it back.
#include "train/before_fit.hpp"

#include <algorithm>

namespace cotape::detail {

void before_fit::keep(const std::vector<parameter>& list) {
  for (const parameter& p : list) {
    if (!kept_.contains(p.number())) kept_.try_emplace(p.number(), p, tensor(p.view()));
  }
}

void before_fit::put_back() {
  of_.epochs = epochs_;
  of_.steps = steps_;
  of_.begun = std::move(begun_);
  for (auto& [number, kept] : kept_) kept.first.set(kept.second);
  bool dropped = false;
  for (const parameter& p : of_.how->served()) {
    if (std::find(served_.begin(), served_.end(), p) != served_.end()) continue;
    of_.how->forget(p);
    dropped = true;
  }
  if (dropped) of_.forget_programs();  // they hold the state
}

}  // namespace cotape::detail

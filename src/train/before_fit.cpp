// Keeping what a fit changes before a step has succeeded, and putting it back.
#include "train/before_fit.hpp"

#include <algorithm>

namespace cotape::detail {

// Of those without state there may be more or fewer.
bool slots_then::differ() const {
  const auto next = [](auto& at, const auto& all) {
    return at = std::find_if(at, all.end(), [](const auto& s) { return s.holds(); });
  };
  auto then = slots_.begin(), now = of_.slots_.cbegin();
  while (next(then, slots_) != slots_.end() && next(now, of_.slots_) != of_.slots_.end()) {
    if (!(*then++ == *now++)) return true;
  }
  return then != slots_.end() || next(now, of_.slots_) != of_.slots_.end();
}

void before_fit::keep(const parameter& p) {
  trainable_.keep(p);
  if (!kept_.contains(p.number())) kept_.try_emplace(p.number(), p, tensor(p.view()));
}

void before_fit::write(std::shared_ptr<fit_file> file, prepared_file content) {
  const auto at = std::find_if(files_.begin(), files_.end(),
                               [&](const auto& known) { return known.first == file; });
  if (at != files_.end()) at->second = std::move(content);
  else files_.emplace_back(std::move(file), std::move(content));
}

void before_fit::commit() {
  // Streams first: they take it as it comes, and may fail.
  std::stable_partition(files_.begin(), files_.end(),
                        [](const auto& f) { return f.first->task().stream != nullptr; });
  std::vector<file_state> states;
  for (auto& [file, content] : files_) states.push_back(file->make_ready(content));
  for (std::size_t i = 0; i < states.size(); ++i) {
    files_[i].first->become(files_[i].second, states[i]);
  }
}

void before_fit::put_back() {
  of_.epochs = epochs_;
  of_.steps = steps_;
  of_.warned = warned_;
  of_.begun = std::move(begun_);
  for (const auto& [number, kept] : kept_) kept.first.set(kept.second);
  if (slots_.differ()) {
    slots_.put_back();
    of_.programs.forget_programs();  // they hold the state
  }
  std::for_each(undo_.rbegin(), undo_.rend(), [](const auto& undo) {
    try {
      undo();
    } catch (...) {  // what the fit was refused for is told, and the others are undone
    }
  });
}

}  // namespace cotape::detail

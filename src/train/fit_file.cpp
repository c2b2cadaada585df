// The files of callbacks.
#include "train/fit_file.hpp"

#include "train/before_fit.hpp"

namespace cotape::detail {

fit_file::fit_file(file_task task, of_others how) : task_(std::move(task)), how_(how) {
  std::error_code failed;  // of no name, for one: said where the file is looked at
  std::filesystem::path whole = std::filesystem::absolute(task_.file, failed);
  if (!failed) task_.file = std::move(whole);
}

void fit_file::take(training& t) {
  if (task_.stream != nullptr) return;
  t.take_file(task_.operation, task_.file);
  known_ = state_of(task_);
}

void fit_file::demand_ours() const {
  if (how_ == of_others::replaced) return;
  const file_state now = state_of(task_);
  if (!now.exists() || now.holds_the_same_as(known_)) return;
  task_.fail(
      "another training or program has written it since this fit did or looked at it: give each "
      "training a file of its own, or start this one again when the other is done");
}

void fit_file::replace(training& t, std::span<const std::string_view> pieces) {
  demand_ours();
  prepared_file content(task_, pieces);
  if (before_fit* before = t.before()) {
    before->write(shared_from_this(), std::move(content));
  } else {
    become(content, make_ready(content));
  }
}

file_state fit_file::make_ready(prepared_file& content) const {
  demand_ours();
  return content.make_ready();
}

void fit_file::become(prepared_file& content, const file_state& state) {
  content.become_the_file();
  known_ = state;
}

bool fit_file::append(training& t, std::string_view text) {
  return t.before() == nullptr && append_to_file(task_, text, known_);
}

}  // namespace cotape::detail

// A file that a callback of a fit writes again and again.
#pragma once

#include <memory>
#include <span>
#include <string_view>

#include "cotape/training.hpp"
#include "io/write_file.hpp"

namespace cotape::detail {

/// What becomes of a file that something else has written since it was written or looked at here.
enum class of_others { replaced, refused };

/// Known by what it was when it was last written or looked at. Until a step of the fit has
/// succeeded it is not changed: what is to be written is only prepared.
class fit_file : public std::enable_shared_from_this<fit_file> {
 public:
  /// It stays where its name leads now, whatever folder the process comes to work in.
  fit_file(file_task task, of_others how);
  const file_task& task() const { return task_; }
  /// Takes the file for the callback (training::take_file), and looks at what it is.
  void take(training& t);
  void replace(training& t, std::span<const std::string_view> pieces);
  /// Adds to its end; false if it must be replaced.
  bool append(training& t, std::string_view text);
  /// Makes what it is going to hold ready, throwing io_error if what stands there is another's that
  /// is refused; and makes it so.
  file_state make_ready(prepared_file& content) const;
  void become(prepared_file& content, const file_state& state);

 private:
  void demand_ours() const;
  file_task task_;
  of_others how_;
  file_state known_;
};

}  // namespace cotape::detail

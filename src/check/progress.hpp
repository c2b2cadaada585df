// How far a check is, for its option `progress`: nothing in its first second.
#pragma once

#include <cstddef>
#include <string>

#include "cotape/check.hpp"

namespace cotape::check {

class progress {
 public:
  /// Of so many directions in all.
  progress(const gradient_check_options& options, std::size_t directions);
  /// After each direction, over which input it went.
  void direction_done(const std::string& input);

 private:
  std::ostream* out_;
  bool live_;
  std::function<double()> clock_;
  double started_, last_written_;
  std::size_t done_ = 0, all_;
};

}  // namespace cotape::check

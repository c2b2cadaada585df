#include "check/progress.hpp"

#include <fmt/format.h>

#include "base/status_line.hpp"

namespace cotape::check {

namespace {
constexpr double quiet_seconds = 1;  // as fit's
}  // namespace

progress::progress(const gradient_check_options& options, std::size_t directions)
    : out_(options.progress),
      live_(out_ != nullptr && is_terminal(*out_)),
      clock_(options.clock ? options.clock : base::steady_seconds),
      started_(clock_()),
      last_written_(started_),
      all_(directions) {}

void progress::direction_done(const std::string& input) {
  ++done_;
  if (out_ == nullptr) return;
  const double now = clock_(), passed = now - started_;
  const bool quarter = done_ * 4 / all_ != (done_ - 1) * 4 / all_, last = done_ == all_;
  const double interval = live_ ? base::live_interval : base::line_interval;
  const bool due = (live_ || quarter) && now - last_written_ >= interval;
  if (passed < quiet_seconds || (!due && !last)) return;
  last_written_ = now;
  const double left = passed * static_cast<double>(all_ - done_) / static_cast<double>(done_);
  base::write_status(*out_,
                     fmt::format("check_gradient: {}  direction {}/{}  left {}", input, done_, all_,
                                 base::duration_text(left)),
                     live_, last);
}

}  // namespace cotape::check

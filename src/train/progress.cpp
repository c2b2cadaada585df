// The progress line: at most ten writes a second on a terminal; elsewhere whole lines, at the
// quarters of an epoch. Epochs end with a line of their own, but for those under half a second.
#include <fmt/format.h>

#include "base/status_line.hpp"
#include "cotape/train.hpp"

namespace cotape {

namespace {

using base::duration_text, base::line_interval, base::live_interval;

// "3/10", or "3" where it is not known of how many.
std::string counted(std::int64_t n, std::int64_t all) {
  if (all == 0) return fmt::format("{}", n);
  return fmt::format("{:{}}/{}", n, fmt::formatted_size("{}", all), all);
}

}  // namespace

progress::progress(std::ostream& out, progress_options options)
    : out_(out), options_(std::move(options)), epoch_(options_.first) {
  if (!options_.clock) options_.clock = base::steady_seconds;
  started_ = last_written_ = last_ended_ = options_.clock();
}

std::string progress::line() const {
  const double seconds = elapsed();
  const std::int64_t done = epoch_ * options_.rows + rows_;
  const double speed = seconds > 0 ? static_cast<double>(total_) / seconds : 0;
  const auto rows_left = static_cast<double>(options_.epochs * options_.rows - done);
  std::string text = "epoch " + counted(epoch_ + 1, options_.epochs) + "  batch " +
                     counted(batch_, options_.batches);
  if (figures_) {
    for (const auto& [name, value] : figures_()) text += fmt::format("  {} {:.4f}", name, value);
  }
  text += fmt::format("  {:.0f} samples/s", speed);
  if (options_.epochs == 0 || options_.rows == 0) return text;
  return text + "  left " + (speed > 0 ? duration_text(rows_left / speed) : "?");
}

void progress::write(const std::string& text, bool last) {
  last_written_ = options_.clock();
  base::write_status(out_, text, options_.live, last);
}

void progress::update(std::int64_t rows, double loss, double accuracy) {
  update(rows, [=] {
    logs l;
    l.add("loss", loss);
    l.add("accuracy", accuracy);
    return l;
  });
}

void progress::update(std::int64_t rows, std::function<logs()> figures) {
  ++batch_;
  rows_ += rows;
  total_ += rows;
  figures_ = std::move(figures);
  if (batch_ == options_.batches) return;  // end_epoch writes it
  const std::int64_t all = options_.batches;
  const bool quarter = all == 0 || batch_ * 4 / all != (batch_ - 1) * 4 / all;
  if (!options_.live && !quarter) return;
  const double now = options_.clock();
  const bool due = now - last_written_ >= (options_.live ? live_interval : line_interval);
  if (due && now - started_ >= options_.quiet) write(line(), false);
}

void progress::end_epoch(const std::string& more) {
  const double now = options_.clock();
  const bool last = epoch_ + 1 == options_.epochs || now - last_ended_ >= line_interval;
  const bool loud = now - started_ >= options_.quiet;
  if (loud && (last || (options_.live && now - last_written_ >= live_interval))) {
    write(more.empty() ? line() : line() + "  " + more, last);
  }
  if (last) last_ended_ = now;
  ++epoch_;
  batch_ = rows_ = 0;
}

}  // namespace cotape

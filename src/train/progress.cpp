// The progress line: at most ten writes a second on a terminal; elsewhere whole lines, at the
// quarters of an epoch. Epochs end with a line of their own, but for those under half a second.
#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <iostream>

#include "cotape/train.hpp"

namespace cotape {

namespace {

constexpr double live_interval = 0.1, line_interval = 0.5;  // seconds

double steady_seconds() {
  using namespace std::chrono;
  return duration<double>(steady_clock::now().time_since_epoch()).count();
}

// 59 s, 12:05 or 2:00:00.
std::string duration_text(double seconds) {
  const auto s = static_cast<std::int64_t>(seconds + 0.5);
  if (s < 60) return fmt::format("{} s", s);
  if (s < 3600) return fmt::format("{}:{:02}", s / 60, s % 60);
  return fmt::format("{}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60);
}

int digits(std::int64_t n) { return static_cast<int>(fmt::formatted_size("{}", n)); }

}  // namespace

progress::progress(std::ostream& out, progress_options options)
    : out_(out), options_(std::move(options)), epoch_(options_.first) {
  if (!options_.clock) options_.clock = steady_seconds;
  started_ = last_written_ = last_ended_ = options_.clock();
}

std::string progress::line() const {
  const double seconds = elapsed();
  const std::int64_t done = epoch_ * options_.rows + rows_;
  const std::int64_t before = options_.first * options_.rows;
  const double speed = seconds > 0 ? static_cast<double>(done - before) / seconds : 0;
  const auto rows_left = static_cast<double>(options_.epochs * options_.rows - done);
  std::string text =
      fmt::format("epoch {:{}}/{}  batch {:{}}/{}", epoch_ + 1, digits(options_.epochs),
                  options_.epochs, batch_, digits(options_.batches), options_.batches);
  if (figures_) {
    for (const auto& [name, value] : figures_()) text += fmt::format("  {} {:.4f}", name, value);
  }
  return text + fmt::format("  {:.0f} samples/s  left {}", speed,
                            speed > 0 ? duration_text(rows_left / speed) : "?");
}

void progress::write(const std::string& text, bool last) {
  last_written_ = options_.clock();
  // ESC [K clears older text to the line's end; ESC [?7l keeps a narrow terminal from wrapping a
  // line that is to be rewritten, ESC [?7h ends that.
  if (options_.live && last) out_ << '\r' << text << "\x1b[K";
  else if (options_.live) out_ << "\r\x1b[?7l" << text << "\x1b[K\x1b[?7h";
  else out_ << text;
  if (last || !options_.live) out_ << '\n';
  out_.flush();
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
  figures_ = std::move(figures);
  if (batch_ == options_.batches) return;  // end_epoch writes it
  const bool quarter = batch_ * 4 / options_.batches != (batch_ - 1) * 4 / options_.batches;
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

bool is_terminal(const std::ostream& out) {
  if (&out == &std::cout) return isatty(STDOUT_FILENO) != 0;
  return (&out == &std::cerr || &out == &std::clog) && isatty(STDERR_FILENO) != 0;
}

}  // namespace cotape

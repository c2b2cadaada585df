#include "base/status_line.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <iostream>

#include "cotape/error.hpp"

namespace cotape {

bool is_terminal(const std::ostream& out) {
  if (&out == &std::cout) return isatty(STDOUT_FILENO) != 0;
  return (&out == &std::cerr || &out == &std::clog) && isatty(STDERR_FILENO) != 0;
}

namespace base {

double steady_seconds() {
  using namespace std::chrono;
  return duration<double>(steady_clock::now().time_since_epoch()).count();
}

std::string duration_text(double seconds) {
  const auto s = static_cast<std::int64_t>(seconds + 0.5);
  if (s < 60) return fmt::format("{} s", s);
  if (s < 3600) return fmt::format("{}:{:02}", s / 60, s % 60);
  return fmt::format("{}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60);
}

void write_status(std::ostream& out, const std::string& text, bool live, bool last) try {
  // ESC [K clears older text to the line's end; ESC [?7l keeps a narrow terminal from wrapping a
  // line that is to be rewritten, ESC [?7h ends that.
  if (live && last) out << '\r' << text << "\x1b[K";
  else if (live) out << "\r\x1b[?7l" << text << "\x1b[K\x1b[?7h";
  else out << text;
  if (last || !live) out << '\n';
  out.flush();
} catch (const std::ios_base::failure&) {  // as the stream was told to
  throw io_error("progress: cannot write to the stream");
}

}  // namespace base
}  // namespace cotape

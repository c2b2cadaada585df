// A line on a stream that says how far something is: on a terminal one that is written over and
// over, elsewhere whole lines. Nothing is written but to the stream that the caller gives.
#pragma once

#include <iosfwd>
#include <string>

namespace cotape {

bool is_terminal(const std::ostream& out);

namespace base {

/// Seconds between two lines on a terminal, and elsewhere.
inline constexpr double live_interval = 0.1, line_interval = 0.5;

/// Of a steady clock.
double steady_seconds();
/// "59 s", "12:05" or "2:00:00".
std::string duration_text(double seconds);
/// Writes the line; `live` ones over the one before, unless that was the last. Throws io_error
/// where the stream throws std::ios_base::failure.
void write_status(std::ostream& out, const std::string& text, bool live, bool last);

}  // namespace base
}  // namespace cotape

// A program's parts as data and as text, and running them with a clock. What runs is what run()
// runs.
#include <fmt/format.h>

#include <chrono>

#include "program/body.hpp"

namespace cotape {

std::vector<program_part> program::parts() const {
  const body& b = body_of(body_);
  program_part start{"bind inputs"}, end{"write parameters"};
  for (const body::commit& c : b.commits) {
    end.bytes += 2 * static_cast<double>(b.parameters[c.parameter].type().bytes());
  }
  end.in = recorded::after;
  std::vector<program_part> parts{start};
  for (std::size_t i = 0; i < b.notes.size(); ++i) {
    parts.push_back(b.costs[i]);
    parts.back().what = b.notes[i].what;
    parts.back().steps = b.notes[i].count;
  }
  parts.push_back(end);
  return parts;
}

std::string program::explain() const {
  const body& b = body_of(body_);
  std::string text =
      fmt::format("{} steps, arena {} bytes (most alive {}), constants {} bytes, {} folded steps\n",
                  b.steps.size(), b.memory.arena, b.memory.most_alive, b.memory.constants,
                  b.constant_steps.size());
  for (const body::note& n : b.notes) {
    text += fmt::format("{:>5} {:>3}  {}\n", n.first, n.count, n.what);
  }
  for (const body::commit& c : b.commits) {
    text += fmt::format("           write '{}'\n", b.parameters[c.parameter].name());
  }
  return text;
}

void program::run(std::span<const array_view> inputs, std::span<double> seconds) {
  const auto alive = body_;
  body& b = body_of(alive);
  if (seconds.size() != b.notes.size() + 2) {
    throw value_error("run: there must be as many times as parts");
  }
  using clock = std::chrono::steady_clock;
  double* next = seconds.data();
  auto then = clock::now();
  const auto stop = [&] {
    const auto now = clock::now();
    *next++ = std::chrono::duration<double>(now - then).count();
    then = now;
  };
  const auto running = b.start(inputs);
  stop();
  for (const body::note& n : b.notes) {
    for (std::size_t i = n.first; i < n.first + n.count; ++i) b.steps[i].run(b.steps[i]);
    stop();
  }
  b.finish();
  stop();
}

}  // namespace cotape

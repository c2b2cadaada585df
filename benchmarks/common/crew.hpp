// A few threads that do one job together, for the hand-written engines. They spin for a moment
// where they wait, then sleep. One caller at a time.
#pragma once

#include <atomic>
#include <cstddef>
#include <functional>
#include <thread>
#include <vector>

namespace bench {

class crew {
 public:
  explicit crew(std::size_t threads);
  ~crew();

  std::size_t size() const { return helpers_.size() + 1; }
  /// Calls job(i) for i below size(), each in another thread, and returns when all have returned.
  void run(const std::function<void(std::size_t)>& job);
  /// For jobs: returns when all have called it.
  void meet();

 private:
  void help(std::size_t i);

  std::atomic<std::uint32_t> jobs_{0}, arrived_{0}, meetings_{0};
  const std::function<void(std::size_t)>* job_ = nullptr;  // null: go home
  std::vector<std::jthread> helpers_;
};

/// Where part i of `parts` equal parts of n starts; parts start at multiples of 16 (a line of
/// floats).
inline std::size_t part_start(std::size_t n, std::size_t i, std::size_t parts) {
  return i == parts ? n : n * i / parts / 16 * 16;
}

}  // namespace bench

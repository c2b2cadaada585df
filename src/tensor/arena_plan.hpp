// Which bytes of one buffer hold which value, planned before it is allocated.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <set>
#include <utility>
#include <vector>

namespace cotape {

// Best-fit allocation of intervals; everything is a multiple of 64 bytes.
class arena_plan {
 public:
  std::uint64_t allocate(std::uint64_t bytes);
  void release(std::uint64_t offset, std::uint64_t bytes);
  std::uint64_t size() const { return size_; }
  std::uint64_t most_alive() const { return most_alive_; }

 private:
  std::map<std::uint64_t, std::uint64_t> free_;                // offset -> bytes
  std::set<std::pair<std::uint64_t, std::uint64_t>> by_size_;  // (bytes, offset)
  std::uint64_t size_ = 0, alive_ = 0, most_alive_ = 0;
  void forget(std::uint64_t offset, std::uint64_t bytes);
};

}  // namespace cotape

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

// Tiles of a scratch buffer, by size; reset for each piece of work.
class tile_pool {
 public:
  std::uint64_t take(std::uint64_t bytes) {
    std::vector<std::uint64_t>& free = free_[bytes];
    if (free.empty()) return take_fresh(bytes);
    const std::uint64_t offset = free.back();
    free.pop_back();
    return offset;
  }
  // One that nothing has used since the reset: for what is made once before a loop, or lives on
  // from tile to tile.
  std::uint64_t take_fresh(std::uint64_t bytes) {
    used_ += bytes;
    most_ = std::max(most_, used_);
    return used_ - bytes;
  }
  void give_back(std::uint64_t offset, std::uint64_t bytes) { free_[bytes].push_back(offset); }
  void reset() {
    used_ = 0;
    free_.clear();
  }
  std::uint64_t most() const { return most_; }

 private:
  std::map<std::uint64_t, std::vector<std::uint64_t>> free_;
  std::uint64_t used_ = 0, most_ = 0;
};

}  // namespace cotape

// Which bytes of a scratch buffer are free, planned before it is allocated.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <vector>

namespace cotape {

// Tiles of the buffer, by size; reset by each item of a program.
class tile_pool {
 public:
  std::uint64_t take(std::uint64_t bytes) {
    std::vector<std::uint64_t>& free = free_[bytes];
    if (free.empty()) return take_fresh(bytes);
    const std::uint64_t offset = free.back();
    free.pop_back();
    return offset;
  }
  // One that no earlier step of the item uses: for what is made once before a loop, or lives on
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
  std::uint64_t used() const { return used_; }
  std::uint64_t most() const { return most_; }

 private:
  std::map<std::uint64_t, std::vector<std::uint64_t>> free_;
  std::uint64_t used_ = 0, most_ = 0;
};

}  // namespace cotape

// Which bytes of one buffer hold which value, planned before it is allocated.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <set>
#include <utility>
#include <vector>

namespace cotape {

// Blocks of bytes, each alive from its allocation to its release; sizes are multiples of 64. Those
// that are alive at once never overlap.
class arena_plan {
 public:
  using block = std::uint32_t;
  block allocate(std::uint64_t bytes);
  void release(block);
  // Where each block stands: as it was allocated, in the smallest free place that holds it; or, if
  // that leaves much unused, with all lives in view, the largest blocks first.
  std::vector<std::uint64_t> offsets();
  // Bytes of the buffer, known after offsets(), and of the blocks at the worst moment.
  std::uint64_t size() const { return size_; }
  std::uint64_t most_alive() const { return most_alive_; }

 private:
  struct life {
    std::uint64_t bytes, offset;
    std::uint32_t first, last;  // by the number of allocations before
  };
  std::vector<life> blocks_;
  std::map<std::uint64_t, std::uint64_t> free_;                // offset -> bytes
  std::set<std::pair<std::uint64_t, std::uint64_t>> by_size_;  // (bytes, offset)
  std::uint64_t size_ = 0, alive_ = 0, most_alive_ = 0;

  std::uint64_t take(std::uint64_t bytes);
  void forget(std::uint64_t offset, std::uint64_t bytes);
  void pack();
};

}  // namespace cotape

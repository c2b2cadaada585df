#include "tensor/arena_plan.hpp"

#include <algorithm>
#include <iterator>

namespace cotape {

std::uint64_t arena_plan::allocate(std::uint64_t bytes) {
  alive_ += bytes;
  most_alive_ = std::max(most_alive_, alive_);
  const auto fit = by_size_.lower_bound({bytes, 0});
  if (fit == by_size_.end()) {
    // Grow, beginning in a free block at the end if there is one.
    std::uint64_t offset = size_;
    if (!free_.empty()) {
      const auto [last, length] = *free_.rbegin();
      if (last + length == size_) {
        offset = last;
        forget(last, length);
      }
    }
    size_ = offset + bytes;
    return offset;
  }
  const auto [length, offset] = *fit;
  forget(offset, length);
  if (length > bytes) {
    free_[offset + bytes] = length - bytes;
    by_size_.emplace(length - bytes, offset + bytes);
  }
  return offset;
}

void arena_plan::release(std::uint64_t offset, std::uint64_t bytes) {
  alive_ -= bytes;
  auto next = free_.lower_bound(offset);
  if (next != free_.end() && offset + bytes == next->first) {
    const auto [o, b] = *next;
    bytes += b;
    forget(o, b);
    next = free_.lower_bound(offset);
  }
  if (next != free_.begin()) {
    const auto [o, b] = *std::prev(next);
    if (o + b == offset) {
      offset = o;
      bytes += b;
      forget(o, b);
    }
  }
  free_[offset] = bytes;
  by_size_.emplace(bytes, offset);
}

void arena_plan::forget(std::uint64_t offset, std::uint64_t bytes) {
  free_.erase(offset);
  by_size_.erase({bytes, offset});
}

}  // namespace cotape

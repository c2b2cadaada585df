#include "tensor/arena_plan.hpp"

#include <algorithm>
#include <iterator>
#include <limits>
#include <numeric>

namespace cotape {

arena_plan::block arena_plan::allocate(std::uint64_t bytes) {
  alive_ += bytes;
  most_alive_ = std::max(most_alive_, alive_);
  const auto number = static_cast<block>(blocks_.size());
  blocks_.push_back({bytes, take(bytes), number, std::numeric_limits<block>::max()});
  return number;
}

std::uint64_t arena_plan::take(std::uint64_t bytes) {
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

void arena_plan::release(block number) {
  auto [bytes, offset, first, last] = blocks_[number];
  blocks_[number].last = static_cast<block>(blocks_.size()) - 1;
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

std::vector<std::uint64_t> arena_plan::offsets() {
  constexpr std::size_t most_packed = 16384;  // whose time grows with the square
  if (size_ > most_alive_ + most_alive_ / 32 && blocks_.size() <= most_packed) pack();
  std::vector<std::uint64_t> offsets;
  offsets.reserve(blocks_.size());
  for (const life& b : blocks_) offsets.push_back(b.offset);
  return offsets;
}

// Each block, the largest first, into the smallest gap between those that are alive with it.
void arena_plan::pack() {
  std::vector<block> order(blocks_.size());
  std::iota(order.begin(), order.end(), 0U);
  std::stable_sort(order.begin(), order.end(),
                   [&](block a, block b) { return blocks_[a].bytes > blocks_[b].bytes; });
  std::vector<life> placed;  // by offset
  std::vector<std::uint64_t> offset(blocks_.size());
  std::uint64_t size = 0;
  for (const block number : order) {
    life b = blocks_[number];
    std::uint64_t end = 0, smallest = std::numeric_limits<std::uint64_t>::max();
    b.offset = smallest;
    for (const life& other : placed) {
      if (other.last < b.first || b.last < other.first) continue;
      if (other.offset >= end + b.bytes && other.offset - end < smallest) {
        b.offset = end;
        smallest = other.offset - end;
      }
      end = std::max(end, other.offset + other.bytes);
    }
    b.offset = std::min(b.offset, end);
    offset[number] = b.offset;
    size = std::max(size, b.offset + b.bytes);
    const auto before = [](const life& x, const life& y) { return x.offset < y.offset; };
    placed.insert(std::upper_bound(placed.begin(), placed.end(), b, before), b);
  }
  if (size >= size_) return;
  size_ = size;
  for (std::size_t i = 0; i < offset.size(); ++i) blocks_[i].offset = offset[i];
}

}  // namespace cotape

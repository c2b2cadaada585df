// Index maps are built axis by axis; axes of size 1 vanish and an axis that continues the one
// before it is merged into it, so that most maps end with rank 1 or 2.
#include <algorithm>
#include <utility>
#include <vector>

#include "kernels/walk.hpp"

namespace cotape::kernels {

void index_map::append(std::int64_t new_size, std::int64_t new_stride) {
  if (new_size == 1) return;
  if (rank > 0 && stride[rank - 1] == new_size * new_stride) {
    size[rank - 1] *= new_size;
    stride[rank - 1] = new_stride;
    return;
  }
  size[rank] = new_size;
  stride[rank] = new_stride;
  ++rank;
}

std::int64_t index_map::elements() const {
  std::int64_t n = 1;
  for (std::uint32_t i = 0; i < rank; ++i) n *= size[i];
  return n;
}

reduction reduction::of(const shape& x, std::int64_t first, std::int64_t count) {
  reduction r;
  for (std::size_t i = 0; i < x.rank(); ++i) {
    const auto axis = static_cast<std::int64_t>(i);
    (axis < first ? r.outer : axis < first + count ? r.reduced : r.inner) *= x[i];
  }
  return r;
}

shape index_map::sizes() const { return shape(std::span(size).first(rank)); }

index_map index_map::of(const shape& s) {
  index_map map;
  map.rank = static_cast<std::uint32_t>(s.rank());
  std::int64_t next = 1;
  for (std::size_t i = s.rank(); i-- > 0; next *= std::max<std::int64_t>(1, s[i])) {
    map.size[i] = s[i];
    map.stride[i] = next;
  }
  return map;
}

index_map index_map::merged() const {
  index_map map;
  map.offset = offset;
  for (std::uint32_t i = 0; i < rank; ++i) map.append(size[i], stride[i]);
  return map;
}

void index_map::permute(std::span<const std::int64_t> order) {
  const index_map from = *this;
  for (std::size_t i = 0; i < rank; ++i) {
    size[i] = from.size[static_cast<std::size_t>(order[i])];
    stride[i] = from.stride[static_cast<std::size_t>(order[i])];
  }
}

void index_map::transpose() {
  std::swap(size[rank - 2], size[rank - 1]);
  std::swap(stride[rank - 2], stride[rank - 1]);
}

void index_map::cut(std::span<const std::int64_t> sizes, std::span<const std::int64_t> first,
                    std::span<const std::int64_t> steps) {
  for (std::size_t i = 0; i < rank; ++i) {
    offset += first[i] * stride[i];
    size[i] = sizes[i];
    stride[i] *= steps[i];
  }
}

void index_map::widen(const shape& to) {
  const index_map from = *this;
  const std::size_t more = to.rank() - rank;
  rank = static_cast<std::uint32_t>(to.rank());
  for (std::size_t i = 0; i < rank; ++i) {
    const bool repeated = i < more || from.size[i - more] != to[i];
    size[i] = to[i];
    stride[i] = repeated ? 0 : from.stride[i - more];
  }
}

// From the last axis on, each new axis takes its share of the merged axis that it lies in.
bool index_map::reshape(const shape& to) {
  const index_map from = merged();
  index_map map;
  map.rank = static_cast<std::uint32_t>(to.rank());
  map.offset = offset;
  std::int64_t left = 1, next = 0;
  std::uint32_t axis = from.rank;
  for (std::size_t i = to.rank(); i-- > 0;) {
    map.size[i] = to[i];
    if (to[i] == 1) continue;
    if (left == 1 && axis > 0) {
      left = from.size[--axis];
      next = from.stride[axis];
    }
    if (to[i] == 0 || left % to[i] != 0) return false;
    map.stride[i] = next;
    next *= to[i];
    left /= to[i];
  }
  *this = map;
  return true;
}

index_map slice_map(const shape& from, std::span<const std::int64_t> sizes,
                    std::span<const std::int64_t> first, std::span<const std::int64_t> steps) {
  index_map map = index_map::of(from);
  map.cut(sizes, first, steps);
  return map.merged();
}

index_map slice_map(const shape& from, std::span<const std::int64_t> lists) {
  const std::size_t n = from.rank();
  return slice_map(from, lists.first(n), lists.subspan(n, n), lists.subspan(2 * n));
}

index_map broadcast_map(const shape& from, const shape& to) {
  index_map map = index_map::of(from);
  map.widen(to);
  return map.merged();
}

cover cover_of(std::span<const index_map> maps, std::int64_t size) {
  std::vector<std::uint8_t> taken(static_cast<std::size_t>(size));
  std::int64_t covered = 0;
  cover result{0, false};
  for (const index_map& m : maps) {
    if (result.whole && m.elements() > 0) return result;
    bool apart = true;
    const std::int64_t stride = m.rank == 0 ? 0 : m.stride[m.rank - 1];
    const bool all = is_run(m) && m.elements() == size && covered == 0;  // no need to mark them
    walk(m, 0, all ? 0 : m.elements(), [&](std::int64_t at, std::int64_t n) {
      for (std::int64_t i = 0; i < n; ++i) {
        std::uint8_t& t = taken[static_cast<std::size_t>(m.offset + at + i * stride)];
        apart = apart && t == 0;
        t = 1;
      }
    });
    if (!apart) return result;
    covered += m.elements();
    result = {result.apart + 1, covered == size};
  }
  return result;
}

}  // namespace cotape::kernels

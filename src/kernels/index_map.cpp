// Index maps are built axis by axis; axes of size 1 vanish and an axis that continues the one
// before it is merged into it, so that most maps end with rank 1 or 2.
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

namespace {

using strides = std::array<std::int64_t, shape::max_rank>;

strides strides_of(const shape& s) {
  strides result{};
  std::int64_t next = 1;
  for (std::size_t k = s.rank(); k-- > 0; next *= s[k]) result[k] = next;
  return result;
}

}  // namespace

index_map transpose_map(const shape& from, std::span<const std::int64_t> order) {
  const strides stride = strides_of(from);
  index_map map;
  for (std::int64_t k : order) {
    const auto axis = static_cast<std::size_t>(k);
    map.append(from[axis], stride[axis]);
  }
  return map;
}

index_map slice_map(const shape& from, std::span<const std::int64_t> sizes,
                    std::span<const std::int64_t> first, std::span<const std::int64_t> steps) {
  const strides stride = strides_of(from);
  index_map map;
  for (std::size_t k = 0; k < from.rank(); ++k) {
    map.append(sizes[k], stride[k] * steps[k]);
    map.offset += stride[k] * first[k];
  }
  return map;
}

index_map slice_map(const shape& from, std::span<const std::int64_t> lists) {
  const std::size_t n = from.rank();
  return slice_map(from, lists.first(n), lists.subspan(n, n), lists.subspan(2 * n));
}

index_map broadcast_map(const shape& from, const shape& to) {
  const strides stride = strides_of(from);
  const std::size_t more = to.rank() - from.rank();
  index_map map;
  for (std::size_t k = 0; k < to.rank(); ++k) {
    map.append(to[k], k < more || from[k - more] == 1 ? 0 : stride[k - more]);
  }
  return map;
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

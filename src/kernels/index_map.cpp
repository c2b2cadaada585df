// Index maps are built axis by axis; axes of size 1 vanish and an axis that continues the one
// before it is merged into it, so that most maps end with rank 1 or 2.
#include "kernels/kernels.hpp"

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

}  // namespace cotape::kernels

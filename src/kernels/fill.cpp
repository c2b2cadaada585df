// fill and cast: the choice of instruction set.
#include "kernels/isa/entries.hpp"

namespace cotape::kernels {

kernel fill(std::size_t element_size, isa i) {
  return for_isa(i, [=]<class Arch>() { return fill_kernel<Arch>(element_size); });
}

kernel cast(dtype from, dtype to, isa i) {
  return for_isa(i, [=]<class Arch>() { return cast_kernel<Arch>(from, to); });
}

}  // namespace cotape::kernels

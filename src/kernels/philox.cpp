// Philox4x32-10 (J. K. Salmon et al., Parallel random numbers: as easy as 1, 2, 3, 2011) one block
// at a time, the reference for the batches of isa/uniform.cpp, and the choice among those.
#include "cotape/error.hpp"
#include "kernels/isa/entries.hpp"

namespace cotape::kernels {

std::array<std::uint32_t, 4> philox(std::array<std::uint32_t, 4> counter,
                                    std::array<std::uint32_t, 2> key) {
  auto& c = counter;
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t p = std::uint64_t{c[0]} * 0xD2511F53U;
    const std::uint64_t q = std::uint64_t{c[2]} * 0xCD9E8D57U;
    c = {static_cast<std::uint32_t>(q >> 32) ^ c[1] ^ key[0], static_cast<std::uint32_t>(q),
         static_cast<std::uint32_t>(p >> 32) ^ c[3] ^ key[1], static_cast<std::uint32_t>(p)};
    key[0] += 0x9E3779B9U;
    key[1] += 0xBB67AE85U;
  }
  return c;
}

kernel uniform(dtype type, isa i) {
  if (type == int64) throw dtype_error("uniform: no kernel for int64");
  return for_isa(i, [=]<class Arch>() { return uniform_kernel<Arch>(type); });
}

}  // namespace cotape::kernels

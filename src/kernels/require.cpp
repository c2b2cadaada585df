// What a program demands of its values.
#include <fmt/format.h>

#include "kernels/kernels.hpp"

namespace cotape::kernels {
namespace {

template <class T> void run(const step& s) {
  const T* x = static_cast<const T*>(s.a);
  for (std::uint32_t i = 0; i < s.n; ++i) {
    if (x[i] != 0) continue;
    const auto& [message, where] = *static_cast<const demand*>(s.side);
    throw requirement_error(
        fmt::format("require: {} (element {}) [condition made at {}]", message, i, where.text()),
        message);
  }
}

}  // namespace

kernel require(dtype type) {
  if (type == int64) return &run<std::int64_t>;
  return type == float32 ? &run<float> : &run<double>;
}

}  // namespace cotape::kernels

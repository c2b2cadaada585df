// What a program demands of its values.
#include "cotape/error.hpp"
#include "kernels/kernels.hpp"

namespace cotape::kernels {
namespace {

template <class T> void run(const step& s) {
  const T* x = static_cast<const T*>(s.a);
  for (std::uint32_t i = 0; i < s.n; ++i) {
    if (x[i] != 0) continue;
    throw value_error("require: " + *static_cast<const std::string*>(s.side) + " (element " +
                      std::to_string(i) + ")");
  }
}

}  // namespace

kernel require(dtype type) {
  if (type == int64) return &run<std::int64_t>;
  return type == float32 ? &run<float> : &run<double>;
}

}  // namespace cotape::kernels

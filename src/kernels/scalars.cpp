#include "kernels/scalars.hpp"

namespace cotape::kernels {
namespace {

template <class T> void stop(const scalar_instruction*, T*, T, T, const any_function*) {}

template <class T> void run(const step& s) {
  auto& body = *static_cast<scalar_body*>(const_cast<void*>(s.side));
  auto* slots = reinterpret_cast<T*>(body.slots.data());
  for (const auto& i : body.imports) slots[i.slot] = *static_cast<const T*>(i.outside);
  const scalar_instruction* first = body.code.data();
  const any_function* functions = body.functions.data();
  reinterpret_cast<scalar_function<T>>(functions[first->run])(first, slots, 0, 0, functions);
  for (const auto& e : body.exports) {
    *static_cast<T*>(const_cast<void*>(e.outside)) = slots[e.slot];
  }
}

}  // namespace

kernel run_scalars(dtype d) { return d == float32 ? &run<float> : &run<double>; }

any_function stop_scalars(dtype d) {
  return d == float32 ? reinterpret_cast<any_function>(&stop<float>)
                      : reinterpret_cast<any_function>(&stop<double>);
}

}  // namespace cotape::kernels

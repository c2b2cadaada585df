#include "kernels/scalars.hpp"

#include <algorithm>
#include <cstring>

#include "base/telling.hpp"

namespace cotape::kernels {
namespace {

template <class T> void stop(const scalar_instruction*, T*, T, T, const any_function*) {}

// Its buffers are its own, which a jump may not skip. Where the loop throws, the slots are done
// with: the first bytes tell run() which instruction it was.
template <class T>
[[gnu::noinline]] T call_loop(any_function loop, const scalar_instruction* i, T* slots) {
  const void* operands[] = {slots + i->a, slots + i->b, slots + i->c};
  T y;
  try {
    reinterpret_cast<element_loop>(loop)(&y, operands, 1);
  } catch (...) {
    std::memcpy(slots, &i, sizeof i);
    throw;
  }
  return y;
}

// The line of the operation that threw.
std::string line_of(const scalar_body& body) {
  const scalar_instruction* threw = nullptr;
  std::memcpy(&threw, body.slots.data(), sizeof threw);
  const auto number = static_cast<std::uint32_t>(threw - body.code.data());
  return at_line(std::lower_bound(body.own.begin(), body.own.end(), number, [](auto& o, auto n) {
                   return o.first < n;
                 })->second);
}

template <class T>
void looped(const scalar_instruction* i, T* slots, T last, T, const any_function* functions) {
  const T y = call_loop(functions[i->run + 1], i, slots);
  slots[i->d] = y;
  const auto next = reinterpret_cast<scalar_function<T>>(functions[i[1].run]);
  COTAPE_TAIL_CALL next(i + 1, slots, y, last, functions);
}

template <class T> void run(const step& s) {
  auto& body = *static_cast<scalar_body*>(const_cast<void*>(s.side));
  auto* slots = reinterpret_cast<T*>(body.slots.data());
  for (const auto& i : body.imports) slots[i.slot] = *static_cast<const T*>(i.outside);
  const scalar_instruction* first = body.code.data();
  const any_function* functions = body.functions.data();
  telling(
      [&] {
        reinterpret_cast<scalar_function<T>>(functions[first->run])(first, slots, 0, 0, functions);
      },
      [&] { return line_of(body); });
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

scalar_functions call_of_loop(dtype d, element_loop loop) {
  scalar_functions result{};
  result[0] = d == float32 ? reinterpret_cast<any_function>(&looped<float>)
                           : reinterpret_cast<any_function>(&looped<double>);
  result.called = reinterpret_cast<any_function>(loop);
  return result;
}

}  // namespace cotape::kernels

// One place for what depends on a dtype: a function template called with the C++ type of the
// elements.
#pragma once

#include "cotape/shape.hpp"

namespace cotape {

// f<float>(), f<double>() or f<std::int64_t>().
template <class F> [[gnu::always_inline]] inline decltype(auto) for_dtype(dtype d, F&& f) {
  if (d == float32) return f.template operator()<float>();
  if (d == float64) return f.template operator()<double>();
  return f.template operator()<std::int64_t>();
}

}  // namespace cotape

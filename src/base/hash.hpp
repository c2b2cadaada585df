// Hashes of types and places, for unordered maps.
#pragma once

#include "cotape/error.hpp"
#include "cotape/shape.hpp"

namespace cotape {

struct hash {
  std::size_t operator()(const value_type& t) const {
    std::size_t h = static_cast<std::size_t>(t.dtype) * 31 + t.shape.rank();
    for (auto s : t.shape) h = h * 1000003 + static_cast<std::size_t>(s);
    return h;
  }
  std::size_t operator()(const place& p) const {
    return reinterpret_cast<std::size_t>(p.file) * 31 + static_cast<std::size_t>(p.line) +
           reinterpret_cast<std::size_t>(p.operation) * 1000003;
  }
};

}  // namespace cotape

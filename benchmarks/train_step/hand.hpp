// The parts of the hand-written engine.
#pragma once

#include "engine.hpp"

namespace bench {

std::unique_ptr<stepper> make_hand_network(const problem& p, std::size_t threads);

/// How many threads are worth it: small cases run on one.
inline std::size_t useful_threads(const spec& s, std::size_t threads) {
  if (s.kind == task::chain) return s.n >= 100000 ? threads : 1;
  return s.kind == task::network && s.batch * s.sizes[0] >= 10000 ? threads : 1;
}

}  // namespace bench

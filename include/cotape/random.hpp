// layer: ops
// Random numbers by Philox4x32-10 (Salmon et al., 2011): every number is a function of the seed, a
// counter and its place in the tensor, so fusion, recomputation and threads do not change it. The
// counter is a parameter: each random value recorded reads it and advances it as an effect.
#pragma once

#include <cstdint>

#include "cotape/tape.hpp"

namespace cotape {

/// A seeded source of random values. A handle: copies share the counter.
class generator {
 public:
  explicit generator(std::int64_t seed = 0);

  /// A value on the tape, new at each run of a program: uniform in [low, high); rounding may
  /// reach high.
  variable uniform(tape& t, const shape& s, double low = 0, double high = 1, dtype d = float32);
  /// Normally distributed, by Box and Muller's transform of two uniform values.
  variable normal(tape& t, const shape& s, double mean = 0, double deviation = 1,
                  dtype d = float32);
  /// The same on x's tape, in its shape and dtype.
  variable uniform_like(const variable& x, double low = 0, double high = 1);
  variable normal_like(const variable& x, double mean = 0, double deviation = 1);

  /// Values now.
  tensor uniform(const shape& s, double low = 0, double high = 1, dtype d = float32);
  tensor normal(const shape& s, double mean = 0, double deviation = 1, dtype d = float32);

  /// How many random values were drawn: keep it to resume.
  const parameter& counter() const { return counter_; }
  std::int64_t seed() const { return seed_; }

 private:
  std::int64_t seed_;
  parameter counter_;
};

}  // namespace cotape

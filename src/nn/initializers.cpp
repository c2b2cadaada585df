// First values of weights.
#include "cotape/initializers.hpp"

#include <cmath>

namespace cotape {

namespace {

struct fans {
  double in = 1, out = 1;
  explicit fans(const shape& s) {
    double taps = 1;
    for (std::size_t i = 0; i + 2 < s.rank(); ++i) taps *= static_cast<double>(s[i]);
    if (s.rank() > 1) in = taps * static_cast<double>(s[s.rank() - 2]);
    if (s.rank() > 0) out = taps * static_cast<double>(s[s.rank() - 1]);
    if (s.rank() == 1) in = out;
  }
};

tensor symmetric(generator& random, const shape& s, double limit, dtype d) {
  return random.uniform(s, -limit, limit, d);
}

}  // namespace

tensor glorot_uniform(generator& random, const shape& s, dtype d) {
  const fans f(s);
  return symmetric(random, s, std::sqrt(6 / (f.in + f.out)), d);
}

tensor glorot_normal(generator& random, const shape& s, dtype d) {
  const fans f(s);
  return random.normal(s, 0, std::sqrt(2 / (f.in + f.out)), d);
}

tensor he_uniform(generator& random, const shape& s, dtype d) {
  return symmetric(random, s, std::sqrt(6 / fans(s).in), d);
}

tensor he_normal(generator& random, const shape& s, dtype d) {
  return random.normal(s, 0, std::sqrt(2 / fans(s).in), d);
}

tensor zeros(const shape& s, dtype d) { return tensor(value_type{d, s}); }

}  // namespace cotape

// Random values as nodes. (Values drawn at once are in nn, where programs are known.)
#include "cotape/random.hpp"

#include <numbers>

#include "cotape/ops.hpp"
#include "cotape/xtensor.hpp"
#include "primitives/primitives.hpp"

namespace cotape {

generator::generator(std::int64_t seed)
    : seed_(seed), counter_("random counter", std::int64_t{0}, false) {}

variable generator::uniform(tape& t, const shape& s, double low, double high, dtype d) {
  const variable now = t.read(counter_);
  primitives::words attributes{seed_, 0, static_cast<std::int64_t>(t.promoted(d))};
  attributes.insert(attributes.end(), s.begin(), s.end());
  const variable unit = record(primitives::uniform, {now}, attributes);
  t.assign(counter_, now + 1);
  return low == 0 && high == 1 ? unit : low + (high - low) * unit;
}

variable generator::normal(tape& t, const shape& s, double mean, double deviation, dtype d) {
  const variable radius = sqrt(-2 * log1p(-uniform(t, s, 0, 1, d)));
  const variable angle = 2 * std::numbers::pi * uniform(t, s, 0, 1, d);
  return mean + deviation * (radius * cos(angle));
}

variable generator::uniform_like(const variable& x, double low, double high) {
  return uniform(x.owner(), x.shape(), low, high, x.dtype());
}

variable generator::normal_like(const variable& x, double mean, double deviation) {
  return normal(x.owner(), x.shape(), mean, deviation, x.dtype());
}

}  // namespace cotape

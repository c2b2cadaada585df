// Targets in the shape of what they are compared with.
#include "train/targets.hpp"

#include <algorithm>
#include <iterator>

#include "cotape/ops.hpp"

namespace cotape::detail {

bool fits(const shape& target, const shape& prediction) {
  if (target.rank() == 0 || prediction.rank() == 0) return target == prediction;
  const auto row = [](const shape& s) {
    std::vector<std::int64_t> sizes;
    std::copy_if(s.begin() + 1, s.end(), std::back_inserter(sizes),
                 [](std::int64_t n) { return n != 1; });
    return sizes;
  };
  return target[0] == prediction[0] && row(target) == row(prediction);
}

variable fitted(const variable& target, const variable& prediction) {
  const shape& wanted = prediction.shape();
  if (target.shape() == wanted || !fits(target.shape(), wanted)) return target;
  return reshape(target, wanted);
}

}  // namespace cotape::detail

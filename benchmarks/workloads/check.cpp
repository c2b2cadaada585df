// Compares one step of an engine with the reference in double, output by output.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "workload.hpp"

namespace bench {
namespace {

// Of the norm of an output: single precision if any input has it.
double tolerance(const problem& p) {
  const bool single = std::any_of(p.in.begin(), p.in.end(),
                                  [](const tensor& t) { return t.dtype() == cotape::float32; });
  return single ? 1e-4 : 1e-7;
}

}  // namespace

std::optional<std::string> mismatch(const problem& p, const outputs& wanted, stepper& s,
                                    double factor) {
  s.run(1);
  const std::vector<double> given = s.values();
  std::size_t total = 0;
  for (const std::vector<double>& w : wanted) total += w.size();
  if (given.size() != total) return fmt::format("{} values instead of {}", given.size(), total);
  const double* at = given.data();
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    double difference = 0, norm = 0;
    for (double w : wanted[i]) {
      difference += (*at - w) * (*at - w);
      norm += w * w;
      ++at;
    }
    // Negated: NaN is a mismatch.
    if (!(std::sqrt(difference) <= factor * tolerance(p) * std::sqrt(norm))) {
      return fmt::format("output {} is off by {:.2g} of its norm", i, std::sqrt(difference / norm));
    }
  }
  return std::nullopt;
}

}  // namespace bench

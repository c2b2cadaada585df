// Compares one step of an engine with the reference, tensor by tensor.
#include <fmt/format.h>

#include <cmath>

#include "engine.hpp"

namespace bench {
namespace {

constexpr double tolerance = 1e-4;

// Where one tensor's gradient ends and the next one's starts.
std::vector<std::size_t> borders(const spec& s) {
  std::vector<std::size_t> list{0};
  switch (s.kind) {
    case task::network:
      for (const layer_place& l : places_of(s)) {
        list.push_back(l.bias);
        list.push_back(l.end);
      }
      break;
    case task::chain: list.insert(list.end(), {s.n, 2 * s.n, 3 * s.n}); break;
    case task::loop: list.push_back(1); break;
  }
  return list;
}

// The norm of the difference over the norm of what is wanted.
double distance(const std::vector<double>& a, const std::vector<double>& wanted, std::size_t from,
                std::size_t to) {
  double difference = 0, norm = 0;
  for (std::size_t i = from; i < to; ++i) {
    difference += (a[i] - wanted[i]) * (a[i] - wanted[i]);
    norm += wanted[i] * wanted[i];
  }
  return std::sqrt(difference / norm);
}

// One step. A network's gradient is what the step takes off the weights at so high a rate that
// their own rounding does not matter.
std::vector<double> gradient_of(const spec& what, stepper& s) {
  if (what.kind != task::network) {
    s.run(1);
    return s.values();
  }
  const double rate = what.adam ? 1 : 1024;
  const std::vector<double> before = s.values();
  s.set_rate(rate);
  s.run(1);
  s.set_rate(timing_rate);
  std::vector<double> gradient = s.values();
  for (std::size_t i = 0; i < gradient.size(); ++i) {
    gradient[i] = (before[i] - gradient[i]) / rate;
  }
  return gradient;
}

}  // namespace

std::optional<std::string> mismatch(const problem& p, const outcome& wanted, stepper& s) {
  const std::vector<double> gradient = gradient_of(p.what, s);
  // Negated comparisons: NaN is a mismatch.
  if (!(std::abs(s.loss() - wanted.loss) <= tolerance * std::abs(wanted.loss))) {
    return fmt::format("loss {:.8g} instead of {:.8g}", s.loss(), wanted.loss);
  }
  if (gradient.size() != wanted.gradient.size()) return "a gradient of another size";
  const std::vector<std::size_t> ends = borders(p.what);
  for (std::size_t i = 0; i + 1 < ends.size(); ++i) {
    const double off = distance(gradient, wanted.gradient, ends[i], ends[i + 1]);
    if (!(off <= tolerance)) return fmt::format("gradient {} is off by {:.2g}", i, off);
  }
  return std::nullopt;
}

}  // namespace bench

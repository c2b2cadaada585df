// Terms of the loss and bounds of weights.
#include "cotape/regularizers.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cmath>

#include "cotape/ops.hpp"

namespace cotape {

namespace {

void demand_factor(const char* who, double factor) {
  if (!(factor >= 0)) throw value_error(fmt::format("{}: the factor is {}", who, factor));
}

// Of the weights that lead to one unit, each.
variable norms(const variable& w, const std::vector<std::int64_t>& over) {
  std::vector<std::int64_t> along = over;
  const auto rank = static_cast<std::int64_t>(w.shape().rank());
  for (std::int64_t i = 0; over.empty() && i < std::max<std::int64_t>(rank - 1, 1); ++i) {
    along.push_back(i);
  }
  return norm(w, axes(std::move(along)), dims::keep);
}

weight_function told(std::string text, weight_function f) {
  f.text = std::move(text);
  return f;
}

}  // namespace

regularizer l1(double factor) {
  demand_factor("l1", factor);
  return told(fmt::format("l1({})", factor), [=](variable w) { return factor * sum(abs(w)); });
}

regularizer l2(double factor) {
  demand_factor("l2", factor);
  return told(fmt::format("l2({})", factor), [=](variable w) { return factor * sum(square(w)); });
}

regularizer l1_l2(double factor_of_l1, double factor_of_l2) {
  return told(fmt::format("l1_l2({}, {})", factor_of_l1, factor_of_l2),
              [first = l1(factor_of_l1), second = l2(factor_of_l2)](variable w) {
                return first(w) + second(w);
              });
}

constraint max_norm(double most, std::vector<std::int64_t> over) {
  if (!(most > 0) || std::isinf(most)) {
    throw value_error(fmt::format("max_norm: {} is not above 0 and finite", most));
  }
  return told(fmt::format("max_norm({}, {})", most, over),
              [=](variable w) { return w * (most / maximum(norms(w, over), most)); });
}

constraint non_neg() {
  return told("non_neg", [](variable w) { return maximum(w, 0); });
}

constraint unit_norm(std::vector<std::int64_t> over) {
  return told(fmt::format("unit_norm({})", over),
              [=](variable w) { return w / maximum(norms(w, over), 1e-7); });
}

}  // namespace cotape

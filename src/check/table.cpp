// The table of a gradient check, and its verdicts as words.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <ostream>

#include "cotape/check.hpp"

namespace cotape {

namespace {

std::string text_of(const std::vector<std::int64_t>& element) {
  return fmt::format("({}{})", fmt::join(element, ", "), element.size() == 1 ? "," : "");
}

std::string evidence(const input_check& c) {
  switch (c.found) {
    case verdict::wrong:
      if (!c.linear) {
        return fmt::format(": {:.9g} by vjp, {:.9g} by jvp", c.by_gradient, c.by_jvp);
      }
      [[fallthrough]];
    case verdict::ill_conditioned:
      return fmt::format(": {:.9g} by the gradient, {:.9g} +- {:.1e} by differences", c.by_gradient,
                         c.by_differences, c.error_bar);
    case verdict::vacuous: return ": the gradient is 0 and the function does not move";
    default: return "";
  }
}

std::string text_of(const blamed_node& n, verdict v) {
  std::vector<std::string> shapes;
  for (const shape& s : n.operands) shapes.push_back(s.text());
  std::string text =
      fmt::format("  {} of {} at {}", n.op, fmt::join(shapes, " and "), n.where.text());
  if (v != verdict::wrong) {
    return text + fmt::format(", element {} is {:.6g}", text_of(n.element), n.value);
  }
  if (n.operands.size() > 1) text += fmt::format(", operand {}", n.operand);
  if (!n.linear) {
    return text + ": by vjp and by jvp it differs: its rule is wrong, or not linear in the adjoint";
  }
  return text +
         fmt::format(": {:.9g} by its rule, {:.9g} by differences", n.by_rule, n.by_differences);
}

}  // namespace

const char* name_of(verdict v) {
  switch (v) {
    case verdict::non_finite: return "non-finite";
    case verdict::wrong: return "wrong";
    case verdict::kink: return "kink";
    case verdict::ill_conditioned: return "ill-conditioned";
    case verdict::vacuous: return "vacuous";
    default: return "ok";
  }
}

double gradient_check::worst_error() const {
  double worst = 0;
  bool compared = false;
  for (const input_check& c : inputs) {
    worst = std::max(worst, c.worst_error);
    compared = compared || c.directions > 0;
  }
  return compared ? worst : std::numeric_limits<double>::infinity();
}

int gradient_check::redrawn() const {
  return std::accumulate(inputs.begin(), inputs.end(), 0,
                         [](int n, const input_check& c) { return n + c.redrawn; });
}

bool gradient_check::ok() const {
  const auto count = [this](verdict v) {
    return std::count_if(inputs.begin(), inputs.end(),
                         [v](const input_check& c) { return c.found == v; });
  };
  const auto right = static_cast<std::size_t>(count(verdict::ok));
  return right > 0 && right + static_cast<std::size_t>(count(verdict::vacuous)) == inputs.size();
}

std::string gradient_check::table() const {
  std::size_t name = 5, sizes = 5;
  for (const input_check& c : inputs) {
    name = std::max(name, c.name.size());
    sizes = std::max(sizes, c.shape.text().size());
  }
  std::string text =
      fmt::format("{:<{}}  {:<{}}  {:>10}  {:>7}  {:>14}  {}\n", "input", name, "shape", sizes,
                  "directions", "redrawn", "relative error", "verdict");
  for (const input_check& c : inputs) {
    text +=
        fmt::format("{:<{}}  {:<{}}  {:>10}  {:>7}  {:>14.2e}  {}", c.name, name, c.shape.text(),
                    sizes, c.directions, c.redrawn, c.worst_error, name_of(c.found));
    if (!c.element.empty() && c.found < verdict::vacuous) {
      text += fmt::format(" in element {}", text_of(c.element));
    }
    text += evidence(c) + '\n';
    if (c.node) text += text_of(*c.node, c.found) + '\n';
  }
  return text;
}

std::ostream& operator<<(std::ostream& out, const gradient_check& c) { return out << c.table(); }

}  // namespace cotape

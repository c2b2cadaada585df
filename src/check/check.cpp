// The gradient checker. Each parameter p is assigned p + h * d on the tape before the loss is
// recorded, h (a number) and d (a direction) being inputs in double: so a float32 parameter is
// perturbed by less than its own resolution, and one program serves all directions.
#include "cotape/check.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>
#include <ostream>

#include "check/slope.hpp"
#include "cotape/derivatives.hpp"
#include "cotape/ops.hpp"
#include "cotape/program.hpp"
#include "tape/sources.hpp"

namespace cotape {

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

void demand_scalar(const variable& loss) {
  if (loss.shape().elements() != 1 || loss.dtype() != float64) {
    throw shape_error(
        fmt::format("check_gradient: the loss is {}, it must be one number", loss.type().text()));
  }
}

// The trainable floating parameters that the loss reads, in the order of the tape.
std::vector<parameter> parameters_of(const std::function<variable(tape&)>& loss) {
  tape t(precision::float64);
  const variable y = loss(t);
  std::vector<char> needed(y.index() + 1, 0);
  needed.back() = 1;
  for (std::uint32_t i = y.index() + 1; i-- > 0;) {
    if (!needed[i]) continue;
    for (std::uint32_t k : t.nodes()[i].in) {
      if (k != no_node) needed[k] = 1;
    }
  }
  std::vector<parameter> found;
  for (std::uint32_t i = 0; i <= y.index(); ++i) {
    if (!needed[i] || t.nodes()[i].op != &sources::read) continue;
    const parameter& p = t.parameter_at(static_cast<std::size_t>(t.attributes_of(i)[0]));
    const bool known = std::find(found.begin(), found.end(), p) != found.end();
    if (p.trainable() && p.dtype() != int64 && !known) found.push_back(p);
  }
  return found;
}

// The loss with every parameter moved by h times a direction of its own.
class moved_loss {
 public:
  moved_loss(const std::function<variable(tape&)>& loss, const std::vector<parameter>& parameters)
      : tape_(precision::float64) {
    std::vector<variable> inputs{tape_.input(float64, {}, "step")}, at;
    for (const parameter& p : parameters) {
      inputs.push_back(tape_.input(float64, p.shape(), "direction of " + p.name()));
      at.push_back(tape_.read(p) + inputs[0] * inputs.back());
      tape_.assign(p, at.back());
      directions_.emplace_back(inputs.back().type());
    }
    const variable y = loss(tape_);
    demand_scalar(y);
    views_.emplace_back(value_type{float64, {}}, &step_);
    for (const tensor& d : directions_) views_.push_back(d);
    value_.emplace(tape_, inputs, std::vector<variable>{y}, compile_options{.effects = false});
    program gradient(tape_, inputs, cotape::gradient(reshape(y, shape{}), at),
                     compile_options{.effects = false});
    gradient.run(views_);
    for (std::size_t i = 0; i < gradient.outputs(); ++i) {
      gradients_.emplace_back(gradient.output(i).view());
    }
  }

  double operator()(double step) {
    step_ = step;
    value_->run(views_);
    return value_->output(0).number();
  }
  std::span<double> direction(std::size_t i) { return elements(directions_[i]); }
  std::span<double> gradient(std::size_t i) { return elements(gradients_[i]); }

 private:
  static std::span<double> elements(tensor& t) {
    return {t.data_as<double>(), static_cast<std::size_t>(t.shape().elements())};
  }

  tape tape_;
  double step_ = 0;
  std::vector<tensor> directions_, gradients_;
  std::vector<array_view> views_;
  std::optional<program> value_;
};

double norm_of(array_view v) {
  const tensor wide(v, float64);
  const auto* x = wide.data_as<double>();
  return std::sqrt(std::inner_product(x, x + wide.shape().elements(), x, 0.0));
}

void draw(std::span<double> direction, check::direction_source& random) {
  for (double& x : direction) x = random();
  const double length =
      std::sqrt(std::inner_product(direction.begin(), direction.end(), direction.begin(), 0.0));
  if (length > 0)
    for (double& x : direction) x /= length;
}

// A direction's derivative by both ways.
struct sides {
  double by_gradient = 0;
  check::slope by_differences;

  bool finite() const { return by_differences.finite && std::isfinite(by_gradient); }
  bool flat() const { return by_differences.flat && by_gradient == 0; }
  double difference() const { return std::abs(by_gradient - by_differences.value); }
  double larger() const { return std::max(std::abs(by_gradient), std::abs(by_differences.value)); }
  // Whether the differences are exact enough to tell right from wrong.
  bool resolved(double tolerance) const {
    const double bar = by_differences.error_bar;
    return flat() || difference() > 4 * bar || bar <= tolerance * larger();
  }
};

// The steps of successive attempts: the last suits parameters that are all small.
std::array<double, 4> steps_for(double norm, double relative) {
  const double first = relative * std::max(1.0, norm);
  const double last = norm > 0 ? std::min(first / 512, relative * norm) : first / 512;
  return {first, first / 8, first / 64, last};
}

// One direction after another until one is smooth and resolved.
sides try_directions(moved_loss& loss, std::size_t i, check::direction_source& random,
                     const std::array<double, 4>& steps, const gradient_check_options& options,
                     int& redrawn) {
  const auto direction = loss.direction(i), gradient = loss.gradient(i);
  for (int attempt = 0;; ++attempt) {
    draw(direction, random);
    const double step = steps[static_cast<std::size_t>(attempt) % steps.size()];
    const sides found{std::inner_product(gradient.begin(), gradient.end(), direction.begin(), 0.0),
                      check::slope_of(std::ref(loss), step, options.tolerance)};
    const bool smooth = found.by_differences.smooth;
    if (!found.finite() || (smooth && found.resolved(options.tolerance))) return found;
    if (attempt == options.most_redraws) return found;
    if (!smooth) ++redrawn;
  }
}

// Adds a direction to what is known of its parameter.
void judge(const sides& found, double tolerance, parameter_check& out) {
  const auto at_least = [&](verdict v) { out.found = std::min(out.found, v); };
  if (!found.finite()) {
    out.worst_error = infinity;
    return at_least(verdict::non_finite);
  }
  if (!found.by_differences.smooth) return at_least(verdict::kink);
  if (!found.resolved(tolerance)) return at_least(verdict::ill_conditioned);
  if (found.flat()) return;
  ++out.directions;
  const double error = found.difference() / found.larger();
  if (error > tolerance) at_least(verdict::wrong);
  if (error < out.worst_error) return;
  out.worst_error = error;
  out.by_gradient = found.by_gradient;
  out.by_differences = found.by_differences.value;
}

parameter_check check_parameter(moved_loss& loss, std::size_t i, const parameter& p,
                                const gradient_check_options& options) {
  parameter_check out{.name = p.name(), .shape = p.shape()};
  check::direction_source random(options.seed, i);
  const auto steps = steps_for(norm_of(p.view()), options.step);
  for (int n = 0; n < options.directions && out.found != verdict::non_finite; ++n) {
    judge(try_directions(loss, i, random, steps, options, out.redrawn), options.tolerance, out);
  }
  if (out.directions == 0 && out.found == verdict::ok) out.found = verdict::vacuous;
  const auto direction = loss.direction(i);
  std::fill(direction.begin(), direction.end(), 0.0);
  return out;
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
  for (const parameter_check& p : parameters) {
    worst = std::max(worst, p.worst_error);
    compared = compared || p.directions > 0;
  }
  return compared ? worst : infinity;
}

int gradient_check::redrawn() const {
  return std::accumulate(parameters.begin(), parameters.end(), 0,
                         [](int n, const parameter_check& p) { return n + p.redrawn; });
}

bool gradient_check::ok() const {
  const auto found = [](verdict v) {
    return [v](const parameter_check& p) { return p.found == v; };
  };
  return std::any_of(parameters.begin(), parameters.end(), found(verdict::ok)) &&
         std::all_of(parameters.begin(), parameters.end(), [&](const parameter_check& p) {
           return found(verdict::ok)(p) || found(verdict::vacuous)(p);
         });
}

std::string gradient_check::table() const {
  std::size_t name = 9, sizes = 5;
  for (const parameter_check& p : parameters) {
    name = std::max(name, p.name.size());
    sizes = std::max(sizes, p.shape.text().size());
  }
  std::string text =
      fmt::format("{:<{}}  {:<{}}  {:>10}  {:>7}  {:>14}  {}\n", "parameter", name, "shape", sizes,
                  "directions", "redrawn", "relative error", "verdict");
  for (const parameter_check& p : parameters) {
    text +=
        fmt::format("{:<{}}  {:<{}}  {:>10}  {:>7}  {:>14.2e}  {}", p.name, name, p.shape.text(),
                    sizes, p.directions, p.redrawn, p.worst_error, name_of(p.found));
    if (p.found == verdict::wrong) {
      text += fmt::format(": {:.9g} by the gradient, {:.9g} by differences", p.by_gradient,
                          p.by_differences);
    }
    text += '\n';
  }
  return text;
}

std::ostream& operator<<(std::ostream& out, const gradient_check& c) { return out << c.table(); }

gradient_check check_gradient(const std::function<variable(tape&)>& loss,
                              std::vector<parameter> parameters,
                              const gradient_check_options& options) {
  if (parameters.empty()) parameters = parameters_of(loss);
  if (parameters.empty())
    throw value_error("check_gradient: the loss reads no trainable parameter");
  for (const parameter& p : parameters) {
    if (p.dtype() == int64) {
      throw value_error(fmt::format("check_gradient: parameter '{}' is int64", p.name()));
    }
  }
  moved_loss moved(loss, parameters);
  gradient_check result;
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    result.parameters.push_back(check_parameter(moved, i, parameters[i], options));
  }
  return result;
}

}  // namespace cotape

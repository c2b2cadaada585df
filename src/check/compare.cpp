#include "check/compare.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>

namespace cotape::check {

namespace {

double dot(std::span<const double> a, std::span<const double> b) {
  return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
}

void draw(std::span<double> direction, direction_source& random) {
  for (double& x : direction) x = random();
  const double length = std::sqrt(dot(direction, direction));
  if (length > 0)
    for (double& x : direction) x /= length;
}

// A direction's derivative by all ways.
struct sides {
  double by_gradient = 0, by_jvp = 0, norm = 0;  // norm: of the gradient
  double nothing = 0;  // what is 0 but for rounding, beside the gradient in all inputs
  slope by_differences;
  double step = 0;

  bool finite_here() const { return std::isfinite(by_gradient + by_jvp); }
  bool finite() const { return by_differences.finite && finite_here(); }
  // Such as a bias before a batch norm, which takes it away again.
  bool lost_in_rounding() const {
    return norm < nothing && std::abs(by_jvp) < nothing &&
           by_differences.scale <= by_differences.error_bar;
  }
  bool flat() const { return (by_differences.flat && by_gradient == 0) || lost_in_rounding(); }
  double difference() const { return std::abs(by_gradient - by_differences.value); }
  double scale() const { return std::max(std::abs(by_gradient), by_differences.scale); }
  // Whether the differences are exact enough to tell right from wrong.
  bool resolved(double tolerance) const {
    const double bar = by_differences.error_bar;
    return flat() || difference() > 4 * bar || bar <= tolerance * scale();
  }
  bool transposed(double tolerance) const {
    return std::abs(by_gradient - by_jvp) <= tolerance * norm;
  }
};

// The steps of successive attempts: the last suits inputs that are all small.
std::array<double, 5> steps_for(double norm, double relative) {
  const double first = relative * std::max(1.0, norm), least = first / 4096;
  return {first, first / 8, first / 64, first / 512,
          norm > 0 ? std::min(least, relative * norm) : least};
}

class comparison {
 public:
  comparison(line& f, std::size_t i, double norm, const gradient_check_options& options)
      : f_(f), i_(i), options_(options), random_(options.seed, i) {
    steps_ = steps_for(norm, options.step);
    gradient_norm_ = std::sqrt(dot(f.gradient(i), f.gradient(i)));
    for (std::size_t k = 0; k < f.at().size(); ++k) {
      nothing_ = std::hypot(nothing_, std::sqrt(dot(f.gradient(k), f.gradient(k))));
    }
    nothing_ *= 64 * std::numeric_limits<double>::epsilon();
    out_.shape = f.at()[i].shape();
  }

  input_check run(const witness& graver, const std::function<void()>& each) {
    const std::size_t count = directions_of(f_.direction(i_).size(), options_);
    for (std::size_t n = 0; n < count; ++n) {
      if (out_.found != verdict::non_finite) look_along(n, graver);
      if (each) each();
    }
    if (out_.directions == 0 && out_.found == verdict::ok) out_.found = verdict::vacuous;
    std::fill(f_.direction(i_).begin(), f_.direction(i_).end(), 0.0);
    return out_;
  }

 private:
  void look_along(std::size_t n, const witness& graver) {
    const sides found = try_directions(n);
    const verdict before = out_.found;
    judge(found, n);
    if (out_.found < before && graver) graver(out_.found, found.step);
  }

  void aim(std::size_t n) {
    const auto direction = f_.direction(i_);
    if (!options_.each_element) return draw(direction, random_);
    std::fill(direction.begin(), direction.end(), 0.0);
    direction[n] = 1;
  }

  // One direction after another until one is smooth and resolved; of an element, one step after
  // another.
  sides try_directions(std::size_t n) {
    for (int attempt = 0;; ++attempt) {
      aim(n);
      const double step = steps_[static_cast<std::size_t>(attempt) % steps_.size()];
      const sides found{dot(f_.gradient(i_), f_.direction(i_)),
                        f_.by_jvp(),
                        gradient_norm_,
                        attempt == 0 ? nothing_ : 0,  // the longest step shows it, if any does
                        slope_of(std::ref(f_), step, options_.tolerance),
                        step};
      const bool smooth = found.by_differences.smooth;
      const bool left_domain = !found.by_differences.finite && found.finite_here();
      if (!left_domain && !found.finite()) return found;
      if (!left_domain && smooth && found.resolved(options_.tolerance)) return found;
      const int last = options_.each_element ? static_cast<int>(steps_.size()) - 1 : 1 << 30;
      if (attempt >= std::min(options_.most_redraws, last)) return found;
      if (!smooth) ++out_.redrawn;
    }
  }

  // Adds a direction to what is known of the input.
  void judge(const sides& found, std::size_t n) {
    const double tolerance = options_.tolerance;
    if (!found.finite()) return keep(verdict::non_finite, found, n, infinity_);
    if (!found.by_differences.smooth) return keep(verdict::kink, found, n, 0);
    if (!found.resolved(tolerance)) return keep(verdict::ill_conditioned, found, n, 0);
    if (found.lost_in_rounding()) return;
    if (!found.transposed(tolerance)) {
      return keep(verdict::wrong, found, n,
                  std::abs(found.by_gradient - found.by_jvp) / gradient_norm_);
    }
    if (found.flat()) return;
    ++out_.directions;
    const double error = found.difference() / found.scale();
    keep(error > tolerance ? verdict::wrong : verdict::ok, found, n, error);
  }

  void keep(verdict v, const sides& found, std::size_t n, double error) {
    const bool graver = v < out_.found;
    out_.found = std::min(out_.found, v);
    const bool worse = v == out_.found && error >= out_.worst_error;
    out_.worst_error = std::max(out_.worst_error, error);
    if (!graver && !worse) return;
    out_.by_gradient = found.by_gradient;
    out_.by_differences = found.by_differences.value;
    out_.error_bar = found.by_differences.error_bar;
    out_.by_jvp = found.by_jvp;
    out_.linear = found.transposed(options_.tolerance);
    if (options_.each_element)
      out_.element = unravel_index(static_cast<std::int64_t>(n), out_.shape);
  }

  static constexpr double infinity_ = std::numeric_limits<double>::infinity();
  line& f_;
  std::size_t i_;
  const gradient_check_options& options_;
  direction_source random_;
  std::array<double, 5> steps_{};
  double gradient_norm_ = 0, nothing_ = 0;
  input_check out_;
};

}  // namespace

std::size_t directions_of(std::size_t elements, const gradient_check_options& options) {
  return options.each_element ? elements : static_cast<std::size_t>(options.directions);
}

input_check compare(line& f, std::size_t i, double norm, const gradient_check_options& options,
                    const witness& graver, const std::function<void()>& each) {
  return comparison(f, i, norm, options).run(graver, each);
}

double norm_of(array_view v) {
  const tensor wide(v, float64);
  const auto* x = wide.data_as<double>();
  return std::sqrt(std::inner_product(x, x + wide.shape().elements(), x, 0.0));
}

}  // namespace cotape::check

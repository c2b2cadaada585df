// A function of variables along directions from a point: h -> w . f(x + h d), w a fixed random
// cotangent of f's shape. Recorded once; step and directions are inputs in double, so one program
// serves all directions, and a float32 parameter moves by less than its own resolution.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "check/slope.hpp"
#include "cotape/program.hpp"

namespace cotape::check {

/// From the moved inputs to the output.
using function = std::function<variable(const std::vector<variable>&)>;

/// Standard normal numbers.
tensor normal_values(const shape& s, direction_source& random);
/// Random numbers of y's type as a constant; 1 if y has one element: its derivative is then the
/// function's own.
variable cotangent_of(const variable& y, std::uint64_t seed);

class line {
 public:
  /// f moved from the values `from` on tape t. `outer`: a line on the same tape whose inputs the
  /// values depend on. Throws dtype_error if f gives integers.
  line(tape& t, const std::vector<variable>& from, const function& f, std::uint64_t seed,
       const line* outer = nullptr);
  line(const line&) = delete;
  line& operator=(const line&) = delete;

  /// w . f(x + step * d).
  double operator()(double step);
  /// How much the directions are; all 0 at first.
  std::span<double> direction(std::size_t i) { return elements(directions_[i]); }
  /// The part of x's i-th value in the gradient of w . f at x.
  std::span<double> gradient(std::size_t i) { return elements(gradients_[i]); }
  /// w . (J d), by a Jacobian-vector product.
  double by_jvp();

  tape& on() const { return tape_; }
  const std::vector<variable>& at() const { return at_; }
  const variable& output() const { return output_; }
  const std::vector<variable>& gradient_nodes() const { return gradient_nodes_; }
  /// Values of nodes of the tape at a step, for as long as the program is not run again.
  program compile(const std::vector<variable>& wanted) const;
  void run(program& code, double step);

 private:
  static std::span<double> elements(tensor& t) {
    return {t.data_as<double>(), static_cast<std::size_t>(t.shape().elements())};
  }

  tape& tape_;
  double step_ = 0;
  std::vector<tensor> directions_, gradients_;
  std::vector<variable> inputs_, at_, direction_nodes_, gradient_nodes_;
  std::vector<array_view> views_;
  variable cotangent_, output_;
  std::optional<program> value_, jvp_;
};

}  // namespace cotape::check

#include "check/line.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "cotape/derivatives.hpp"
#include "cotape/ops.hpp"

namespace cotape::check {

tensor normal_values(const shape& s, direction_source& random) {
  tensor t(value_type{float64, s});
  std::generate_n(t.data_as<double>(), s.elements(), std::ref(random));
  return t;
}

variable cotangent_of(const variable& y, std::uint64_t seed) {
  direction_source random(seed, 0xc07a);
  tensor w = normal_values(y.shape(), random);
  if (y.shape().elements() == 1) *w.data_as<double>() = 1;
  return y.owner().constant(w);
}

line::line(tape& t, const std::vector<variable>& from, const function& f, std::uint64_t seed,
           const line* outer)
    : tape_(t) {
  if (outer != nullptr) {
    inputs_ = outer->inputs_;
    views_ = outer->views_;
  }
  inputs_.push_back(t.input(float64, {}, "step"));
  views_.emplace_back(value_type{float64, {}}, &step_);
  const variable step = inputs_.back();
  for (const variable& x : from) {
    directions_.emplace_back(value_type{float64, x.shape()});
    inputs_.push_back(t.input(float64, x.shape(), "direction"));
    direction_nodes_.push_back(inputs_.back());
    at_.push_back(x + step * inputs_.back());
  }
  for (const tensor& d : directions_) views_.push_back(d);
  output_ = f(at_);
  if (output_.dtype() != float64) {
    throw dtype_error(fmt::format("check_gradient: the function gives {}, which has no derivative",
                                  output_.type().text()));
  }
  cotangent_ = cotangent_of(output_, seed);
  value_.emplace(compile({sum(cotangent_ * output_)}));
  gradient_nodes_ = vjp(output_, at_, cotangent_);
  program gradient = compile(gradient_nodes_);
  run(gradient, 0);
  for (std::size_t i = 0; i < at_.size(); ++i) gradients_.emplace_back(gradient.output(i).view());
}

double line::operator()(double step) {
  run(*value_, step);
  return value_->output(0).number();
}

double line::by_jvp() {
  if (!jvp_) jvp_.emplace(compile({sum(cotangent_ * jvp(output_, at_, direction_nodes_))}));
  run(*jvp_, 0);
  return jvp_->output(0).number();
}

program line::compile(const std::vector<variable>& wanted) const {
  return {tape_, inputs_, wanted, {.effects = false}};
}

void line::run(program& code, double step) {
  step_ = step;
  code.run(views_);
}

}  // namespace cotape::check

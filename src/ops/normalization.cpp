// Normalizations, composed: statistics over rows, over columns, or over columns and then groups.
#include "cotape/normalization.hpp"

#include <fmt/format.h>

#include "ops/compose.hpp"

namespace cotape {

namespace {

void demand(const composition& c, double epsilon) {
  c.demand_floating();
  if (!(epsilon >= 0)) c.fail<value_error>(fmt::format("epsilon {} is below 0", epsilon));
}

// `what`, the operand i, is repeated to that shape.
void demand_fit(const composition& c, std::size_t i, const shape& to, const char* what) {
  shape joint;
  if (broadcast(c[i].shape(), to, joint) && joint == to) return;
  c.fail<shape_error>(
      fmt::format("the {} {} does not broadcast to {}", what, c[i].shape().text(), to.text()));
}

bool is(const operand& x, double number) { return x.is_number() && x.number() == number; }

// unit scale + shift, the operands `at` and `at` + 1 of c: those that do nothing are left out.
variable moved(const composition& c, variable unit, operand scale, operand shift, std::size_t at) {
  if (!is(scale, 1)) {
    demand_fit(c, at, c[0].shape(), "scale");
    unit = unit * c[at];
  }
  if (!is(shift, 0)) {
    demand_fit(c, at + 1, c[0].shape(), "shift");
    unit = unit + c[at + 1];
  }
  return unit;
}

variable inverse_deviation(variable variance, double epsilon) {
  return reciprocal(sqrt(variance + epsilon));
}

// Statistics, and x without its mean.
struct moments {
  variable mean, variance, centred;
  moments(const variable& x, const axes& over) : mean(cotape::mean(x, over, keep_dims)) {
    centred = x - mean;
    variance = cotape::mean(square(centred), over, keep_dims);
  }
};

// How many channels, of data (batch, sizes..., channels).
std::int64_t channels_of(const composition& c) {
  const shape& s = c[0].shape();
  if (s.rank() < 2) c.fail<shape_error>(fmt::format("{} is not (batch, ..., channels)", s.text()));
  if (s.elements() == 0) c.fail<shape_error>(fmt::format("{} is empty", s.text()));
  return s[s.rank() - 1];
}

}  // namespace

variable normalize(operand x, operand mean, operand variance, operand scale, operand shift,
                   double epsilon) {
  const composition c("normalize", {x, mean, variance, scale, shift});
  demand(c, epsilon);
  demand_fit(c, 1, c[0].shape(), "mean");
  demand_fit(c, 2, c[0].shape(), "variance");
  return moved(c, (c[0] - c[1]) * inverse_deviation(c[2], epsilon), scale, shift, 3);
}

namespace {

variable normalized_columns(const variable& x, const variable& scale, const variable& shift,
                            double epsilon) {
  const moments m(x, 0);
  return m.centred * (scale * inverse_deviation(m.variance, epsilon)) + shift;
}

// Its adjoints: with u = (x - mean) / deviation,
//   dx = scale / deviation (dy - mean(dy) - u mean(dy u)), dscale = sum(dy u), dshift = sum(dy).
// They take two passes over x; what the sweep makes of normalized_columns takes 1.2 to 1.4 times
// as long (workloads --case batch_norm_grad).
std::vector<variable> adjoints_of_columns(const std::vector<variable>& in, const variable& dy,
                                          double epsilon) {
  const variable &x = in[0], &scale = in[1];
  const moments m(x, 0);
  const double share = 1 / static_cast<double>(x.shape()[0]);
  const variable inverse = inverse_deviation(m.variance, epsilon), factor = scale * inverse;
  const variable dshift = sum(dy, 0, keep_dims);
  const variable dscale = sum(dy * m.centred, 0, keep_dims) * inverse;
  const variable of_x = factor * inverse * dscale * -share;
  return {dy * factor + m.centred * of_x - factor * dshift * share, dscale, dshift};
}

}  // namespace

normalized_batch batch_norm(operand x, operand scale, operand shift, double epsilon) {
  const composition c("batch_norm", {x, scale, shift});
  demand(c, epsilon);
  const std::int64_t channels = channels_of(c);
  const auto of_channels = [&](std::size_t i, const char* what) {
    demand_fit(c, i, {channels}, what);
    return broadcast_to(c[i], {1, channels});
  };
  const std::vector<variable> in{reshape(c[0], {-1, channels}), of_channels(1, "scale"),
                                 of_channels(2, "shift")};
  const variable y = custom_gradient(
      [=](const std::vector<variable>& v) { return normalized_columns(v[0], v[1], v[2], epsilon); },
      in,
      [=](const std::vector<variable>& v, const variable&, const variable& dy) {
        return adjoints_of_columns(v, dy, epsilon);
      });
  const moments m(in[0], 0);
  return {reshape(y, c[0].shape()), reshape(m.mean, {channels}), reshape(m.variance, {channels})};
}

namespace {

// x without its mean over some axes, over its deviation.
variable unit_of(const variable& x, const axes& over, double epsilon) {
  const moments m(x, over);
  return m.centred * inverse_deviation(m.variance, epsilon);
}

// The same, with its adjoint written out: with y the result,
//   dx = (dy - mean(dy) - y mean(dy y)) / deviation.
variable normalized(const variable& x, const axes& over, double epsilon) {
  return custom_gradient(
      [=](const std::vector<variable>& in) { return unit_of(in[0], over, epsilon); }, {x},
      [=](const std::vector<variable>& in, const variable& y, const variable& dy) {
        const variable inverse = inverse_deviation(moments(in[0], over).variance, epsilon);
        const variable shift = mean(dy, over, keep_dims), share = mean(dy * y, over, keep_dims);
        return std::vector{y * (-share * inverse) + (dy - shift) * inverse};
      });
}

}  // namespace

variable layer_norm(operand x, operand scale, operand shift, const axes& over, double epsilon) {
  const composition c("layer_norm", {x, scale, shift});
  demand(c, epsilon);
  return moved(c, normalized(c[0], over, epsilon), scale, shift, 1);
}

namespace {

// The means of groups of columns, (batch, 1, channels): of the sums of columns, which are few.
variable group_means(const variable& x, std::int64_t groups) {
  const std::int64_t batch = x.shape()[0], channels = x.shape()[2], size = channels / groups;
  const variable means = mean(reshape(mean(x, 1), {batch, groups, size}), 2, keep_dims);
  return reshape(broadcast_to(means, {batch, groups, size}), {batch, 1, channels});
}

}  // namespace

variable group_norm(operand x, std::int64_t groups, operand scale, operand shift, double epsilon) {
  const composition c("group_norm", {x, scale, shift});
  demand(c, epsilon);
  const std::int64_t channels = channels_of(c), batch = c[0].shape()[0];
  if (groups < 1 || channels % groups != 0) {
    c.fail<shape_error>(fmt::format("{} channels do not divide into {} groups", channels, groups));
  }
  const variable rows = reshape(c[0], {batch, -1, channels});
  const variable centred = rows - group_means(rows, groups);
  const variable factor = inverse_deviation(group_means(square(centred), groups), epsilon);
  return moved(c, reshape(centred * factor, c[0].shape()), scale, shift, 1);
}

variable rms_norm(operand x, operand scale, const axes& over, double epsilon) {
  const composition c("rms_norm", {x, scale});
  demand(c, epsilon);
  const variable squares = mean(square(c[0]), over, keep_dims);
  return moved(c, c[0] * inverse_deviation(squares, epsilon), scale, 0, 1);
}

}  // namespace cotape

// Reductions: sum, max and norm over adjacent axes, argmax and cumsum over one.
#include <fmt/format.h>

#include "cotape/ops.hpp"
#include "primitives/kinks.hpp"
#include "primitives/lowering.hpp"
#include "primitives/primitives.hpp"

namespace cotape::primitives {

namespace {

void demand_floating(const signature& s) {
  if (s.inputs[0]->dtype == int64) {
    throw dtype_error(fmt::format("{}: takes float32 or float64, not int64, cast it", s.op));
  }
}

value_type infer_reduction(const signature& s) {
  demand_floating(s);
  return {s.inputs[0]->dtype, without_axes(s.inputs[0]->shape, s.attributes[0], s.attributes[1])};
}

template <kernels::reducer (*Kernel)(dtype, kernels::isa)> void lower_reduction(lowering& l) {
  const kernels::reducer kernel = Kernel(l.output.dtype, kernels::chosen_isa());
  auto r = kernels::reduction::of(l.inputs[0]->shape, l.attributes[0], l.attributes[1]);
  r.piece_bytes = kernel.piece_bytes;
  l.step.run = kernel.run;
  l.step.side = l.sides.keep(r);
  l.scratch_bytes = kernel.scratch_bytes(r, l.output.dtype);
}

// The reduced value, with its axes back as size 1, so that it broadcasts against the input.
variable kept(const derivation& d, variable reduced) {
  const shape& x = d.inputs[0].shape();
  words sizes(x.begin(), x.end());
  for (std::int64_t i = 0; i < d.attributes[1]; ++i) {
    sizes[static_cast<std::size_t>(d.attributes[0] + i)] = 1;
  }
  return cotape::reshape(reduced, shape(sizes));
}

void derive_sum(derivation& d) {  // dy, broadcast back
  d.adjoints[0] = broadcast_to(kept(d, d.adjoint), d.inputs[0].shape());
}

// A mask of the elements equal to the maximum; where that is NaN, of those that are NaN.
variable ties(const derivation& d) { return share_of_maximum(d.inputs[0], kept(d, d.output), 1); }

// Of each run of reduced elements the first, or the last, that ties; as a mask.
variable one_of(const derivation& d, variable ties, bool last) {
  const shape& x = ties.shape();
  const auto from = static_cast<std::size_t>(d.attributes[0]),
             to = from + static_cast<std::size_t>(d.attributes[1]);
  words sizes(x.begin(), x.begin() + from);
  sizes.push_back(1);
  for (std::size_t i = from; i < to; ++i) sizes.back() *= x[i];
  sizes.insert(sizes.end(), x.begin() + to, x.end());
  const words attributes{d.attributes[0], last ? 1 : 0};
  const variable count = record(cumsum, {cotape::reshape(ties, shape(sizes))}, attributes);
  return ties * equal(cotape::reshape(count, x), 1);
}

void derive_max(derivation& d) {  // dy, shared by the elements equal to the maximum
  const variable tied = ties(d);
  const double last = right_share(d.output, 0.5);
  if (last == 0.5) {
    const variable count = record(sum, {tied}, d.attributes);
    d.adjoints[0] = absorbing_multiply(kept(d, d.adjoint / count), tied);
  } else {
    d.adjoints[0] = absorbing_multiply(kept(d, d.adjoint), one_of(d, tied, last == 1));
  }
}

variable ties_of_max(const derivation& d) { return less(1, record(sum, {ties(d)}, d.attributes)); }

variable zeros_of_norm(const derivation& d) { return equal(d.output, 0); }

void derive_norm(derivation& d) {  // x / y, and 0 to all orders where y is 0
  const variable scale = kept(d, cotape::reciprocal(d.output));
  const variable dy = select(d.output, d.adjoint, 0);
  d.adjoints[0] = absorbing_multiply(kept(d, dy), chain(d.inputs[0], scale));
}

value_type infer_argmax(const signature& s) {
  demand_floating(s);
  const shape& x = s.inputs[0]->shape;
  if (x[static_cast<std::size_t>(s.attributes[0])] == 0) {
    throw shape_error(fmt::format("{}: axis {} of {} is empty", s.op, s.attributes[0], x.text()));
  }
  return {int64, without_axes(x, s.attributes[0])};
}

void lower_argmax(lowering& l) {
  l.step.run = kernels::argmax(l.inputs[0]->dtype);
  l.step.side = l.sides.keep(kernels::reduction::of(l.inputs[0]->shape, l.attributes[0], 1));
}

value_type infer_cumsum(const signature& s) {
  demand_floating(s);
  return *s.inputs[0];
}

void derive_cumsum(derivation& d) {  // the sums of dy from the other end
  const words attributes{d.attributes[0], 1 - d.attributes[1]};
  d.adjoints[0] = record(cumsum, {d.adjoint}, attributes);
}

double flops_of_cumsum(const signature&, const value_type& output) {
  return static_cast<double>(output.shape.elements());
}

void lower_cumsum(lowering& l) {
  l.step.run = kernels::cumsum(l.output.dtype, l.attributes[1] != 0);
  l.step.side = l.sides.keep(kernels::reduction::of(l.inputs[0]->shape, l.attributes[0], 1));
}

}  // namespace

const primitive sum{"sum",           form::reduction, 1,
                    infer_reduction, derive_sum,      lower_reduction<kernels::sum>};
const primitive max{.name = "max",
                    .how = form::reduction,
                    .arity = 1,
                    .infer = infer_reduction,
                    .derive = derive_max,
                    .lower = lower_reduction<kernels::max>,
                    .kinks = ties_of_max};
const primitive norm{.name = "norm",
                     .how = form::reduction,
                     .arity = 1,
                     .infer = infer_reduction,
                     .derive = derive_norm,
                     .lower = lower_reduction<kernels::norm>,
                     .kinks = zeros_of_norm};
const primitive argmax{"argmax", form::kernel, 1, infer_argmax, nullptr, lower_argmax};
const primitive cumsum{.name = "cumsum",
                       .how = form::kernel,
                       .arity = 1,
                       .infer = infer_cumsum,
                       .derive = derive_cumsum,
                       .lower = lower_cumsum,
                       .overwrites = 1,
                       .flops = flops_of_cumsum};

}  // namespace cotape::primitives

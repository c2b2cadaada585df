// Pooling: primitives over the kernels. The largest elements share the adjoint, as max's do; where
// they stand is no function that has a slope.
#include <fmt/format.h>

#include <algorithm>

#include "ops/windows.hpp"

namespace cotape {

namespace {

using vision::axes_of_windows, vision::axis, vision::last, vision::number_of;
using vision::of_images, vision::of_windows, vision::shaped;

kernels::windows geometry(const signature& s, const shape& images) {
  kernels::windows w = vision::windows_in(s.attributes);
  w.batch = images[0];
  w.channels = last(images);
  return w;
}

constexpr value_type (*like_first)(const signature&) = [](const signature& s) {
  return *s.inputs[0];
};
value_type infer_values(const signature& s) {
  const value_type& x = *s.inputs[0];
  return {x.dtype, shaped(s, x.shape[0], {of_windows}, {last(x.shape)})};
}
value_type infer_images(const signature& s) {
  const value_type& x = *s.inputs[0];
  return {x.dtype, shaped(s, x.shape[0], {of_images}, {last(x.shape)})};
}

template <class T> void run_largest(const kernel_call& k) noexcept {
  const kernels::windows w = geometry(k, k.inputs[0]->shape);
  const auto run = kernels::chosen_pooling_functions<T>().largest;
  const T* x = k.operand<T>(0).data();
  T* y = k.result<T>().data();
  kernels::for_images(w, [=, &w](std::int64_t first, std::int64_t n) { run(w, x, y, first, n); });
}
template <class T> void run_shares(const kernel_call& k) noexcept {
  const kernels::windows w = geometry(k, k.inputs[0]->shape);
  const auto run = kernels::chosen_pooling_functions<T>().largest_to_images;
  const T *x = k.operand<T>(0).data(), *y = k.operand<T>(1).data(), *dy = k.operand<T>(2).data();
  const std::span<T> dx = k.result<T>();
  std::fill(dx.begin(), dx.end(), T(0));
  T* d = dx.data();
  kernels::for_images(
      w, [=, &w](std::int64_t first, std::int64_t n) { run(w, x, y, dy, d, first, n); });
}
template <class T> void run_picks(const kernel_call& k) noexcept {
  const kernels::windows w = geometry(k, k.inputs[0]->shape);
  const auto run = kernels::chosen_pooling_functions<T>().largest_to_values;
  const T *x = k.operand<T>(0).data(), *y = k.operand<T>(1).data(), *u = k.operand<T>(2).data();
  T* d = k.result<T>().data();
  kernels::for_images(
      w, [=, &w](std::int64_t first, std::int64_t n) { run(w, x, y, u, d, first, n); });
}
template <class T> void run_mean(const kernel_call& k) noexcept {
  const kernels::windows w = geometry(k, k.inputs[0]->shape);
  const auto run = kernels::chosen_pooling_functions<T>().mean;
  const T* x = k.operand<T>(0).data();
  T* y = k.result<T>().data();
  kernels::for_images(w, [=, &w](std::int64_t first, std::int64_t n) { run(w, x, y, first, n); });
}
template <class T> void run_spread(const kernel_call& k) noexcept {
  const kernels::windows w = geometry(k, k.output.shape);
  const auto run = kernels::chosen_pooling_functions<T>().mean_to_images;
  const T* dy = k.operand<T>(0).data();
  const std::span<T> dx = k.result<T>();
  std::fill(dx.begin(), dx.end(), T(0));
  T* d = dx.data();
  kernels::for_images(w, [=, &w](std::int64_t first, std::int64_t n) { run(w, dy, d, first, n); });
}

extern const primitive largest, shares, picks, means, spread;

// x, y and dy are x, the result and its adjoint; of the adjoint of shares (like x) picks takes the
// mean over the same places.
void derive_largest(derivation& d) {
  d.adjoints[0] = record(shares, {d.inputs[0], d.output, d.adjoint}, d.attributes);
}
void derive_shares(derivation& d) {
  if (d.needed[2]) {
    d.adjoints[2] = record(picks, {d.inputs[0], d.inputs[1], d.adjoint}, d.attributes);
  }
}
void derive_picks(derivation& d) {
  if (d.needed[2]) {
    d.adjoints[2] = record(shares, {d.inputs[0], d.inputs[1], d.adjoint}, d.attributes);
  }
}
void derive_means(derivation& d) { d.adjoints[0] = record(spread, {d.adjoint}, d.attributes); }
void derive_spread(derivation& d) { d.adjoints[0] = record(means, {d.adjoint}, d.attributes); }

#define COTAPE_POOLING(NAME, TEXT, ARITY, INFER, DERIVE, RUN)                            \
  constexpr primitive NAME {                                                             \
    .name = TEXT, .how = form::kernel, .arity = ARITY, .infer = INFER, .derive = DERIVE, \
    .lower = [](lowering& l) { lower_to_kernel(l, RUN<float>, RUN<double>); },           \
    .attributes_text = vision::text_of                                                   \
  }
COTAPE_POOLING(largest, "max_pool", 1, infer_values, derive_largest, run_largest);
COTAPE_POOLING(shares, "max_pool_to_images", 3, like_first, derive_shares, run_shares);
COTAPE_POOLING(picks, "max_pool_picks", 3, infer_values, derive_picks, run_picks);
COTAPE_POOLING(means, "average_pool", 1, infer_values, derive_means, run_mean);
COTAPE_POOLING(spread, "average_pool_to_images", 1, infer_images, derive_spread, run_spread);
#undef COTAPE_POOLING

// Whether no window shows padding alone. Of n elements, no fewer than lie between two taps, the
// first and the last window are those that could.
bool each_shows_an_element(const axis& a) {
  const std::int64_t step = a.in < a.dilation ? 1 : std::max<std::int64_t>(1, a.out - 1);
  for (std::int64_t i = 0; i < a.out; i += step) {
    const std::int64_t start = i * a.stride - a.before;
    const std::int64_t tap = start < 0 ? (a.dilation - 1 - start) / a.dilation : 0;
    if (tap >= a.size || start + tap * a.dilation >= a.in) return false;
  }
  return true;
}

variable pool(const primitive& by, const composition& c, const per_axis& size,
              const pool_options& o) {
  if (o.data_format == channels_first) {
    return vision::turned(c, o, [&](auto v, const auto& how) {
      return pool(by, composition("pool", {v}), size, how);
    });
  }
  c.demand_floating();
  const shape& in = c[0].shape();
  const std::size_t axes = in.rank() < 2 ? 0 : in.rank() - 2;
  const window_options how{o.strides.values().empty() ? size : o.strides, o.padding, o.dilation};
  const axes_of_windows windows(c, how, axes);
  std::vector<axis> list;
  for (std::size_t i = 0; i < axes; ++i) {
    const std::int64_t n = number_of(c, size, i, axes, "the window's size");
    list.push_back(windows.over(i, in[i + 1], n));
    if (!each_shows_an_element(list.back())) {
      c.fail<shape_error>(fmt::format(
          "a window along spatial axis {} would show padding alone: pad by less than its size, {}",
          i, n));
    }
  }
  return c.sized([&] { return record(by, {c[0]}, vision::words_of(list)); });
}

}  // namespace

variable max_pool(operand x, const per_axis& size, const pool_options& o) {
  return pool(largest, composition("max_pool", {x}), size, o);
}

variable average_pool(operand x, const per_axis& size, const pool_options& o) {
  return pool(means, composition("average_pool", {x}), size, o);
}

}  // namespace cotape

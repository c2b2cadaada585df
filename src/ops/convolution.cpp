// Convolutions and patches: primitives over the kernels. Three products, of which
// each one's derivatives are the two others.
#include <fmt/format.h>

#include <algorithm>

#include "kernels/blas_memory.hpp"
#include "kernels/convolution.hpp"
#include "ops/windows.hpp"

namespace cotape {

namespace {

using kernels::convolution;
using kernels::convolution_result;
using vision::axes_of_windows, vision::axis, vision::last, vision::no_batch, vision::number_of;
using vision::of_images, vision::of_taps, vision::of_windows, vision::shaped, vision::words_of;

// --- The primitives -----------------------------------------------------------------------------

// `images` and `values` are the shapes of these two.
convolution geometry(std::span<const std::int64_t> attributes, const shape& images,
                     const shape& values) {
  convolution c{vision::windows_in(attributes), attributes[1]};
  c.batch = images[0];
  c.channels = last(images);
  c.filters = last(values);
  return c;
}
template <convolution_result R> convolution geometry_of(const signature& s, const shape& output) {
  const shape &a = s.inputs[0]->shape, &b = s.inputs[1]->shape;
  if (R == convolution_result::values) return geometry(s.attributes, a, output);
  if (R == convolution_result::images) return geometry(s.attributes, output, a);
  return geometry(s.attributes, a, b);
}

template <convolution_result R> value_type infer(const signature& s) {
  const value_type &a = *s.inputs[0], &b = *s.inputs[1];
  const std::int64_t groups = s.attributes[1];
  if (R == convolution_result::values) {
    return {a.dtype, shaped(s, a.shape[0], {of_windows}, {last(b.shape)})};
  }
  if (R == convolution_result::images) {
    return {a.dtype, shaped(s, a.shape[0], {of_images}, {b.shape[b.shape.rank() - 2] * groups})};
  }
  return {a.dtype, shaped(s, no_batch, {of_taps}, {last(a.shape) / groups, last(b.shape)})};
}

template <convolution_result R, class T> void run(const kernel_call& k) noexcept {
  const convolution c = geometry_of<R>(k, k.output.shape);
  const T *a = k.operand<T>(0).data(), *b = k.operand<T>(1).data();
  T* y = k.result<T>().data();
  if (R == convolution_result::values) convolve(c, a, b, y, k.scratch<T>());
  else if (R == convolution_result::images) convolve_to_images(c, a, b, y, k.scratch<T>());
  else convolve_to_filters(c, a, b, y, k.scratch<T>());
}

template <convolution_result R> void lower(lowering& l) {
  kernels::prepare_blas();
  l.scratch_bytes =
      convolution_scratch(geometry_of<R>(l, l.output.shape), R) * size_of(l.output.dtype);
  lower_to_kernel(l, run<R, float>, run<R, double>);
}

template <convolution_result R> double flops(const signature& s, const value_type& output) {
  return geometry_of<R>(s, output.shape).flops();
}

template <convolution_result R>
constexpr primitive made(const char* name, void (*derive)(derivation&)) {
  return {.name = name,
          .how = form::kernel,
          .arity = 2,
          .infer = infer<R>,
          .derive = derive,
          .lower = lower<R>,
          .flops = flops<R>,
          .attributes_text = vision::text_of};
}
extern const primitive values, images, filters;

void derive_values(derivation& d) {
  if (d.needed[0]) d.adjoints[0] = record(images, {d.adjoint, d.inputs[1]}, d.attributes);
  if (d.needed[1]) d.adjoints[1] = record(filters, {d.inputs[0], d.adjoint}, d.attributes);
}
void derive_images(derivation& d) {
  if (d.needed[0]) d.adjoints[0] = record(values, {d.adjoint, d.inputs[1]}, d.attributes);
  if (d.needed[1]) d.adjoints[1] = record(filters, {d.adjoint, d.inputs[0]}, d.attributes);
}
void derive_filters(derivation& d) {
  if (d.needed[0]) d.adjoints[0] = record(images, {d.inputs[1], d.adjoint}, d.attributes);
  if (d.needed[1]) d.adjoints[1] = record(values, {d.inputs[0], d.adjoint}, d.attributes);
}
constexpr primitive values = made<convolution_result::values>("conv", derive_values),
                    images = made<convolution_result::images>("conv_to_images", derive_images),
                    filters = made<convolution_result::filters>("conv_to_filters", derive_filters);

// Patches, and images to which they are added.
template <bool Folds, class T> void run_patches(const kernel_call& k) noexcept {
  const shape& images_shape = Folds ? k.output.shape : k.inputs[0]->shape;
  const convolution c = geometry(k.attributes, images_shape, images_shape);
  const T* from = k.operand<T>(0).data();
  const std::span<T> y = k.result<T>();
  const std::int64_t all = c.batch * c.places();
  if constexpr (Folds) {
    std::fill(y.begin(), y.end(), T(0));
    kernels::chosen_patch_functions<T>().add(c, from, 0, all, {0, c.channels}, y.data());
  } else {
    kernels::chosen_patch_functions<T>().read(c, from, 0, all, {0, c.channels}, y.data());
  }
}
template <bool Folds> value_type infer_patches(const signature& s) {
  const shape& x = s.inputs[0]->shape;
  const dtype d = s.inputs[0]->dtype;
  if (Folds) return {d, shaped(s, x[0], {of_images}, {last(x)})};
  return {d, shaped(s, x[0], {of_windows, of_taps}, {last(x)})};
}
template <bool Folds>
constexpr primitive made_of_patches(const char* name, void (*derive)(derivation&)) {
  return {.name = name,
          .how = form::kernel,
          .arity = 1,
          .infer = infer_patches<Folds>,
          .derive = derive,
          .lower =
              [](lowering& l) {
                lower_to_kernel(l, run_patches<Folds, float>, run_patches<Folds, double>);
              },
          .flops = [](const signature&, const value_type&) { return 0.0; },
          .attributes_text = vision::text_of};
}
extern const primitive unfolding, folding;
void derive_unfolding(derivation& d) { d.adjoints[0] = record(folding, {d.adjoint}, d.attributes); }
void derive_folding(derivation& d) { d.adjoints[0] = record(unfolding, {d.adjoint}, d.attributes); }
constexpr primitive unfolding = made_of_patches<false>("unfold", derive_unfolding),
                    folding = made_of_patches<true>("fold", derive_folding);

// --- Sizes --------------------------------------------------------------------------------------

// The spatial axes of filters, and what stands in the way of their use on `channels` channels.
std::size_t demand_filters(const composition& c, const conv_options& o) {
  c.demand_floating();
  const shape &x = c[0].shape(), &f = c[1].shape();
  if (x.rank() < 3 || x.rank() != f.rank()) {
    c.fail<shape_error>(
        fmt::format("{} and filters {}: they are (batch, sizes..., channels) and (size..., "
                    "channels / groups, filters), of as many axes",
                    x.text(), f.text()));
  }
  if (o.groups < 1) c.fail<value_error>(fmt::format("{} groups", o.groups));
  for (std::size_t i = 0; i < f.rank(); ++i) {
    if (f[i] == 0) c.fail<shape_error>(fmt::format("the filters {} are empty", f.text()));
  }
  if (last(f) % o.groups != 0) {
    c.fail<shape_error>(fmt::format("{} filters in {} groups", last(f), o.groups));
  }
  return f.rank() - 2;
}

}  // namespace

variable conv(operand x, operand f, const conv_options& o) {
  const composition c("conv", {x, f});
  if (o.data_format == channels_first) {
    return vision::turned(c, o, [&](auto v, const auto& how) { return conv(v, c[1], how); });
  }
  const std::size_t axes = demand_filters(c, o);
  const shape &in = c[0].shape(), &size = c[1].shape();
  const std::int64_t depth = size[axes];
  if (last(in) != depth * o.groups) {
    c.fail<shape_error>(fmt::format("{} channels of {}, but the filters {} take {} in {} groups",
                                    last(in), in.text(), size.text(), depth * o.groups, o.groups));
  }
  const window_options how{o.strides, o.padding, o.dilation};
  const axes_of_windows windows(c, how, axes);
  std::vector<axis> list;
  for (std::size_t i = 0; i < axes; ++i) list.push_back(windows.over(i, in[i + 1], size[i]));
  const bool plain = o.groups == 1 && std::all_of(list.begin(), list.end(), [](const auto& a) {
                       return a.size == 1 && a.stride == 1 && a.in == a.out;
                     });
  if (plain) return matmul(c[0], reshape(c[1], {depth, last(size)}));  // no patches
  return c.sized([&] { return record(values, {c[0], c[1]}, words_of(list, o.groups)); });
}

variable conv_transpose(operand x, operand f, const conv_options& o) {
  const composition c("conv_transpose", {x, f});
  if (o.data_format == channels_first) {
    return vision::turned(c, o,
                          [&](auto v, const auto& how) { return conv_transpose(v, c[1], how); });
  }
  const std::size_t axes = demand_filters(c, o);
  const shape &in = c[0].shape(), &size = c[1].shape();
  if (last(in) != last(size)) {
    c.fail<shape_error>(
        fmt::format("the last axes of {} and of the filters {} differ", in.text(), size.text()));
  }
  const window_options how{o.strides, o.padding, o.dilation};
  const axes_of_windows windows(c, how, axes);
  std::vector<axis> list;
  for (std::size_t i = 0; i < axes; ++i) list.push_back(windows.under(i, in[i + 1], size[i]));
  return c.sized([&] { return record(images, {c[0], c[1]}, words_of(list, o.groups)); });
}

variable unfold(operand x, const per_axis& size, const window_options& o) {
  const composition c("unfold", {x});
  c.demand_floating();
  const shape& in = c[0].shape();
  const std::size_t axes = in.rank() < 2 ? 0 : in.rank() - 2;
  const axes_of_windows windows(c, o, axes);
  std::vector<axis> list;
  for (std::size_t i = 0; i < axes; ++i) {
    list.push_back(windows.over(i, in[i + 1], number_of(c, size, i, axes, "the window's size")));
  }
  return c.sized([&] { return record(unfolding, {c[0]}, words_of(list, 1)); });
}

variable fold(operand patches, const per_axis& sizes, const window_options& o) {
  const composition c("fold", {patches});
  c.demand_floating();
  const shape& p = c[0].shape();
  const std::size_t axes = p.rank() < 4 || p.rank() % 2 != 0 ? 0 : (p.rank() - 2) / 2;
  if (axes == 0) {
    c.fail<shape_error>(fmt::format("{} is not (batch, windows..., size..., channels)", p.text()));
  }
  const axes_of_windows windows(c, o, axes);
  std::vector<axis> list;
  for (std::size_t i = 0; i < axes; ++i) {
    const std::int64_t size = p[1 + axes + i];
    if (size == 0) c.fail<shape_error>(fmt::format("the windows of {} are empty", p.text()));
    list.push_back(windows.over(i, number_of(c, sizes, i, axes, "the images' size"), size));
    if (list[i].out != p[1 + i]) {
      c.fail<shape_error>(
          fmt::format("{} has {} windows along spatial axis {}, {} elements have {}", p.text(),
                      p[1 + i], i, list[i].in, list[i].out));
    }
  }
  return c.sized([&] { return record(folding, {c[0]}, words_of(list, 1)); });
}

}  // namespace cotape

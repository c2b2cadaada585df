// Convolutions and patches: their sizes, and primitives over the kernels. Three products, of which
// each one's derivatives are the two others.
#include <fmt/format.h>

#include <algorithm>

#include "cotape/vision.hpp"
#include "kernels/blas_memory.hpp"
#include "kernels/convolution.hpp"
#include "ops/compose.hpp"

namespace cotape {

namespace {

using kernels::convolution;
using kernels::convolution_result;
using words = std::vector<std::int64_t>;

// --- Attributes: the number of axes, that of groups, and six numbers for each axis --------------

convolution attributes_in(std::span<const std::int64_t> w) {
  convolution c;
  const auto rank = static_cast<std::size_t>(w[0]);
  c.groups = w[1];
  for (std::size_t i = 0; i < rank; ++i) {
    const auto a = w.subspan(2 + 6 * i, 6);
    c.axes[3 - rank + i] = {a[0], a[1], a[2], a[3], a[4], a[5]};
  }
  return c;
}

words words_of_axes(std::span<const kernels::windows::axis> axes, std::int64_t groups) {
  words w{static_cast<std::int64_t>(axes.size()), groups};
  for (const auto& a : axes) {
    w.insert(w.end(), {a.in, a.out, a.size, a.stride, a.dilation, a.before});
  }
  return w;
}

std::string text_of_axes(const signature& s) {
  std::string text;
  const convolution c = attributes_in(s.attributes);
  const auto list = [&](const char* name, std::int64_t kernels::windows::axis::*member) {
    text += fmt::format("{}{} ", text.empty() ? "" : ", ", name);
    const auto rank = static_cast<std::size_t>(s.attributes[0]);
    for (std::size_t i = 3 - rank; i < 3; ++i) {
      text += fmt::format("{}{}", i == 3 - rank ? "" : "x", c.axes[i].*member);
    }
  };
  list("size", &kernels::windows::axis::size);
  list("strides", &kernels::windows::axis::stride);
  list("dilation", &kernels::windows::axis::dilation);
  list("padding before", &kernels::windows::axis::before);
  return c.groups == 1 ? text : fmt::format("{}, {} groups", text, c.groups);
}

// A batch, one of the numbers of each axis, and what follows.
shape shaped(const signature& s, std::int64_t batch,
             std::initializer_list<std::int64_t kernels::windows::axis::*> members,
             std::initializer_list<std::int64_t> last) {
  words sizes;
  if (batch >= 0) sizes.push_back(batch);
  const convolution c = attributes_in(s.attributes);
  for (const auto member : members) {
    for (std::size_t i = 3 - static_cast<std::size_t>(s.attributes[0]); i < 3; ++i) {
      sizes.push_back(c.axes[i].*member);
    }
  }
  sizes.insert(sizes.end(), last);
  return shape(sizes);
}

constexpr auto of_image = &kernels::windows::axis::in, of_windows = &kernels::windows::axis::out,
               of_taps = &kernels::windows::axis::size;
constexpr std::int64_t no_batch = -1;

std::int64_t last(const shape& s) { return s[s.rank() - 1]; }

// --- The primitives -----------------------------------------------------------------------------

// `images` and `values` are the shapes of these two.
convolution geometry(std::span<const std::int64_t> attributes, const shape& images,
                     const shape& values) {
  convolution c = attributes_in(attributes);
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
    return {a.dtype, shaped(s, a.shape[0], {of_image}, {b.shape[b.shape.rank() - 2] * groups})};
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
          .attributes_text = text_of_axes};
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
  const shape& of_images = Folds ? k.output.shape : k.inputs[0]->shape;
  const convolution c = geometry(k.attributes, of_images, of_images);
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
  if (Folds) return {d, shaped(s, x[0], {of_image}, {last(x)})};
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
          .attributes_text = text_of_axes};
}
extern const primitive unfolding, folding;
void derive_unfolding(derivation& d) { d.adjoints[0] = record(folding, {d.adjoint}, d.attributes); }
void derive_folding(derivation& d) { d.adjoints[0] = record(unfolding, {d.adjoint}, d.attributes); }
constexpr primitive unfolding = made_of_patches<false>("unfold", derive_unfolding),
                    folding = made_of_patches<true>("fold", derive_folding);

// --- Sizes --------------------------------------------------------------------------------------

std::int64_t number(const composition& c, const per_axis& given, std::size_t axis, std::size_t axes,
                    const char* what, std::int64_t least = 1) {
  const words& v = given.values();
  if (v.size() != 1 && v.size() != axes) {
    c.fail<value_error>(fmt::format("{} numbers of {} for {} spatial axes", v.size(), what, axes));
  }
  const std::int64_t n = v[v.size() == 1 ? 0 : axis];
  if (n < least)
    c.fail<value_error>(fmt::format("{} is {}, at least {} is needed", what, n, least));
  return n;
}

// Along each axis the windows, of images whose sizes are known.
class axes_of_windows {
 public:
  axes_of_windows(const composition& c, const window_options& o, std::size_t axes)
      : c_(c), o_(o), axes_(axes) {
    if (axes < 1 || axes > 3) {
      c.fail<shape_error>(fmt::format(
          "{} spatial axes, it takes 1 to 3: data are (batch, sizes..., channels)", axes));
    }
    const auto& n = o.padding.numbers();
    if (n.size() > 1 && n.size() != axes) {
      c.fail<value_error>(fmt::format("{} pairs of padding for {} spatial axes", n.size(), axes));
    }
  }
  kernels::windows::axis over(std::size_t axis, std::int64_t in, std::int64_t size) const {
    auto a = numbers(axis, size);
    a.in = in;
    const std::int64_t span = (size - 1) * a.dilation + 1;
    std::int64_t padding = 0;
    if (o_.padding.same()) {
      padding =
          std::max<std::int64_t>(0, ((in + a.stride - 1) / a.stride - 1) * a.stride + span - in);
      a.before = padding / 2;
    } else {
      const auto [before, after] = sides(axis);
      a.before = before;
      padding = before + after;
    }
    if (in + padding < span) {
      c_.fail<shape_error>(
          fmt::format("a window of {} elements along spatial axis {} does not fit in {}, padding "
                      "included",
                      span, axis, in + padding));
    }
    a.out = (in + padding - span) / a.stride + 1;
    return a;
  }
  /// Of images that so many windows are the windows of: as Keras has it.
  kernels::windows::axis under(std::size_t axis, std::int64_t out, std::int64_t size) const {
    auto a = numbers(axis, size);
    a.out = out;
    const std::int64_t span = (size - 1) * a.dilation + 1, all = (out - 1) * a.stride + span;
    if (o_.padding.same()) {
      a.in = out * a.stride;
      a.before = std::max<std::int64_t>(0, all - a.in) / 2;
    } else {
      const auto [before, after] = sides(axis);
      a.before = before;
      a.in = std::max(all, o_.padding.numbers().empty() ? out * a.stride : all) - before - after;
    }
    if (a.in < 1) {
      c_.fail<shape_error>(
          fmt::format("of {} elements along spatial axis {} the padding leaves none", all, axis));
    }
    return a;
  }

 private:
  kernels::windows::axis numbers(std::size_t axis, std::int64_t size) const {
    kernels::windows::axis a;
    a.size = size;
    a.stride = number(c_, o_.strides, axis, axes_, "strides");
    a.dilation = number(c_, o_.dilation, axis, axes_, "dilation");
    return a;
  }
  window_padding::sides sides(std::size_t axis) const {
    const auto& n = o_.padding.numbers();
    if (n.empty()) return {0, 0};
    const auto pair = n[n.size() == 1 ? 0 : axis];
    if (pair.first < 0 || pair.second < 0) {
      c_.fail<value_error>(fmt::format("padding of {} and {} elements", pair.first, pair.second));
    }
    return pair;
  }

  const composition& c_;
  const window_options& o_;
  std::size_t axes_;
};

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

window_padding::window_padding(const char* name) : same_(std::string(name) == "same") {
  if (same_ || std::string(name) == "valid") return;
  throw value_error(
      fmt::format("padding: '{}' is none: \"valid\", \"same\", or numbers of elements", name));
}

variable conv(operand x, operand f, const conv_options& o) {
  const composition c("conv", {x, f});
  const std::size_t axes = demand_filters(c, o);
  const shape &in = c[0].shape(), &size = c[1].shape();
  const std::int64_t depth = size[axes];
  if (last(in) != depth * o.groups) {
    c.fail<shape_error>(fmt::format("{} channels of {}, but the filters {} take {} in {} groups",
                                    last(in), in.text(), size.text(), depth * o.groups, o.groups));
  }
  const window_options how{o.strides, o.padding, o.dilation};
  const axes_of_windows windows(c, how, axes);
  std::vector<kernels::windows::axis> list;
  for (std::size_t i = 0; i < axes; ++i) list.push_back(windows.over(i, in[i + 1], size[i]));
  const bool plain = o.groups == 1 && std::all_of(list.begin(), list.end(), [](const auto& a) {
                       return a.size == 1 && a.stride == 1 && a.in == a.out;
                     });
  if (plain) return matmul(c[0], reshape(c[1], {depth, last(size)}));  // no patches
  return c.sized([&] { return record(values, {c[0], c[1]}, words_of_axes(list, o.groups)); });
}

variable conv_transpose(operand x, operand f, const conv_options& o) {
  const composition c("conv_transpose", {x, f});
  const std::size_t axes = demand_filters(c, o);
  const shape &in = c[0].shape(), &size = c[1].shape();
  if (last(in) != last(size)) {
    c.fail<shape_error>(
        fmt::format("the last axes of {} and of the filters {} differ", in.text(), size.text()));
  }
  const window_options how{o.strides, o.padding, o.dilation};
  const axes_of_windows windows(c, how, axes);
  std::vector<kernels::windows::axis> list;
  for (std::size_t i = 0; i < axes; ++i) list.push_back(windows.under(i, in[i + 1], size[i]));
  return c.sized([&] { return record(images, {c[0], c[1]}, words_of_axes(list, o.groups)); });
}

variable unfold(operand x, const per_axis& size, const window_options& o) {
  const composition c("unfold", {x});
  c.demand_floating();
  const shape& in = c[0].shape();
  const std::size_t axes = in.rank() < 2 ? 0 : in.rank() - 2;
  const axes_of_windows windows(c, o, axes);
  std::vector<kernels::windows::axis> list;
  for (std::size_t i = 0; i < axes; ++i) {
    list.push_back(windows.over(i, in[i + 1], number(c, size, i, axes, "the window's size")));
  }
  return c.sized([&] { return record(unfolding, {c[0]}, words_of_axes(list, 1)); });
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
  std::vector<kernels::windows::axis> list;
  for (std::size_t i = 0; i < axes; ++i) {
    const std::int64_t size = p[1 + axes + i];
    if (size == 0) c.fail<shape_error>(fmt::format("the windows of {} are empty", p.text()));
    list.push_back(windows.over(i, number(c, sizes, i, axes, "the images' size"), size));
    if (list[i].out != p[1 + i]) {
      c.fail<shape_error>(
          fmt::format("{} has {} windows along spatial axis {}, {} elements have {}", p.text(),
                      p[1 + i], i, list[i].in, list[i].out));
    }
  }
  return c.sized([&] { return record(folding, {c[0]}, words_of_axes(list, 1)); });
}

}  // namespace cotape

// Layers for images: convolutions with weights.
#include "cotape/vision_layers.hpp"

#include <fmt/format.h>

#include <limits>

#include "cotape/ops.hpp"
#include "cotape/program.hpp"
#include "cotape/xtensor.hpp"
#include "nn/fields.hpp"
#include "nn/layer_parts.hpp"
#include "ops/windows.hpp"
#include "primitives/primitives.hpp"

namespace cotape {

namespace {

using detail::add_weight, detail::demand_axes, detail::demand_one, detail::weight_dtype;

// Weights of a convolution as those of a transposed one, and the reverse.
variable turned(const variable& w) {
  return w.shape().rank() < 2 ? w : primitives::transposed(w);  // no weights: refused by its shape
}

initializer turned(initializer first) {
  return [first = std::move(first)](generator& random, const shape& s) {
    std::vector<std::int64_t> sizes(s.begin(), s.end());
    std::swap(sizes.back(), sizes[sizes.size() - 2]);
    tape t;
    program code(t, {}, {turned(t.constant(first(random, shape(sizes))))});
    code.run({});
    return tensor(code.output(0).view());
  };
}

constraint turned(constraint bounds) {
  if (!bounds) return bounds;
  return [bounds = std::move(bounds)](variable w) { return turned(bounds(turned(w))); };
}

// What a convolution's layer does with its channels.
enum class convolving : std::uint8_t { conv, transposed, depthwise, separable };

class conv_layer : public layer_body {
 public:
  conv_layer(const char* kind, convolving how, std::size_t axes, std::int64_t filters,
             per_axis size, conv_layer_options options, std::int64_t multiplier = 1)
      : kind_(kind),
        how_(how),
        axes_(axes),
        filters_(filters),
        multiplier_(multiplier),
        size_(std::move(size)),
        options_(std::move(options)) {
    const auto refuse = [&](const std::string& why) {
      throw value_error(fmt::format("{}: {}", kind, why));
    };
    const std::size_t n = size_.values().size();
    if (filters < 1) refuse(fmt::format("{} filters", filters));
    // More could not be a size.
    if (multiplier < 1 || multiplier > std::numeric_limits<std::int32_t>::max())
      refuse(fmt::format("a multiplier of {}", multiplier));
    if (n != 1 && n != axes) refuse(fmt::format("{} sizes for {} spatial axes", n, axes));
    if (options_.groups < 1) refuse(fmt::format("{} groups", options_.groups));
    if (by_channel() && options_.groups != 1) {
      refuse("it has as many groups as channels: leave `groups` out");
    }
    if (!options_.weights || !options_.bias_initializer) refuse("the initializer is empty");
    const bool turns = how == convolving::transposed;
    detail::type_after(options_.activation);  // throws if unknown
    // The separable layer has two weights.
    rules.assign(how == convolving::separable ? 2 : 1,
                 {options_.weights_regularizer,
                  turns ? turned(options_.weights_constraint) : options_.weights_constraint});
    rules.push_back({options_.bias_regularizer, options_.bias_constraint});
    activity = options_.activity_regularizer;
  }
  const char* kind() const override { return kind_; }
  variable record(std::span<const variable> inputs, mode, generator& random) override {
    demand_one(kind_, inputs);
    demand_axes(kind_, inputs[0], axes_);
    const bool turns = options_.data_format == channels_first;
    const variable x = turns ? vision::with_channels_last(inputs[0]) : inputs[0];
    const std::int64_t channels = x.shape()[axes_ + 1];
    if (parameters.empty()) make_parameters(channels, weight_dtype(x), random);
    const std::int64_t groups = by_channel() ? channels : options_.groups;
    const conv_options how{options_.strides, options_.padding, options_.dilation, groups};
    variable z = how_ == convolving::transposed ? conv_transpose(x, parameters[0], how)
                                                : conv(x, parameters[0], how);
    if (how_ == convolving::separable) z = conv(z, parameters[1]);
    const variable y = activate(options_.activation, options_.bias ? z + parameters.back() : z);
    return turns ? vision::with_channels_first(y) : y;
  }
  std::optional<named_texts> description() const override {
    detail::option_writer to;
    if (how_ != convolving::depthwise) to("filters", filters_);
    to("size", size_);
    if (by_channel()) to("multiplier", multiplier_);
    to.all_of(options_);
    return to.texts;
  }

 private:
  // Whether each channel has filters of its own.
  bool by_channel() const { return how_ == convolving::depthwise || how_ == convolving::separable; }

  void make_parameters(std::int64_t channels, dtype d, generator& random) {
    if (channels % options_.groups != 0) {
      throw shape_error(
          fmt::format("{}: {} channels in {} groups", kind_, channels, options_.groups));
    }
    std::vector<std::int64_t> sizes;
    for (std::size_t i = 0; i < axes_; ++i) {
      sizes.push_back(size_.values()[size_.values().size() == 1 ? 0 : i]);
    }
    const auto add = [&](const char* what, std::initializer_list<std::int64_t> in_and_out) {
      std::vector<std::int64_t> all = sizes;
      all.insert(all.end(), in_and_out);
      add_weight(*this, what,
                 how_ == convolving::transposed ? turned(options_.weights) : options_.weights,
                 shape(all), d, random);
    };
    std::int64_t made = filters_;
    switch (how_) {
      case convolving::conv: add("weight", {channels / options_.groups, filters_}); break;
      case convolving::transposed: add("weight", {filters_ / options_.groups, channels}); break;
      case convolving::depthwise:
        made = channels * multiplier_;
        add("weight", {1, made});
        break;
      case convolving::separable:
        add("depthwise_weight", {1, channels * multiplier_});
        sizes.assign(axes_, 1);
        add("pointwise_weight", {channels * multiplier_, filters_});
        break;
    }
    if (options_.bias) add_weight(*this, "bias", options_.bias_initializer, {made}, d, random);
  }

  const char* kind_;
  convolving how_;
  std::size_t axes_;
  std::int64_t filters_, multiplier_;
  per_axis size_;
  conv_layer_options options_;
};

}  // namespace

void detail::demand_axes(const char* kind, const variable& x, std::size_t axes) {
  if (x.shape().rank() == axes + 2) return;
  throw shape_error(fmt::format("{}: the input {} is not (batch, {} sizes, channels)", kind,
                                x.shape().text(), axes));
}

conv1d::conv1d(std::int64_t filters, const per_axis& size, conv_layer_options options)
    : layer(std::make_shared<conv_layer>("conv1d", convolving::conv, 1, filters, size,
                                         std::move(options))) {}
conv2d::conv2d(std::int64_t filters, const per_axis& size, conv_layer_options options)
    : layer(std::make_shared<conv_layer>("conv2d", convolving::conv, 2, filters, size,
                                         std::move(options))) {}
conv3d::conv3d(std::int64_t filters, const per_axis& size, conv_layer_options options)
    : layer(std::make_shared<conv_layer>("conv3d", convolving::conv, 3, filters, size,
                                         std::move(options))) {}
conv1d_transpose::conv1d_transpose(std::int64_t filters, const per_axis& size,
                                   conv_layer_options options)
    : layer(std::make_shared<conv_layer>("conv1d_transpose", convolving::transposed, 1, filters,
                                         size, std::move(options))) {}
conv3d_transpose::conv3d_transpose(std::int64_t filters, const per_axis& size,
                                   conv_layer_options options)
    : layer(std::make_shared<conv_layer>("conv3d_transpose", convolving::transposed, 3, filters,
                                         size, std::move(options))) {}
conv2d_transpose::conv2d_transpose(std::int64_t filters, const per_axis& size,
                                   conv_layer_options options)
    : layer(std::make_shared<conv_layer>("conv2d_transpose", convolving::transposed, 2, filters,
                                         size, std::move(options))) {}
depthwise_conv1d::depthwise_conv1d(const per_axis& size, std::int64_t multiplier,
                                   conv_layer_options options)
    : layer(std::make_shared<conv_layer>("depthwise_conv1d", convolving::depthwise, 1, 1, size,
                                         std::move(options), multiplier)) {}
depthwise_conv2d::depthwise_conv2d(const per_axis& size, std::int64_t multiplier,
                                   conv_layer_options options)
    : layer(std::make_shared<conv_layer>("depthwise_conv2d", convolving::depthwise, 2, 1, size,
                                         std::move(options), multiplier)) {}
separable_conv1d::separable_conv1d(std::int64_t filters, const per_axis& size,
                                   conv_layer_options options, std::int64_t multiplier)
    : layer(std::make_shared<conv_layer>("separable_conv1d", convolving::separable, 1, filters,
                                         size, std::move(options), multiplier)) {}
separable_conv2d::separable_conv2d(std::int64_t filters, const per_axis& size,
                                   conv_layer_options options, std::int64_t multiplier)
    : layer(std::make_shared<conv_layer>("separable_conv2d", convolving::separable, 2, filters,
                                         size, std::move(options), multiplier)) {}

}  // namespace cotape

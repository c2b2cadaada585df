// How each kind of layer, and of optimizer, is made of the options in a file.
#include "nn/kinds.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <typeindex>

#include "cotape/shape_layers.hpp"
#include "nn/fields.hpp"
#include "nn/recurrent.hpp"

namespace cotape::detail {

namespace {

using reader = option_reader;
using number = std::int64_t;

template <class L> layer convolution(reader& o) {
  return L(o.take<number>("filters"), o.take<per_axis>("size"), o.all_of<conv_layer_options>());
}
template <class L> layer pooling(reader& o) {
  return L(o.take<per_axis>("size"), o.all_of<pool_options>());
}
template <class L> layer adaptive(reader& o) { return L(o.take<per_axis>("sizes")); }
template <class L> layer global(reader& o) { return L(o.take<data_format>("data_format")); }
template <class L> layer padding(reader& o) { return L(o.take<window_padding>("zeros")); }
template <class L> layer cropping(reader& o) { return L(o.take<window_padding>("elements")); }
template <class L> layer dropping(reader& o) { return L(o.take<double>("rate")); }
template <class L> layer plain(reader&) { return L(); }
template <class L, class Options> layer by_options(reader& o) { return L(o.all_of<Options>()); }

layer dense_of(reader& o) { return dense(o.take<number>("units"), o.all_of<dense_options>()); }
layer activation_of(reader& o) { return activation(o.take<std::string>("name")); }
template <class L> layer depthwise(reader& o) {
  return L(o.take<per_axis>("size"), o.take<number>("multiplier"), o.all_of<conv_layer_options>());
}
template <class L> layer separable(reader& o) {
  return L(o.take<number>("filters"), o.take<per_axis>("size"), o.all_of<conv_layer_options>(),
           o.take<number>("multiplier"));
}
layer groups_of(reader& o) {
  return group_normalization(o.take<number>("groups"), o.all_of<group_normalization_options>());
}
layer rms_of(reader& o) {
  return rms_normalization(o.take<axes>("over"), o.take<double>("epsilon"));
}
layer prelu_of(reader& o) { return prelu(o.take<std::vector<number>>("shared_axes")); }
layer noise_of(reader& o) { return gaussian_noise(o.take<double>("deviation")); }
layer up_sampling1d_of(reader& o) {
  const std::vector<number> sizes = o.take<std::vector<number>>("size");
  return up_sampling1d(sizes.size() == 1 ? sizes[0] : 0);
}
layer up_sampling2d_of(reader& o) {
  return up_sampling2d(o.take<per_axis>("size"), o.take<std::string>("method"));
}
layer up_sampling3d_of(reader& o) { return up_sampling3d(o.take<per_axis>("size")); }
layer resizing_of(reader& o) {
  return resizing(o.take<per_axis>("sizes"), o.take<std::string>("method"));
}
layer inner_of(reader& o) {
  const std::string kind = o.take<std::string>(inner_kind);
  bool trainable = true;
  o(inner_trainable, trainable);
  named_texts options = o.take_all_of(inner_option);
  std::erase_if(options, [](const auto& option) { return option.first == "trainable"; });
  // Each level copies the texts of those within it: a file could ask for thousands.
  const std::string too_deep = fmt::format("{0}{0}{0}", inner_option);
  for (const auto& [name, text] : options) {
    if (name.starts_with(too_deep)) throw value_error("layers within layers, more than three deep");
  }
  if (auto made = layer_of_kind(kind, options)) {
    if (!trainable) made->set_trainable(false);
    return *made;
  }
  throw value_error(
      fmt::format("the layer in it is of the kind '{}', which is not the library's", kind));
}
layer embedding_of(reader& o) {
  return embedding(o.take<number>("inputs"), o.take<number>("outputs"),
                   o.all_of<embedding_options>());
}
template <class L> layer recurrent(reader& o) {
  return L(o.take<number>("units"), o.all_of<recurrent_options>());
}
layer last_state_of(reader& o) { return last_state_layer(o.take<number>("which")); }
layer bidirectional_of(reader& o) {
  const std::string merge = o.take<std::string>("merge");
  return bidirectional(inner_of(o), merge);
}
layer time_distributed_of(reader& o) { return time_distributed(inner_of(o)); }
layer repeat_vector_of(reader& o) { return repeat_vector(o.take<number>("n")); }
layer masking_of(reader& o) { return masking(o.take<double>("value")); }
layer to_shape_of(reader& o) { return to_shape(o.take<std::vector<number>>("row")); }
layer permute_of(reader& o) { return permute(o.take<std::vector<number>>("order")); }

layer attention_of(reader& o) {
  return multi_head_attention(o.take<number>("heads"), o.take<number>("key_dim"),
                              o.all_of<multi_head_attention_options>());
}
layer positions_of(reader& o) {
  initializer weights = glorot_uniform;
  o("weights", weights);
  return position_embedding(o.take<number>("max_length"), weights);
}

struct layer_kind {
  const char* name;
  layer (*make)(reader&);
};
constexpr std::array layer_kinds{
    layer_kind{"dense", dense_of},
    layer_kind{"activation", activation_of},
    layer_kind{"flatten", plain<flatten>},
    layer_kind{"dropout", dropping<dropout>},
    layer_kind{"conv1d", convolution<conv1d>},
    layer_kind{"conv2d", convolution<conv2d>},
    layer_kind{"conv3d", convolution<conv3d>},
    layer_kind{"conv1d_transpose", convolution<conv1d_transpose>},
    layer_kind{"conv2d_transpose", convolution<conv2d_transpose>},
    layer_kind{"conv3d_transpose", convolution<conv3d_transpose>},
    layer_kind{"depthwise_conv1d", depthwise<depthwise_conv1d>},
    layer_kind{"depthwise_conv2d", depthwise<depthwise_conv2d>},
    layer_kind{"separable_conv1d", separable<separable_conv1d>},
    layer_kind{"separable_conv2d", separable<separable_conv2d>},
    layer_kind{"max_pooling1d", pooling<max_pooling1d>},
    layer_kind{"max_pooling2d", pooling<max_pooling2d>},
    layer_kind{"max_pooling3d", pooling<max_pooling3d>},
    layer_kind{"average_pooling1d", pooling<average_pooling1d>},
    layer_kind{"average_pooling2d", pooling<average_pooling2d>},
    layer_kind{"average_pooling3d", pooling<average_pooling3d>},
    layer_kind{"adaptive_max_pooling", adaptive<adaptive_max_pooling>},
    layer_kind{"adaptive_average_pooling", adaptive<adaptive_average_pooling>},
    layer_kind{"global_max_pooling", global<global_max_pooling>},
    layer_kind{"global_average_pooling", global<global_average_pooling>},
    layer_kind{"batch_normalization", by_options<batch_normalization, batch_normalization_options>},
    layer_kind{"layer_normalization", by_options<layer_normalization, layer_normalization_options>},
    layer_kind{"group_normalization", groups_of},
    layer_kind{"rms_normalization", rms_of},
    layer_kind{"prelu", prelu_of},
    layer_kind{"gaussian_noise", noise_of},
    layer_kind{"spatial_dropout", dropping<spatial_dropout>},
    layer_kind{"alpha_dropout", dropping<alpha_dropout>},
    layer_kind{"zero_padding1d", padding<zero_padding1d>},
    layer_kind{"zero_padding2d", padding<zero_padding2d>},
    layer_kind{"zero_padding3d", padding<zero_padding3d>},
    layer_kind{"cropping1d", cropping<cropping1d>},
    layer_kind{"cropping2d", cropping<cropping2d>},
    layer_kind{"cropping3d", cropping<cropping3d>},
    layer_kind{"up_sampling1d", up_sampling1d_of},
    layer_kind{"up_sampling2d", up_sampling2d_of},
    layer_kind{"up_sampling3d", up_sampling3d_of},
    layer_kind{"resizing", resizing_of},
    layer_kind{"to_shape", to_shape_of},
    layer_kind{"permute", permute_of},
    layer_kind{"embedding", embedding_of},
    layer_kind{"simple_rnn", recurrent<simple_rnn>},
    layer_kind{"lstm", recurrent<lstm>},
    layer_kind{"gru", recurrent<gru>},
    layer_kind{"last_state", last_state_of},
    layer_kind{"bidirectional", bidirectional_of},
    layer_kind{"time_distributed", time_distributed_of},
    layer_kind{"repeat_vector", repeat_vector_of},
    layer_kind{"masking", masking_of},
    layer_kind{"multi_head_attention", attention_of},
    layer_kind{"position_embedding", positions_of}};

struct optimizer_kind {
  const char* name;
  std::type_index type;
  std::shared_ptr<optimizer> (*make)(reader* options);
};
template <class O, class Options> std::shared_ptr<optimizer> made_with(reader* options) {
  return std::make_shared<O>(options == nullptr ? Options{} : options->all_of<Options>());
}
const std::array optimizer_kinds{
    optimizer_kind{"sgd", typeid(sgd), made_with<sgd, sgd_options>},
    optimizer_kind{"adagrad", typeid(adagrad), made_with<adagrad, adagrad_options>},
    optimizer_kind{"rmsprop", typeid(rmsprop), made_with<rmsprop, rmsprop_options>},
    optimizer_kind{"adam", typeid(adam), made_with<adam, adam_options>},
    optimizer_kind{"adamw", typeid(adamw), made_with<adamw, adamw_options>},
    optimizer_kind{"adamax", typeid(adamax), made_with<adamax, adamax_options>},
    optimizer_kind{"nadam", typeid(nadam), made_with<nadam, nadam_options>},
    optimizer_kind{"adadelta", typeid(adadelta), made_with<adadelta, adadelta_options>},
    optimizer_kind{"lion", typeid(lion), made_with<lion, lion_options>}};

}  // namespace

std::optional<layer> layer_of_kind(const std::string& kind, const named_texts& options) {
  reader from(options);
  std::optional<layer> result = join_of_kind(kind, from);
  const auto known = std::find_if(layer_kinds.begin(), layer_kinds.end(),
                                  [&](const layer_kind& k) { return kind == k.name; });
  if (known != layer_kinds.end()) result.emplace(known->make(from));
  if (result) from.demand_end();
  return result;
}

std::string kind_of(const optimizer& o) {
  for (const optimizer_kind& k : optimizer_kinds) {
    if (k.type == typeid(o)) return k.name;
  }
  return {};
}

std::shared_ptr<optimizer> optimizer_of_kind(const std::string& kind,
                                             const std::optional<named_texts>& options) {
  for (const optimizer_kind& k : optimizer_kinds) {
    if (kind != k.name) continue;
    if (!options) return k.make(nullptr);
    reader from(*options);
    std::shared_ptr<optimizer> result = k.make(&from);
    from.demand_end();
    return result;
  }
  return nullptr;
}

std::string kinds_of_optimizers() {
  std::string names;
  for (const optimizer_kind& k : optimizer_kinds)
    names += (names.empty() ? "" : ", ") + std::string(k.name);
  return names;
}

}  // namespace cotape::detail

// Layers of attention and of positions.
#include "cotape/attention_layers.hpp"

#include <fmt/format.h>

#include <array>

#include "nn/fields.hpp"
#include "nn/layer_parts.hpp"

namespace cotape {

namespace {

using detail::add_weight, detail::demand_one, detail::weight_dtype;

std::int64_t size_at(const variable& x, std::size_t axis) { return x.shape()[axis]; }

void demand_sequence(const char* kind, const variable& x) {
  if (x.shape().rank() == 3) return;
  throw shape_error(
      fmt::format("{}: the input {} is not (batch, length, features)", kind, x.shape().text()));
}

class attention_layer : public detail::masked_layer {
 public:
  attention_layer(std::int64_t heads, std::int64_t key_dim, multi_head_attention_options options)
      : heads_(heads), key_dim_(key_dim), options_(std::move(options)) {
    const multi_head_attention_options& o = options_;
    constexpr std::int64_t most = std::int64_t{1} << 30;  // so that no size overflows
    if (heads < 1 || key_dim < 1 || o.value_dim < 0 ||
        std::max({heads, key_dim, o.value_dim}) > most) {
      throw value_error(fmt::format("multi_head_attention: {} heads, key_dim {}, value_dim {}",
                                    heads, key_dim, value_dim()));
    }
    detail::demand_rate("multi_head_attention: dropout", o.dropout);
    if (!o.weights || !o.bias_initializer) {
      throw value_error("multi_head_attention: the initializer is empty");
    }
    for (std::size_t i = 0; i < 4; ++i) {
      rules.push_back({o.weights_regularizer, o.weights_constraint});
      if (o.bias) rules.push_back({o.bias_regularizer, o.bias_constraint});
    }
    activity = o.activity_regularizer;
  }
  const char* kind() const override { return "multi_head_attention"; }
  masked record_masked(std::span<const masked> inputs, mode m, generator& random) override {
    if (inputs.empty() || inputs.size() > 3) {
      throw value_error(fmt::format(
          "multi_head_attention: {} inputs, it takes query, value and key", inputs.size()));
    }
    for (const masked& x : inputs) demand_sequence(kind(), x.value);
    const masked &from = inputs[inputs.size() > 1 ? 1 : 0], &with = inputs[inputs.size() - 1];
    const variable &query = inputs[0].value, &value = from.value, &key = with.value;
    if (parameters.empty()) make_parameters(query, key, value, random);
    attention_options how{.mask = seen_of(from.mask, with.mask), .causal = options_.causal};
    if (m == mode::training && options_.dropout > 0) {
      how.on_weights = [&](variable p) { return detail::dropped(p, options_.dropout, random); };
    }
    const variable seen =
        attention(in_heads(of(query, 0)), in_heads(of(key, 1)), in_heads(of(value, 2)), how);
    const variable rows = transpose(seen, {0, 2, 1, 3});
    return {of(reshape(rows, {size_at(query, 0), size_at(query, 1), heads_ * value_dim()}), 3),
            inputs[0].mask};
  }
  std::optional<named_texts> description() const override {
    detail::option_writer to;
    to("heads", heads_);
    to("key_dim", key_dim_);
    to.all_of(options_);
    return to.texts;
  }

 private:
  std::int64_t value_dim() const { return options_.value_dim == 0 ? key_dim_ : options_.value_dim; }

  void make_parameters(const variable& query, const variable& key, const variable& value,
                       generator& random) {
    const std::int64_t keys = heads_ * key_dim_, values = heads_ * value_dim();
    const auto add = [&](const std::string& what, std::int64_t from, std::int64_t to) {
      const dtype d = weight_dtype(query);
      add_weight(*this, what + "/weight", options_.weights, {from, to}, d, random);
      if (!options_.bias) return;
      add_weight(*this, what + "/bias", options_.bias_initializer, {to}, d, random);
    };
    add("query", size_at(query, 2), keys);
    add("key", size_at(key, 2), keys);
    add("value", size_at(value, 2), values);
    add("output", values, size_at(query, 2));
  }

  // Of the masks of value and key one that every head and row has: (batch, 1, 1, S).
  static variable seen_of(const variable& value, const variable& key) {
    if (value.empty() && key.empty()) return {};
    const variable& one = value.empty() ? key : value;
    const variable both = value.empty() || key.empty() ? one : value * key;
    return reshape(both, {size_at(one, 0), 1, 1, size_at(one, 1)});
  }

  // x by the i-th of the four matrices.
  variable of(const variable& x, std::size_t i) const {
    if (!options_.bias) return matmul(x, parameters[i]);
    return matmul(x, parameters[2 * i]) + parameters[2 * i + 1];
  }
  variable in_heads(const variable& x) const {
    return transpose(reshape(x, {size_at(x, 0), size_at(x, 1), heads_, -1}), {0, 2, 1, 3});
  }

  std::int64_t heads_, key_dim_;
  multi_head_attention_options options_;
};

class position_layer : public layer_body {
 public:
  position_layer(std::int64_t max_length, initializer weights)
      : length_(max_length), weights_(std::move(weights)) {
    if (max_length < 1) {
      throw value_error(fmt::format("position_embedding: the length {} is below 1", max_length));
    }
    if (!weights_) throw value_error("position_embedding: the initializer is empty");
  }
  const char* kind() const override { return "position_embedding"; }
  variable record(std::span<const variable> inputs, mode, generator& random) override {
    demand_one(kind(), inputs);
    const variable& x = inputs[0];
    demand_sequence(kind(), x);
    if (size_at(x, 1) > length_) {
      throw shape_error(fmt::format("position_embedding: the input {} is longer than {}",
                                    x.shape().text(), length_));
    }
    if (parameters.empty()) {
      add_weight(*this, "weight", weights_, {length_, size_at(x, 2)}, weight_dtype(x), random);
    }
    return x + slice(x.owner().read(parameters[0]), {{0, size_at(x, 1)}});
  }
  std::optional<named_texts> description() const override {
    detail::option_writer to;
    to("max_length", length_);
    to("weights", weights_);
    return to.texts;
  }

 private:
  std::int64_t length_;
  initializer weights_;
};

}  // namespace

multi_head_attention::multi_head_attention(std::int64_t heads, std::int64_t key_dim,
                                           multi_head_attention_options options)
    : layer(std::make_shared<attention_layer>(heads, key_dim, std::move(options))) {}

position_embedding::position_embedding(std::int64_t max_length, initializer weights)
    : layer(std::make_shared<position_layer>(max_length, std::move(weights))) {}

}  // namespace cotape

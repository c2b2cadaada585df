// Layers for sequences that have no state: embeddings, masks, and what is done at each step alike.
#include "cotape/sequence_layers.hpp"

#include <fmt/format.h>

#include "cotape/ops.hpp"
#include "nn/fields.hpp"
#include "nn/layer_parts.hpp"

namespace cotape {

namespace {

using detail::add_weight, detail::demand_one, detail::weight_dtype;

class embedding_layer : public detail::masked_layer {
 public:
  embedding_layer(std::int64_t inputs, std::int64_t outputs, embedding_options options)
      : inputs_(inputs), outputs_(outputs), options_(std::move(options)) {
    if (inputs < 1 || outputs < 1) {
      throw value_error(fmt::format("embedding: {} inputs, {} outputs", inputs, outputs));
    }
    if (!options_.weights) throw value_error("embedding: the initializer is empty");
    rules = {{options_.weights_regularizer, options_.weights_constraint}};
    activity = options_.activity_regularizer;
  }
  const char* kind() const override { return "embedding"; }
  masked record_masked(std::span<const masked> inputs, mode, generator& random) override {
    demand_one("embedding", inputs.size());
    const variable& x = inputs[0].value;
    const variable at = cast(x, int64);
    if (parameters.empty()) {
      add_weight(*this, "weight", options_.weights, {inputs_, outputs_}, weight_dtype(x), random);
    }
    masked result{gather(x.owner().read(parameters[0]), at)};
    if (options_.mask_zero && at.shape().rank() == 2) result.mask = not_equal(at, 0);
    return result;
  }
  std::optional<named_texts> description() const override {
    detail::option_writer to;
    to("inputs", inputs_);
    to("outputs", outputs_);
    to.all_of(options_);
    return to.texts;
  }

 private:
  std::int64_t inputs_, outputs_;
  embedding_options options_;
};

class masking_layer : public detail::masked_layer {
 public:
  explicit masking_layer(double value) : value_(value) {}
  const char* kind() const override { return "masking"; }
  masked record_masked(std::span<const masked> inputs, mode, generator&) override {
    demand_one("masking", inputs.size());
    const variable& x = inputs[0].value;
    const shape& s = x.shape();
    if (s.rank() != 3 || s[2] == 0) {
      throw shape_error(
          fmt::format("masking: the input {} is not (batch, steps, features)", s.text()));
    }
    const variable counts = max(not_equal(x, value_), -1);
    return {x * expand_dims(counts, -1), cast(counts, int64)};
  }
  std::optional<named_texts> description() const override { return detail::told("value", value_); }

 private:
  double value_;
};

}  // namespace

embedding::embedding(std::int64_t inputs, std::int64_t outputs, embedding_options options)
    : layer(std::make_shared<embedding_layer>(inputs, outputs, std::move(options))) {}

masking::masking(double value) : layer(std::make_shared<masking_layer>(value)) {}

repeat_vector::repeat_vector(std::int64_t n)
    : layer(detail::made_of(
          "repeat_vector",
          [n](variable x) {
            const shape& s = x.shape();
            if (s.rank() != 2) {
              throw shape_error(
                  fmt::format("repeat_vector: the input {} is not (batch, features)", s.text()));
            }
            return broadcast_to(expand_dims(x, 1), {s[0], n, s[1]});
          },
          detail::told("n", n))) {
  if (n < 1) throw value_error(fmt::format("repeat_vector: {} times", n));
}

}  // namespace cotape

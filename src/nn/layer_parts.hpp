// What the files that define layers share.
#pragma once

#include <functional>
#include <memory>

#include "cotape/layers.hpp"

namespace cotape::detail {

/// The dtype of weights for such an input: on a tape that turns float32 into float64, to check
/// gradients, they stay float32.
dtype weight_dtype(const variable& x);
/// Throws value_error unless there is one input.
void demand_one(const char* kind, std::size_t inputs);
inline void demand_one(const char* kind, std::span<const variable> inputs) {
  demand_one(kind, inputs.size());
}
/// Throws shape_error unless x is (batch, as many sizes as `axes`, channels).
void demand_axes(const char* kind, const variable& x, std::size_t axes);
/// Records a layer, as all do who record one.
masked record(layer_body& of, std::span<const masked> inputs, mode m, generator& random);
/// Throws value_error, which begins with `of`, unless 0 <= rate < 1.
double demand_rate(const std::string& of, double rate);
/// 1 with the probability 1 - rate, else 0: of shape s, and of x's dtype.
variable kept(const variable& x, const shape& s, double rate, generator& random);
/// x with elements that are 0 with that probability, else divided by 1 - rate.
variable dropped(const variable& x, double rate, generator& random);
/// What an activation makes of float32 (1, 2); throws value_error for an unknown name.
value_type type_after(const std::string& activation);
/// A layer that is written for values with masks alone.
class masked_layer : public layer_body {
 public:
  variable record(std::span<const variable> inputs, mode m, generator& random) final;
  masked record_masked(std::span<const masked> inputs, mode m, generator& random) override = 0;
  /// How many its outputs have.
  virtual std::size_t states() const { return 0; }
};
/// A layer without weights, of one value and of several; `options` are its description.
std::shared_ptr<layer_body> made_of(const char* kind, std::function<variable(variable)> f,
                                    std::optional<named_texts> options = named_texts{});
std::shared_ptr<layer_body> joining(const char* kind,
                                    std::function<variable(std::span<const variable>)> f,
                                    std::optional<named_texts> options = named_texts{});
/// Makes the next parameter of a layer, named its name + "/" + what, with the value from the
/// layer's file, if it has one. Throws shape_error if the initializer gives another shape.
void add_weight(layer_body& to, const std::string& what, const initializer& first, const shape& s,
                dtype d, generator& random, bool trainable = true);

}  // namespace cotape::detail

// What the layers around a recurrent one ask of it.
#pragma once

#include <memory>

#include "nn/layer_parts.hpp"

namespace cotape::detail {

class recurrent_layer : public masked_layer {
 public:
  /// One with the same options, that goes the other way and has weights of its own.
  virtual std::shared_ptr<layer_body> backwards() const = 0;
  virtual bool returns_sequences() const = 0;
  virtual bool is_stateful() const = 0;
};

/// One of the states of a value (last_states).
layer last_state_layer(std::int64_t which);

}  // namespace cotape::detail

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
};

}  // namespace cotape::detail

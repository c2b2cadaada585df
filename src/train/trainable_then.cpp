// What is to be trained, put back and as numbers.
#include "train/trainable_then.hpp"

#include <set>

namespace cotape::detail {

namespace {

// Bits of a parameter's number.
constexpr std::int64_t is_trainable = 1, frozen_by_its_layer = 2;
// And of a layer's.
constexpr std::int64_t follows_another = 2;

}  // namespace

trainable_then::trainable_then(const std::vector<layer_body*>& layers) {
  for (layer_body* l : layers) layers_.emplace_back(l, l->freezing_);
}

void trainable_then::put_back() noexcept {
  for (auto& [layer, then] : layers_) std::swap(layer->freezing_, then);
  for (const auto& [number, then] : parameters_) then.first.set_trainable(then.second);
}

std::vector<std::int64_t> trainable_then::numbers(
    const std::map<std::string, parameter>& parameters, const std::vector<layer_body*>& layers) {
  std::set<std::uint64_t> frozen;
  for (const layer_body* l : layers) {
    for (const parameter& p : l->freezing_.frozen) frozen.insert(p.number());
  }
  std::vector<std::int64_t> result;
  for (const auto& [name, p] : parameters) {
    result.push_back((p.trainable() ? is_trainable : 0) |
                     (frozen.contains(p.number()) ? frozen_by_its_layer : 0));
  }
  for (const layer_body* l : layers) {
    result.push_back((l->trainable() ? is_trainable : 0) |
                     (l->freezing_.follows ? follows_another : 0));
  }
  return result;
}

void trainable_then::set(const std::map<std::string, parameter>& parameters,
                         const std::vector<layer_body*>& layers, const std::int64_t* numbers) {
  std::set<std::uint64_t> frozen;
  for (const auto& [name, p] : parameters) {
    p.set_trainable((*numbers & is_trainable) != 0);
    if ((*numbers++ & frozen_by_its_layer) != 0) frozen.insert(p.number());
  }
  for (layer_body* l : layers) {
    l->freezing_ = {(*numbers & is_trainable) != 0, {}, (*numbers & follows_another) != 0};
    ++numbers;
    for (const parameter& p : l->parameters) {
      if (frozen.contains(p.number())) l->freezing_.frozen.push_back(p);
    }
  }
}

}  // namespace cotape::detail

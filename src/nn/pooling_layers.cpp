// Layers that pool: operations without weights.
#include "cotape/pooling_layers.hpp"

#include <fmt/format.h>

#include <numeric>

#include "cotape/ops.hpp"
#include "nn/fields.hpp"
#include "nn/layer_parts.hpp"

namespace cotape {

namespace {

using detail::demand_axes, detail::made_of, detail::told;

std::shared_ptr<layer_body> pooling(const char* kind, std::size_t axes, const per_axis& size,
                                    const pool_options& o,
                                    variable (*pool)(operand, const per_axis&,
                                                     const pool_options&)) {
  const auto pooled = [=](variable x) {
    demand_axes(kind, x, axes);
    return pool(x, size, o);
  };
  detail::option_writer options;
  options("size", size);
  options.all_of(o);
  return made_of(kind, pooled, options.texts);
}

// All axes but the batch and the channels.
std::vector<std::int64_t> spatial_axes(const char* kind, const variable& x, data_format channels) {
  if (x.shape().rank() < 3) {
    throw shape_error(
        fmt::format("{}: the input {} has no spatial axes: it is (batch, sizes..., "
                    "channels)",
                    kind, x.shape().text()));
  }
  const std::int64_t first = channels == channels_first ? 2 : 1;
  std::vector<std::int64_t> list(x.shape().rank() - 2);
  std::iota(list.begin(), list.end(), first);
  return list;
}

}  // namespace

max_pooling1d::max_pooling1d(const per_axis& size, pool_options options)
    : layer(pooling("max_pooling1d", 1, size, options, max_pool)) {}
max_pooling2d::max_pooling2d(const per_axis& size, pool_options options)
    : layer(pooling("max_pooling2d", 2, size, options, max_pool)) {}
max_pooling3d::max_pooling3d(const per_axis& size, pool_options options)
    : layer(pooling("max_pooling3d", 3, size, options, max_pool)) {}
average_pooling1d::average_pooling1d(const per_axis& size, pool_options options)
    : layer(pooling("average_pooling1d", 1, size, options, average_pool)) {}
average_pooling2d::average_pooling2d(const per_axis& size, pool_options options)
    : layer(pooling("average_pooling2d", 2, size, options, average_pool)) {}
average_pooling3d::average_pooling3d(const per_axis& size, pool_options options)
    : layer(pooling("average_pooling3d", 3, size, options, average_pool)) {}

adaptive_max_pooling::adaptive_max_pooling(const per_axis& sizes)
    : layer(made_of(
          "adaptive_max_pooling", [=](variable x) { return adaptive_max_pool(x, sizes); },
          told("sizes", sizes))) {}
adaptive_average_pooling::adaptive_average_pooling(const per_axis& sizes)
    : layer(made_of(
          "adaptive_average_pooling", [=](variable x) { return adaptive_average_pool(x, sizes); },
          told("sizes", sizes))) {}

global_max_pooling::global_max_pooling(data_format channels)
    : layer(made_of(
          "global_max_pooling",
          [=](variable x) { return max(x, axes(spatial_axes("global_max_pooling", x, channels))); },
          told("data_format", channels))) {}
global_average_pooling::global_average_pooling(data_format channels)
    : layer(made_of(
          "global_average_pooling",
          [=](variable x) {
            return mean(x, axes(spatial_axes("global_average_pooling", x, channels)));
          },
          told("data_format", channels))) {}

}  // namespace cotape

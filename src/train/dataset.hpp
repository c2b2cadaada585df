// The user's arrays as a model takes them: checked, in its dtypes and shapes.
#pragma once

#include <deque>

#include "cotape/model.hpp"
#include "nn/network.hpp"

namespace cotape::detail {

struct dataset {
  std::vector<array_view> inputs, targets;
  std::int64_t rows = 0;
  std::deque<tensor> converted;  // what some of the views look at

  dataset() = default;
  dataset(dataset&&) = default;
  dataset& operator=(dataset&&) = default;
  /// Inputs, then targets.
  std::vector<array_view> all() const;
  /// The same of so many first rows, or of all that there are.
  std::vector<array_view> first(std::int64_t rows) const;
};

/// The inputs x for the network, which is built for them if it is not. A row may come without its
/// first axis if `one_row`. `who` begins the messages: value_error, shape_error or dtype_error.
dataset inputs_for(const char* who, network& net, const std::vector<array_view>& x, bool one_row);
/// The same with targets, as the losses take them: each output has its own.
dataset examples_for(const char* who, network& net, const std::vector<loss_function>& losses,
                     const std::vector<array_view>& x, const std::vector<array_view>& y);

}  // namespace cotape::detail

// What models are trained on.
#include "cotape/batch_source.hpp"

#include <fmt/format.h>

namespace cotape {

arrays::arrays(std::initializer_list<array_argument> list) {
  for (const array_argument& a : list) add(a, false);
}

// An argument's own value dies with the call that made it.
void arrays::add(const array_argument& array, bool keep) {
  keep = keep || array.owns();
  if (keep) kept_.push_back(std::make_shared<const tensor>(array.view()));
  views_.push_back(keep ? array_view(*kept_.back()) : array.view());
}

labelled_batch::labelled_batch(const array_argument& one_x, const array_argument& one_y) {
  x.emplace_back(one_x);
  y.emplace_back(one_y);
}

labelled_batch::labelled_batch(std::initializer_list<array_argument> all_x,
                               std::initializer_list<array_argument> all_y) {
  for (const array_argument& a : all_x) x.emplace_back(a);
  for (const array_argument& a : all_y) y.emplace_back(a);
}

batch_source::batch_source(function f, source_options options)
    : f_(std::move(f)), options_(std::move(options)) {
  if (!f_) throw value_error("batch_source: the function is empty");
  if (options_.rows < 0) {
    throw value_error(fmt::format("batch_source: {} rows an epoch", options_.rows));
  }
}

}  // namespace cotape

// The cases of one build of the hand-written engine.
#include "hand.hpp"

namespace bench::HAND {

hand_table all() {
  hand_table table;
  for (const auto family : {&rows, &slices, &lstms, &attentions, &bundle, &products, &convolutions,
                            &lenets, &graphs, &scalars}) {
    for (const auto& row : family()) table.push_back(row);
  }
  return table;
}

}  // namespace bench::HAND
